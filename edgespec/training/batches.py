"""The batches that feed a training: spectra prepared and varied as the recipe says, labels drawn, a network asked part by part."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.data import augment
from edgespec.data.preprocess import Front
from edgespec.data.splits import occurrence
from edgespec.job import Job
from edgespec.recipe import plain
from edgespec.spectra import Ints
from edgespec.training.resume import recalled

Judge = Callable[[nn.Module], float]
CHUNK = 1024  # spectra that are varied at once
ASKED = 256  # spectra that a network is asked about at once, which keeps memory small


def prepared(job: Job, rows: Ints) -> Tensor:
    """(n, points): the spectra of some rows, as the network sees them."""
    return through(job.front(), torch.from_numpy(job.spectra.x[rows]))


def varied(job: Job, rows: Ints, seed: int) -> Tensor:
    """(n, points): the same, each spectrum varied as another measurement of it would be."""
    return through(job.front(), another(job, rows, seed))


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


def begun(job: Job, network: nn.Module, rows: Ints) -> nn.Module:
    """Give the network its first weights from the spectra that it is to learn from, where it takes any (`models.Model`)."""
    if hasattr(network, "begin"):
        network.begin(prepared(job, rows))  # type: ignore[operator]
    return network


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
    shape = {"points": job.front().points, "classes": len(job.spectra.labels)}
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
