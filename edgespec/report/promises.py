"""What a run's files score against the recipe's own limits: the part of a promise that needs no measurement on a target."""

from __future__ import annotations

from collections.abc import Sequence

from edgespec.recipe.gates import Gate
from edgespec.recipe.metrics import METRICS
from edgespec.report import Report, Row

SETS = {"coverage": "coverage", "set_size": "size"}  # metric -> where a row's `reject["sets"]` has it
ROBUST = {"robust_accuracy": "mean", "robust_accuracy_drop": "drop"}  # metric -> where a row's `robustness` has it


def broken(gates: Sequence[Gate], report: Report, variant: str) -> list[str]:
    """Say which promises a variant would break, those of a target left aside; what is recommended and shipped rests on this."""
    row = next((row for row in report.last() if row.variant == variant), None)
    if row is None:
        return ["it is only here to be compared with"]
    values = [(gate, of_row(gate.metric, row, report)) for gate in gates if not METRICS[gate.metric].per_target]
    return [compare(gate, value) for gate, value in values if value is not None and not kept(gate, value)]


def of_row(metric: str, row: Row, report: Report) -> float | None:
    """Give a file's figure in the metric's own unit, None where the run has none."""
    teacher = report.reference()
    if metric == "teacher_accuracy":
        return teacher.accuracy if teacher else None
    if metric == "gain_over_control":
        control = next((each for each in report.rows if each.kind == "control" and each.name == "control"), None)
        return row.accuracy - control.accuracy if control else None
    if metric == "instructions":
        counted: float | None = report.instructions.get("files", {}).get(row.variant)
        return counted
    if metric == "accepted":
        return row.reject.get("accepted")
    if metric in SETS:
        held: float | None = row.reject.get("sets", {}).get(SETS[metric])
        return held
    if metric == "unknown_auroc":
        return row.reject.get("auroc_unknown")
    if metric in ROBUST:
        return row.robustness.get(ROBUST[metric])
    if metric in ("agreement", "drop", "params", "macs"):
        found: float | None = getattr(row, metric)
        return found
    return row.bytes if metric == "size" else row.scores.get(metric)


def kept(gate: Gate, value: float) -> bool:
    """Is a figure on the right side of the limit?"""
    return value >= gate.limit if METRICS[gate.metric].high else value <= gate.limit


def compare(gate: Gate, value: float, where: str = "") -> str:
    """Say by how much a limit is missed; where: file and line at which it stands."""
    metric = METRICS[gate.metric]
    name = f"{gate.metric} {gate.target}".strip()
    side = "under" if metric.high else "over"
    gap, limit = metric.show(abs(value - gate.limit)), metric.show(gate.limit)
    return f"{name} is {metric.show(value)}, {gap} {side} the {limit}{f' of {where}' if where else ''}"
