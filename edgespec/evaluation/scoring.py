"""The one judge: how right, how sure and how large any artifact is.

Every accuracy in edgespec, of a torch model, an ONNX file or a device's outputs, comes from `judge`, or from `accuracy` where
nothing but the share is wanted.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgespec import contract as contracts
from edgespec import models
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.evaluation import calibration
from edgespec.evaluation.difference import Z
from edgespec.graph import arithmetic, assembly, onnx_file
from edgespec.job import Job
from edgespec.spectra import Ints, Words
from edgespec.training import batches

Array = NDArray[Any]


@dataclass(frozen=True)
class Scores:
    """How right a model is on `n` spectra; every figure but the counts is a fraction.

    low, high: 95 % interval of the accuracy, wider where several spectra come from one sample (see `interval`)
    sensitivity, specificity, macro_f1: means over the classes that the labels hold, each counted once. A class without a spectrum is left out:
        it counts neither as 0 nor as 1; a spectrum that is given its name is a miss of its own class, as any wrong name
    ece: expected calibration error, with its 95 % interval by physical sample (see `calibration`)
    """

    n: int
    accuracy: float
    low: float
    high: float
    sensitivity: float
    specificity: float
    macro_f1: float
    ece: float
    ece_low: float
    ece_high: float

    def plain(self) -> dict[str, Any]:
        """Rounded values for JSON."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


def judge(logits: Array, y: Ints, group: Words | None) -> Scores:
    """Score the answers to labelled spectra.

    logits: (n, classes); y: (n,); group: (n,) physical samples, or None where they are not known
    """
    named = logits.argmax(1)
    right = named == y
    low, high = interval(right, group)
    table = np.zeros((logits.shape[1], logits.shape[1]))
    np.add.at(table, (y, named), 1)
    here = table.sum(1) > 0
    hit, wrongly = np.diag(table)[here], (table.sum(0) - np.diag(table))[here]
    missed, rest = (table.sum(1) - np.diag(table))[here], (len(y) - table.sum(1))[here]
    specificity = 1 - wrongly / np.maximum(rest, 1)
    ece, ece_low, ece_high = calibration.error(logits, y, group)
    return Scores(
        n=len(y),
        accuracy=accuracy(logits, y),
        low=low,
        high=high,
        sensitivity=float((hit / (hit + missed)).mean()),
        specificity=float(specificity.mean()),
        macro_f1=float((2 * hit / (2 * hit + wrongly + missed)).mean()),
        ece=ece,
        ece_low=ece_low,
        ece_high=ece_high,
    )


def accuracy(logits: Array, y: Ints) -> float:
    """Give the share of spectra that are named rightly. logits: (n, classes); y: (n,)"""
    return float((logits.argmax(1) == y).mean())


def confusion(logits: Array, y: Ints) -> list[list[int]]:
    """Count the answers: [class, named class, spectra] of every pair that occurs, right ones too. logits: (n, classes); y: (n,)"""
    pairs, counts = np.unique(np.stack([y, logits.argmax(1)], axis=1), axis=0, return_counts=True)
    return [[*map(int, pair), int(count)] for pair, count in zip(pairs, counts, strict=True)]


def interval(right: NDArray[np.bool_], group: Words | None) -> tuple[float, float]:
    """Give Wilson's 95 % interval for a share, on the effective number of spectra.

    Spectra of one physical sample are not independent: n is divided by the design effect, the ratio of the cluster-robust
    variance to the binomial one (Kish 1965, Survey Sampling, ch. 5). Where all or none are right, or
    there is one sample only, each sample counts once.
    """
    n, p = float(len(right)), float(right.mean())
    if group is not None:
        _, member = np.unique(group, return_inverse=True)
        clusters = int(member.max()) + 1
        residual = np.bincount(member, weights=right - p)
        robust = float((residual**2).sum()) / n**2 * clusters / max(clusters - 1, 1)
        n = n / max(robust / (p * (1 - p) / n), 1.0) if 0 < p < 1 and clusters > 1 else float(clusters)
    centre = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)


