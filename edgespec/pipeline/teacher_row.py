"""The row of a teacher from outside: judged by its answers to the very test spectra that all other rows are judged on."""

from __future__ import annotations

import numpy as np

from edgespec.artifact import Checkpoint
from edgespec.evaluation import scoring
from edgespec.job import Job
from edgespec.report import Row


def of(job: Job, made: Checkpoint, number: int) -> list[Row]:
    """Give the row of a teacher from outside, by its answers to the test spectra; nothing where the teacher is a step of this run."""
    told = made.facts.get("teacher")
    if told is None:
        return []
    with np.load(made.folder / told["file"], allow_pickle=False) as held:
        logits = held["test"]
    y = job.spectra.y[job.splits.test]
    scores = scoring.judge(logits, y, scoring.groups(job)).plain()
    return [Row(number, "teacher", "teacher", told["named"], scores=scores, confusion=scoring.confusion(logits, y))]
