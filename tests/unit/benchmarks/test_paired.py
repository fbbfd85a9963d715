"""Paired differences by physical sample: the mean is that of all spectra, the interval that of the samples."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tools import paired
from benchmarks.tools.paired import Pair
from edgespec.evaluation import difference


def pair(gaps: list[float], sample: list[str]) -> Pair:
    return Pair(np.array(gaps), np.zeros(len(gaps)), np.array(sample), 100)


def test_the_mean_is_over_spectra_and_a_sample_in_two_runs_counts_once() -> None:
    rng = np.random.default_rng(0)
    sample = np.repeat([f"R{i}" for i in range(40)], rng.integers(1, 9, 40))
    whole = dict(zip(np.unique(sample), rng.integers(-1, 2, 40), strict=True))
    gaps = np.array([whole[each] if rng.random() < 0.8 else rng.integers(-1, 2) for each in sample], float)
    once = paired.by_sample([pair(list(gaps), list(sample))])
    twice = paired.by_sample([pair(list(gaps), list(sample))] * 2)
    assert once.mean == pytest.approx(gaps.mean())
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_spectra_that_agree_within_a_sample_widen_the_interval() -> None:
    gaps = [1.0, 0.0, 0.0, -1.0] * 10
    alone = paired.by_sample([pair(gaps, [str(i) for i in range(40)])])
    bound = paired.by_sample([pair(sorted(gaps), [str(i // 4) for i in range(40)])])
    assert alone.high is not None
    assert bound.high is not None
    assert bound.high - bound.mean > 1.5 * (alone.high - alone.mean)


def test_the_interval_is_the_one_of_every_table() -> None:
    gaps, sample = [1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 1.0, 0.0], list("aabbccdd")
    found, wanted = paired.by_sample([pair(gaps, sample)]), difference.of_samples(gaps, sample)
    assert (found.mean, found.low, found.high) == (wanted.mean, wanted.low, wanted.high)
    assert found.worded() == wanted.worded()


def test_runs_are_widened_by_what_they_share() -> None:
    both = [pair([1.0, 0.0], ["a", "b"]), pair([0.0, 0.0], ["c", "d"])]
    found = paired.by_run(both)
    assert found.mean == pytest.approx(0.25)
    assert found.high is not None
    spread = np.std([0.5, 0.0], ddof=1)
    assert found.high - found.mean == pytest.approx(12.7062 * spread * np.sqrt(1 / 2 + 0.02), rel=1e-4)


@pytest.mark.parametrize("n", [1, 8, 93])
def test_answers_come_back_as_they_were_packed(n: int) -> None:
    right = np.random.default_rng(n).random(n) < 0.5
    assert (paired.unpacked(paired.packed(right), n) == right).all()
