"""The one training loop, and the batches that feed it: seeded, one cycle of the learning rate, best epoch by validation.

AdamW: Loshchilov, Hutter 2019, arXiv:1711.05101; one cycle: Smith, Topin 2018, arXiv:1708.07120.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.data import augment, preprocess
from edgespec.data.preprocess import Front
from edgespec.errors import Mistake
from edgespec.job import Fit, Job
from edgespec.recipe import plain
from edgespec.spectra import Ints
from edgespec.training.resume import Course, Keeper, recalled

Epoch = Callable[[int], tuple[Tensor, ...]]
Loss = Callable[..., Tensor]
Judge = Callable[[nn.Module], float]
CHUNK = 1024  # spectra that are varied at once
ASKED = 256  # spectra that a network is asked about at once, which keeps memory small
FRONTS: dict[tuple[str, bytes], Front] = {}


def front(job: Job) -> Front:
    """Give the recipe's preprocessing: (n, points) on the model's axis -> what the network sees; built once."""
    key = json.dumps(plain(list(job.preprocess))), job.spectra.axis.tobytes()
    if key not in FRONTS:
        FRONTS[key] = preprocess.build(job.preprocess, job.spectra.axis)
    return FRONTS[key]


def prepared(job: Job, rows: Ints) -> Tensor:
    """(n, points): the spectra of some rows, as the network sees them."""
    return through(front(job), torch.from_numpy(job.spectra.x[rows]))


def varied(job: Job, rows: Ints, seed: int) -> Tensor:
    """(n, points): the same, each spectrum varied as another measurement of it would be."""
    return through(front(job), another(job, rows, seed))


def another(job: Job, rows: Ints, seed: int) -> Tensor:
    """(n, points): raw spectra, each varied as another measurement of it would be."""
    x = torch.from_numpy(job.spectra.x[rows])
    if job.augment is None:
        return x
    axis, generator = torch.from_numpy(job.spectra.axis).float(), torch.Generator().manual_seed(seed)
    vary = getattr(augment, job.augment.name)
    return torch.cat([vary(part, axis, generator, **job.augment.keys) for part in torch.split(x, CHUNK)])


def through(front: Front, x: Tensor) -> Tensor:
    """(n, points) -> what the network sees, in bounded memory."""
    with torch.no_grad():
        return torch.cat([front(part) for part in torch.split(x, CHUNK)])


def labels(job: Job, rows: Ints) -> Tensor:
    """(n,) int64"""
    return torch.from_numpy(job.spectra.y[rows])


def logits(model: nn.Module, x: Tensor) -> Tensor:
    """(n, points) -> (n, classes), in evaluation mode, without gradients, in bounded memory."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(part) for part in torch.split(x, ASKED)]).clone()


def features(model: Any, x: Tensor) -> Tensor:
    """(n, points) -> (n, width): what the head sees, in evaluation mode, without gradients, in bounded memory."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model.features(part) for part in torch.split(x, ASKED)]).clone()


def remembered(job: Job, answers: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Ask a network about (n, points), part by part, none again that was asked before the process was ended."""
    return torch.cat([recalled(job.unfinished, part, partial(answers, part)) for part in torch.split(x, 4 * CHUNK)])


def accuracy(job: Job, rows: Ints) -> Judge:
    """Give a judge: the share of these rows that a model names rightly."""
    x, y = prepared(job, rows), labels(job, rows)
    return lambda model: float((logits(model, x).argmax(1) == y).float().mean())


def samples(job: Job, rows: Ints) -> int:
    """Count the physical samples of some rows; each spectrum is its own where none are known."""
    return len(rows) if job.spectra.group is None else len(np.unique(job.spectra.group[rows]))


def save(network: nn.Module, name: str, job: Job, folder: Path | None = None, **more: Any) -> Checkpoint:
    """Write a network that was trained on the job's data; the classes, axis and preprocessing that it knows go with it as facts.

    folder: the job's own if not said; more: a Checkpoint's further fields
    """
    shape = {"points": front(job).points, "classes": len(job.spectra.labels)}
    known = {"labels": list(job.spectra.labels), "axis": axis(job), "preprocess": plain(list(job.preprocess))}
    more["facts"] = {**more.get("facts", {}), **known}
    return models.save(network, name, folder or job.folder, **shape, **more)


def axis(job: Job) -> dict[str, float]:
    """Give the axis of the job's spectra as they come to the preprocessing, in cm-1."""
    found = job.spectra.axis
    return {"low": float(found[0]), "high": float(found[-1]), "points": len(found)}


def labelled(job: Job, rows: Ints, per_class: int | None) -> Ints:
    """Draw `per_class` spectra a class out of `rows`, seeded, from different samples first; None takes all."""
    if per_class is None:
        return rows
    rng = np.random.default_rng([job.seed, 11])
    chosen: list[int] = []
    for label in np.unique(job.spectra.y[rows]):
        members = rng.permutation(rows[job.spectra.y[rows] == label])
        turn = np.zeros(len(members)) if job.spectra.group is None else occurrence(job.spectra.group[members])
        chosen += members[np.argsort(turn, kind="stable")][:per_class].tolist()
    return np.sort(np.array(chosen))


