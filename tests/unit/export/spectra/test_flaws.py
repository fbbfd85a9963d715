"""Flaws of a detector: saturation, cosmic spikes and constant runs are refused or told; sharp bands and coarse axes are no flaws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spectrum_files as files
from device_reader import read, refusal
from spectrum_files import AXIS, peaks

FINE = np.linspace(100, 1300, 1201)
RNG = np.random.default_rng(3)


def noisy(axis: Any = AXIS) -> Any:
    return peaks(axis) + 200 + RNG.normal(0, 2, len(axis))


def head(path: Path, axis: Any, x: Any) -> Path:
    return files.table(path, axis, np.asarray(x), head="Raman shift (cm-1),counts\n")


@pytest.mark.parametrize("full", [4095, 16383, 65535])
@pytest.mark.parametrize("step", [2, 6, 8])
def test_two_points_at_a_converters_largest_number_are_saturated(tmp_path: Path, full: int, step: int) -> None:
    axis = np.arange(100, 1301, step, dtype=float)
    x = np.round(noisy(axis) / noisy(axis).max() * 0.9 * full)
    top = int(x.argmax())
    x[top] = full
    read(head(tmp_path / "a.csv", axis, x))  # a band's top may be there by chance
    x[top + 1] = full
    told = f"2 points are exactly {full}, the largest number of a converter: the detector was saturated"
    assert told in refusal(head(tmp_path / "b.csv", axis, x))[1]


@pytest.mark.parametrize("width", [1, 2])
def test_spikes_are_told_and_where_they_set_the_scale_refused(tmp_path: Path, width: int) -> None:
    x = noisy()
    x[300 : 300 + width] += 400
    assert any("cosmic spikes at 70" in note for note in read(head(tmp_path / "a.csv", AXIS, x)).notes)
    x[300 : 300 + width] += 4000
    _, error, hint = refusal(head(tmp_path / "b.csv", AXIS, x))
    assert ":302: cosmic spikes at 70" in error or ":303: cosmic spikes at 70" in error
    assert "higher than all bands" in error
    assert "measure again" in hint


@pytest.mark.parametrize("step", [0.5, 1.0, 2.0, 3.0, 6.0])
@pytest.mark.parametrize("points", [2.0, 2.5, 4.0, 9.0])
def test_bands_are_no_spikes(tmp_path: Path, step: float, points: float) -> None:
    axis = np.arange(100, 1300, step)
    for _ in range(20):
        x = RNG.normal(100, 1, len(axis))
        for centre in RNG.uniform(
            150, 1250, 8
        ):  # as wide at half height as so many points: no instrument has less than two
            x = x + RNG.uniform(50, 3000) * np.exp(-4 * np.log(2) * ((axis - centre) / (points * step)) ** 2)
        assert read(head(tmp_path / "a.csv", axis, x)).notes == ()


def test_a_run_of_one_value_is_told(tmp_path: Path) -> None:
    x = noisy()
    x[500:560] = 200
    assert read(head(tmp_path / "a.csv", AXIS, x)).notes == ("60 points in a row, 1100 to 1218 cm-1, are exactly 200",)


def test_all_that_is_not_finite_is_counted(tmp_path: Path) -> None:
    x = noisy()
    x[40:52] = np.nan
    assert ":42: a value that is not finite (NaN), and 11 more" in refusal(head(tmp_path / "a.csv", AXIS, x))[1]
