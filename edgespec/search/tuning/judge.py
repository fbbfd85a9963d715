"""The folds by which settings are judged, and the clock."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgespec.artifact import Checkpoint
from edgespec.data import splits
from edgespec.evaluation import robustness, scoring
from edgespec.job import Job, Silent
from edgespec.recipe import Call, Split
from edgespec.recipe.schema import Binder
from edgespec.recipe.setting import Setting
from edgespec.search import fold
from edgespec.search.tuning.tried import Tried
from edgespec.spectra import Ints, Words


class Judge:
    """The folds of the data and the clock."""

    def __init__(self, job: Job, split: Split, count: int, budget: float, one_instrument: bool) -> None:
        self.job, self.split, self.count, self.budget, self.one = job, split, count, budget, one_instrument
        self.began = time.monotonic()
        self.parts = [splits.folds(job.spectra, split, count, repeat) for repeat in range(2)]
        job.progress.begin("tune", max(round(budget), 1))

    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def over(self, more: float, share: float = 1.0) -> bool:
        """Would so many seconds more go beyond the budget?"""
        return self.spent() + more > share * self.budget

    def judge(self, tried: Tried, number: int) -> None:
        """Train with one fold held away and note what is named rightly. number: from 0; the second division follows the first"""
        repeat, at = divmod(number, self.count)
        test, began = self.parts[repeat][at], time.monotonic()
        mine = self.around(tried.setting, test, seed=number)
        with tempfile.TemporaryDirectory() as name:
            *_, (_, _, made) = fold.through(mine, _bound(tried.setting), Path(name))
            assert isinstance(made, Checkpoint)
            right = scoring.answers(mine, made, test).argmax(1) == mine.spectra.y[test]
            tried.clean.append(right.astype(np.float64))
            if not self.one:
                tried.perturbed.append(robustness.right(mine, made))
        tried.sample.append(self._samples(test))
        tried.seconds = time.monotonic() - began
        note = f"{tried.accuracy:.3f} on {len(tried.clean)} folds"
        self.job.progress.advance(min(round(self.spent()), round(self.budget)), note)

    def around(self, setting: Setting, test: Ints, seed: int) -> Job:
        """Give the job of one fold."""
        parts = splits.around(self.job.spectra, self.split, test, seed)
        return replace(
            self.job, splits=parts, preprocess=setting.preprocess, augment=setting.augment, seed=seed, progress=Silent()
        )

    def linear(self, setting: Setting) -> tuple[str, float]:
        """Give the best linear model on the folds of the first division, its front the draft's or SNV, whichever is better for it."""
        found: dict[str, float] = {}
        for front in (setting.preprocess, (Call("snv"),)):
            right: dict[str, int] = {}
            for number, test in enumerate(self.parts[0]):
                mine = self.around(replace(setting, preprocess=front), test, number)
                for name, count in fold.linear(mine, tuple(_bound(setting)[:1])).items():
                    right[name] = right.get(name, 0) + count
            judged = sum(len(each) for each in self.parts[0])
            found |= {
                name: max(count / judged, found.get(name, 0.0))
                for name, count in right.items()
                if not any(each in name for each in ("svm", "1-NN"))
            }
        name = max(found, key=lambda each: found[each])
        return name.removeprefix("baseline "), found[name]

    def _samples(self, rows: Ints) -> Words:
        group = self.job.spectra.group
        return rows.astype(str) if group is None else group[rows].astype(str)


def _bound(setting: Setting) -> list[Call]:
    return [Binder(str).call("steps", each, (), "") for each in setting.steps()]
