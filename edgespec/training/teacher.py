"""What steps with a teacher share: is it the right one, what does it answer, and what would the student be without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.crew.processes import Pending
from edgespec.errors import Mistake
from edgespec.job import Fit, Job, few
from edgespec.recipe import Call
from edgespec.spectra import Ints
from edgespec.training import batches, loop
from edgespec.training.losses import UNKNOWN, Decoupled, kd_loss

SAME = 1e-3  # cm-1; ends of two axes that are nearer than this are the same
CONTROL = "control"


@dataclass(frozen=True)
class Lesson:
    """How a network learns from a teacher: the keys that the steps with a teacher share, as a recipe writes them.

    alpha: the teacher's share of the loss; on: the training part that is seen; labels: how many of its labels
    views: variations of each spectrum that the teacher is asked about; control: train one without the teacher too
    """

    temperature: float
    alpha: float
    on: str | None
    views: int
    control: bool
    fit: Fit
    labels: str = "all"
    standardise: bool = False
    decoupled: Decoupled | None = None


@dataclass(frozen=True)
class Asked:
    """A teacher that was asked already: (n, classes) logits of each view of the training spectra, and of the validation spectra."""

    views: list[Tensor]
    valid: Tensor
    classes: int
    points: int


@dataclass
class Round:
    """One training of a recovery: what it is called, the network that it trains in place, its history once it has."""

    what: str
    network: nn.Module
    history: dict[str, Any] = field(default_factory=dict)


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
    if axis.get("places"):
        _same_places(job, np.array(axis["places"]), called)
    elif any(abs(axis[key] - mine[key]) > SAME for key in mine):
        words = [f"{each['low']:g} to {each['high']:g} cm-1 in {each['points']:g} points" for each in (axis, mine)]
        raise Mistake(f"{called}'s axis is {words[0]}, the data's is {words[1]}", hint)


def _same_places(job: Job, wanted: NDArray[np.float64], called: str) -> None:
    """Raise Mistake where the preprocessing does not end on the uneven axis that a network was trained on."""
    seen = job.front().seen
    apart = float(np.abs(seen - wanted).max())
    if apart > SAME:
        told = (
            f"{called}'s axis is uneven, and up to {apart:.3g} cm-1 from the one that the recipe's preprocessing gives"
        )
        raise Mistake(told, hint="data.yaml beside its weights has the axis and the preprocessing for it: `onto`")


def recover(
    job: Job,
    teacher: Checkpoint | Asked,
    name: str,
    rounds: Iterable[Round],
    lesson: Lesson,
    *,
    sources: Mapping[str, Ints] | None = None,
    student: Call | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """Train a network to answer as its teacher does, the same without the teacher beside it, and save both in the job's folder.

    name: of the network's kind; rounds: at least one. The next is asked for when the one before is trained, so that a generator can
        judge that one, and change its network. The last one's network is saved.
    sources: a control's name -> the rows that it learns from; one on what the network sees the labels of if not said
    student: the network of the last round, where that is known before: the controls are then trained beside the rounds
    facts: more of them, taken when all is trained
    Raises what `loop.fit` does.
    """
    rows = job.splits.rows(lesson.on)
    known = batches.labelled(job, rows, few(lesson.labels))
    learnt = dict(sources or {CONTROL: known}) if lesson.control else {}
    trained = Controls(job, learnt, len(rows), lesson.fit, few(lesson.labels) is None)
    if student is not None:
        trained.begin(student, 1)
    answers = bank(job, teacher, rows, known, lesson.views)
    done = 0
    for last in rounds:
        last.history = _taught(job, teacher, answers, last, lesson)
        done += 1
    call = Call(name, last.network.keys())  # type: ignore[operator]
    if student is None:
        trained.begin(call, done)
    controls = trained.results()
    used = len(known) if lesson.alpha < 1 or lesson.decoupled else 0
    own = {"history": last.history, "labels_used": used, "spectra_used": len(rows)}
    return batches.save(last.network, name, job, controls=controls, facts={**own, **(facts or {})})


class Controls:
    """The same network without the teacher, on different spectra: none depends on another, nor on the teacher.

    learnt: a control's name -> the rows that it learns from; count: spectra an epoch; judged: whether a validation part with labels judges them
    """

    def __init__(self, job: Job, learnt: Mapping[str, Ints], count: int, fit: Fit, judged: bool) -> None:
        self.job, self.learnt, self.count, self.fit, self.judged = job, learnt, count, fit, judged
        self.crew, self.pending = job.together(), list[Pending]()

    def begin(self, call: Call, rounds: int) -> None:
        """Begin all of them; each is trained for as long as all rounds together."""
        fit = replace(self.fit, epochs=self.fit.epochs * rounds)
        for name, rows in self.learnt.items():
            more = (call, name, rows, self.count, fit, self.judged)
            self.pending.append(self.crew.begin(untaught, self.job.branch(name), *more))

    def results(self) -> dict[str, Checkpoint]:
        """Give the trained controls by name."""
        return dict(zip(self.learnt, self.crew.results(*self.pending), strict=True))


def _taught(
    job: Job, teacher: Checkpoint | Asked, answers: list[tuple[Tensor, Tensor, Tensor]], this: Round, lesson: Lesson
) -> dict[str, Any]:
    """Train a round's network in place on the teacher's answers, one view an epoch; give the history."""
    return loop.fit(
        this.network,
        job,
        lesson.fit,
        epoch_of=lambda epoch: answers[epoch % lesson.views],
        loss=lambda out, soft, y: kd_loss(
            out, soft, y, lesson.temperature, lesson.alpha, lesson.standardise, lesson.decoupled
        ),
        judge=_judge(job, teacher, lesson),
        judged=batches.samples(job, job.splits.rows(lesson.on, valid=True)),
        what=this.what,
    )


def _judge(job: Job, teacher: Checkpoint | Asked, lesson: Lesson) -> batches.Judge:
    """With all labels: validation accuracy. With few: agreement with the teacher, which needs no label."""
    rows = job.splits.rows(lesson.on, valid=True)
    if few(lesson.labels) is None:
        return batches.accuracy(job, rows)
    x = batches.prepared(job, rows)
    answered = teacher.valid if isinstance(teacher, Asked) else batches.logits(models.load(teacher), x)
    named = answered.argmax(1)
    return lambda model: float((batches.logits(model, x).argmax(1) == named).float().mean())


def view_seed(job: Job, view: int) -> int:
    """Give the seed with which a view of the training spectra is varied."""
    return job.seed * 1000 + 500 + view


def bank(
    job: Job, teacher: Checkpoint | Asked, rows: Ints, known: Ints, views: int
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Ask the teacher once about several variations of each spectrum: (x, logits, labels) a view."""
    y = torch.where(torch.from_numpy(np.isin(rows, known)), batches.labels(job, rows), UNKNOWN)
    if isinstance(teacher, Asked):
        return [
            (batches.varied(job, rows, seed=view_seed(job, view)), logits, y)
            for view, logits in enumerate(teacher.views)
        ]
    network, found = models.load(teacher), []
    job.progress.begin("ask the teacher", views)
    for view in range(views):
        x = batches.varied(job, rows, seed=view_seed(job, view))
        found.append((x, batches.remembered(job, partial(batches.logits, network), x), y))
        job.progress.advance(view + 1, f"{len(rows)} spectra")
    job.progress.end()
    return found


def untaught(job: Job, student: Call, name: str, rows: Ints, count: int, fit: Fit, judged: bool) -> Checkpoint:
    """Train by cross-entropy, `count` spectra an epoch however few there are; the last epoch counts where no label is left to judge by."""
    points, classes = job.front().points, len(job.spectra.labels)
    network = batches.begun(job, models.build(student, points=points, classes=classes, seed=job.seed), rows)

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