def occurrence(names: NDArray[Any]) -> Ints:
    """(n,): how often the same name stood before each place; sorted by it, each name has its turn before any has a second."""
    found = np.zeros(len(names), dtype=np.int64)
    for name in np.unique(names):
        found[names == name] = np.arange((names == name).sum())
    return found


def fit(
    model: nn.Module,
    job: Job,
    fit: Fit,
    *,
    epoch_of: Epoch,
    loss: Loss,
    judge: Judge | None,
    judged: int | None = None,
    what: str,
) -> dict[str, Any]:
    """Train a model in place and leave it with the weights of its best epoch; without a judge, or with nothing to judge by, of its last.

    Best is the last epoch that can't be told (95 %) from the highest validation result, in the spirit of the one-standard-error
    rule of Breiman et al. 1984: a small validation part picks an early epoch by luck, which costs up to 6 points.

    judged: physical samples that the judge looks at (spectra of one are not independent); None takes its result as exact
    epoch_of: epoch number -> tensors of equal length, the input first; what follows goes to `loss` behind the logits
    Where the job has a place for what is unfinished, the training keeps itself there and goes on from there, to the same weights.
    So `epoch_of` must give the same tensors for a number whenever and in whatever order it is asked.
    Gives the history: loss and validation result of each epoch, best epoch, seconds.
    Raises Mistake where the loss is no longer a number.
    """
    judge = None if judged == 0 else judge
    first = epoch_of(0)
    steps = max(len(first[0]) // fit.batch, 1)
    course = Course(model, *_optimiser(model, fit, steps), torch.Generator().manual_seed(job.seed))
    keeper = Keeper(course, job.unfinished, fit, what)
    keeper.take_up()
    job.progress.begin(what, fit.epochs)
    while not course.done:
        tensors = first if course.epoch == 0 else epoch_of(course.epoch)
        total = _one_epoch(course, keeper, tensors, loss, fit.batch, steps)
        if not (np.isfinite(total) and bool(logits(model, tensors[0][:2]).isfinite().all())):
            raise Mistake(
                f"the loss of {what} is no longer a number in epoch {course.epoch + 1}",
                hint=f"a smaller fit.lr than {fit.lr:g}",
            )
        score = judge(model) if judge else None
        course.history.append({"loss": round(total, 5), "valid": score})
        if score is not None and score > course.highest:
            course.highest, course.better = score, course.epoch
        if score is not None and score >= course.highest - 1.96 * _standard_error(course.highest, judged):
            course.is_best()
        note = f"loss {total:.3f}" + (f", validation {score:.3f}" if score is not None else "")
        job.progress.advance(course.epoch + 1, note)
        if job.watch and score is not None:
            job.watch(course.epoch + 1, fit.epochs, score, sum(each.numel() for each in model.parameters()))
        tired = judge is not None and fit.patience > 0 and course.epoch - course.better >= fit.patience
        course.epoch, course.step, course.total = course.epoch + 1, 0, 0.0
        if tired or course.epoch == fit.epochs:
            if course.best_weights is not None:
                model.load_state_dict(course.best_weights)
            course.done = True
            keeper.keep()
    job.progress.end()
    model.eval()
    at = course.best if judge else len(course.history) - 1
    return {
        "epochs": course.history,
        "best_epoch": at + 1,
        "steps": steps * len(course.history),
        "seconds": keeper.seconds(),
    }


def _standard_error(share: float, n: int | None) -> float:
    """Give the standard error of a share of n, with one success and one failure added so that none and all have one too."""
    if n is None:
        return 0.0
    p = (share * n + 1) / (n + 2)
    return float(np.sqrt(p * (1 - p) / n))


def _one_epoch(
    course: Course, keeper: Keeper, tensors: tuple[Tensor, ...], loss: Loss, batch: int, steps: int
) -> float:
    """Give the mean loss; what is left over after whole batches waits for the next epoch's order."""
    course.model.train()
    course.order = course.shuffle.get_state()
    order = torch.randperm(len(tensors[0]), generator=course.shuffle)
    while course.step < steps:
        keeper.now_and_then()
        rows = order[course.step * batch : (course.step + 1) * batch]
        x, *rest = (each[rows] for each in tensors)
        course.optimiser.zero_grad(set_to_none=True)
        value = loss(course.model(x), *rest)
        value.backward()  # type: ignore[no-untyped-call]
        course.optimiser.step()
        course.schedule.step()
        course.total += float(value.detach())
        course.step += 1
    return course.total / steps


def _optimiser(model: nn.Module, fit: Fit, steps: int) -> tuple[torch.optim.AdamW, torch.optim.lr_scheduler.OneCycleLR]:
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": fit.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=fit.lr)
    total = max(fit.epochs * steps, 2)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.lr, total_steps=total + 1, pct_start=0.15)
