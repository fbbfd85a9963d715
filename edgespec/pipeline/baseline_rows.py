"""The rows of the baselines: scored and perturbed as every network is, and what they say about the file to ship, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.artifact import OnnxModel
from edgespec.evaluation import baselines, robustness, scoring
from edgespec.evaluation.robustness import Answer
from edgespec.job import Job, few
from edgespec.report import Report, Row
from edgespec.spectra import Ints
from edgespec.training import batches

TITLES = {"lda": "shrinkage LDA", "logistic": "logistic regression", "pls_da": "PLS-DA"}
NO_LOGITS = ("pls_da",)  # estimates of one-hot rows, so no probabilities can be made of them
UNJUDGED = dict.fromkeys(
    ("drop", "at", "drop_float", "at_float")
)  # a baseline is not compressed, so it loses nothing by that
LEAD = 0.02  # mean accuracy under perturbations by which one model is called more robust than another


def made(job: Job, on: str | None, labels: str) -> tuple[OnnxModel, list[Row]]:
    """Fit the baselines on what a step learns from, and judge them on the test spectra, clean and perturbed."""
    rows = batches.labelled(job, job.splits.rows(on), few(labels))
    shared: dict[str, Any] = {"on": on or "", "labels": labels, "spectra_used": len(rows), "labels_used": len(rows)}
    model = baselines.fit(job, rows)
    found = [_nearest(job, rows, shared)]
    found += [_linear(job, model, variant, shared) for variant in TITLES if variant in model.variants]
    if machine := baselines.svm(job, rows):
        fitted, answer = machine
        more: dict[str, Any] = {**shared, **fitted.cost(), "settings": fitted.settings}
        found.append(Row(0, "SVM", "baseline", "support vectors", **_judged(job, answer), **more))
    return model, found


def remarks(report: Report) -> list[str]:
    """Say where a baseline is as good as what is shipped, clean or perturbed, and how the baselines' settings were chosen."""
    return [each for each in (_as_accurate(report), _as_robust(report), *_settings(report)) if each]


def _nearest(job: Job, rows: Ints, shared: dict[str, Any]) -> Row:
    size = len(rows) * job.spectra.x.shape[1]
    cost: dict[str, Any] = {"params": 0, "macs": size, "flops": 2 * size, "bytes": 4 * size}
    judged = _judged(job, baselines.nearest(job, rows))
    return Row(0, "1-NN cosine", "baseline", "nearest neighbour", **judged, **shared, **cost)


def _linear(job: Job, model: OnnxModel, variant: str, shared: dict[str, Any]) -> Row:
    loaded = scoring.load(job, model.path(variant))
    more = {"variant": variant, "file": model.variants[variant].file, **scoring.weight(model, variant)}
    judged = _judged(job, loaded.logits, logits=variant not in NO_LOGITS)
    row = Row(0, TITLES[variant], "baseline", "linear", **judged, **shared, **more)
    row.settings = model.variants[variant].facts["settings"]
    return row


def _judged(job: Job, answer: Answer, *, logits: bool = False) -> dict[str, Any]:
    """Give the scores, counts and robustness of what answers raw spectra; a calibration error where its answers are logits."""
    test, y = job.splits.test, job.spectra.y[job.splits.test]
    answers: NDArray[Any] = np.asarray(answer(job.spectra.x[test]))
    scores = scoring.judge(answers, y, scoring.groups(job)).plain()
    scores |= {} if logits else {"ece": None, "ece_low": None, "ece_high": None}
    perturbed = {**robustness.measure(job, answer), **UNJUDGED}
    return {"scores": scores, "confusion": scoring.confusion(answers, y), "robustness": perturbed}


def _as_accurate(report: Report) -> str:
    shipped = report.last()
    linear = [row for row in report.rows if row.model == "linear"]
    if not shipped or not linear:
        return ""
    best, mine = (max(rows, key=lambda row: row.accuracy) for rows in (linear, shipped))
    if best.accuracy < mine.accuracy:
        return ""
    return (
        f"a linear model is as accurate: {_name(best)} {best.accuracy:.3f}, {mine.variant} {mine.accuracy:.3f}; "
        "bench tells which is faster."
    )


def _as_robust(report: Report) -> str:
    """Compare the best baseline under perturbations with the file to ship."""
    shipped = [row for row in report.last() if row.robustness]
    simple = [row for row in report.rows if row.kind == "baseline" and row.robustness]
    if not shipped or not simple:
        return ""
    mine = max(shipped, key=lambda row: row.accuracy)
    best = max(simple, key=lambda row: float(row.robustness["mean"]))
    gap = mine.robustness["mean"] - best.robustness["mean"]
    verdict = "more robust" if gap >= LEAD else "less robust" if gap <= -LEAD else "as robust"
    return (
        f"under perturbations {mine.variant} names {mine.robustness['mean']:.3f} rightly on average, the best baseline "
        f"({_name(best)}) {best.robustness['mean']:.3f}: {verdict}, {gap:+.3f}; on clean spectra {mine.accuracy - best.accuracy:+.3f}."
    )


def _settings(report: Report) -> list[str]:
    """Put in words how the settings of PLS-DA and the support vector machine were chosen, a line a training part."""
    return [f"{_name(row)}: {_worded(row.settings)}." for row in report.rows if row.kind == "baseline" and row.settings]


def _worded(known: dict[str, Any]) -> str:
    what = (
        f"{known['components']} components"
        if "components" in known
        else f"C {known['C']:g}, gamma {known['gamma']:.3g}"
    )
    how = (
        f"chosen by {known['folds']} folds that share no sample on {known['chosen_on']} of {known['of']} training spectra"
        if known["folds"]
        else "not chosen: no class has two samples to hold one out"
    )
    drawn = known.get("spectra", known["of"])
    return f"{what}, {how}" + (
        f"; fitted on {drawn} spectra, drawn evenly over the classes" if drawn < known["of"] else ""
    )


def _name(row: Row) -> str:
    return f"{row.name} trained on {row.on} ({row.labels})" if row.on else row.name
