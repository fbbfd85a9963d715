"""Could chance explain a loss? Tests that count physical samples, and how small a loss a test part can see.

Spectra of one sample are named rightly together: a test that counts each spectrum finds losses that are none. Signs are therefore
flipped sample by sample (Fisher's randomisation test); with one spectrum a sample this is McNemar's exact test (1947, Psychometrika 12, 153).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FLIPS = 4000
DRAWS = 400
POWER = 0.8
CHANCE = 0.05
LOSSES = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
CHURN = 0.01
"""Share of spectra that a change of no consequence names otherwise, half of them to the worse."""

Numbers = NDArray[np.float64]


def lost(before: Numbers, after: Numbers, sample: NDArray[np.int64]) -> float:
    """Give the probability (one-sided) that so much is lost where nothing has become worse.

    before, after: (n,) how rightly each spectrum was named, 0 to 1; sample: (n,) its physical sample
    """
    apart = np.bincount(sample, np.subtract(before, after, dtype=np.float64))
    apart = apart[np.abs(apart) > 1e-9]
    if not len(apart):
        return 1.0
    if len(np.unique(np.abs(apart).round(9))) == 1:  # a sign test, which is exact
        return float(stats.binomtest(int((apart > 0).sum()), len(apart), alternative="greater").pvalue)
    drawn = np.random.default_rng(0).choice([-1.0, 1.0], size=(FLIPS, len(apart))) @ apart
    return float((1 + (drawn >= apart.sum() - 1e-9).sum()) / (1 + FLIPS))


def worse(before: float, after: float, errors: tuple[float, float]) -> float:
    """Give the probability (one-sided) that `after` is above `before` by so much where both are the same, from their standard errors."""
    error = float(np.hypot(*errors))
    return float(stats.norm.sf((after - before) / error)) if error > 0 else float(after <= before)


def auroc_error(auroc: float, known: int, unknown: int) -> float:
    """Give the standard error of an area under the ROC curve (Hanley, McNeil 1982, Radiology 143, 29)."""
    a, one, two = auroc, auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    variance = a * (1 - a) + (known - 1) * (one - a * a) + (unknown - 1) * (two - a * a)
    return float(np.sqrt(max(variance, 0.0) / (known * unknown)))


@lru_cache
def visible(right: tuple[bool, ...], sample: tuple[int, ...]) -> float | None:
    """Give the smallest loss of accuracy that this test part finds four times in five (p < 0.05); None where it finds none of LOSSES.

    right: which spectra the file names rightly now; sample: of which physical sample each is. Losses strike spectra at random.
    """
    whole, which = np.array(right), np.array(sample)
    rng = np.random.default_rng(0)
    for loss in LOSSES:
        if loss > whole.mean():
            return None
        seen = 0
        for _ in range(DRAWS):
            luck = rng.random(len(whole))
            down = whole & (luck < loss / whole.mean() + CHURN / 2)
            up = ~whole & (luck < CHURN / 2)
            seen += _found(np.bincount(which, down.astype(float) - up.astype(float)))
        if seen >= POWER * DRAWS:
            return loss
    return None


def _found(apart: NDArray[Any]) -> bool:
    """Would `lost` be below CHANCE? By its normal approximation, and by the sign test's least number of samples."""
    moved = apart[apart != 0]
    if len(moved) < 5:
        return False
    return bool(moved.sum() / np.sqrt((moved**2).sum()) > stats.norm.ppf(1 - CHANCE))
