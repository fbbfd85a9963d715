"""Bruker OPUS: of several data in a file the one that is meant, series, units and forms of numbers, against brukeropus on the same file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import hurt_files
import numpy as np
import pytest
import vendor_files as files
from device_reader import WINDOW, read, refusal, tracks
from spectrum_files import AXIS, peaks

brukeropus = pytest.importorskip("brukeropus", reason="brukeropus is not installed: pip install 'edgespec[dev]'")

RAMAN, ABSORBANCE, TRANSMITTANCE, REFLECTANCE, SINGLE, INTERFEROGRAM = 10, 4, 5, 12, 1, 2
SMALL = peaks() / 1000
MID = np.linspace(4000.0, 400.0, 601)
LEFT_OUT = [*files.opus_data(INTERFEROGRAM, peaks(), of=1), *files.opus_data(SINGLE, peaks(), of=2)]


@pytest.mark.parametrize(
    ("kind", "key", "intensity", "technique"),
    [
        (RAMAN, "ra", "", "Raman"),
        (ABSORBANCE, "a", "absorbance", "infrared"),
        (TRANSMITTANCE, "t", "transmittance", "infrared"),
        (REFLECTANCE, "r", "reflectance", "infrared"),
        (6, "km", "Kubelka-Munk", "infrared"),
        (16, "atr", "absorbance", "infrared"),
    ],
)
def test_a_spectrum_is_what_brukeropus_gives_of_the_same_file(
    tmp_path: Path, kind: int, key: str, intensity: str, technique: str
) -> None:
    path = files.opus(tmp_path / "a.0", LEFT_OUT, files.opus_data(kind, SMALL, MID, scale=0.5))
    (track,) = tracks(path)
    other = getattr(brukeropus.read_opus(str(path)), key)
    np.testing.assert_array_equal(track.x, other.y)
    np.testing.assert_array_equal(track.axis, other.x)
    np.testing.assert_allclose(track.x, SMALL, rtol=1e-6)
    assert (track.name, track.unit, track.intensity, track.technique) == (str(path), "cm-1", intensity, technique)
    assert track.notes[0].endswith("left out: interferogram, single channel of the reference")


def test_the_laser_is_that_of_raman_and_not_of_the_interferometer(tmp_path: Path) -> None:
    raman = files.opus_data(RAMAN, peaks())
    assert tracks(files.opus(tmp_path / "a.0", raman))[0].laser is None
    assert tracks(files.opus(tmp_path / "a.0", raman, laser=1064.0))[0].laser == pytest.approx(1064.0)
    absolute = files.opus(tmp_path / "b.0", files.opus_data(RAMAN, peaks(), 1e7 / 1064.0 - AXIS), laser=1064.0)
    np.testing.assert_allclose(read(absolute).x, read(tmp_path / "a.0").x, rtol=1e-3, atol=0.02)


def test_raman_goes_before_absorbance_and_absorbance_before_transmittance(tmp_path: Path) -> None:
    parts = {kind: files.opus_data(kind, peaks() * (kind + 1)) for kind in (TRANSMITTANCE, ABSORBANCE, RAMAN)}
    for first, *rest in ((RAMAN, ABSORBANCE, TRANSMITTANCE), (ABSORBANCE, TRANSMITTANCE)):
        path = files.opus(tmp_path / "a.0", *(parts[kind] for kind in reversed([first, *rest])))
        np.testing.assert_allclose(tracks(path)[0].x, peaks() * (first + 1), rtol=1e-6)
        assert "transmittance" in tracks(path)[0].notes[0]


def test_of_several_of_a_kind_the_last_is_taken_and_derivatives_are_none(tmp_path: Path) -> None:
    parts = [files.opus_data(ABSORBANCE, SMALL * k) for k in (1, 2, 3)]
    path = files.opus(tmp_path / "a.0", *parts, files.opus_data(ABSORBANCE, SMALL * 9, derivative=1))
    (track,) = tracks(path)
    np.testing.assert_allclose(track.x, SMALL * 3, rtol=1e-6)
    assert track.notes == (
        "its absorbance is taken; left out: absorbance (first derivative)",
        "it holds absorbance 3 times, the last is taken",
    )
    other = brukeropus.read_opus(str(path))
    np.testing.assert_array_equal(track.x, other.a_2.y)
    np.testing.assert_allclose(
        other.a.y, SMALL * 9, rtol=1e-6, err_msg="the derivative, which the library calls absorbance too"
    )
    same = [files.opus_data(ABSORBANCE, SMALL)] * 2
    assert "cannot be told apart" in refusal(files.opus(tmp_path / "b.0", *same))[1]


@pytest.mark.parametrize("kind", [RAMAN, ABSORBANCE])
def test_a_series_is_a_spectrum_for_each_and_is_scaled(tmp_path: Path, kind: int) -> None:
    x = files.shifted(4)
    path = files.opus(tmp_path / "a.0", files.opus_series(kind, x))
    found = tracks(path)
    other = getattr(brukeropus.read_opus(str(path)), "ra" if kind == RAMAN else "a")
    np.testing.assert_array_equal([each.x for each in found], other.y)
    assert [each.name for each in found] == [f"{path}:{k}" for k in (1, 2, 3, 4)]
    np.testing.assert_array_equal(found[0].axis, other.x)
    path = files.opus(tmp_path / "b.0", files.opus_series(kind, x, planned=900, scale=2.0))
    np.testing.assert_array_equal([each.x for each in tracks(path)], 2 * x)


def test_whole_numbers_and_compact_data_are_read(tmp_path: Path) -> None:
    for form in (0, 4):
        ahead = b"abcdefgh" if form == 4 else b""
        for whole in (False, True):
            part = files.opus_data(ABSORBANCE, SMALL, scale=1e-6, form=form, ahead=ahead, whole=whole)
            np.testing.assert_allclose(tracks(files.opus(tmp_path / "a.0", part))[0].x, SMALL, atol=1e-6)


@pytest.mark.parametrize(
    ("unit", "axis", "told"),
    [
        ("MI", 1e4 / MID, "um"),
        ("LGW", np.log(MID), "cm-1"),
        ("PNT", MID, "another unit (PNT)"),
        ("MIN", MID, "another unit (MIN)"),
    ],
)
def test_units_of_the_axis(tmp_path: Path, unit: str, axis: Any, told: str) -> None:
    path = files.opus(tmp_path / "a.0", files.opus_data(ABSORBANCE, SMALL, axis, unit=unit))
    assert tracks(path)[0].unit == told
    if told.startswith("another"):
        assert told in refusal(path, technique="infrared")[1]
    else:
        shown = read(path, technique="infrared", min_coverage=0.5)
        assert shown.low_cm1 == pytest.approx(400)
        assert shown.high_cm1 == pytest.approx(4000)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (files.opus_data(INTERFEROGRAM, peaks(), of=1), "not supported: interferogram"),
        (LEFT_OUT, "not supported: interferogram, single channel of the reference"),
        (files.opus_data(15, peaks()), "not supported: log reflectance"),
        (files.opus_data(30, peaks()), "not supported: data of kind 30"),
        (files.opus_data(ABSORBANCE, SMALL, derivative=2), "not supported: absorbance (second derivative)"),
        ([], "holds no spectrum"),
    ],
)
def test_what_is_not_supported_is_called_so_and_not_damaged(tmp_path: Path, parts: Any, told: str) -> None:
    error = refusal(files.opus(tmp_path / "a.0", parts))[1]
    assert told in error
    assert "damaged" not in error


def test_transmittance_becomes_absorbance_for_an_infrared_model(tmp_path: Path) -> None:
    path = files.opus(tmp_path / "a.0", files.opus_data(TRANSMITTANCE, 10.0**-SMALL, MID))
    wanted = files.opus(tmp_path / "b.0", files.opus_data(ABSORBANCE, SMALL, MID))
    more: dict[str, Any] = {"technique": "infrared", "min_coverage": 0.5}
    np.testing.assert_allclose(read(path, **more).x, read(wanted, **more).x, atol=1e-5)
    assert "is an infrared spectrum" in refusal(wanted)[1]


def test_data_without_parameters_or_of_too_few_points_are_damage(tmp_path: Path) -> None:
    data, said = files.opus_data(ABSORBANCE, SMALL)
    assert "absorbance without its parameters" in refusal(files.opus(tmp_path / "a.0", [data]))[1]
    error = refusal(files.opus(tmp_path / "a.0", [(data[0], data[1][:400]), said]))[1]
    assert "damaged: absorbance of fewer points than its parameters say" in error


def test_a_series_that_was_cut_or_tells_of_too_much_is_refused(tmp_path: Path) -> None:
    (code, content), said = files.opus_series(RAMAN, files.shifted(2))
    for at, number in ((4, -1), (8, 0), (12, 8), (16, -8)):
        hurt = bytearray(content)
        struct.pack_into("<i", hurt, at, number)
        assert "damaged: a series" in refusal(files.opus(tmp_path / "a.0", [(code, bytes(hurt)), said]))[1]
    assert "cut short" in refusal(files.opus(tmp_path / "a.0", [(code, content[:500]), said]))[1]


@pytest.mark.parametrize("name", ["blocks", "series"])
def test_no_damage_ends_in_another_error_than_a_refusal(tmp_path: Path, name: str) -> None:
    axis = WINDOW.values()
    several = [files.opus_data(kind, peaks(axis), axis) for kind in (INTERFEROGRAM, ABSORBANCE, ABSORBANCE, RAMAN)]
    parts = several if name == "blocks" else [files.opus_series(RAMAN, files.shifted(3, axis), axis)]
    raw = files.opus(tmp_path / "a.0", *parts, laser=785.0).read_bytes()
    ready, told = hurt_files.read_all(raw, tmp_path / "b.0", 300)
    assert ready > 20
    assert len(told) > 60
    assert all(code == 2 and error and hint for code, error, hint in told)
