"""How well a model knows what it does not know: the share of errors among the answers that it is surest of, unknown substances refused.

Risk and coverage: Geifman, El-Yaniv 2017, arXiv:1705.08500; their area is the mean risk over all coverages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgespec import contract as contracts
from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.evaluation import reject_score
from edgespec.graph import assembly, onnx_file
from edgespec.job import Job
from edgespec.training import batches

Array = NDArray[Any]
COVERAGES = tuple(round(0.05 * i, 2) for i in range(1, 21))
ACCEPT = 0.95  # of the validation spectra, where no contract states a threshold


@dataclass(frozen=True)
class _Knower:
    """A model as this file sees it: raw spectra -> (logits, reject score), its threshold and the kind of its score."""

    ask: Callable[[Array], tuple[Array, Array]]
    threshold: float
    kind: str


def measure(job: Job, made: Checkpoint | Path) -> dict[str, Any]:
    """Measure a checkpoint or an ONNX file on the test part, on displaced copies of it and on the job's unknown substances.

    A file that has its reject score in it is asked for it; for others it is fitted on the validation part, as `calibrate` does.
    """
    model = _in_file(made) if isinstance(made, Path) and _answers(made) else _fitted(job, made)
    rows = job.splits.test
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    logits, score = model.ask(x)
    _, displaced = model.ask(reject_score.displaced(x, np.random.default_rng([job.seed, 29])))
    found = {
        "kind": model.kind,
        "threshold": model.threshold,
        "accepted": float((score >= model.threshold).mean()),
        "auroc_displaced": reject_score.auroc(score, displaced),
        **risk_coverage(score, logits.argmax(1) != y),
    }
    if job.unknown is not None:
        _, strange = model.ask(job.unknown.x)
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


def _answers(path: Path) -> bool:
    return assembly.SCORE in [each.name for each in onnx.load(path).graph.output]


def _in_file(path: Path) -> _Knower:
    said = contracts.load(path)

    def ask(x: Array) -> tuple[Array, Array]:
        out = onnx_file.outputs(path, x)
        return out[assembly.LOGITS], out[assembly.SCORE][:, 0]

    return _Knower(ask, float("-inf") if said.threshold is None else said.threshold, said.score)


def _fitted(job: Job, made: Checkpoint | Path) -> _Knower:
    answers = partial(onnx_file.run, made) if isinstance(made, Path) else partial(_torch, job, made)
    score, _ = reject_score.fit(job, answers, None)
    threshold = reject_score.threshold(score, job, answers, job.splits.rows(None, valid=True), ACCEPT)

    def ask(x: Array) -> tuple[Array, Array]:
        logits = answers(x)
        return logits, score.of(logits, reject_score.prepared(job, x))

    return _Knower(ask, threshold, score.kind)


def _torch(job: Job, made: Checkpoint, x: Array) -> Array:
    import torch

    return batches.logits(models.load(made), torch.from_numpy(reject_score.prepared(job, x))).numpy()
