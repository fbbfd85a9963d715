"""The shapes that air and a rough sample add: where they lie, how high they are, and that they stay out where the axis does not reach."""

from __future__ import annotations

import numpy as np

from edgespec.data import infrared

WHOLE = np.linspace(400, 4000, 3601)  # 1 cm-1 a point


def test_water_has_two_groups_of_lines_and_nothing_between() -> None:
    lines = infrared.water(WHOLE)
    assert lines.shape == (len(infrared.WATER_CM1), len(WHOLE))
    np.testing.assert_array_equal(WHOLE[lines.argmax(1)], infrared.WATER_CM1)
    assert np.all(lines.max(1) == 1)
    total = lines.sum(0)
    assert total[(WHOLE > 1900) & (WHOLE < 3540)].max() < 1e-6
    assert total[(WHOLE > 400) & (WHOLE < 1400)].max() < 1e-6


def test_carbon_dioxide_has_its_two_bands() -> None:
    gas = infrared.carbon_dioxide(WHOLE)
    assert 2330 < WHOLE[gas.argmax()] < 2370
    low = WHOLE < 1000
    assert abs(WHOLE[low][gas[low].argmax()] - 667) <= 1
    assert gas[(WHOLE > 700) & (WHOLE < 2250)].max() < 1e-6


def test_an_axis_that_does_not_reach_them_stays_as_it_is() -> None:
    raman = np.linspace(150, 650, 200)
    assert infrared.water(raman).max() < 1e-6
    assert infrared.carbon_dioxide(np.linspace(800, 2000, 100)).max() < 1e-6


def test_scatter_and_baseline_span_the_axis_whatever_its_spacing() -> None:
    uneven = 400 + 3600 * np.linspace(0, 1, 300) ** 1.4
    line, slow = infrared.scatter(uneven), infrared.slow(uneven)
    assert (line[0], line[-1]) == (0, 1)
    np.testing.assert_allclose(np.diff(line) / np.diff(uneven), 1 / 3600)
    assert np.abs(slow).max() <= 1
    np.testing.assert_allclose(slow[:, 0], 1)
    np.testing.assert_allclose(slow[:, -1], [-1, 1, -1])
