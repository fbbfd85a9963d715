"""Chance: exact where it can be, by samples, with the errors that a textbook states."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from edgespec.runs.gate import chance


def flags(n: int, wrong: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = np.ones(n)
    found[:wrong] = 0
    return found


@pytest.mark.parametrize(("lost", "won"), [(6, 0), (10, 3), (4, 4), (0, 5)])
def test_one_spectrum_a_sample_is_mcnemars_test(lost: int, won: int) -> None:
    before, after = np.ones(100), np.ones(100)
    after[:lost], before[lost : lost + won] = 0, 0
    expected = stats.binomtest(lost, lost + won, alternative="greater").pvalue
    assert chance.lost(before, after, np.arange(100)) == pytest.approx(expected)
    assert chance.lost(before, before, np.arange(100)) == 1.0


def test_false_alarms_are_as_rare_as_promised_where_spectra_of_a_sample_go_together() -> None:
    rng, alarms = np.random.default_rng(0), 0
    sample = np.repeat(np.arange(40), 8)
    for _ in range(400):
        before, after = ((rng.random(40) < 0.8)[sample].astype(float) for _ in range(2))
        alarms += chance.lost(before, after, sample) < chance.CHANCE
    assert alarms <= 0.08 * 400
    assert chance.lost(flags(320, 0), flags(320, 80), sample) < chance.CHANCE


def test_a_difference_is_judged_by_its_standard_error() -> None:
    assert chance.worse(0.02, 0.02 + 1.645 * 0.01, (0.01, 0.0)) == pytest.approx(0.05, abs=1e-3)
    assert chance.worse(0.02, 0.01, (0.01, 0.01)) > 0.5
    assert chance.worse(0.02, 0.03, (0.0, 0.0)) == 0.0
    assert chance.worse(0.03, 0.03, (0.0, 0.0)) == 1.0


def test_the_error_of_an_auroc_is_that_of_many_draws() -> None:
    rng, found = np.random.default_rng(0), []
    for _ in range(500):
        known, unknown = np.sort(rng.exponential(1, 60) * 5), rng.exponential(1, 200)
        found.append(np.searchsorted(np.sort(unknown), known).mean() / 200)
    assert chance.auroc_error(float(np.mean(found)), 60, 200) == pytest.approx(np.std(found), rel=0.35)
    assert chance.auroc_error(1.0, 60, 200) == 0.0


def test_the_power_of_a_test_part_is_that_of_the_test() -> None:
    right, sample = tuple([True] * 560 + [False] * 40), tuple(range(600))
    seen = chance.visible(right, sample)
    assert seen == 0.01
    few = chance.visible(tuple([True] * 60), tuple(i // 6 for i in range(60)))
    assert few is not None
    assert few >= 0.07
    assert chance.visible(tuple([True] * 12), tuple(i // 3 for i in range(12))) is None, (
        "four samples can never show p < 0.05"
    )


def test_where_samples_differ_in_size_the_chance_is_that_of_all_their_signs() -> None:
    for sizes in ([3, 1, 2, 2, 5, 1, 1, 4], [9, -2, -3, 4, 1, 1, -6, 2], [-3, 1, -2, 2, -5, 1]):
        sample = np.repeat(np.arange(len(sizes)), np.abs(sizes))
        won = np.repeat(np.array(sizes) < 0, np.abs(sizes)).astype(float)
        signs = np.array(list(itertools.product([-1, 1], repeat=len(sizes)))) @ np.abs(sizes)
        assert chance.lost(1 - won, won, sample) == pytest.approx((signs >= sum(sizes)).mean(), abs=0.02)


def test_the_losses_that_are_tried_rise() -> None:
    assert list(chance.LOSSES) == sorted(set(chance.LOSSES))
