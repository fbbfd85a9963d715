"""The calibration error: near a plain one where spectra are many, near nothing where nothing is off, and an interval that holds the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from calibrated import drawn
from numpy.typing import NDArray

from benchmarks.robustness.calibration import DESIGNS, ERRORS, covered
from edgespec.evaluation import calibration

Array = NDArray[Any]


def plain_ece(logits: Array, y: Array, bins: int = 15) -> float:
    """Equal-mass bins, no correction."""
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    sure, right = odds.max(1), logits.argmax(1) == y
    parts = np.array_split(np.argsort(sure, kind="stable"), bins)
    return float(sum(len(part) * abs(sure[part].mean() - right[part].mean()) for part in parts) / len(y))


@pytest.mark.parametrize("n", [300, 3000])
def test_a_calibrated_generator_has_next_to_no_calibration_error(n: int) -> None:
    found = [calibration.error(*drawn(n, seed=seed)) for seed in range(8)]
    plain = [plain_ece(*drawn(n, seed=seed)) for seed in range(8)]
    assert np.mean([each[0] for each in found]) < 0.6 * np.mean(plain), "what finite bins make up is taken off"
    assert np.mean([each[0] for each in found]) < 1 / math.sqrt(n)


@pytest.mark.parametrize("sharpness", [2.0, 5.0])
def test_an_overconfident_one_is_found_out_by_as_much_as_it_lies(sharpness: float) -> None:
    logits, y = drawn(4000, sharpness=sharpness)
    found, low, high = calibration.error(logits, y)
    assert found == pytest.approx(plain_ece(logits, y), abs=0.01)
    assert found > 0.1
    assert low < found < high
    assert high - low < 0.06


def test_the_error_is_seeded_and_bears_large_logits() -> None:
    logits, y = drawn(200)
    assert calibration.error(logits, y) == calibration.error(logits, y)
    found = calibration.error((1e4 * logits).astype(np.float32), y)
    assert found[0] == pytest.approx(1 - (logits.argmax(1) == y).mean(), abs=0.02)


@pytest.mark.parametrize("design", DESIGNS)
def test_the_interval_holds_the_truth_as_often_as_it_says(design: str) -> None:
    """The benchmark has the whole table; here 20 repetitions of each error, whose sum may stray by 3 standard errors."""
    found = [covered(design, error, "shift", 20)["coverage"] for error in ERRORS]
    assert np.mean(found) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 80), found
    assert min(found) >= 0.75, found


def test_a_model_without_any_error_has_an_interval_that_begins_at_zero() -> None:
    sure = np.random.default_rng(0).uniform(0.5, 1, 400)
    right = (np.random.default_rng(1).random(400) < sure).astype(float)
    assert calibration.of_probabilities(sure, right)[1] == 0.0


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_handful_of_spectra_are_enough_for_figures(n: int) -> None:
    found, low, high = calibration.of_probabilities(np.full(n, 0.9), np.ones(n), np.array(["a"] * n))
    assert 0 <= low <= found <= high <= 1


def test_spectra_of_one_sample_say_less_than_as_many_samples() -> None:
    rng = np.random.default_rng(0)
    sample = np.repeat(np.arange(50), 10)
    sure = rng.beta(6, 1, 50)[sample]
    right = (rng.random(50)[sample] < sure - 0.1).astype(float)
    alone, together = (calibration.of_probabilities(sure, right, each) for each in (None, sample.astype(str)))
    assert together[2] - together[1] > 1.5 * (alone[2] - alone[1])


def given(n: int, samples: int) -> tuple[Array, Array, Array]:
    """Probabilities that are 0.08 too large, and answers of one sample that are right together."""
    rng = np.random.default_rng(0)
    sure, sample = rng.beta(5, 1, n), np.arange(n) * samples // n
    return sure, (rng.random(samples)[sample] < sure - 0.08).astype(float), sample.astype(str)


RECORDED = [
    (120, 40, False, (0.185095, 0.109744, 0.271667)),
    (120, 40, True, (0.194073, 0.087272, 0.323844)),
    (20, 20, False, (0.074647, 0.0, 0.31129)),
    (7000, 7000, False, (0.071214, 0.063319, 0.080836)),
    (900, 60, True, (0.06025, 0.0, 0.145718)),
]


@pytest.mark.parametrize(("n", "samples", "grouped", "expected"), RECORDED)
def test_figures_are_those_that_the_simulation_was_run_with(n: int, samples: int, grouped: bool, expected: Any) -> None:
    """Whoever changes them meaningfully runs `benchmarks.robustness.calibration` again: what it says of the coverage held for these."""
    sure, right, sample = given(n, samples)
    found = calibration.of_probabilities(sure, right, sample if grouped else None)
    assert found == pytest.approx(expected, abs=1e-4)
