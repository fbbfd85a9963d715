"""Axes of arrays: one for all or one for each, brought to cm-1, and what stands between them and a model's axis."""

from __future__ import annotations

import numpy as np
import pytest

from edgespec.data.readers import array_axis
from edgespec.errors import Mistake
from edgespec.spectra import Axis

SHIFT = np.linspace(200.0, 1400, 301)


def read(axis: object, unit: str | None = None, laser: float | None = None, technique: str = "") -> array_axis.Axes:
    return array_axis.read(np.asarray(axis), "a.npz!w", unit, laser, technique)


def test_one_axis_for_all_and_one_for_each() -> None:
    assert read(SHIFT).shared
    assert read(np.stack([SHIFT] * 3)).shared, "rows that are equal are one axis"
    several = read(np.stack([SHIFT, SHIFT[::-1] + 50]))
    assert (several.shared, several.turned.tolist(), several.row(1)) == (False, [False, True], 1)
    np.testing.assert_array_equal(several.values[1], SHIFT + 50)


def test_an_infrared_wavelength_is_a_wavenumber() -> None:
    found = read(1e4 / SHIFT, "um", technique="infrared")
    np.testing.assert_allclose(found.values[0], SHIFT)
    assert found.turned.tolist() == [False], "a wavelength that falls is a wavenumber that rises"


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        (["a", "b"], "is not an axis"),
        (np.zeros((2, 2, 2)), "is not an axis"),
        ([1.0], "is not an axis"),
        ([100.0, np.nan, 300], "a.npz!w: position 1 is not finite"),
        ([[100.0, 200, 300], [100, np.inf, 300]], "row 1: position 1 is not finite"),
        ([100.0, 100, 300], "position 1 does not follow"),
        ([300.0, 100, 200], "position 2 does not follow"),
        ([[100.0, 200, 300], [100, 300, 200]], "row 1: position 2 does not follow"),
    ],
)
def test_what_is_no_axis_is_told_with_its_place(axis: object, said: str) -> None:
    with pytest.raises(Mistake) as caught:
        read(axis)
    assert said in caught.value.message
    assert caught.value.hint


def test_each_spectrum_covers_its_own_part() -> None:
    axes = read(np.stack([SHIFT, SHIFT + 600]))
    x = np.ones((2, len(SHIFT)))
    values, covered = array_axis.onto(x, axes, Axis(200, 1400, 121), 0.4)
    assert covered.tolist() == pytest.approx([1, 0.5], abs=0.01)
    assert (values[1] == 0).sum() == 60
    with pytest.raises(Mistake, match="row 1: 800 to 2000 cm-1 covers"):
        array_axis.onto(x, axes, Axis(200, 1400, 121), 0.8)
    told = array_axis.notes(axes, covered)
    assert told[0] == "spectra on axes of their own, interpolated onto the recipe's: 2 (2 axes)"
    assert told[1].startswith("spectra that cover a part of the axis only, zero elsewhere: 1 (at least 50%)")


def test_what_most_spectra_share_is_the_axis_of_a_recipe() -> None:
    axes = read(SHIFT + np.linspace(0, 20, 21)[:, None])
    found = array_axis.common(axes)
    assert (found[0], found[-1]) == (218, 1402)
    with pytest.raises(Mistake, match="no range in common"):
        array_axis.common(read(np.stack([SHIFT, SHIFT + 5000]), technique="infrared"))
