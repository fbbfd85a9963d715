"""End a training that promises nothing, where there are several objectives and Optuna itself ends none.

Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934) with the order by non-dominated fronts that multi-objective
successive halving uses (Schmucker et al. 2021, arXiv:2106.12639): at a quarter and at half of a step's epochs a network is compared
with all that came so far, by validation accuracy and number of weights, and goes on only where fewer than half of them stand
in better fronts. So a small network is not ended for being less accurate than large ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import optuna

from edgespec.search import study

RUNGS = (0.25, 0.5)
KEPT, FEWEST = 0.5, 4  # share that goes on; trials at a rung before anything is ended there
Standing = tuple[float, int]
"""Validation accuracy and weights of a network at a rung."""


class Ended(Exception):
    """A training was ended early: it is no error."""


@dataclass
class Rungs:
    """The watch over one step's first training in one trial; controls and further rounds of the step are left alone.

    judged: physical samples that the accuracy stands on
    """

    trial: optuna.Trial
    step: int
    judged: int
    over: bool = False
    passed: list[float] = field(default_factory=list)

    def __call__(self, epoch: int, epochs: int, score: float, params: int) -> None:
        """Note how the network stands at each rung; raise Ended where it should not go on."""
        for share in [each for each in RUNGS if not self.over and each not in self.passed and epoch >= each * epochs]:
            self.passed.append(share)
            name = f"rung {self.step} {share:g}"
            self.trial.set_user_attr(name, [score, params])
            others = [
                tuple(each.user_attrs[name])
                for each in study.counting(self.trial.study.get_trials(deepcopy=False))
                if name in each.user_attrs and each.number != self.trial.number
            ]
            if not goes_on((score, params), others, self.judged):
                text = f"{score:.3f} on validation and {params} weights after {epoch} of {epochs} epochs"
                raise Ended(f"{text}: more than half of {len(others)} others stand better")
        self.over = self.over or epoch >= epochs


def goes_on(mine: Standing, others: Sequence[Standing], judged: int) -> bool:
    """Tell whether a network should train on, beside those that came to the same rung."""
    if len(others) < FEWEST:
        return True
    fronts = ranks([mine, *others], judged)
    return sum(each < fronts[0] for each in fronts[1:]) < KEPT * len(others)


def ranks(standings: Sequence[Standing], judged: int) -> list[int]:
    """Give the front of each: 0 where none dominates it, 1 where only those of front 0 do, and so on (Deb et al. 2002)."""
    left, found, front = set(range(len(standings))), [0] * len(standings), 0
    while left:
        best = {i for i in left if not any(_dominates(standings[j], standings[i], judged) for j in left)}
        for i in best or left:
            found[i] = front
        left -= best or set(left)
        front += 1
    return found


def _dominates(one: Standing, other: Standing, judged: int) -> bool:
    """Is `one` no larger, and more accurate by more than the standard error of either on so few samples?"""
    share = (max(one[0], other[0]) * judged + 1) / (judged + 2)
    return one[1] <= other[1] and one[0] - other[0] > math.sqrt(share * (1 - share) / max(judged, 1))
