"""Tables for the width of a terminal: what is left out, wrapped and shortened, in this order."""

from __future__ import annotations

from typing import Any

import pytest

from edgespec.report.columns import measured
from edgespec.report.tables import layout
from edgespec.report.tables.layout import Grid, Shape, shorten, show, wrap

HEAD = ["step", "size", "accuracy", "95 % interval", "model"]
ROWS = [
    ["train", "1 kB", "0.91", "0.8 - 0.9", "a network with a long name"],
    ["export", "10 kB", "0.92", "0.8 - 1.0", "cnn"],
]
SHAPE = Shape(("step", "accuracy", "95 % interval", "size"), 2)


def fits(text: str, width: int) -> bool:
    return max(map(measured, text.splitlines())) <= width


def test_a_table_that_fits_is_printed_whole() -> None:
    assert show([Grid(HEAD, ROWS, SHAPE)], 80) == show([Grid(HEAD, ROWS, SHAPE)], None)
    assert layout.HIDDEN not in show([Grid(HEAD, ROWS, SHAPE)], 80)


@pytest.mark.parametrize(
    ("width", "names"),
    [(50, "step size accuracy 95 % interval"), (36, "step accuracy 95 % interval"), (30, "step size accuracy")],
)
def test_the_least_important_columns_go_first_and_the_last_line_says_so(width: int, names: str) -> None:
    text = show([Grid(HEAD, ROWS, SHAPE)], width)
    assert " ".join(text.splitlines()[0].split()) == names
    assert " ".join(text.split("\n\n")[-1].split()) == layout.HIDDEN
    assert fits(text, width)


def test_an_empty_column_is_no_loss() -> None:
    rows = [[*row[:4], empty] for row, empty in zip(ROWS, ("", "-"), strict=True)]
    text = show([Grid(HEAD, rows, SHAPE)], 80)
    assert "model" not in text
    assert layout.HIDDEN not in text
    assert "model" in show([Grid(HEAD, rows, SHAPE)], None)


def test_long_texts_are_wrapped_below_their_column_and_lose_nothing() -> None:
    told = "FAIL: accuracy is 0.850, 0.050 below the limit of 0.900; train longer, or take a wider network"
    text = show([Grid(["gate", "verdict"], [["accuracy", told], ["size", "pass"]], Shape(wraps={"verdict": 20}))], 40)
    first, second, *_ = text.splitlines()[1:]
    assert second.index(second.strip()) == first.index("FAIL") + layout.HANG
    assert told in " ".join(text.split())
    assert fits(text, 40)


def test_names_are_narrowed_last_and_keep_their_start_and_end() -> None:
    name = "microcontroller_of_the_first_series_in_january"
    text = show([Grid(["step", "accuracy"], [[name, "0.91"]], Shape(("step", "accuracy"), 2))], 40)
    line = text.splitlines()[1]
    assert line.startswith("microcontrol")
    assert line.endswith("_in_january      0.91")
    assert "..." in line
    assert len(line) == 40
    assert shorten("abcdefghijkl", 9) == "abc...jkl"
    assert shorten("short", 9) == "short"


def test_of_two_columns_with_one_name_the_left_one_stays() -> None:
    head = ["file", "p50", "interval", "ratio", "interval"]
    grid = Grid(
        head, [["float32", "40 us", "39 - 41", "1.00", "0.98 - 1.02"]], Shape(("file", "p50", "ratio", "interval"), 3)
    )
    assert show([grid], 32).splitlines()[1] == "float32  40 us   39 - 41   1.00"


def test_notes_have_a_hanging_indent() -> None:
    assert show(["note: one two three four five six seven"], 20).splitlines() == [
        "note: one two three",
        "  four five six",
        "  seven",
    ]
    assert wrap("    indented words", 13, 2) == ["    indented", "      words"]
    assert show(["a   b", "", "c"], 80) == "a   b\n\nc"


@pytest.mark.parametrize(
    "text", ["", " ", "x" * 500, "\u77f3\u82f1" * 60, "e\u0301" * 90, "a\tb\x1b[2J " * 30, "  " * 99 + "a b"]
)
@pytest.mark.parametrize("width", [40, 80])
def test_no_text_of_others_makes_a_line_too_long(text: str, width: int) -> None:
    grids: list[Any] = [Grid(HEAD, [[text] * 5, ["a"] * 5], SHAPE), Grid(["", "label"], [[text, text]], Shape(keep=2))]
    shown = show([*grids, text, f"note: {text}"], width)
    assert fits(shown, width)
    assert "\x1b" not in shown


def test_a_table_without_rows_and_one_with_many_columns() -> None:
    assert (
        show([Grid(HEAD, [], SHAPE)], 80).split()
        == " ".join(["step", "size", "accuracy", "95", "%", "interval", "model"]).split()
    )
    many = [f"column {i}" for i in range(400)]
    assert fits(show([Grid(many, [["0.5"] * 400], Shape(tuple(many), 300))], 40), 40)


def test_a_text_of_a_million_characters_takes_no_time() -> None:
    text = show(["x" * 1_000_000, Grid(["step"], [["y" * 1_000_000]])], 80)
    assert fits(text, 80)


@pytest.mark.parametrize(("said", "width"), [("120", 120), ("7", layout.NARROWEST), ("0", 80), ("wide", 80)])
def test_the_width_is_that_of_the_terminal_or_of_columns(
    said: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.__stdout__", None)  # as in a pipe: no terminal to ask
    monkeypatch.setenv("COLUMNS", said)
    assert layout.screen() == width
