"""The threshold below which an answer is "unknown": a conformal quantile of validation scores, by physical sample, and what it guarantees.

Each sample weighs the same however many spectra it has, and the sample to come weighs as much as one of them (hierarchical conformal prediction: Lee,
Barber, Willett 2023, arXiv:2306.06342). With m samples a spectrum of a new one is accepted with a chance of at least 1 - k / (m + 1), over validation
parts and spectra; k samples may lie below the threshold. For the one validation part that there is, the share accepted follows
Beta(m + 1 - k, k) where each sample has one spectrum (Vovk 2012, arXiv:1209.2673): its 5 % quantile is told as well.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FAR = 0.05  # how far below what was asked the guarantee may lie before a note tells it
RARELY = 0.05


@dataclass(frozen=True)
class Acceptance:
    """What a threshold lets pass of spectra of known substances.

    asked: the share that was asked for; mean: at least this share on average over validation parts; low: at least this share in 19 of 20 of them
    samples: physical samples that the threshold was set on
    """

    asked: float
    mean: float
    low: float
    samples: int

    def plain(self) -> dict[str, Any]:
        """For a contract and a report."""
        return {name: round(each, 4) for name, each in asdict(self).items()}


def threshold(score: NDArray[Any], sample: NDArray[Any] | None, asked: float) -> tuple[float, Acceptance]:
    """Give the threshold and what it guarantees.

    score: (n,) of validation spectra, larger is better known; sample: (n,) physical samples, or None where each spectrum is one
    asked: share to be accepted; with fewer than 1 / (1 - asked) samples the smallest score is the threshold, and less is guaranteed
    """
    member = np.arange(len(score)) if sample is None else np.unique(sample, return_inverse=True)[1]
    weight = 1 / np.bincount(member)[member]
    m = int(member.max()) + 1
    below = max(int(np.floor((1 - asked) * (m + 1) + 1e-9)), 1)  # samples, the one to come included, that may lie below
    order = np.argsort(score, kind="stable")
    values = score[order]
    under = np.concatenate([[0.0], np.cumsum(weight[order])[:-1]])  # samples' worth of spectra before each
    first = np.searchsorted(values, values, side="left")  # of equal scores
    allowed = values[under[first] <= below - 1 + 1e-9]
    low = float(stats.beta.ppf(RARELY, m + 1 - below, below))
    return float(allowed[-1]), Acceptance(asked, 1 - below / (m + 1), low, m)


def told(accepts: dict[str, Any]) -> str:
    """Say what a threshold guarantees, where that is far from what was asked; "" where it is near or not known. accepts: as a contract has it"""
    if not accepts or accepts["low"] >= accepts["asked"] - FAR:
        return ""
    many = "s" if accepts["samples"] != 1 else ""
    enough = int(np.ceil(1 / max(1 - accepts["asked"], 1e-3) - 1 - 1e-9))
    return (
        f"'unknown' rests on {accepts['samples']} validation sample{many}: {accepts['mean']:.0%} of known spectra are accepted on average, "
        f"{accepts['low']:.0%} in a bad case; {accepts['asked']:.0%} were asked for. At least {enough} validation samples are needed"
    )
