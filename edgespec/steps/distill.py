"""The model so far, the teacher, teaches a smaller one.

Loss: alpha * T^2 * KL(teacher || student) + (1 - alpha) * cross-entropy, teacher and student softened by T in the first term
(Hinton, Vinyals, Dean 2015, arXiv:1503.02531); the other losses are in `distillation`.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Gt, Interval
from torch import Tensor
from torch.nn import functional

from edgespec import models, training
from edgespec.artifact import Checkpoint
from edgespec.distillation import UNKNOWN, Decoupled, kd_loss
from edgespec.errors import Mistake
from edgespec.job import Fit, Job, Labels, Part, few
from edgespec.recipe import Call
from edgespec.spectra import Ints

SAME = 1e-3  # cm-1; ends of two axes that are nearer than this are the same


def run(
    job: Job,
    teacher: Checkpoint,
    *,
    student: Annotated[Call, "models"],
    temperature: Annotated[float, Gt(0)] = 2.0,
    alpha: Annotated[float, Interval(ge=0, le=1)] = 0.7,
    standardise: bool = False,
    decoupled: Decoupled | None = None,
    on: Part = None,
    labels: Labels = "all",
    views: Annotated[int, Gt(0)] = 8,
    control: bool = True,
    fit: Fit = Fit(),
) -> Checkpoint:
    """Train `student` to answer as the teacher does.

    student: the smaller model.
    temperature: how far both answers are softened; 1 leaves them as they are. Above 2 it harms small students that have all labels.
    alpha: the teacher's share of the loss; 0 is plain training.
    standardise: bring each spectrum's logits to mean 0 and deviation 1 before they are softened (Sun et al. 2024, arXiv:2403.01427).
    decoupled: weigh the target class and the others apart (Zhao et al. 2022, arXiv:2203.08679); the target is the label, and where the
        student may not see it, the teacher's first choice.
    on: the training part whose spectra the student sees; all of them if not said.
    labels: how many labels the student may see, "all" or "N per class"; it sees all spectra.
    views: variations of each spectrum that the teacher is asked about, once, before the student starts.
    control: train the same student for as long without the teacher: on its labels alone, and on the other training parts where there are any.
    fit: how long and how fast to train.
    """
    _check(job, teacher)
    rows = job.splits.rows(on)
    known = training.labelled(job, rows, few(labels))
    bank = _taught(job, teacher, rows, known, views)
    network = models.build(student, points=teacher.points, classes=teacher.classes, seed=job.seed)
    history = training.fit(
        network,
        job,
        fit,
        epoch_of=lambda epoch: bank[epoch % views],
        loss=lambda out, soft, y: kd_loss(out, soft, y, temperature, alpha, standardise, decoupled),
        judge=_judge(job, teacher, on, labels),
        judged=training.samples(job, job.splits.rows(on, valid=True)),
        what=f"distill {student.name}",
    )
    used = len(known) if alpha < 1 or decoupled else 0
    facts = {"history": history, "labels_used": used, "spectra_used": len(rows)}
    controls = _controls(job, student, on, labels, known, len(rows), fit) if control else {}
    return training.save(network, student.name, job, controls=controls, facts=facts)


def _check(job: Job, teacher: Checkpoint) -> None:
    """Raise Mistake where the teacher answers another question; one that carries no labels and no axis is judged by their numbers."""
    hint = "a teacher of these very classes and this axis"
    points, classes = training.front(job).points, len(job.spectra.labels)
    if (teacher.points, teacher.classes) != (points, classes):
        raise Mistake(
            f"the teacher names {teacher.classes} classes on {teacher.points} points, the data have {classes} on {points}",
            hint,
        )
    for i, (theirs, ours) in enumerate(zip(teacher.facts.get("labels", ()), job.spectra.labels, strict=False)):
        if theirs != ours:
            raise Mistake(f"the teacher's class {i + 1} is {theirs!r}, the data's is {ours!r}", hint)
    mine = training.axis(job)
    axis = teacher.facts.get("axis", mine)
    if any(abs(axis[key] - mine[key]) > SAME for key in mine):
        words = [f"{each['low']:g} to {each['high']:g} cm-1 in {each['points']:g} points" for each in (axis, mine)]
        raise Mistake(f"the teacher's axis is {words[0]}, the data's is {words[1]}", hint)


def _taught(job: Job, teacher: Checkpoint, rows: Ints, known: Ints, views: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Ask the teacher once about several variations of each spectrum: (x, logits, labels) a view."""
    network = models.load(teacher)
    y = torch.where(torch.from_numpy(np.isin(rows, known)), training.labels(job, rows), UNKNOWN)
    bank = []
    job.progress.begin("ask the teacher", views)
    for view in range(views):
        x = training.varied(job, rows, seed=job.seed * 1000 + 500 + view)
        bank.append((x, training.logits(network, x), y))
        job.progress.advance(view + 1, f"{len(rows)} spectra")
    job.progress.end()
    return bank


def _judge(job: Job, teacher: Checkpoint, on: str | None, labels: str) -> training.Judge:
    """With all labels: validation accuracy. With few: agreement with the teacher, which needs no label."""
    rows = job.splits.rows(on, valid=True)
    if few(labels) is None:
        return training.accuracy(job, rows)
    x = training.prepared(job, rows)
    named = training.logits(models.load(teacher), x).argmax(1)
    return lambda model: float((training.logits(model, x).argmax(1) == named).float().mean())


def _controls(
    job: Job, student: Call, on: str | None, labels: str, known: Ints, count: int, fit: Fit
) -> dict[str, Checkpoint]:
    """Train the same student for as many steps without a teacher, on what else it might have learnt from."""
    sources = {"": known}
    others = [name for name in job.splits.names if on and name != on]
    for name in others:
        sources[name] = job.splits.rows(name)
        sources[f"{name}+labels"] = np.concatenate([job.splits.rows(name), known])
    names = {name: f"control-{name}".rstrip("-") for name in sources}
    return {
        names[name]: _untaught(job, student, names[name], rows, count, fit, few(labels) is None)
        for name, rows in sources.items()
    }


def _untaught(job: Job, student: Call, name: str, rows: Ints, count: int, fit: Fit, judged: bool) -> Checkpoint:
    """Train by cross-entropy, `count` spectra an epoch however few there are; the last epoch counts where no label is left to judge by."""
    points, classes = training.front(job).points, len(job.spectra.labels)
    network = models.build(student, points=points, classes=classes, seed=job.seed)
    rng = np.random.default_rng([job.seed, 13])

    def epoch_of(epoch: int) -> tuple[Tensor, Tensor]:
        drawn = np.resize(rng.permutation(rows), count)
        return training.varied(job, drawn, seed=job.seed * 1000 + epoch), training.labels(job, drawn)

    valid = job.splits.rows(None, valid=True)
    judge = training.accuracy(job, valid) if judged else None
    taught: dict[str, Any] = {
        "epoch_of": epoch_of,
        "loss": functional.cross_entropy,
        "judge": judge,
        "judged": training.samples(job, valid),
        "what": name,
    }
    history = training.fit(network, job, fit, **taught)
    facts = {"history": history, "labels_used": len(rows), "spectra_used": len(rows)}
    return training.save(network, student.name, job, job.folder / name, facts=facts)
