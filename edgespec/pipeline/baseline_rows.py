"""The rows of the baselines: scored and perturbed as every network is, and what they say about the file to ship, in words."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from edgespec.artifact import OnnxModel
from edgespec.bench import recommend
from edgespec.evaluation import baselines, robustness, scoring
from edgespec.job import Job, few
from edgespec.pipeline import comparison
from edgespec.report import Report, Row, right_answers
from edgespec.spectra import Ints
from edgespec.training import batches

TITLES = {"lda": "shrinkage LDA", "logistic": "logistic regression", "pls_da": "PLS-DA"}
LEAST_ACCEPTED = 0.8  # of the test spectra: below it, the flag `unknown` misleads whoever reads it
LOGITS = (
    "lda",
    "logistic",
)  # of the other answers (cosines, votes, estimates of one-hot rows) no probabilities can be made
UNJUDGED = dict.fromkeys(
    ("drop", "at", "drop_float", "at_float")
)  # a baseline is not compressed, so it loses nothing by that


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
        row.right = robust.pop("right")
        row.robustness = {**robust, **UNJUDGED}
        logits = answers[name](prepared)
        row.right[right_answers.CLEAN] = right_answers.pack(logits.argmax(1) == job.spectra.y[job.splits.test])
        if not row.scores:
            row.scores, row.confusion = _scored(job, logits)
        if name not in LOGITS:
            row.scores |= dict.fromkeys(("ece", "ece_low", "ece_high"))
    return model, list(found.values())


def remarks(report: Report) -> list[str]:
    """Say where a baseline is as good as what is shipped, clean or perturbed, and how the baselines' settings were chosen."""
    return [
        each for each in (_as_unknown(report), _as_accurate(report), _as_robust(report), *_settings(report)) if each
    ]


def _as_unknown(report: Report) -> str:
    """Say where the file to ship calls many test spectra unknown, whose classes it knows."""
    mine = comparison.shipped(report)
    accepted = mine.reject.get("accepted") if mine and mine.reject else None
    if mine is None or accepted is None or accepted >= LEAST_ACCEPTED:
        return ""
    return (
        f"{mine.variant} calls {1 - accepted:.0%} of the test spectra 'unknown', though it knows their classes: more validation samples move the "
        "threshold; until then read the label and not the flag"
    )


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
    """Say whether the best linear model could stand in for the file to ship, or what it lacks."""
    mine, best = comparison.shipped(report), comparison.best(report, "linear")
    gaps = comparison.gaps(report, best, mine) if mine and best else []
    if mine is None or best is None or not gaps:
        return ""
    clean, *perturbed = gaps
    name, lost = comparison.named(best), [each for each in perturbed if each.below]
    if recommend.stands_in(gaps):
        every = perturbed[-1].words()
        level = (
            f"a linear model cannot be told from the file, clean or perturbed: {name} has {clean.words()} and {every}"
        )
        return f"{level}; bench tells which is faster."
    if clean.below:
        return ""
    least = min(lost, key=lambda each: each.theirs - each.mine)
    return f"a linear model cannot be told from the file on clean spectra, but is less robust: {name} has {clean.words()}, but {least.words()}."


def _as_robust(report: Report) -> str:
    """Compare the most robust baseline under all perturbations with the file to ship, in pairs."""
    mine = comparison.shipped(report)
    simple = [row for row in report.rows if row.kind == "baseline" and right_answers.perturbations(row)]
    if mine is None or not simple:
        return ""
    best = max(simple, key=lambda row: float(row.robustness["mean"]))
    gaps = comparison.gaps(report, best, mine)
    if not gaps:
        return ""
    clean, every = gaps[0], gaps[-1]
    gap = comparison.apart(report, mine, best, right_answers.perturbations(mine))
    verdict = (
        "as robust, within the interval" if gap.low is None or gap.high is None or gap.low <= 0 <= gap.high else None
    )
    verdict = verdict or ("more robust" if gap.mean > 0 else "less robust")
    return (
        f"under perturbations {mine.variant} names {every.mine:.3f} rightly on average, the most robust baseline ({comparison.named(best)}) "
        f"{every.theirs:.3f}: {verdict}, {gap.worded()}; on clean spectra {clean.mine - clean.theirs:+.3f}."
    )


def _settings(report: Report) -> list[str]:
    """Put in words how the settings of PLS-DA and the support vector machine were chosen, a line a training part."""
    return [
        f"{comparison.named(row)}: {_worded(row.settings)}."
        for row in report.rows
        if row.kind == "baseline" and row.settings
    ]


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
