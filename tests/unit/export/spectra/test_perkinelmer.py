"""PerkinElmer's .sp: axis, unit, ordinate and instrument; several spectra, what is not a spectrum, and damage."""

from __future__ import annotations

import struct
from pathlib import Path

import hurt_files
import numpy as np
import pytest
import vendor_files as files
from device_reader import WINDOW, read, refusal, tracks
from spectrum_files import AXIS, peaks

MID, NEAR, NM = np.linspace(4000, 450, 3551), np.linspace(10000, 4000, 601), np.linspace(700, 200, 501)


@pytest.mark.parametrize(
    ("axis", "unit", "label", "instrument", "told"),
    [
        (MID, "cm-1", "A", 124, ("cm-1", "absorbance", "infrared")),
        (MID, "cm-1", "%T", 124, ("cm-1", "percent transmittance", "infrared")),
        (MID, "1/cm", "T", 124, ("cm-1", "transmittance", "infrared")),
        (NEAR, "cm-1", "%R", 124, ("cm-1", "percent reflectance", "near infrared")),
        (NM, "nm", "A", 125, ("nm", "absorbance", "UV/VIS")),
        (NM, "nm", "INT", 126, ("nm", "", "fluorescence")),
        (AXIS, "Raman shift / cm-1", "Counts", 124, ("cm-1", "counts", "Raman")),
    ],
)
def test_axis_ordinate_and_technique_are_those_of_the_file(
    tmp_path: Path, axis: np.ndarray, unit: str, label: str, instrument: int, told: tuple[str, str, str]
) -> None:
    x = peaks(axis)
    path = files.perkinelmer(tmp_path / "a.sp", axis, x, unit=unit, label=label, instrument=instrument)
    (track,) = tracks(path)
    np.testing.assert_array_equal(track.x, x)
    np.testing.assert_allclose(track.axis, axis)
    assert (track.unit, track.intensity, track.technique) == told
    assert track.name == str(path)


def test_several_spectra_are_numbered(tmp_path: Path) -> None:
    path = files.perkinelmer(tmp_path / "a.sp", MID, peaks(MID), peaks(MID) * 2)
    first, second = tracks(path)
    assert [first.name, second.name] == [f"{path}:1", f"{path}:2"]
    np.testing.assert_array_equal(second.x, 2 * first.x)


def test_percent_transmittance_becomes_absorbance(tmp_path: Path) -> None:
    absorbance = peaks(MID) / 1000
    wanted = read(files.perkinelmer(tmp_path / "a.sp", MID, absorbance), technique="infrared", min_coverage=0.5)
    path = files.perkinelmer(tmp_path / "b.sp", MID, 100 * 10.0**-absorbance, label="%T")
    np.testing.assert_allclose(read(path, technique="infrared", min_coverage=0.5).x, wanted.x, atol=1e-6)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"label": "EGY"}, "not supported: a single beam"),
        ({"label": "IGM"}, "not supported: an interferogram"),
        ({"description": "DataSet - 4DConst3DInterval"}, "not supported: a PerkinElmer file of 'DataSet - 4D"),
        ({"unit": "minutes"}, "its axis is in another unit"),
        ({"unit": "furlong"}, "its axis is in another unit ('furlong')"),
    ],
)
def test_what_is_not_supported_is_called_so_and_not_damaged(tmp_path: Path, more: dict[str, str], told: str) -> None:
    error = refusal(files.perkinelmer(tmp_path / "a.sp", MID, **more), technique="infrared")[1]  # type: ignore[arg-type]
    assert told in error
    assert "damaged" not in error


@pytest.mark.parametrize(("name", "told"), [("range", "no range of the axis"), ("data", "no data")])
def test_a_member_that_is_missing_is_damage(tmp_path: Path, name: str, told: str) -> None:
    assert f"damaged: it has {told}" in refusal(files.perkinelmer(tmp_path / "a.sp", MID, without=(name,)))[1]


@pytest.mark.parametrize("name", ["history", "step", "points", "axis", "label"])
def test_what_is_not_needed_may_be_missing(tmp_path: Path, name: str) -> None:
    (track,) = tracks(files.perkinelmer(tmp_path / "a.sp", MID, peaks(MID), without=(name,)))
    np.testing.assert_allclose(track.axis, MID)
    assert (track.unit, track.intensity) == ("" if name == "axis" else "cm-1", "" if name == "label" else "absorbance")


def test_range_step_and_count_must_agree(tmp_path: Path) -> None:
    raw = files.perkinelmer(tmp_path / "a.sp", MID).read_bytes()
    at = raw.index(struct.pack("<HIH", 35700, 10, 29979)) + 8
    (tmp_path / "a.sp").write_bytes(raw[:at] + struct.pack("<d", -2.0) + raw[at + 8 :])
    assert "3551 points from 4000 to 450 are not -2 apart" in refusal(tmp_path / "a.sp")[1]
    at = raw.index(struct.pack("<HIH", 35701, 6, 29995)) + 8
    (tmp_path / "a.sp").write_bytes(raw[:at] + struct.pack("<i", 3550) + raw[at + 4 :])
    assert "3551 points of 3550" in refusal(tmp_path / "a.sp")[1]


@pytest.mark.parametrize("length", [4, 44, 49, 100, 1000, 20000])
def test_a_file_that_was_cut_says_so(tmp_path: Path, length: int) -> None:
    path = files.perkinelmer(tmp_path / "a.sp", MID)
    path.write_bytes(path.read_bytes()[:length])
    assert f"it has {length} bytes" in refusal(path)[1]


def test_blocks_in_blocks_without_end_are_no_loop(tmp_path: Path) -> None:
    deep = b""
    for _ in range(30_000):
        deep = struct.pack("<HI", 121, len(deep)) + deep if len(deep) < 150_000 else deep
    flat = struct.pack("<HI", 121, 0) * 30_000
    for inside in (deep, flat):
        raw = bytearray(files.perkinelmer(tmp_path / "a.sp", MID, without=("history",)).read_bytes())
        raw += struct.pack("<HI", 35711, len(inside)) + inside
        struct.pack_into("<I", raw, 46, len(raw) - 50)
        (tmp_path / "a.sp").write_bytes(raw)
        assert tracks(tmp_path / "a.sp")[0].technique == "infrared"


def test_no_damage_ends_in_another_error_than_a_refusal(tmp_path: Path) -> None:
    axis = WINDOW.values()
    raw = files.perkinelmer(tmp_path / "a.sp", axis, peaks(axis), peaks(axis) * 2).read_bytes()
    ready, told = hurt_files.read_all(raw, tmp_path / "b.sp", 400)
    assert ready > 20
    assert len(told) > 100
    assert all(code == 2 and error and hint for code, error, hint in told)


def test_rubbish_behind_the_magic_is_damage_and_is_not_printed(tmp_path: Path) -> None:
    (tmp_path / "a.sp").write_bytes(b"PEPE" + bytes(range(128, 256)) * 8)
    _, error, _ = refusal(tmp_path / "a.sp")
    assert error.endswith("its data are damaged: no words behind PEPE")
