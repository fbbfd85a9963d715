"""Train a model on labelled spectra: the reference that every later step is compared with."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Len
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.job import Fit, Job, Part
from edgespec.models import ensemble
from edgespec.recipe import Call
from edgespec.training import batches, loop

APART = 1_000_003  # between the seeds of two members: no small seed of a recipe is that of another's member (torch reads 32 bits)


def run(
    job: Job,
    *,
    model: Annotated[Call, "models"] | Annotated[list[Annotated[Call, "models"]], Len(1)],
    on: Part = None,
    label_smoothing: float = 0.0,
    mixup: Annotated[float, Ge(0)] = 0.0,
    fit: Fit = Fit(),
) -> Checkpoint:
    """Train `model` by cross-entropy on the labels of the training part.

    model: the network; or a list of networks, each trained by itself with a seed of its own, which then answer by the mean of
        their logits.
    on: the training part it learns from; all of them if not said.
    label_smoothing: share of the target that is spread over all classes (0 to 1).
    mixup: how far spectra and their labels are blended in pairs, Beta(mixup, mixup) (Zhang et al. 2018, arXiv:1710.09412); 0 is not at all.
    fit: how long and how fast to train.
    """
    rows = job.splits.rows(on)
    used = {"labels_used": len(rows), "spectra_used": len(rows)}
    if isinstance(model, Call):
        network, history = _trained(job, model, on, label_smoothing, mixup, fit, f"train {model.name}")
        return batches.save(network, model.name, job, facts={"history": history, **used})
    for each in model:
        _built(job, each)  # one that can't be built is told before the first is trained
    names = [f"train {i + 1} of {len(model)}: {each.name}" for i, each in enumerate(model)]
    crew = job.together()
    pending = [
        crew.begin(_member, _own(job, i), each, on, label_smoothing, mixup, fit, names[i])
        for i, each in enumerate(model)
    ]
    members = []
    for i, (weights, history) in enumerate(crew.results(*pending)):
        network = _built(_own(job, i), model[i])
        network.load_state_dict({name: torch.from_numpy(each) for name, each in weights.items()})
        members.append((network, history))
    network = ensemble.assembled([each.name for each in model], [each for each, _ in members])
    told = [{"model": each.name, "history": history} for each, (_, history) in zip(model, members, strict=True)]
    return batches.save(network, "ensemble", job, facts={"members": told, **used})


def _own(job: Job, i: int) -> Job:
    """Give the job of one of several networks: a seed of its own, and a place for its state."""
    return replace(job, seed=job.seed + i * APART).branch(f"member{i + 1}")


def _member(job: Job, *more: Any) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Train one of several networks, in whatever process; give its weights and its history."""
    network, history = _trained(job, *more)
    return {name: each.numpy(force=True) for name, each in network.state_dict().items()}, history


def _trained(
    job: Job, model: Call, on: str | None, label_smoothing: float, mixup: float, fit: Fit, what: str
) -> tuple[nn.Module, dict[str, Any]]:
    """Train one network from its first weights, and give its history."""
    rows, valid = job.splits.rows(on), job.splits.rows(on, valid=True)
    network = batches.begun(job, _built(job, model), rows)

    def epoch_of(epoch: int) -> tuple[Tensor, ...]:
        x, y = batches.varied(job, rows, seed=job.seed * 1000 + epoch), batches.labels(job, rows)
        return blended(x, y, mixup, np.random.default_rng([job.seed, 17, epoch])) if mixup else (x, y)

    history = loop.fit(
        network,
        job,
        fit,
        epoch_of=epoch_of,
        loss=partial(_loss, label_smoothing),
        judge=batches.accuracy(job, valid),
        judged=batches.samples(job, valid),
        what=what,
    )
    return network, history


def _built(job: Job, model: Call) -> nn.Module:
    return models.build(model, points=job.front().points, classes=len(job.spectra.labels), seed=job.seed)


def blended(x: Tensor, y: Tensor, mixup: float, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Blend each prepared spectrum with another: (x, its label, the other's label, the first's share)."""
    other = torch.from_numpy(rng.permutation(len(x)))
    share = torch.from_numpy(rng.beta(mixup, mixup, len(x))).to(x.dtype)
    return share[:, None] * x + (1 - share[:, None]) * x[other], y, y[other], share


def _loss(smoothing: float, out: Tensor, y: Tensor, *blend: Tensor) -> Tensor:
    """Cross-entropy; of a blend, both labels' in their shares."""
    if not blend:
        return functional.cross_entropy(out, y, label_smoothing=smoothing)
    other, share = blend
    first, second = (
        functional.cross_entropy(out, each, label_smoothing=smoothing, reduction="none") for each in (y, other)
    )
    return (share * first + (1 - share) * second).mean()
