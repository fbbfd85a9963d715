"""Make the stated probabilities mean what they say, and say where the model does not know: fitted on the validation part.

Temperature: Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599. It is folded into the last layer, so it costs nothing and
changes no label. Every variant gets a temperature and a reject score of its own, inside its graph, because int8 keeps the
ranking and breaks the confidences.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import onnx
import torch
from annotated_types import Gt, Interval
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from edgespec import models, storage
from edgespec.artifact import Artifact, Checkpoint, Variant
from edgespec.contract import stamp
from edgespec.evaluation import conformal, label_sets, reject_score
from edgespec.graph import answer, names, onnx_file
from edgespec.job import Job, Part
from edgespec.training import batches

LOW, HIGH = 0.05, 20.0
Fitting = Callable[[Job, reject_score.Answers, str | None], tuple[answer.Score, dict[str, float]]]
SPREAD = 0.5  # of the prior on log T: a factor of 1.6 either way is one standard deviation


def run(
    job: Job,
    artifact: Artifact,
    *,
    on: Part = None,
    accept: Annotated[float, Interval(gt=0, lt=1)] = 0.95,
    coverage: Annotated[float, Interval(gt=0, lt=1)] = 0.95,
    score: Literal["best", "likeness", "energy", "confidence"] = "best",
    places: Annotated[int, Gt(0)] = reject_score.PLACES,
) -> Artifact:
    """Fit temperature, reject score and label sets of every variant of an ONNX model and put them into its graph; of a checkpoint, the temperature.

    on: the training part whose validation spectra are used; all of them if not said.
    accept: share of spectra of known substances that the reject threshold is to let pass; few validation samples guarantee less.
    coverage: chance with which a spectrum's set of labels is to hold the right one; few validation samples guarantee less.
    score: the reject score; "best" takes the one that best tells validation spectra from the same with their bands elsewhere.
    places: along the axis, that `likeness` keeps each class's mean spectrum at, at most: one byte a place and class in the file.
    """
    rows = job.splits.rows(on, valid=True)
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    if isinstance(artifact, Checkpoint):
        return _checkpoint(job, artifact, batches.prepared(job, rows), y)
    variants = {}
    kinds: Sequence[str] = reject_score.KINDS if score == "best" else (score,)
    for name, variant in artifact.variants.items():
        path = job.folder / variant.file
        shutil.copyfile(artifact.path(name), path)
        if variant.role == "candidate":
            found = temperature(onnx_file.run(path, x), y)
            onnx_file.fold_temperature(path, found)
            variant = replace(variant, temperature=variant.temperature * found)
            fit = partial(reject_score.fit, kinds=kinds, places=places)
            variant = _answering(job, path, variant, on, {"accept": accept, "coverage": coverage}, fit)
            kinds = (
                variant.facts["reject"]["kind"],
            )  # the float file's choice, so that all files' scores mean the same
        variants[name] = variant
    notes = list(artifact.facts.get("notes", ()))
    for each in variants.values():
        if (note := conformal.told(each.facts.get("reject", {}).get("accepts", {}))) and note not in notes:
            notes.append(note)
            job.progress.say(f"note: {note}")
    return replace(artifact, folder=job.folder, variants=variants, facts={**artifact.facts, "notes": notes})


def _answering(
    job: Job, path: Path, variant: Variant, on: str | None, asked: dict[str, float], fit: Fitting
) -> Variant:
    """Put probabilities and the reject score into a calibrated file, and what it learnt into its contract."""
    answers = partial(onnx_file.run, path)
    score, found = fit(job, answers, on)
    rows, accept = job.splits.rows(on, valid=True), asked["accept"]
    threshold, accepts = reject_score.threshold(score, job, answers, rows, accept)
    group = None if job.spectra.group is None else job.spectra.group[rows]
    least, holds = label_sets.fit(answers(job.spectra.x[rows]), job.spectra.y[rows], group, asked["coverage"])
    model = answer.add(onnx.load(path), score)
    said: dict[str, Any] = {"score": score.kind, "threshold": threshold, "accepts": accepts.plain()}
    said |= {"sets": {"threshold": least, **holds.plain()}}
    stamp(model, replace(job.contract(), temperature=variant.temperature, **said))
    storage.write(path, names.shortened(model).SerializeToString())
    told = {
        "kind": score.kind,
        "threshold": threshold,
        "accept": accept,
        "accepts": accepts.plain(),
        "auroc_displaced": found,
    }
    return replace(variant, facts={**variant.facts, "reject": told})


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
    models.needs(network, checkpoint.model, "calibrate", "head")
    found = temperature(batches.logits(network, x).numpy(), y)
    with torch.no_grad():
        network.head.weight /= found
        network.head.bias /= found
    shape = {"points": checkpoint.points, "classes": checkpoint.classes}
    facts = {**checkpoint.facts, "temperature": found * checkpoint.facts.get("temperature", 1.0)}
    return models.save(network, checkpoint.model, job.folder, **shape, facts=facts)
