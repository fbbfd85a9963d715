"""The directory and the parameters of OPUS: every size is held against the file before brukeropus sees the block."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
import vendor_files as files
from device_reader import refusal
from device_runner import module
from spectrum_files import peaks

Hurt = bytearray


def told_of(path: Path, at: int, form: str, *numbers: int) -> str:
    """Change numbers of a file with one spectrum; give what is told of that."""
    raw = bytearray(files.opus(path, files.opus_data(4, peaks())).read_bytes())
    struct.pack_into(form, raw, at, *numbers)
    path.write_bytes(raw)
    return refusal(path)[1]


@pytest.mark.parametrize(
    ("at", "numbers", "told"),
    [
        (12, (0, 40), "a directory of 40 blocks at byte 0"),
        (12, (-5, 40), "a directory of 40 blocks at byte -5"),
        (12, (24, 0), "a directory of 0 blocks"),
        (12, (2**30, 40), "was cut short"),
        (24 + 2 * 12 + 4, (-4, 600), "a block of -16 bytes"),
        (24 + 2 * 12 + 4, (2**29 - 1, 600), "was cut short"),
        (24 + 2 * 12 + 8, (2**31 - 1,), "was cut short"),
    ],
)
def test_a_directory_that_leaves_the_file_is_refused(
    tmp_path: Path, at: int, numbers: tuple[int, ...], told: str
) -> None:
    assert told in told_of(tmp_path / "a.0", at, f"<{len(numbers)}i", *numbers)


def status(raw: bytes) -> int:
    """Find the first parameter of the spectrum."""
    return raw.index(b"DPF\0")


@pytest.mark.parametrize("words", [-4, -1, -32768, 32767])
def test_a_parameter_of_an_impossible_size_does_not_hang(tmp_path: Path, words: int) -> None:
    raw = files.opus(tmp_path / "a.0", files.opus_data(4, peaks())).read_bytes()
    assert f"a parameter of {2 * words} bytes" in told_of(tmp_path / "a.0", status(raw) + 6, "<h", words)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"NPT": 0}, "damaged: NPT 0"),
        ({"NPT": -7}, "damaged: NPT -7"),
        ({"NPT": "many"}, "damaged: NPT many"),
        ({"NPT": 3}, "3 points, at least 16 are wanted"),
        ({"FXV": float("nan")}, "FXV nan"),
        ({"LXV": float("inf")}, "LXV inf"),
        ({"CSF": "one"}, "CSF one"),
        ({"DPF": 7}, "not supported: numbers of form 7"),
        ({"FXV": None}, "FXV None"),
    ],
)
def test_parameters_that_are_no_numbers_are_refused(tmp_path: Path, said: dict[str, Any], told: str) -> None:
    data, (code, _) = files.opus_data(4, peaks())
    whole = {"DPF": 1, "NPT": 601, "FXV": 100.0, "LXV": 1300.0, "CSF": 1.0, "DXU": "WN", **said}
    content = files.parameters({key: value for key, value in whole.items() if value is not None})
    error = refusal(files.opus(tmp_path / "a.0", [data, (code, content)]))[1]
    assert told in error or (said.get("NPT") == "many" and "brukeropus cannot read it" in error)


def test_blocks_upon_one_another_take_no_more_memory_than_the_file(tmp_path: Path) -> None:
    data, said = files.opus_data(4, peaks())
    raw = bytearray(files.opus(tmp_path / "a.0", [data, said, data, said, data, said]).read_bytes())
    first = struct.unpack_from("<3i", raw, 24 + 2 * 12)
    whole = (first[0], len(raw) // 4 - 200, 600)
    for k in (2, 4, 6):
        struct.pack_into("<3i", raw, 24 + k * 12, *whole)
    (tmp_path / "a.0").write_bytes(raw)
    assert "its blocks lie one upon the other" in refusal(tmp_path / "a.0")[1]


def test_a_directory_of_thousands_is_refused() -> None:
    blocks = module("spectra.opus_blocks")
    raw = blocks.MAGIC + struct.pack("<dii i", 0.0, 24, 10**6, 5000) + struct.pack("<3i", 7, 1, 24) * 5000
    with pytest.raises(module("refusal").RefusalError, match="more than 1000 blocks"):
        blocks.directory(raw, "a.0")
