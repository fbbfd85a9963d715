"""The rows of the baselines: scored and perturbed as every network is, and what they say about the file to ship, in words."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from edgespec.artifact import OnnxModel
from edgespec.evaluation import baselines, robustness, scoring
from edgespec.job import Job, few
from edgespec.report import Report, Row
from edgespec.spectra import Ints
from edgespec.training import batches

TITLES = {"lda": "shrinkage LDA", "logistic": "logistic regression", "pls_da": "PLS-DA"}
LOGITS = (
    "lda",
    "logistic",
)  # of the other answers (cosines, votes, estimates of one-hot rows) no probabilities can be made
UNJUDGED = dict.fromkeys(
    ("drop", "at", "drop_float", "at_float")
)  # a baseline is not compressed, so it loses nothing by that
LEAD = 0.02  # mean accuracy under perturbations by which one model is called more robust than another


def made(job: Job, on: str | None, labels: str) -> tuple[OnnxModel, list[Row]]:
    """Fit the baselines on what a step learns from, and judge them on the test spectra, clean and perturbed."""
    rows = batches.labelled(job, job.splits.rows(on), few(labels))
    shared: dict[str, Any] = {"on": on or "", "labels": labels, "spectra_used": len(rows), "labels_used": len(rows)}
    model, answers = baselines.fit(job, rows), {"nearest": baselines.nearest(job, rows)}
    found = {"nearest": Row(0, "1-NN cosine", "baseline", "nearest neighbour", **shared, **_cost(job, rows))}
    for variant in (each for each in TITLES if each in model.variants):
        answers[variant] = baselines.network(model.path(variant))
        found[variant] = _linear(job, model, variant, shared)
    if machine := baselines.svm(job, rows):
        fitted, answers["svm"] = machine
        more: dict[str, Any] = {**shared, **fitted.cost(), "settings": fitted.settings}
        found["svm"] = Row(0, "SVM", "baseline", "support vectors", **more)
    prepared = batches.prepared(job, job.splits.test).numpy()
    for name, robust in robustness.side_by_side(job, answers).items():
        row = found[name]
        row.robustness = {**robust, **UNJUDGED}
        if not row.scores:
            row.scores, row.confusion = _scored(job, answers[name](prepared))
        if name not in LOGITS:
            row.scores |= dict.fromkeys(("ece", "ece_low", "ece_high"))
    return model, list(found.values())


def remarks(report: Report) -> list[str]:
    """Say where a baseline is as good as what is shipped, clean or perturbed, and how the baselines' settings were chosen."""
    return [each for each in (_as_accurate(report), _as_robust(report), *_settings(report)) if each]


def _cost(job: Job, rows: Ints) -> dict[str, Any]:
    """Give what the nearest neighbour would weigh on a device: the stored spectra, in float32."""
    size = len(rows) * job.spectra.x.shape[1]
    return {"params": 0, "macs": size, "flops": 2 * size, "bytes": 4 * size}


def _linear(job: Job, model: OnnxModel, variant: str, shared: dict[str, Any]) -> Row:
    """Score a linear baseline by its file."""
    scores, logits = scoring.score(job, model.path(variant))
    counts = scoring.confusion(logits, job.spectra.y[job.splits.test])
    own = model.variants[variant]
    more = {"variant": variant, "file": own.file, "settings": own.facts["settings"], **scoring.weight(model, variant)}
    return Row(0, TITLES[variant], "baseline", "linear", scores=scores.plain(), confusion=counts, **shared, **more)


def _scored(job: Job, answers: NDArray[Any]) -> tuple[dict[str, Any], list[list[int]]]:
    y = job.spectra.y[job.splits.test]
    return scoring.judge(answers, y, scoring.groups(job)).plain(), scoring.confusion(answers, y)


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
