"""One difference, one interval: how far two models are apart on one test part, or over several runs, seeds or folds.

On one test part (`of_samples`) a difference is taken spectrum by spectrum and its 95 % interval counts physical samples.

Over several runs (`of`) a difference is taken within each run, so that what is common to both sides cancels. Its 95 % interval is Student's t
over the runs, widened because the runs learn from much the same spectra (Nadeau, Bengio 2003, Mach. Learn. 52, 239: the variance of the mean is
(1 / runs + test / learnt) times the runs' own).

Every table that compares models takes its interval from here; that of a single accuracy is `scoring.interval`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

SURE = 0.975
Z = 1.959964
"""Standard errors on either side of 95 %."""


@dataclass(frozen=True)
class Mean:
    """A mean over spectra or runs and its 95 % interval; low, high: None from one sample or run, which tells no spread."""

    mean: float
    low: float | None
    high: float | None

    def worded(self, places: int = 3, sign: str = "+") -> str:
        """Give it as +0.099 [+0.077, +0.120]; sign: "" for what is no difference."""
        form = f"{sign}.{places}f"
        told = format(self.mean, form)
        return told if self.low is None else f"{told} [{format(self.low, form)}, {format(self.high, form)}]"


def of_samples(gaps: ArrayLike, sample: ArrayLike | None = None) -> Mean:
    """Give the mean of paired differences on one test part with its 95 % interval by physical sample.

    gaps: (n,) one model's share of right answers for a spectrum minus the other's, -1 to 1; of several seeds one after the other
    sample: (n,) the physical sample of each; None where samples are not known: each spectrum counts by itself
    The interval is Wald's on the effective number of spectra: n over the design effect, as `scoring.interval` has it; where all gaps are the
    same, each sample counts once. One spectrum is added that the first model alone names rightly, and one that the other alone does (Bonett,
    Price 2012, J. Educ. Behav. Stat. 37, 479): without them two models that happen to agree on few samples would be told to be equal for
    certain. `mean` is that of the spectra as they are.
    """
    centre, off, samples = _adjusted(gaps, sample)
    middle = float(np.asarray(gaps, np.float64).mean())
    if samples < 2:
        return Mean(middle, None, None)
    half = float(stats.t.ppf(SURE, samples + 1)) * off
    return Mean(middle, min(max(centre - half, -1.0), middle), max(min(centre + half, 1.0), middle))


def error(gaps: ArrayLike, sample: ArrayLike | None = None) -> float:
    """Give the standard error behind `of_samples`, for a step that asks whether a loss is sure; Z of them are 95 %."""
    return _adjusted(gaps, sample)[1]


def _adjusted(gaps: ArrayLike, sample: ArrayLike | None) -> tuple[float, float, int]:
    """Give centre and standard error with one spectrum more each way, and the number of samples."""
    found = np.asarray(gaps, np.float64)
    member = np.arange(len(found)) if sample is None else np.unique(np.asarray(sample), return_inverse=True)[1]
    sizes, middle, square = np.bincount(member).astype(np.float64), float(found.mean()), float(np.square(found).mean())
    n, samples, plain = float(len(found)), len(sizes), square - middle**2
    if plain > 1e-12 and samples > 1:
        off = np.square(np.bincount(member, found) - sizes * middle).sum() / n * samples / (samples - 1)
        n /= max(float(off) / plain, 1.0)
    else:
        n = float(samples)
    centre = n * middle / (n + 2)
    return centre, float(np.sqrt(((n * square + 2) / (n + 2) - centre**2) / (n + 1))), samples


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
