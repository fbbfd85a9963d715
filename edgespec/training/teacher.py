"""What steps with a teacher share: is it the right one, what does it answer, and what would the student be without it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.errors import Mistake
from edgespec.job import Fit, Job
from edgespec.recipe import Call
from edgespec.spectra import Ints
from edgespec.training import batches, loop
from edgespec.training.losses import UNKNOWN

SAME = 1e-3  # cm-1; ends of two axes that are nearer than this are the same


def check(
    job: Job,
    teacher: Checkpoint,
    called: str = "the teacher",
    hint: str = "a teacher of these very classes and this axis",
) -> None:
    """Raise Mistake where the teacher answers another question; one that carries no labels and no axis is judged by their numbers."""
    points, classes = job.front().points, len(job.spectra.labels)
    if (teacher.points, teacher.classes) != (points, classes):
        raise Mistake(
            f"{called} names {teacher.classes} classes on {teacher.points} points, the data have {classes} on {points}",
            hint,
        )
    for i, (theirs, ours) in enumerate(zip(teacher.facts.get("labels", ()), job.spectra.labels, strict=False)):
        if theirs != ours:
            raise Mistake(f"{called}'s class {i + 1} is {theirs!r}, the data's is {ours!r}", hint)
    mine = batches.axis(job)
    axis = teacher.facts.get("axis", mine)
    if any(abs(axis[key] - mine[key]) > SAME for key in mine):
        words = [f"{each['low']:g} to {each['high']:g} cm-1 in {each['points']:g} points" for each in (axis, mine)]
        raise Mistake(f"{called}'s axis is {words[0]}, the data's is {words[1]}", hint)


def bank(job: Job, teacher: Checkpoint, rows: Ints, known: Ints, views: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Ask the teacher once about several variations of each spectrum: (x, logits, labels) a view."""
    network = models.load(teacher)
    y = torch.where(torch.from_numpy(np.isin(rows, known)), batches.labels(job, rows), UNKNOWN)
    found = []
    job.progress.begin("ask the teacher", views)
    for view in range(views):
        x = batches.varied(job, rows, seed=job.seed * 1000 + 500 + view)
        found.append((x, batches.remembered(job, partial(batches.logits, network), x), y))
        job.progress.advance(view + 1, f"{len(rows)} spectra")
    job.progress.end()
    return found


def untaught(job: Job, student: Call, name: str, rows: Ints, count: int, fit: Fit, judged: bool) -> Checkpoint:
    """Train by cross-entropy, `count` spectra an epoch however few there are; the last epoch counts where no label is left to judge by."""
    points, classes = job.front().points, len(job.spectra.labels)
    network = models.build(student, points=points, classes=classes, seed=job.seed)

    def epoch_of(epoch: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([job.seed, 13])
        for _ in range(epoch + 2):  # each epoch's order follows from those before it
            order = rng.permutation(rows)
        drawn = np.resize(order, count)
        return batches.varied(job, drawn, seed=job.seed * 1000 + epoch), batches.labels(job, drawn)

    valid = job.splits.rows(None, valid=True)
    judge = batches.accuracy(job, valid) if judged else None
    taught: dict[str, Any] = {
        "epoch_of": epoch_of,
        "loss": functional.cross_entropy,
        "judge": judge,
        "judged": batches.samples(job, valid),
        "what": name,
    }
    history = loop.fit(network, job, fit, **taught)
    facts = {"history": history, "labels_used": len(rows), "spectra_used": len(rows)}
    return batches.save(network, student.name, job, job.folder / name, facts=facts)
