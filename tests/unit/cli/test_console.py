"""What a terminal gets: text without orders in it, JSON that means the same, errors in lines of their own."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from edgespec.cli import console
from edgespec.errors import Mistake, visible

ORDERS = "\x00 \x07 \x08 \x1b[2J \x7f \x9b31m \r \u202e \u2066 \u200f \u200b \ufeff \ud800 \u2028 \U000e0041"
HARMLESS = "Quarz, µm, 石英, كوارتز, नमस्ते\u200dक, a\u00a0b, \ufffd\tb\nc"


def test_orders_to_a_terminal_are_written_out_and_other_writing_stays() -> None:
    told = visible(ORDERS)
    assert told.isprintable()
    assert told.startswith(r"\x00 \x07 \x08 \x1b[2J")
    assert visible(HARMLESS) == HARMLESS


def test_everything_that_is_printed_passes_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    with console.plain_streams():
        print(ORDERS)
        print(ORDERS, file=sys.stderr)
        assert sys.stdout.isatty() is False
    for text in capsys.readouterr():
        assert text == visible(ORDERS) + "\n"


def test_json_has_them_as_escapes_and_means_the_same() -> None:
    text = console.json_text({ORDERS: [ORDERS, HARMLESS, 1.5]}, indent=1)
    assert visible(text) == text
    assert "石英" in text
    assert json.loads(text) == {ORDERS: [ORDERS, HARMLESS, 1.5]}


def test_a_log_and_an_error_have_them_written_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console.Bars(tmp_path / "log.txt").say(f"read {ORDERS}")
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").rstrip("\n").isprintable()
    assert console.tell(Mistake(ORDERS, hint=ORDERS), wants_json=False) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_the_stream_below_is_asked_what_it_is() -> None:
    below = io.TextIOWrapper(io.BytesIO(), "latin-1")
    found = console.Plain(below)
    assert (found.encoding, found.isatty(), found.buffer) == ("latin-1", False, below.buffer)
    assert found.write("abc") == 3
    found.flush()
    assert below.buffer.getvalue() == b"abc"  # type: ignore[attr-defined]
