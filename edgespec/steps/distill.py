"""The model so far, the teacher, teaches a smaller one.

Loss: alpha * T^2 * KL(teacher || student) + (1 - alpha) * cross-entropy, teacher and student softened by T in the first term
(Hinton, Vinyals, Dean 2015, arXiv:1503.02531); the other losses are in `distillation`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt, Interval

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.job import Fit, Job, Labels, Part, few
from edgespec.recipe import Call
from edgespec.spectra import Ints
from edgespec.training import batches, loop
from edgespec.training import teacher as teachers
from edgespec.training.losses import Decoupled, kd_loss


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
    teachers.check(job, teacher)
    rows = job.splits.rows(on)
    known = batches.labelled(job, rows, few(labels))
    bank = teachers.bank(job, teacher, rows, known, views)
    network = models.build(student, points=teacher.points, classes=teacher.classes, seed=job.seed)
    history = loop.fit(
        network,
        job,
        fit,
        epoch_of=lambda epoch: bank[epoch % views],
        loss=lambda out, soft, y: kd_loss(out, soft, y, temperature, alpha, standardise, decoupled),
        judge=_judge(job, teacher, on, labels),
        judged=batches.samples(job, job.splits.rows(on, valid=True)),
        what=f"distill {student.name}",
    )
    used = len(known) if alpha < 1 or decoupled else 0
    facts = {"history": history, "labels_used": used, "spectra_used": len(rows)}
    controls = _controls(job, student, on, labels, known, len(rows), fit) if control else {}
    return batches.save(network, student.name, job, controls=controls, facts=facts)


def _judge(job: Job, teacher: Checkpoint, on: str | None, labels: str) -> batches.Judge:
    """With all labels: validation accuracy. With few: agreement with the teacher, which needs no label."""
    rows = job.splits.rows(on, valid=True)
    if few(labels) is None:
        return batches.accuracy(job, rows)
    x = batches.prepared(job, rows)
    named = batches.logits(models.load(teacher), x).argmax(1)
    return lambda model: float((batches.logits(model, x).argmax(1) == named).float().mean())


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
        names[name]: teachers.untaught(job, student, names[name], rows, count, fit, few(labels) is None)
        for name, rows in sources.items()
    }
