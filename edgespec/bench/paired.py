"""Two files of one session beside each other: the ratio of their latencies, round by round.

All files ran in every round, so a clock that changes or other work on the cores strikes both. The ratio of a round holds neither, and the median of
the rounds' ratios is told to a few percent on a busy machine too, where each file's own median is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgespec.bench import measurement as stats
from edgespec.bench.measurement import Interval
from edgespec.bench.session import Session

WORTH = 0.05
"""Latencies that differ by less are as good as the same: the smaller file is then worth more. Fixed, so that a session's noise does not choose."""


@dataclass(frozen=True)
class Pair:
    """One file's latency over another's: the median of the rounds' ratios, and its 95 % interval."""

    ratio: float
    interval: Interval

    @property
    def slower(self) -> bool:
        """Is the first told to be slower, by more than WORTH and beyond chance?"""
        return self.ratio > 1 + WORTH and self.interval[0] > 1

    @property
    def faster(self) -> bool:
        """Is the first told to be faster, by more than WORTH and beyond chance?"""
        return self.ratio < 1 / (1 + WORTH) and self.interval[1] < 1

    def words(self) -> str:
        """Give the ratio with its interval: "1.19 (1.17 to 1.21)"."""
        return f"{self.ratio:.2f} ({self.interval[0]:.2f} to {self.interval[1]:.2f})"


Pairs = Callable[[str, str], Pair]


def of_session(told: Session) -> Pairs:
    """Give what compares two files of a session by name; the same session gives the same pair."""
    rounds = [each["rounds"] for each in told.facts["processes"]]
    draws = stats.draw_rounds(rounds if len(rounds) > 1 else rounds[0], told.facts["seed"])
    medians: dict[str, stats.Floats] = {}

    def of(name: str) -> stats.Floats:
        if name not in medians:
            medians[name] = np.median(told.samples(name), axis=1)
        return medians[name]

    def pair(one: str, other: str) -> Pair:
        ratios = of(one) / of(other)
        order = np.argsort(ratios, kind="stable")
        below = np.cumsum(draws[:, order], axis=1)
        middle = (2 * below < below[:, -1:]).sum(axis=1)
        return Pair(float(np.median(ratios)), stats.interval(ratios[order][middle]))

    return pair
