"""The threshold for "unknown" accepts what it guarantees, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.robustness.calibration import SAMPLES, accepted
from edgespec.evaluation import conformal


@pytest.mark.parametrize(("n", "below"), [(39, 2), (99, 5), (19, 1), (5, 1), (1, 1)])
def test_one_spectrum_a_sample_is_the_plain_conformal_quantile(n: int, below: int) -> None:
    score = np.random.default_rng(0).permutation(n).astype(float)
    at, told = conformal.threshold(score, None, 0.95)
    assert at == below - 1
    assert told.mean == pytest.approx(1 - below / (n + 1))
    # `low` is the share of which a binomial of n draws gives as many as lie above the threshold once in twenty
    assert stats.binom.sf(n - below, n, told.low) == pytest.approx(0.05)
    assert told.low < told.mean
    assert told.samples == n
    assert told.plain() == {"asked": 0.95, "mean": round(told.mean, 4), "low": round(told.low, 4), "samples": n}


@pytest.mark.parametrize("samples", SAMPLES)
def test_it_accepts_what_it_guarantees_where_spectra_of_a_sample_are_alike(samples: int) -> None:
    found = accepted(samples, 400)
    assert found["mean"] >= found["promised"] - 0.01
    assert found["low"] >= found["promised_low"] - 0.03


def test_a_sample_with_many_spectra_does_not_set_the_threshold_alone() -> None:
    score = np.concatenate([np.full(500, -5.0), np.linspace(0, 1, 99)])
    sample = np.concatenate([np.zeros(500), np.arange(1, 100)]).astype(int)
    at, told = conformal.threshold(score, sample, 0.95)
    assert (told.samples, at) == (100, pytest.approx(3 / 98))


def test_equal_scores_are_all_accepted() -> None:
    at, _ = conformal.threshold(np.ones(50), None, 0.95)
    assert at == 1.0


def test_what_is_far_from_what_was_asked_is_told() -> None:
    _, few = conformal.threshold(np.arange(12.0), None, 0.95)
    _, many = conformal.threshold(np.arange(2000.0), None, 0.95)
    assert "rests on 12 validation samples" in conformal.told(few.plain())
    assert "At least 19 validation samples are needed" in conformal.told(few.plain())
    assert "95% were asked for" in conformal.told(few.plain())
    assert conformal.told(many.plain()) == conformal.told({}) == ""


@pytest.mark.parametrize(("low", "asked", "far"), [(0.75, 0.8, False), (0.9, 0.95, False), (0.89, 0.95, True), (0.86, 0.95, True)])  # fmt: skip
def test_far_is_more_than_five_points_below(low: float, asked: float, far: bool) -> None:
    assert bool(conformal.told({"low": low, "asked": asked, "mean": 0.9, "samples": 20})) is far
