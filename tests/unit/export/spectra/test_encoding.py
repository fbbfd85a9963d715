"""Bytes of all kinds: text is text whatever its encoding, the rest is refused by its name or its size."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import spectrum_files as files
import vendor_files
from device_reader import read, refusal, tracks
from device_runner import module
from spectrum_files import AXIS, peaks

CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252")


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_is_read_in_every_encoding(tmp_path: Path, codec: str, end: str) -> None:
    path = files.table(tmp_path / "a.txt", head="Wellenzahl (cm-\u00b9);Intensit\u00e4t\n", mark=";")
    path.write_bytes(path.read_text(encoding="utf-8").replace("\n", end).encode(codec))
    (track,) = tracks(path)
    np.testing.assert_array_equal(track.x, peaks())
    assert track.unit == "cm-1"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le"])
def test_jcamp_is_read_in_wide_letters_too(tmp_path: Path, codec: str) -> None:
    path = files.jcamp(tmp_path / "a.jdx")
    path.write_text(path.read_text(), encoding=codec)
    np.testing.assert_allclose(tracks(path)[0].x, peaks(), atol=1e-4)


def test_nul_bytes_behind_the_text_are_padding_and_inside_it_damage(tmp_path: Path) -> None:
    path = files.table(tmp_path / "a.csv", head="Raman shift,counts\n")
    raw = path.read_bytes()
    path.write_bytes(raw + bytes(1000))
    np.testing.assert_array_equal(tracks(path)[0].x, peaks())
    path.write_bytes(raw[:3000] + bytes(64) + raw[3064:])
    assert "holds NUL bytes between its text" in refusal(path)[1]
    path.write_bytes(bytes(5000))
    assert "nothing but NUL bytes" in refusal(path)[1]


def test_a_minus_sign_is_a_minus_sign(tmp_path: Path) -> None:
    path = files.table(tmp_path / "a.csv", AXIS - 150, head="Raman shift,counts\n")
    path.write_text(path.read_text().replace("-", "\u2212"), encoding="utf-8")
    np.testing.assert_allclose(tracks(path)[0].axis, AXIS - 150)


def packed() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.txt", "1 2\n")
    return held.getvalue()


RNG = np.random.default_rng(1)
RUBBISH = {
    "random": RNG.bytes(5000),
    "zip": packed(),
    "gzip": b"\x1f\x8b" + RNG.bytes(300),
    "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + RNG.bytes(2000),
    "WDF": b"WDF1" + RNG.bytes(900),
    "WDF's first bytes": b"WDF1",
    "OPUS": b"\x0a\x0a\xfe\xfe" + RNG.bytes(900),
    "OPUS's first bytes": b"\x0a\x0a\xfe\xfe",
    "PerkinElmer": b"PEPE2D constant interval DataSet file" + bytes(7) + RNG.bytes(900),
    "PerkinElmer's first bytes": b"PEPE",
    "old SPC's first bytes": b"\0\x4d" + RNG.bytes(4000),
    "zeros": bytes(3000),
    "ones": b"\xff" * 3000,
    "spaces": b" \r\n" * 900,
    "SPC's first bytes": b"\0\x4b" + RNG.bytes(4000),
    "half a sign": "Wellenl\u00e4nge \u00b5m".encode("utf-16")[:-1] * 9,
    "control": bytes(range(1, 32)) * 40,
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ending", [*module("spectra.files").ENDINGS, ".0"])
@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_under_every_ending_is_refused(tmp_path: Path, ending: str, name: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(RUBBISH[name])
    code, error, _ = refusal(path)
    assert code == 2
    assert str(path) in error


WRITERS = {
    ".spc": files.spc,
    ".wdf": vendor_files.wdf,
    ".sp": vendor_files.perkinelmer,
    ".0": lambda path: vendor_files.opus(path, vendor_files.opus_data(10, peaks())),
}


@pytest.mark.parametrize("ending", [".txt", ".csv", ".jdx", *WRITERS])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path, ending: str) -> None:
    path = WRITERS.get(ending, files.rruff)(tmp_path / f"a{ending}")
    with path.open("r+b") as file:
        file.truncate(2 * 2**30)  # a hole, which takes no disk
    _, error, _ = refusal(path)
    assert f"is larger than {256 if ending in WRITERS else 64} MB" in error


def test_standard_input_is_no_larger_either(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = module("spectra.files")
    monkeypatch.setattr(inside, "LARGEST_TEXT", 4096)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1 2\n" * 4096)))
    assert "standard input: is larger than 0 MB" in refusal(Path("-"))[1]


def test_a_vendors_plain_text_is_found_by_folder(tmp_path: Path) -> None:
    path = files.table(tmp_path / "a.dpt", AXIS[::-1], peaks()[::-1])
    assert module("spectra.files").files([str(tmp_path)]) == [str(path)]
    assert read(path).covered == 1
