"""What no model can be asked about is refused with its place, whatever the bytes; nothing else is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spectrum_files as files
from device_reader import contract, read, refusal, tracks
from device_runner import module
from hypothesis import given
from hypothesis import strategies as st
from spectrum_files import AXIS, peaks


def text(content: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_text(content)
        return path

    return write


def damaged(row: int, line: str) -> Callable[[Path], Path]:
    """A RRUFF file, of which a line of numbers reads otherwise."""

    def write(path: Path) -> Path:
        lines = files.rruff(path).read_text().split("\n")
        lines[row - 1] = line
        path.write_text("\n".join(lines))
        return path

    return write


def spectrum(x: Any, axis: Any = AXIS) -> Callable[[Path], Path]:
    return lambda path: files.rruff(path, axis, np.asarray(x, dtype=np.float64) * np.ones(len(axis)))


def content(raw: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(raw)
        return path

    return write


FULL = np.where(np.abs(AXIS - 479) < 9, 1000.0, peaks().clip(max=999))
GAP = (AXIS < 400) | (AXIS > 450)
REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "short": (spectrum(peaks(AXIS[:15]), AXIS[:15]), "a.txt:3: 15 points, at least 16 are wanted"),
    "not a number": (damaged(40, "174.0, nan"), "a.txt:40: a value that is not finite"),
    "infinite": (damaged(40, "174.0, inf"), "a.txt:40: a value that is not finite"),
    "too large": (damaged(40, "174.0, 1e30"), "a.txt:40: 1e+30 is too large"),
    "zero": (spectrum(0), "a.txt: all intensities are zero"),
    "constant": (spectrum(7), "a.txt: all intensities are 7"),
    "negative": (spectrum(-peaks()), "a.txt: its intensities are mostly negative"),
    "saturated": (spectrum(FULL), "8 points in a row are exactly at the maximum 1000: the detector was saturated"),
    "gap": (spectrum(peaks()[GAP], AXIS[GAP]), "a.txt:153: nothing between 398 and 452 cm-1"),
    "narrow": (spectrum(peaks()[:201], AXIS[:201]), "100 to 500 cm-1 covers 34% of the model's window 150 to 1172 cm-1"),
    "twice": (damaged(40, "172.0, 5.9"), "a.txt:40: the same place on the axis"),
    "back": (damaged(40, "150.0, 5.9"), "a.txt:40: the axis turns back"),
    "word": (damaged(40, "a word, 5.9"), "a.txt:40: 'a word, 5.9' is not like the lines before"),
    "underscore": (damaged(40, "17_4.0, 5.9"), "a.txt:40: '17_4.0, 5.9' is not like"),
    "first line": (damaged(3, "10x.0, 5.9"), "a.txt:3: '10x.0, 5.9' is not like the lines after it"),
    "second line": (damaged(4, "a word"), "a.txt:4: 'a word' is not like the lines after it"),
    "three fields": (damaged(40, "174.0, 5.9, 3"), "a.txt:40: '174.0, 5.9, 3' is not like"),
    "cut short": (lambda path: text(files.rruff(path).read_text()[:4000])(path), "stops without ##END="),
    "two spectra": (lambda path: text(files.rruff(path).read_text() * 2)(path), "text after ##END="),
    "empty": (text(""), "a.txt: is empty"),
    "blank": (text("\n \n"), "a.txt: is empty"),
    "prose": (text("Dear colleague,\nhere is 1 spectrum.\n"), "a.txt: no lines of numbers in it"),
    "one column": (text("\n".join(map(str, range(100)))), "one column only"),
    "rows": (text("\n".join(",".join(map(str, range(100))) for _ in range(3))), "spectra in rows"),
    "pdf": (content(b"%PDF-1.7 rubbish"), "a.txt: is a PDF, no spectrum"),
    "zip": (content(b"PK\3\4 rubbish"), "a.txt: is a zip archive, no spectrum"),
    "binary": (content(bytes(range(256))), "a.txt: is binary, no text"),
    "another axis": (lambda path: files.table(path, head="pixel,counts\n"), "its axis is in another unit"),
    "infrared": (lambda path: files.jcamp(path, **{"DATA TYPE": "INFRARED SPECTRUM"}), "is an infrared spectrum, the model was trained on Raman"),
    "too few": (lambda path: files.jcamp(path, NPOINTS="900"), "its data are damaged"),
    "no count": (lambda path: files.jcamp(path, NPOINTS="many"), "its NPOINTS is many"),
    "boundless": (lambda path: files.jcamp(path, NPOINTS="9" * 12), "its NPOINTS is 999999999999"),
    "no range": (lambda path: files.jcamp(path, FIRSTX="here"), "its data are damaged"),
    "no data": (lambda path: files.jcamp(path, XYDATA="none"), "its data are of the form 'none', which is not supported"),
    "peaks": (text("##TITLE=a\n##JCAMP-DX=4\n##PEAK TABLE=(XY..XY)\n1,2\n##END=\n"), "holds a peak list"),
    "cut jcamp": (lambda path: text(files.jcamp(path).read_text()[:2000])(path), "stops without ##END="),
    "near infrared spc": (lambda path: files.spc(path, technique=5), "is a near infrared spectrum"),
    "seconds": (lambda path: files.spc(path, unit=4), "its axis is in another unit"),
    "old spc": (lambda path: content(b"\0\x4d" + files.spc(path).read_bytes()[2:])(path.with_suffix(".spc")), "old"),
    "cut spc": (lambda path: content(files.spc(path).read_bytes()[:-9])(path.with_suffix(".spc")), "damaged"),
    "no spc": (lambda path: content(b"1,2\n")(path.with_suffix(".spc")), "is not an SPC file"),
    "absent": (lambda path: path, "cannot be read: No such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_model_can_be_asked_about_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    write, told = REFUSED[name]
    code, error, _ = refusal(write(tmp_path / "a.txt"))
    assert code == 2
    assert told in error
    assert str(tmp_path / "a.") in error


def test_a_gap_outside_the_window_and_a_coarse_axis_are_fine(tmp_path: Path) -> None:
    wide = np.concatenate([AXIS, AXIS + 2000])
    assert read(files.rruff(tmp_path / "a.txt", wide, np.tile(peaks(), 2))).covered == 1
    coarse = np.linspace(100, 1300, 31)
    assert read(files.rruff(tmp_path / "b.txt", coarse, peaks(coarse))).covered == 1


@pytest.mark.parametrize("name", ["jcamp", "spc_io"])
def test_no_format_needs_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    for write in (files.jcamp, files.spc, files.rruff):
        assert read(write(tmp_path / "a.txt")).covered == 1


RUBBISH = st.one_of(
    st.binary(max_size=2000),
    st.text(alphabet="0123456789.,;-+eE \t\n#=%abn_\"'$/()", max_size=600).map(str.encode),
    st.binary(max_size=800).map(lambda raw: b"##TITLE=a\n##JCAMP-DX=4\n##NPOINTS=20\n##FIRSTX=1\n##LASTX=9\n##XYDATA=(X++(Y..Y))\n" + raw),
    st.text(alphabet="0123456789@AJjS%. +-\n", max_size=300).map(
        lambda data: f"##TITLE=a\n##JCAMP-DX=4\n##NPOINTS=20\n##FIRSTX=1\n##LASTX=9\n##XYDATA=(X++(Y..Y))\n{data}\n##END=\n".encode()
    ),
    st.binary(min_size=510, max_size=900).map(lambda raw: b"\0\x4b" + raw),
)  # fmt: skip


@given(raw=RUBBISH)
def test_no_bytes_whatever_end_in_anything_but_spectra_or_a_refusal(tmp_path_factory: Any, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "rubbish.bin"
    path.write_bytes(raw)
    try:
        found = [
            module("spectra.checks").ready(track, contract(), module("spectra.axes").Wanted()) for track in tracks(path)
        ]
    except module("refusal").RefusalError:
        return
    assert all(np.isfinite(each.x).all() for each in found)
