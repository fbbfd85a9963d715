"""Signs of physical samples that nobody named: neighbours in a data set that are far more alike than others of their class.

Spectra of one sample are mostly stored one after the other. So the similarity of neighbours is compared with that of any two spectra of
the class, and the order is shuffled to see what chance does (a permutation test, after Fisher 1935).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgespec.spectra import Spectra

WINDOW_CM1 = 62.0  # what is wider than this is background, which drifts with time whatever is measured
MOST, FEWEST = 2000, 8  # rows that are looked at; rows of a class below which nothing can be told
SHUFFLES, CHANCE, ALIKE = 999, 0.001, 0.55
PAIRS = 4000


@dataclass(frozen=True)
class Signs:
    """share: of pairs of one class that are less alike than two neighbours are, 0.5 where the order means nothing; p: by chance"""

    share: float
    p: float

    @property
    def found(self) -> bool:
        """Do neighbours look like spectra of one sample?"""
        return self.p <= CHANCE and self.share >= ALIKE

    def told(self) -> str:
        """Say it in a sentence."""
        return (
            f"neighbours in the data are more alike than {self.share:.0%} of the pairs of their class (50% where the order means nothing): "
            "spectra of one physical sample, or of one day, probably stand together; name the samples, or accuracy is overestimated"
        )


def look(spectra: Spectra) -> Signs | None:
    """Compare neighbours with pairs of their class; None where samples are known, or classes are too small to tell.

    The order of the rows counts, as the data set gives them.
    """
    if spectra.group is not None:
        return None
    classes = [rows for label in np.unique(spectra.y) if len(rows := np.flatnonzero(spectra.y == label)) >= FEWEST]
    if not classes:
        return None
    share = max(1, round(MOST / len(classes)))
    rng = np.random.default_rng(29)
    held = [_Class(_unit(spectra, rows[:share]), rng) for rows in classes]
    weights = np.array([each.n for each in held], dtype=np.float64)
    real = float(np.average([each.share(np.arange(each.n)) for each in held], weights=weights))
    shuffled = [
        float(np.average([each.share(rng.permutation(each.n)) for each in held], weights=weights))
        for _ in range(SHUFFLES)
    ]
    beyond = sum(each >= real for each in shuffled)
    return Signs(real, (beyond + 1) / (SHUFFLES + 1))


class _Class:
    """Spectra of one class, and how alike any two of them are."""

    def __init__(self, x: NDArray[np.float32], rng: np.random.Generator) -> None:
        self.n = len(x)
        alike = x @ x.T
        one, other = rng.integers(self.n, size=(2, PAIRS))
        pairs = np.sort(alike[one, other][one != other])
        self.less = np.searchsorted(pairs, alike) / len(pairs)  # (n, n): share of pairs that are less alike

    def share(self, order: NDArray[np.int64]) -> float:
        """Give the share of pairs that are less alike than neighbours in this order are."""
        return float(self.less[order[:-1], order[1:]].mean())


def _unit(spectra: Spectra, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, points): without what is wider than the window, each of length 1."""
    from scipy.ndimage import uniform_filter1d

    x = spectra.x[rows].astype(np.float64)
    points = max(round(WINDOW_CM1 / float(np.median(np.diff(spectra.axis)))) | 1, 3)
    sharp = x - uniform_filter1d(x, points, axis=1, mode="nearest")
    lengths = np.maximum(np.linalg.norm(sharp, axis=1, keepdims=True), 1e-12)
    return np.asarray(sharp / lengths, dtype=np.float32)
