"""How well a model knows what it does not know: the share of errors among the answers that it is surest of, unknown substances refused.

Risk and coverage: Geifman, El-Yaniv 2017, arXiv:1705.08500; their area is the mean risk over all coverages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import contract as contracts
from edgespec.evaluation import label_sets, reject_score, scoring
from edgespec.evaluation.scoring import Judged, LoadedModel
from edgespec.graph import assembly
from edgespec.job import Job

Array = NDArray[Any]
Outputs = dict[str, Array]
COVERAGES = tuple(round(0.05 * i, 2) for i in range(1, 21))
ACCEPT = 0.95  # of the validation spectra, where no contract states a threshold


@dataclass(frozen=True)
class _Knower:
    """A model as this file sees it: its outputs for raw spectra -> (n,) reject scores, its threshold, the kind of its score, what is accepted."""

    score: Callable[[Outputs, Array], Array]
    threshold: float
    kind: str
    accepts: dict[str, Any]
    sets: dict[str, Any]


def measure(job: Job, made: Judged) -> dict[str, Any]:
    """Measure a checkpoint or an ONNX file on the test part, on displaced copies of it and on the job's unknown substances.

    A file that has its reject score in it is asked for it; for others it is fitted on the validation part, as `calibrate` does.
    """
    loaded = scoring.load(job, made)
    model = _in_file(loaded) if assembly.SCORE in loaded.tested else _fitted(job, loaded)
    rows = job.splits.test
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    logits, score = loaded.tested[assembly.LOGITS], model.score(loaded.tested, x)
    elsewhere = reject_score.displaced(x, np.random.default_rng([job.seed, 29]))
    displaced = model.score(loaded.outputs(elsewhere), elsewhere)
    found = {
        "kind": model.kind,
        "threshold": model.threshold,
        "accepted": float((score >= model.threshold).mean()),
        "accepts": model.accepts,
        "auroc_displaced": reject_score.auroc(score, displaced),
        **risk_coverage(score, logits.argmax(1) != y),
    }
    if model.sets:
        group = None if job.spectra.group is None else job.spectra.group[rows]
        found["sets"] = {**model.sets, **label_sets.measure(logits, y, model.sets["threshold"], group)}
    if job.unknown is not None:
        strange = model.score(loaded.outputs(job.unknown.x), job.unknown.x)
        known = len(np.unique(job.unknown.y))
        found |= {
            "auroc_unknown": reject_score.auroc(score, strange),
            "unknown_refused": float((strange < model.threshold).mean()),
            "unknown": {"data": job.unknown.name, "spectra": len(job.unknown), "classes": known},
        }
    return {name: round(each, 5) if isinstance(each, float) else each for name, each in found.items()}


def risk_coverage(score: Array, wrong: NDArray[np.bool_]) -> dict[str, Any]:
    """Give the share of wrong answers among the surest 5, 10, ... 100 %, and the mean over all coverages."""
    order = np.argsort(-score, kind="stable")
    risk = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    curve = [round(float(risk[max(int(np.ceil(share * len(risk))), 1) - 1]), 5) for share in COVERAGES]
    return {"coverage": list(COVERAGES), "risk": curve, "mean_risk": float(risk.mean())}


def _in_file(loaded: LoadedModel) -> _Knower:
    assert isinstance(loaded.artifact, Path)  # no checkpoint answers with a score
    said = contracts.load(loaded.artifact)
    threshold = float("-inf") if said.threshold is None else said.threshold
    return _Knower(lambda out, x: out[assembly.SCORE][:, 0], threshold, said.score, said.accepts, said.sets)


def _fitted(job: Job, loaded: LoadedModel) -> _Knower:
    score, _ = reject_score.fit(job, loaded.logits, None)
    threshold, accepts = reject_score.threshold(score, job, loaded.logits, job.splits.rows(None, valid=True), ACCEPT)
    return _Knower(
        lambda out, x: score.of(out[assembly.LOGITS], reject_score.prepared(job, x)),
        threshold,
        score.kind,
        accepts.plain(),
        {},
    )
