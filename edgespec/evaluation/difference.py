"""One difference, one interval: how far two models are apart over several runs, seeds or folds.

A difference is taken within each run, so that what is common to both sides cancels. Its 95 % interval is Student's t over the runs,
widened because the runs learn from much the same spectra (Nadeau, Bengio 2003, Mach. Learn. 52, 239: the variance of the mean is
(1 / runs + test / learnt) times the runs' own). Every table that compares runs takes it from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

SURE = 0.975


@dataclass(frozen=True)
class Mean:
    """A mean over runs and its 95 % interval; low, high: None from one run, which tells no spread."""

    mean: float
    low: float | None
    high: float | None

    def worded(self, places: int = 3, sign: str = "+") -> str:
        """Give it as +0.099 [+0.077, +0.120]; sign: "" for what is no difference."""
        form = f"{sign}.{places}f"
        told = format(self.mean, form)
        return told if self.low is None else f"{told} [{format(self.low, form)}, {format(self.high, form)}]"


def of(gaps: Sequence[float], tested: Sequence[int], learnt: Sequence[int]) -> Mean:
    """Give the mean of paired differences.

    gaps: one a run; tested, learnt: how many spectra judged each run, and how many it learnt from (validation not counted)
    """
    return mean(gaps, float(np.mean([n / of if of else 0.0 for n, of in zip(tested, learnt, strict=True)])))


def mean(values: Sequence[float], overlap: float = 0.0) -> Mean:
    """Give the mean of what is no difference, such as an accuracy; overlap: test / learnt, as `of` takes it."""
    found, n = np.asarray(values, np.float64), len(values)
    middle = float(found.mean())
    if n < 2:
        return Mean(middle, None, None)
    half = float(stats.t.ppf(SURE, n - 1) * np.sqrt((1 / n + overlap) * found.var(ddof=1)))
    return Mean(middle, middle - half, middle + half)
