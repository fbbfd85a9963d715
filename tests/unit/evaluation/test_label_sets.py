"""Sets of labels hold the right one as often as they say, sample by sample, and are no longer than that needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgespec.evaluation import label_sets

CLASSES, EACH, NEW = 6, 4, 60


def drawn(rng: Any, samples: int) -> tuple[Any, Any, Any]:
    """Logits, labels and samples: spectra of a sample share most of their error, so they are right or wrong together."""
    y = np.repeat(rng.integers(0, CLASSES, samples), EACH)
    sample = np.repeat(np.arange(samples), EACH)
    logits = rng.normal(0, 1.2, (samples, CLASSES))[sample] + rng.normal(0, 0.4, (len(y), CLASSES))
    logits[np.arange(len(y)), y] += 2.5
    return logits, y, sample


@pytest.mark.parametrize(("samples", "asked"), [(30, 0.9), (100, 0.95), (12, 0.95)])
def test_simulated_sets_hold_the_right_label_as_often_as_they_say(samples: int, asked: float) -> None:
    rng = np.random.default_rng(0)
    held, sizes, promised = [], [], 0.0
    for _ in range(300):
        logits, y, sample = drawn(rng, samples)
        least, accepts = label_sets.fit(logits, y, sample, asked)
        new, truth, _ = drawn(rng, NEW)
        held.append(label_sets.coverage(new, truth, least))
        sizes.append(label_sets.members(new, least).sum(1).mean())
        promised = accepts.mean
    assert promised == pytest.approx(1 - max(int((1 - asked) * (samples + 1)), 1) / (samples + 1))
    error = np.std(held) / np.sqrt(len(held))
    assert np.mean(held) > promised - 3 * error
    assert np.mean(held) < promised + 0.05, "nor far more, which would make them long"
    assert 1 <= np.mean(sizes) < CLASSES


def test_the_likeliest_label_is_always_in_the_set() -> None:
    logits = np.log([[0.5, 0.3, 0.2], [0.4, 0.35, 0.25], [0.98, 0.01, 0.01]])
    assert label_sets.members(logits, 0.3 - 1e-9).tolist() == [[1, 1, 0], [1, 1, 0], [1, 0, 0]]
    assert label_sets.members(logits, 0.6).tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0]]


def test_the_spectrum_that_sets_the_threshold_is_covered_however_a_runtime_rounds() -> None:
    logits = np.log([[0.9, 0.1], [0.3, 0.7]])
    least, _ = label_sets.fit(logits, np.array([0, 0]), None, 0.5)
    assert 0.3 * (1 - 1e-4) < least < 0.3 * (1 - 1e-6)
    assert label_sets.coverage(logits.astype(np.float32), np.array([0, 0]), least) == 1.0


def test_sets_are_judged_spectrum_by_spectrum_and_class_by_class() -> None:
    logits = np.log([[0.6, 0.3, 0.1], [0.5, 0.1, 0.4], [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
    found = label_sets.measure(logits, np.array([1, 1, 0, 2]), 0.25, np.array(["a", "a", "b", "c"]))
    assert (found["coverage"], found["size"], found["alone"]) == (0.75, 1.5, 0.5)
    assert found["classes"] == [[0, 1, 1], [1, 2, 1], [2, 1, 1]]
    assert 0 < found["coverage_low"] < 0.75 < found["coverage_high"] <= 1
