"""How much of a model's accuracy is left where spectra are not as they were, and how much of that compression lost.

A compressed model can hold its clean accuracy and lose its robustness: int8 ranges that no drifted spectrum ever touched, a
student too narrow for a shifted axis. Only spectra that are perturbed show it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgespec import storage
from edgespec.data import perturbations
from edgespec.data.perturbations import perturbed
from edgespec.evaluation import label_sets, scoring
from edgespec.evaluation.scoring import Judged
from edgespec.job import Job
from edgespec.report import Row, right_answers
from edgespec.spectra import Floats
from edgespec.training import batches

Answer = Callable[[NDArray[Any]], NDArray[Any]]
KEPT_BYTES = 256_000_000  # perturbed spectra that are kept for the next model; more than that are made anew for each


@dataclass(frozen=True)
class Tested:
    """The test spectra, known by their digest alone, so that a cache can tell whether they are the same."""

    digest: str
    seed: int
    technique: str
    x: Floats = field(compare=False, repr=False)
    axis: NDArray[np.float64] = field(compare=False, repr=False)


def measure(job: Job, model: Judged) -> dict[str, Any]:
    """Judge a model on all test spectra under each perturbation, the same draws for every model of a job.

    Gives {"accuracy": {perturbation: share named rightly}, "mean": mean over the perturbations,
    "right": {perturbation: which spectra are named rightly, packed}}; of a file with label sets also
    {"coverage": {perturbation: share whose set holds the right label}}.
    """
    rows = job.splits.test
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    loaded = scoring.load(job, model)
    tested = Tested(storage.digest(x, job.spectra.axis), job.seed, job.spectra.technique, x, job.spectra.axis)
    answers = ((name, loaded.logits(changed)) for name, changed in _changed(tested))
    least = loaded.sets.get("threshold")
    found, held, named = {}, {}, {}
    for name, logits in answers:
        found[name] = round(scoring.accuracy(logits, y), 5)
        named[name] = right_answers.pack(logits.argmax(axis=1) == y)
        if least is not None:
            held[name] = round(label_sets.coverage(logits, y, least), 5)
    mean = {"accuracy": found, "mean": round(float(np.mean(list(found.values()))), 5), "right": named}
    return {**mean, "coverage": held} if held else mean


def right(job: Job, model: Judged) -> NDArray[np.float64]:
    """Give (n,): the share of the perturbations of `measure` under which each test spectrum is named rightly."""
    rows = job.splits.test
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    answer = scoring.load(job, model).logits
    tested = Tested(storage.digest(x, job.spectra.axis), job.seed, job.spectra.technique, x, job.spectra.axis)
    named = [answer(changed).argmax(axis=1) == y for _, changed in _changed(tested)]
    found: NDArray[np.float64] = np.mean(named, axis=0)
    return found


def side_by_side(job: Job, answers: Mapping[str, Answer]) -> dict[str, dict[str, Any]]:
    """Judge several that answer prepared spectra as `measure` judges a model; each perturbation is prepared once for all of them.

    answers: name -> prepared spectra (n, points) -> (n, classes)
    """
    rows = job.splits.test
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    tested = Tested(storage.digest(x, job.spectra.axis), job.seed, job.spectra.technique, x, job.spectra.axis)
    found: dict[str, dict[str, float]] = {name: {} for name in answers}
    named: dict[str, dict[str, str]] = {name: {} for name in answers}
    for kind, changed in _changed(tested):
        prepared = batches.through(job.front(), torch.from_numpy(np.ascontiguousarray(changed, np.float32))).numpy()
        for name, answer in answers.items():
            logits = answer(prepared)
            found[name][kind] = round(scoring.accuracy(logits, y), 5)
            named[name][kind] = right_answers.pack(logits.argmax(axis=1) == y)
    return {
        name: {"accuracy": each, "mean": round(float(np.mean(list(each.values()))), 5), "right": named[name]}
        for name, each in found.items()
    }


def drop(row: Row, reference: Row | None) -> dict[str, Any]:
    """Give the robustness that a model lost against a reference, over and above clean accuracy, where it lost most.

    drop: max over perturbations p of [acc_reference(p) - acc_reference(clean)] - [acc_row(p) - acc_row(clean)]; at: that p
    Both are None where one of the two was not measured under the same perturbations.
    """
    theirs = {} if reference is None else reference.robustness.get("accuracy", {})
    mine = row.robustness.get("accuracy", {})
    if reference is None or not mine or set(theirs) != set(mine):
        return {"drop": None, "at": None}
    clean = row.accuracy - reference.accuracy
    lost = {name: round(theirs[name] - mine[name] + clean, 4) for name in mine}  # of shares that are rounded themselves
    worst = max(lost, key=lost.__getitem__)
    return {"drop": lost[worst], "at": worst}


def _changed(tested: Tested) -> Iterator[tuple[str, Floats]]:
    names = perturbations.of(tested.technique)
    if tested.x.nbytes * len(names) <= KEPT_BYTES:
        yield from _kept(tested).items()
        return
    for name in names:
        yield name, perturbed(name, tested.x, tested.axis, tested.seed)


@functools.lru_cache(maxsize=1)
def _kept(tested: Tested) -> dict[str, Floats]:
    return {name: perturbed(name, tested.x, tested.axis, tested.seed) for name in perturbations.of(tested.technique)}
