"""How robust the models of a report are, as cells of text: a line a perturbation, or a line a model."""

from __future__ import annotations

from edgespec.report import Report, Row
from edgespec.report.tables import Table

HEAD = ["model", "clean", "perturbed", "costs most", "there", "robust drop", "at", "from float", "at"]
AGAINST = {"robust drop": ("drop", "at"), "robust drop from float": ("drop_float", "at_float")}


def models(report: Report) -> Table:
    """One line a model, baselines last: clean accuracy, its mean over the perturbations, the one that costs most, what compression lost."""
    return [_model(row) for row in [*_judged(report), *_baselines(report)]]


def perturbations(report: Report) -> Table:
    """One line a perturbation, one column a model, and a head; what costs a model most is bold as Markdown has it."""
    rows = _judged(report)
    found = _columns(rows)
    return (
        [*found, *([title, *(" at ".join(_lost(row, *keys)) for row in rows)] for title, keys in AGAINST.items())]
        if rows
        else []
    )


def baselines(report: Report) -> Table:
    """The same of the baselines, beside the file of the run that is most accurate; nothing where no baseline was perturbed."""
    rows, shipped = _baselines(report), [row for row in report.last() if row.robustness]
    best = [max(shipped, key=lambda row: row.accuracy)] if shipped else []
    return _columns([*best, *rows]) if rows else []


def _columns(rows: list[Row]) -> Table:
    if not rows:
        return []
    found = [["perturbation", *map(_title, rows)], ["none", *(f"{row.accuracy:.3f}" for row in rows)]]
    for name in dict.fromkeys(name for row in rows for name in row.robustness["accuracy"]):
        found.append([name, *(_cell(row, name) for row in rows)])
    return [*found, ["mean", *(f"{row.robustness['mean']:.3f}" for row in rows)]]


def _judged(report: Report) -> list[Row]:
    """Give the rows that were judged so: the teacher, what each step left in torch, and the files that may be shipped."""
    shipped = report.last()
    return [row for row in report.rows if row.robustness and (row.kind == "step" or row.step == 1 or row in shipped)]


def _baselines(report: Report) -> list[Row]:
    return [row for row in report.rows if row.kind == "baseline" and row.robustness]


def _model(row: Row) -> list[str]:
    worst = next(iter(_worst(row)), "")
    there = f"{row.robustness['accuracy'][worst]:.3f}" if worst else "-"
    against = [(*_lost(row, *keys), "")[:2] for keys in AGAINST.values()]
    found = [_title(row), f"{row.accuracy:.3f}", f"{row.robustness['mean']:.3f}", worst or "nothing", there]
    return found + [cell for pair in against for cell in pair]


def _title(row: Row) -> str:
    if row.kind != "baseline":
        return f"{row.step} {row.variant or row.name}"
    labels = "" if row.labels in ("", "all") else row.labels
    source = ", ".join(each for each in (row.on, labels) if each)
    return f"{row.name} ({source})" if source else row.name


def _cell(row: Row, name: str) -> str:
    value = row.robustness["accuracy"].get(name)
    if value is None:
        return "-"
    return f"**{value:.3f}**" if name in _worst(row) else f"{value:.3f}"


def _worst(row: Row) -> list[str]:
    """Name the perturbations, one or several as good, under which a model is least accurate; none where all leave it as it is."""
    found = row.robustness["accuracy"]
    least = min(found.values())
    return [name for name, value in found.items() if value == least < row.accuracy]


def _lost(row: Row, key: str, at: str) -> list[str]:
    value = row.robustness[key]
    return ["-"] if value is None else [f"{value:+.3f}", row.robustness[at]]
