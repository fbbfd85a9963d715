"""The model so far, or a teacher from outside, teaches a smaller one.

Loss: alpha * T^2 * KL(teacher || student) + (1 - alpha) * cross-entropy, teacher and student softened by T in the first term
(Hinton, Vinyals, Dean 2015, arXiv:1503.02531); the other losses are in `distillation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Interval

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.compression.teachers import asking
from edgespec.compression.teachers.asking import Teacher
from edgespec.job import Fit, Job, Labels, Part, few
from edgespec.recipe import Call
from edgespec.spectra import Ints
from edgespec.training import batches
from edgespec.training import teacher as teachers
from edgespec.training.losses import Decoupled
from edgespec.training.teacher import Asked, Lesson, Round

TEACHER = "teacher.npz"  # its answers to the test spectra, for its row of the report


def run(
    job: Job,
    before: Checkpoint | None = None,
    *,
    student: Annotated[Call, "models"],
    temperature: Annotated[float, Gt(0)] = 2.0,
    alpha: Annotated[float, Interval(ge=0, le=1)] = 0.7,
    standardise: bool = False,
    decoupled: Decoupled | None = None,
    teacher: Teacher | None = None,
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
    teacher: one from outside: a program, a file of answers, ONNX files, steps of other runs; the step then stands first.
    on: the training part whose spectra the student sees; all of them if not said.
    labels: how many labels the student may see, "all" or "N per class"; it sees all spectra.
    views: variations of each spectrum that the teacher is asked about, once, before the student starts.
    control: train the same student for as long without the teacher: on its labels alone, and on the other training parts where there are any.
    fit: how long and how fast to train.
    """
    lesson = Lesson(temperature, alpha, on, views, control, fit, labels, standardise, decoupled)

    def untrained() -> Iterator[Round]:
        """Draw the first weights once the teacher has been asked: dropout goes on with the same generator."""
        network = models.build(student, points=learnt.points, classes=learnt.classes, seed=job.seed)
        yield Round(f"distill {student.name}", batches.begun(job, network, job.splits.rows(on)))

    facts: dict[str, Any] = {}
    learnt: Checkpoint | Asked
    if teacher is not None:
        found = asking.ask(job, teacher, on, views)
        np.savez(job.folder / TEACHER, test=found.test)
        facts["teacher"] = {"named": "; ".join(teacher.named()), "file": TEACHER, "notes": list(found.notes)}
        learnt = asking.as_teacher(job, found)
    else:
        assert before is not None  # the plan has seen to it
        teachers.check(job, before)
        learnt = before
    shape = {"points": learnt.points, "classes": learnt.classes}
    keys = models.build(student, **shape, seed=job.seed).keys()  # type: ignore[operator]  # with defaults, as the step leaves them
    more: dict[str, Any] = {"sources": _sources(job, on, labels), "student": Call(student.name, keys), "facts": facts}
    return teachers.recover(job, learnt, student.name, untrained(), lesson, **more)


def _sources(job: Job, on: str | None, labels: str) -> dict[str, Ints]:
    """Name the controls and what each learns from: the labels that the student sees, and what else it might have learnt from."""
    known = batches.labelled(job, job.splits.rows(on), few(labels))
    sources = {teachers.CONTROL: known}
    for name in job.splits.names if on else ():
        if name != on:
            rows = job.splits.rows(name)
            sources[f"{teachers.CONTROL}-{name}"] = rows
            sources[f"{teachers.CONTROL}-{name}+labels"] = np.concatenate([rows, known])
    return sources
