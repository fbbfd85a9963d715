"""Expected calibration error of the label that a model names, with an interval that holds where spectra are few and share samples.

The error is the mean over the spectra of |stated probability - share that is named rightly among spectra of such a probability|. What 15 bins show is
biased upwards by chance. Estimate and interval therefore come from inverting a test: for each candidate error e the answers are drawn anew from
probabilities that are off by e, spectra of one physical sample together, and e belongs to the interval where what was seen is no rarity.
The way in which probabilities are off, as a function of the probability, is that of a logistic recalibration (Platt 1999); correlation inside
samples is that of a Gaussian copula, matched to the residuals. `benchmarks/robustness/calibration.py` simulates the coverage (docs/report.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from edgespec.spectra import Ints, Words

Array = NDArray[Any]
BINS, STEPS = 15, 25
DRAWS, LEAST_DRAWS, CELLS = 300, 100, 600_000
BELOW, ABOVE = (
    0.03,
    0.012,
)  # how rarely the truth may lie below, above the interval; simulated, the sum is nearer to 0.05
FEW_DRAWS = 80
CORRELATIONS = np.array([0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.97])
SMALL = 1e-3
PRIOR = 0.5


@dataclass(frozen=True)
class _Seen:
    """What was stated and what was right: sure (n,), right (n,); bins (n, k) float32: 1 / n where a spectrum lies in a bin."""

    sure: Array
    right: Array
    bins: Array

    def error(self, right: Array) -> Array:
        """Give the binned error of answers (..., n)."""
        found: Array = np.abs(self.sure @ self.bins - right @ self.bins).sum(axis=-1)
        return found


def error(logits: Array, y: Ints, group: Words | None = None) -> tuple[float, float, float]:
    """Give the expected calibration error and its 95 % interval.

    logits: (n, classes); y: (n,); group: (n,) physical samples, or None where each spectrum is one
    """
    shifted = (logits - logits.max(1, keepdims=True)).astype(np.float64)
    sure = (np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)).max(1)
    right = (logits.argmax(1) == y).astype(np.float64)
    return of_probabilities(sure, right, group)


def of_probabilities(sure: Array, right: Array, group: Words | None = None) -> tuple[float, float, float]:
    """Give the error and its interval from probabilities (n,) of what was named, and whether that was right (n,)."""
    seen = _Seen(sure, right, _bins(sure))
    fitted = _recalibrated(sure, right)
    luck = _luck(seen, fitted, group)
    shape = sure - fitted
    size = float(np.abs(shape @ seen.bins).sum())
    shape = shape / size if size > SMALL else np.ones(len(sure))
    found = float(seen.error(right))
    errors, drawn = [], []
    for e in np.linspace(0, min(1.0, 2.5 * found + 0.1), STEPS):
        p = np.clip(sure - e * shape, 0, 1)
        errors.append(float(np.abs((sure - p) @ seen.bins).sum()))
        drawn.append(seen.error((luck < p).astype(np.float32)))
    rising, many = np.maximum.accumulate(errors), np.array(drawn)

    def where(share: float) -> float:
        """Give the error at which this share of the draws lies below what was seen."""
        values = np.maximum.accumulate(np.quantile(many, share, axis=1))
        return 0.0 if values[0] >= found else float(np.interp(found, values, rising))

    return where(0.5), where(1 - BELOW), where(ABOVE)


def _bins(sure: Array) -> Array:
    """Cut into bins of equal mass; equal probabilities share a bin."""
    n = len(sure)
    edges = np.unique(np.quantile(sure, np.linspace(0, 1, min(BINS, n) + 1)))
    which = np.searchsorted(edges[1:-1], sure, side="right")
    found = np.zeros((n, int(which.max()) + 1), np.float32)
    found[np.arange(n), which] = 1 / n
    return found


def _recalibrated(sure: Array, right: Array) -> Array:
    """Fit P(right) = expit(a + b logit(stated)) by Newton's method, with a weak pull towards a = 0, b = 1."""
    x = np.clip(logit(np.clip(sure, 1e-6, 1 - 1e-6)), -8, 8)
    columns, start = np.stack([np.ones_like(x), x], axis=1), np.array([0.0, 1.0])
    weights = start.copy()
    for _ in range(25):
        p = expit(columns @ weights)
        slope = columns.T @ (right - p) - PRIOR * (weights - start)
        curvature = (columns * (p * (1 - p))[:, None]).T @ columns + PRIOR * np.eye(2)
        step = np.clip(np.linalg.solve(curvature, slope), -1, 1)
        weights = weights + step
        if np.abs(step).max() < 1e-6:
            break
    found: Array = expit(columns @ weights)
    return found


def _luck(seen: _Seen, fitted: Array, group: Words | None) -> Array:
    """Draw (draws, n) uniform numbers, those of one sample as alike as the residuals of one sample are."""
    n = len(seen.sure)
    rng, draws = np.random.default_rng(0), int(np.clip(CELLS // n, LEAST_DRAWS, DRAWS))
    own = rng.standard_normal((draws, n)).astype(np.float32)
    if group is None:
        return np.asarray(ndtr(own))
    member = np.unique(group, return_inverse=True)[1]
    common = rng.standard_normal((draws, int(member.max()) + 1)).astype(np.float32)[:, member]
    wanted = _together(seen.right[None] - fitted, member)[0]
    some = slice(FEW_DRAWS)
    made = [
        _together((_mixed(common[some], own[some], each) < fitted) - fitted, member).mean() for each in CORRELATIONS
    ]
    rising = np.maximum.accumulate(made) + 1e-9 * np.arange(len(made))
    return _mixed(common, own, float(np.interp(wanted, rising, CORRELATIONS)))


def _mixed(common: Array, own: Array, correlation: float) -> Array:
    return np.asarray(ndtr(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own))


def _together(residuals: Array, member: Array) -> Array:
    """Sum the products of residuals (m, n) over all pairs of one sample."""
    sums = np.stack([np.bincount(member, weights=each) for each in residuals])
    found: Array = (sums**2).sum(axis=1) - (residuals**2).sum(axis=1)
    return found
