"""How well the models of a report know what they do not know, as cells of text and as a picture: risk against coverage."""

from __future__ import annotations

import io

from edgespec.report import Report, Row
from edgespec.report.figures.picture import drawing
from edgespec.report.tables import Table

HEAD = ["model", "ECE", "95 % interval", "score", "AUROC displaced", "AUROC unknown", "accepted", "unknown refused"]
HEAD += ["errors, all", "surest 80 %", "surest 50 %", "mean risk"]
SHARES = (1.0, 0.8, 0.5)
SIZE = (6.0, 3.6)


def models(report: Report) -> Table:
    """One line a model: calibration error, reject score, what it tells apart, what is wrong among the surest."""
    return [_model(row) for row in judged(report)]


def sets(report: Report) -> list[str]:
    """Say, a sentence a file, how often its sets of labels hold the right one and how long they are."""
    return [_sets(row) for row in judged(report) if row.reject.get("sets")]


def _sets(row: Row) -> str:
    told, held = row.reject["sets"], row.robustness.get("coverage", {})
    share, low, high = (f"{told[key]:.3f}" for key in ("coverage", "coverage_low", "coverage_high"))
    whole = (
        f"label sets of {_title(row)}: {share} [{low}, {high}] of the test spectra have the right label in theirs ({told['samples']} samples "
        f"guarantee {told['mean']:.2f}, {told['asked']:.2f} was asked for), {told['size']:.2f} labels on average, {told['alone']:.0%} have one"
    )
    if not held:
        return whole
    worst = min(held, key=held.__getitem__)
    return f"{whole}; perturbed {sum(held.values()) / len(held):.3f}, at worst {held[worst]:.3f} ({worst})"


def curves(report: Report) -> str:
    """Draw an SVG of the share of wrong answers among the surest ones, or give "" where none was measured."""
    rows = judged(report)
    if not rows:
        return ""
    figure = drawing(SIZE)
    axes = figure.add_subplot()
    for row in rows:
        axes.plot(row.reject["coverage"], row.reject["risk"], label=_title(row), linewidth=1.4)
    axes.set_xlabel("coverage: share of the test spectra that is answered, the surest first")
    axes.set_ylabel("risk: share of wrong answers among them")
    axes.set_title(f"{report.recipe}: data {report.data['source']}", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    kept = io.BytesIO()
    figure.savefig(kept, format="svg", metadata={"Date": None})
    return kept.getvalue().decode()


def judged(report: Report) -> list[Row]:
    """Give the rows that were judged so: what the steps left in torch, and the files that may be shipped."""
    shipped = report.last()
    return [row for row in report.rows if row.reject and (row.kind == "step" or row in shipped)]


def _model(row: Row) -> list[str]:
    known, scores = row.reject, row.scores
    risk = dict(zip(known["coverage"], known["risk"], strict=True))
    return [
        _title(row),
        f"{scores['ece']:.3f}",
        f"{scores['ece_low']:.3f} - {scores['ece_high']:.3f}",
        known["kind"],
        f"{known['auroc_displaced']:.3f}",
        _or(known.get("auroc_unknown")),
        f"{known['accepted']:.3f}" + (f" (>= {known['accepts']['mean']:.2f})" if known.get("accepts") else ""),
        _or(known.get("unknown_refused")),
        *(f"{risk[share]:.3f}" for share in SHARES),
        f"{known['mean_risk']:.4f}",
    ]


def _title(row: Row) -> str:
    return f"{row.step} {row.variant or row.name}"


def _or(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
