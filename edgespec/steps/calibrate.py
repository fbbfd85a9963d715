"""Make the stated probabilities mean what they say: one temperature a variant, fitted on the validation part.

Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599. The temperature is folded into the last layer, so it costs nothing
and changes no label; every variant gets its own, because int8 keeps the ranking and breaks the confidences.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from edgespec import graph, models, training
from edgespec.artifact import Artifact, Checkpoint
from edgespec.job import Job, Part

LOW, HIGH = 0.05, 20.0
SPREAD = 0.5  # of the prior on log T: a factor of 1.6 either way is one standard deviation


def run(job: Job, artifact: Artifact, *, on: Part = None) -> Artifact:
    """Fit the temperature of a checkpoint, or of every variant of an ONNX model, and fold it in.

    on: the training part whose validation spectra are used; all of them if not said.
    """
    rows = job.splits.rows(on, valid=True)
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    if isinstance(artifact, Checkpoint):
        return _checkpoint(job, artifact, training.prepared(job, rows), y)
    variants = {}
    for name, variant in artifact.variants.items():
        path = job.folder / variant.file
        shutil.copyfile(artifact.path(name), path)
        if variant.role == "candidate":
            found = temperature(graph.run(path, x), y)
            graph.fold_temperature(path, found)
            variant = replace(variant, temperature=variant.temperature * found)
        variants[name] = variant
    return replace(artifact, folder=job.folder, variants=variants)


def temperature(logits: NDArray[Any], y: NDArray[Any]) -> float:
    """Give the temperature that makes the labels most likely.

    Its logarithm has a normal prior about 0 (SPREAD): without it a small validation part that is all right would ask for
    boundless confidence; with a hundred spectra or more it hardly counts.
    logits: (n, classes); y: (n,)
    """
    logits = logits.astype(np.float64)
    named = logits[np.arange(len(y)), y]

    def surprise(log_t: float) -> float:
        likely = (logsumexp(logits / np.exp(log_t), axis=1) - named / np.exp(log_t)).sum()
        return float(likely + 0.5 * (log_t / SPREAD) ** 2)

    found = minimize_scalar(surprise, bounds=(np.log(LOW), np.log(HIGH)), method="bounded")
    return float(np.exp(found.x))


def _checkpoint(job: Job, checkpoint: Checkpoint, x: torch.Tensor, y: NDArray[Any]) -> Checkpoint:
    network: Any = models.load(checkpoint)
    found = temperature(training.logits(network, x).numpy(), y)
    with torch.no_grad():
        network.head.weight /= found
        network.head.bias /= found
    shape = {"points": checkpoint.points, "classes": checkpoint.classes}
    facts = {**checkpoint.facts, "temperature": found * checkpoint.facts.get("temperature", 1.0)}
    return models.save(network, checkpoint.model, job.folder, **shape, facts=facts)
