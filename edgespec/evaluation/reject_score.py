"""How much a spectrum looks like what the model says it is: the score below which an answer is "unknown".

Candidates: `likeness`, the cosine between the prepared spectrum and the mean spectrum of each class, weighted by the
probabilities that the model states; `energy` (Liu, Wang, Owens, Li 2020, arXiv:2010.03759) and `confidence`, the largest
probability (Hendrycks, Gimpel 2017, arXiv:1610.02136). The one that best tells validation spectra from the same with their
bands elsewhere is taken. No label, test spectrum or unknown substance has a say in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import rankdata

from edgespec.evaluation import conformal
from edgespec.evaluation.conformal import Acceptance
from edgespec.graph.answer import TINY, Score, shortened
from edgespec.job import Job
from edgespec.spectra import Ints
from edgespec.training import batches

Array = NDArray[Any]
Answers = Callable[[Array], Array]
KINDS = ("likeness", "energy", "confidence")
PLACES = 64  # along the axis, that a class's mean spectrum is kept at, if not said


def fit(
    job: Job, answers: Answers, on: str | None, kinds: Sequence[str] = KINDS, places: int = PLACES
) -> tuple[Score, dict[str, float]]:
    """Choose the score for a model; give it and each candidate's AUROC on the validation part.

    answers: raw spectra (n, points) -> calibrated logits (n, classes)
    on: the training part whose spectra are used; all of them if not said
    kinds: the candidates
    places: along the axis, that `likeness` keeps the mean spectra at; one byte a place and class
    """
    rows = job.splits.rows(on)
    known = job.spectra.x[job.splits.rows(on, valid=True)]
    other = displaced(known, np.random.default_rng([job.seed, 23]))
    seen = {"known": (answers(known), prepared(job, known)), "other": (answers(other), prepared(job, other))}
    means, scale = _means(answers(job.spectra.x[rows]), prepared(job, job.spectra.x[rows]), places)
    none = np.zeros((0, 0), np.int8)
    candidates = [Score(kind, means if kind == "likeness" else none, scale, job.front().points) for kind in kinds]
    found = {each.kind: auroc(each.of(*seen["known"]), each.of(*seen["other"])) for each in candidates}
    return max(candidates, key=lambda each: found[each.kind]), found


def threshold(score: Score, job: Job, answers: Answers, rows: Ints, accept: float) -> tuple[float, Acceptance]:
    """Give the threshold that accepts this share of spectra like some (validation) spectra, and what it guarantees."""
    x, group = job.spectra.x[rows], job.spectra.group
    sample = None if group is None else group[rows]
    return conformal.threshold(score.of(answers(x), prepared(job, x)), sample, accept)


def prepared(job: Job, x: Array) -> Array:
    """(n, points) raw -> (n, points) as the network sees it."""
    import torch

    return batches.through(job.front(), torch.from_numpy(np.ascontiguousarray(x, np.float32))).numpy()


def displaced(x: Array, rng: np.random.Generator) -> Array:
    """Give spectra with their bands elsewhere, three of each: mirrored, rolled, and stretched about the middle.

    They have the bands, widths, noise and background of real ones, and are nothing that the model knows.
    """
    n, points = x.shape
    place = np.arange(points, dtype=np.float64)
    by = rng.integers(points // 20, points - points // 20, n)
    rolled = np.stack([np.roll(row, shift) for row, shift in zip(x, by, strict=True)])
    factor, moved = rng.uniform(0.85, 1.15, (n, 1)), rng.uniform(-0.08, 0.08, (n, 1))
    at = (place - points / 2) * factor + points / 2 + moved * points
    stretched = np.stack([np.interp(where, place, row) for where, row in zip(at, x, strict=True)])
    return np.concatenate([x[:, ::-1], rolled, stretched]).astype(np.float32)


def auroc(known: Array, unknown: Array) -> float:
    """Give the chance that a known spectrum scores above an unknown one; ties count half."""
    n, m = len(known), len(unknown)
    rank = rankdata(np.concatenate([known, unknown]))
    return float((rank[:n].sum() - n * (n + 1) / 2) / (n * m))


def _means(logits: Array, prepared: Array, places: int) -> tuple[NDArray[np.int8], float]:
    """Give the mean spectrum of each class, as the model itself names the spectra; int8 with one scale."""
    points = prepared.shape[1]
    size = -(-points // min(places, points))  # so many points make a place; the graph pools all that it can, so must we
    short = shortened(prepared, points // size)
    short = short / np.maximum(np.linalg.norm(short, axis=1, keepdims=True), TINY)
    stated = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    stated = np.where(stated == stated.max(1, keepdims=True), stated, 0)
    means = short.T @ stated
    means = means / np.maximum(np.linalg.norm(means, axis=0, keepdims=True), TINY)
    scale = float(np.abs(means).max()) / 127
    return np.round(means / max(scale, TINY)).astype(np.int8), scale
