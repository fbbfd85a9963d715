"""The old SPC (0x4d) by its header in SPC.H: integers of both sizes, several subfiles, labels; what is none of it is refused."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import hurt_files
import numpy as np
import pytest
from device_reader import WINDOW, read, refusal, tracks
from device_runner import module
from spectrum_files import AXIS, peaks

EXPONENT = 14


def write(
    path: Path, *rows: np.ndarray, axis: np.ndarray = AXIS, flags: int = 0, exponent: int = EXPONENT,
    unit: int = 13, intensity: int = 4, label: str = "", points: float | None = None,
) -> Path:  # fmt: skip
    """Write OSPCHDR, which ends in the first subfile's header, and integers whose halves are exchanged."""
    bits = 16 if flags & 1 else 32
    flags |= (4 if len(rows) > 1 else 0) | (0x20 if label else 0)
    main = 0 if flags & 4 else exponent
    count = len(axis) if points is None else points
    ends, date = (axis[0], axis[-1]), (1991, 1, 2, 3, 4)
    head = struct.pack("<BBhfffBB", flags, 0x4D, main, count, *ends, unit, intensity)
    head += struct.pack("<H4B8sHH28s", *date, b"4", 0, 8, b"")
    head += b"Laser = 633 nm".ljust(130, b"\0") + label.encode().ljust(30, b"\0")
    out = b""
    for k, row in enumerate(rows):
        whole = np.round(row * 2.0 ** (bits - exponent)).astype("<i2" if bits == 16 else "<i4")
        stored = whole.tobytes() if bits == 16 else whole.view("<u2").reshape(-1, 2)[:, ::-1].tobytes()
        out += struct.pack("<BbHfffIIf4x", 0, exponent, k, k, k, 0, 0, 1, 0) + stored
    path.write_bytes(head + out)
    return path


def test_a_spectrum_has_the_values_that_were_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.spc", peaks())
    assert path.stat().st_size == 256 + 4 * len(AXIS)
    (track,) = tracks(path)
    np.testing.assert_allclose(track.x, peaks(), atol=1e-5)
    np.testing.assert_allclose(track.axis, AXIS)
    assert (track.unit, track.technique, track.intensity, track.laser) == ("cm-1", "Raman", "counts", 633.0)
    np.testing.assert_allclose(tracks(write(path, peaks(), flags=1))[0].x, peaks(), atol=0.2)


def test_several_subfiles_have_their_own_exponents_and_the_files_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.spc", peaks(), peaks() * 2 - 900, peaks() * 3)
    found = tracks(path)
    assert [each.name for each in found] == [f"{path}:{k}" for k in (1, 2, 3)]
    np.testing.assert_allclose([each.x for each in found], [peaks(), peaks() * 2 - 900, peaks() * 3], atol=1e-5)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"unit": 1, "intensity": 2, "axis": np.linspace(4000, 400, 601)}, ("cm-1", "infrared", "absorbance")),
        (
            {"unit": 1, "intensity": 128, "axis": np.linspace(10000, 4000, 601)},
            ("cm-1", "near infrared", "transmittance"),
        ),
        ({"unit": 3, "intensity": 4}, ("nm", "", "counts")),
        ({"unit": 0, "intensity": 0, "label": "Wavelength (nm)"}, ("nm", "", "")),
    ],
)
def test_units_and_intensities(tmp_path: Path, said: dict[str, int], told: tuple[str, str, str]) -> None:
    (track,) = tracks(write(tmp_path / "a.spc", peaks(), **said))  # type: ignore[arg-type]
    assert (track.unit, track.technique, track.intensity) == told


def test_standard_input_has_no_name_to_tell_it_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write(tmp_path / "a.spc", peaks()).read_bytes()
    wanted = read(tmp_path / "a.spc").x
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    np.testing.assert_array_equal(read("-").x, wanted)


@pytest.mark.parametrize("codec", ["latin-1", "utf-16-le", "utf-16-be"])
def test_a_text_whose_second_letter_is_m_is_no_old_file(tmp_path: Path, codec: str) -> None:
    inside = module("spectra.spc_old")
    lines = "".join(f"{a:g} {x:g}\n" for a, x in zip(AXIS, peaks(), strict=True))
    for head in ("AM  0   J", "RM 4   H", "MM  @  I", "M J", "#MEASURED"):
        raw = f"{head} a comment that is long enough\n{lines}".encode(codec)
        assert not inside.is_old(raw)
    assert inside.is_old(write(tmp_path / "a.spc", peaks()).read_bytes())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"flags": 0x80}, "an axis of its own, which is not supported"),
        ({"exponent": -128}, "the exponent -128, which is not supported"),
        ({"intensity": 1}, "an interferogram, which is not supported"),
        ({"points": 0.0}, "its header is not: 0 points"),
        ({"points": 3.5}, "its header is not: 3.5 points"),
        ({"points": float("nan")}, "its header is not: nan points"),
        ({"points": 1e30}, "its header is not: 1e+30 points"),
        ({"points": 5000.0}, "was cut short"),
    ],
)
def test_what_cannot_be_read_is_refused_by_what_it_is(tmp_path: Path, said: dict[str, float], told: str) -> None:
    given = {"exponent": EXPONENT, **said}
    path = write(tmp_path / "a.spc", peaks() if given["exponent"] == EXPONENT else peaks() * 0, **said)  # type: ignore[arg-type]
    assert told in refusal(path)[1]


def test_a_new_file_under_the_old_number_is_refused(tmp_path: Path) -> None:
    head = struct.pack("<BBBbIddIBB", 0, 0x4D, 11, -128, 601, 100.0, 1300.0, 1, 13, 4)
    (tmp_path / "a.spc").write_bytes(head + bytes(512 - len(head)) + bytes(32 + 4 * 601))
    code, error, hint = refusal(tmp_path / "a.spc")
    assert code == 2
    assert "is SPC of the old version (0x4d) by its number, but its header is not" in error
    assert "0x4b" in hint


def test_no_damage_ends_in_another_error_than_a_refusal(tmp_path: Path) -> None:
    axis = WINDOW.values()
    raw = write(tmp_path / "a.spc", peaks(axis), peaks(axis), axis=axis).read_bytes()
    ready, told = hurt_files.read_all(raw, tmp_path / "b.spc", 400, head=260)
    assert ready > 20
    assert len(told) > 50
    assert all(code == 2 and error and hint for code, error, hint in told)
