"""The model so far, the teacher, teaches a smaller one.

Loss: alpha * T^2 * KL(teacher || student) + (1 - alpha) * cross-entropy, teacher and student softened by T in the first term
(Hinton, Vinyals, Dean 2015, arXiv:1503.02531).
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
from edgespec.errors import Mistake
from edgespec.job import Fit, Job, Labels, Part, few
from edgespec.recipe import Call
from edgespec.spectra import Ints

UNKNOWN = -1  # the label of a spectrum whose label the student may not see


def run(
    job: Job,
    teacher: Checkpoint,
    *,
    student: Annotated[Call, "models"],
    temperature: Annotated[float, Gt(0)] = 2.0,
    alpha: Annotated[float, Interval(ge=0, le=1)] = 0.7,
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
    shape = {"points": teacher.points, "classes": teacher.classes}
    network = models.build(student, **shape, seed=job.seed)
    history = training.fit(
        network,
        job,
        fit,
        epoch_of=lambda epoch: bank[epoch % views],
        loss=lambda out, soft, y: kd_loss(out, soft, y, temperature, alpha),
        judge=_judge(job, teacher, on, labels),
        judged=training.samples(job, job.splits.rows(on, valid=True)),
        what=f"distill {student.name}",
    )
    facts = {"history": history, "labels_used": len(known) if alpha < 1 else 0, "spectra_used": len(rows)}
    controls = _controls(job, student, on, labels, known, len(rows), fit) if control else {}
    return models.save(network, student.name, job.folder, **shape, controls=controls, facts=facts)


def _check(job: Job, teacher: Checkpoint) -> None:
    points, classes = training.front(job).points, len(job.spectra.labels)
    if (teacher.points, teacher.classes) != (points, classes):
        raise Mistake(
            f"the teacher names {teacher.classes} classes on {teacher.points} points, the data have {classes} on {points}",
            hint="a teacher of these very classes and this axis",
        )


def kd_loss(out: Tensor, soft: Tensor, y: Tensor, temperature: float, alpha: float) -> Tensor:
    """Give Hinton's loss; spectra with an unknown label count in the teacher's term only.

    out, soft: (n, classes) logits of student and teacher; y: (n,) labels or UNKNOWN
    """
    student = functional.log_softmax(out / temperature, dim=1)
    target = functional.log_softmax(soft / temperature, dim=1)
    taught = temperature**2 * functional.kl_div(student, target, reduction="batchmean", log_target=True)
    if alpha == 1 or not (y != UNKNOWN).any():
        return alpha * taught
    return alpha * taught + (1 - alpha) * functional.cross_entropy(out, y, ignore_index=UNKNOWN)


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
    shape: dict[str, Any] = {"points": training.front(job).points, "classes": len(job.spectra.labels)}
    network = models.build(student, **shape, seed=job.seed)
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
    return models.save(network, student.name, job.folder / name, **shape, facts=facts)
