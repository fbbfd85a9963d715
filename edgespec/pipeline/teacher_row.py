"""The row of a teacher from outside: judged by its answers to the very test spectra that all other rows are judged on."""

from __future__ import annotations

import numpy as np

from edgespec.artifact import Checkpoint
from edgespec.evaluation import scoring
from edgespec.job import Job
from edgespec.report import Row, right_answers


def of(job: Job, made: Checkpoint, number: int) -> list[Row]:
    """Give the row of a teacher from outside, by its answers to the test spectra; nothing where the teacher is a step of this run."""
    told = made.facts.get("teacher")
    if told is None:
        return []
    with np.load(made.folder / told["file"], allow_pickle=False) as held:
        logits = held["test"]
    y = job.spectra.y[job.splits.test]
    scores = scoring.judge(logits, y, scoring.groups(job)).plain()
    right = {right_answers.CLEAN: right_answers.pack(logits.argmax(1) == y)}
    counts = scoring.confusion(logits, y)
    return [Row(number, "teacher", "teacher", told["named"], scores=scores, confusion=counts, right=right)]