class LoadedModel:
    """A checkpoint or an ONNX file, loaded once however much is asked of it.

    artifact: what was loaded; network: a checkpoint's, None of a file
    """

    def __init__(self, job: Job, artifact: Checkpoint | Path) -> None:
        self.job, self.artifact = job, artifact
        self.network = models.load(artifact) if isinstance(artifact, Checkpoint) else None
        self._session = None if isinstance(artifact, Checkpoint) else onnx_file.session(artifact)

    def outputs(self, x: Array) -> dict[str, Array]:
        """Raw spectra (n, points) -> every output by its name; of a checkpoint the logits alone, (n, classes)."""
        if self.network is None:
            return onnx_file.ask_all(self._session, x)
        seen = batches.through(self.job.front(), torch.from_numpy(np.ascontiguousarray(x, np.float32)))
        return {assembly.LOGITS: batches.logits(self.network, seen).numpy()}

    def logits(self, x: Array) -> Array:
        """Raw spectra (n, points) -> (n, classes)"""
        return self.outputs(x)[assembly.LOGITS]

    @cached_property
    def sets(self) -> dict[str, Any]:
        """What the file's contract says of label sets; {} of a checkpoint, and of a file without a contract or without sets."""
        if isinstance(self.artifact, Checkpoint):
            return {}
        said = self._session.get_modelmeta().custom_metadata_map  # type: ignore[union-attr]
        ours = any(str(key).startswith(contracts.PREFIX) for key in said)
        return contracts.of_properties(said, self.artifact.name).sets if ours else {}

    @cached_property
    def tested(self) -> dict[str, Array]:
        """Every output for the test part, which is asked for once."""
        return self.outputs(self.job.spectra.x[self.job.splits.test])


Judged = LoadedModel | Checkpoint | Path


def load(job: Job, model: Judged) -> LoadedModel:
    """Load a checkpoint or an ONNX file; one that is loaded stays as it is. Raises what `models.load` does."""
    return model if isinstance(model, LoadedModel) else LoadedModel(job, model)


def answers(job: Job, model: Judged, rows: Ints) -> Array:
    """(n, classes): the logits of a model for some rows."""
    return load(job, model).logits(job.spectra.x[rows])


def score(job: Job, model: Judged) -> tuple[Scores, Array]:
    """Judge a model on the test part; give its logits too."""
    out = load(job, model).tested[assembly.LOGITS]
    return judge(out, job.spectra.y[job.splits.test], groups(job)), out


def groups(job: Job) -> Words | None:
    """Give the physical sample of each test spectrum."""
    return None if job.spectra.group is None else job.spectra.group[job.splits.test]


def weight(artifact: Checkpoint | OnnxModel, variant: str = "", network: nn.Module | None = None) -> dict[str, Any]:
    """Count parameters, multiply-accumulates, FLOPs (two a multiply-accumulate) and bytes on disk; batch 1.

    variant: of an OnnxModel; network: a checkpoint's own, where it is loaded already
    """
    if isinstance(artifact, OnnxModel):
        path = artifact.path(variant)
        params, products = arithmetic.weigh(path)
        return {"params": params, "macs": products, "flops": 2 * products, "bytes": path.stat().st_size}
    network = network or models.load(artifact)
    params, products = sum(p.numel() for p in network.parameters()), macs(network, artifact.points)
    return {"params": params, "macs": products, "flops": 2 * products, "bytes": artifact.weights.stat().st_size}


def macs(network: nn.Module, points: int) -> int:
    """Count the multiply-accumulates of convolutions, linear and recurrent layers for one spectrum, and what a layer says by `products`."""
    total = 0

    def count(layer: Any, _: Any, out: Any) -> None:
        nonlocal total
        if hasattr(layer, "products"):
            total += layer.products(out)
        elif isinstance(layer, nn.LSTM):
            total += out[0].shape[1] * sum(each.numel() for each in layer.parameters() if each.ndim == 2)
        else:
            total += out.numel() * layer.weight[0].numel()

    layers = [
        each
        for each in network.modules()
        if isinstance(each, nn.Conv1d | nn.Linear | nn.LSTM) or hasattr(each, "products")
    ]
    hooks = [each.register_forward_hook(count) for each in layers]
    batches.logits(network, torch.zeros(1, points))
    for hook in hooks:
        hook.remove()
    return total
