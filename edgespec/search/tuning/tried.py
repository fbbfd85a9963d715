"""A setting that was tried, how it was judged, and which of several wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgespec.evaluation import difference
from edgespec.recipe.setting import Setting
from edgespec.spectra import Words

Shares = NDArray[np.float64]
SHOWN = 8


@dataclass(eq=False)
class Tried:
    """A setting and how it was judged: by division and fold the share of right answers to each spectrum, clean and perturbed.

    sample: physical sample of each judged spectrum; failed: why it could not be trained
    """

    setting: Setting
    clean: list[Shares]
    perturbed: list[Shares]
    sample: list[Words]
    seconds: float = 0.0
    failed: str = ""

    @property
    def accuracy(self) -> float:
        """Share of the judged spectra that are named rightly."""
        return float(np.concatenate(self.clean).mean())

    @property
    def robust(self) -> float:
        """The same under the perturbations; nan where none was asked for."""
        return float(np.concatenate(self.perturbed).mean()) if self.perturbed else float("nan")


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    tried: all settings, the chosen one first; start: the draft's own; folds: of one division; spectra: outside the test part
    linear: name and accuracy of the best linear model on the same folds
    """

    tried: list[Tried]
    start: Tried
    folds: int
    spectra: int
    seconds: float
    one_instrument: bool
    linear: tuple[str, float]

    @property
    def chosen(self) -> Tried:
        """The setting that won."""
        return self.tried[0]

    def told(self) -> list[str]:
        """Say in lines what was tried and by what it was chosen."""
        whole = [each for each in self.tried if len(each.clean) >= self.folds]
        by = (
            "accuracy alone (one instrument)"
            if self.one_instrument
            else "accuracy, and of equals by perturbed accuracy"
        )
        kept = (
            "the draft's own setting stayed"
            if self.chosen is self.start
            else f"the draft's own had {_figures(self.start)} on {len(self.start.clean)} folds"
        )
        return [
            f"Chosen by tuning: {len(self.tried)} settings in {self.seconds / 60:.1f} minutes, {len(whole)} of them on all {self.folds} folds"
            f" (the best of them on as many more) of the {self.spectra} spectra outside the test part, by {by}.",
            f"The chosen one had {_figures(self.chosen)}, the best of many and so a little flattered; {kept};"
            f" the best linear model of the same folds ({self.linear[0]}): {self.linear[1]:.3f}.",
            *_warned(self.chosen.setting),
            *(f"  {_figures(each)} on {len(each.clean)} folds: {each.setting}" for each in self.tried[:SHOWN]),
        ]


def choose(whole: Sequence[Tried], start: Tried, one_instrument: bool) -> Tried:
    """Give the winner of settings that were judged on all folds: among those judged on most divisions, as `tuning.choose` says.

    start: the draft's own, which stays where the winner is not ahead of it by more than a standard error on the folds that both were judged on
    """
    most = max(len(each.clean) for each in whole)
    judged = [each for each in whole if len(each.clean) == most]
    best = max(judged, key=lambda each: each.accuracy)
    if not one_instrument:
        near = [each for each in judged if -gain(each, best) <= error(best, each)]
        best = max(near, key=lambda each: each.robust)
    return best if not start.clean or gain(best, start) > error(best, start) else start


def gain(one: Tried, other: Tried) -> float:
    """Give how much more accurate a setting is than another, on the folds that both were judged on."""
    return float(_apart(one, other)[0].mean())


def error(one: Tried, other: Tried) -> float:
    """Give the standard error of `gain`, by physical sample (`difference.error`)."""
    return difference.error(*_apart(one, other))


def _apart(one: Tried, other: Tried) -> tuple[Shares, Words]:
    folds = min(len(one.clean), len(other.clean))
    mine, theirs = (np.concatenate(each.clean[:folds]) for each in (one, other))
    return mine - theirs, np.concatenate(one.sample[:folds])


def _figures(tried: Tried) -> str:
    if tried.failed:
        return f"not trained ({tried.failed})"
    more = f" ({tried.robust:.3f} perturbed)" if tried.perturbed else ""
    return f"{tried.accuracy:.3f}{more}"


def _warned(chosen: Setting) -> list[str]:
    """Say what a setting asks of the spectra that will come."""
    kept = (
        ["Intensities are taken as measured: keep laser power, exposure and detector."] if not chosen.preprocess else []
    )
    still = (
        ["Nothing is varied in training: expect the model to fail on another instrument."]
        if chosen.augment is None
        else []
    )
    return [*kept, *still]
