"""The report as plain text tables, readable in a terminal, a pipe and a log."""

from __future__ import annotations

from edgespec.report import Report, tables
from edgespec.report.columns import columns as columns
from edgespec.report.tables import comparison, pruning, robustness, uncertainty


def show(report: Report) -> str:
    """Everything that a run has said so far."""
    parts = [tables.headline(report), ""]
    if beside := comparison.rows(report):
        parts += [columns(comparison.head(report), beside), ""]
    parts.append(columns(tables.HEAD, tables.scores(report)))
    if taken := pruning.rounds(report):
        table = pruning.sensitivity(report)
        parts += ["", columns(pruning.HEAD, taken), "", columns(table[0], table[1:])]
    if perturbed := robustness.models(report):
        parts += ["", columns(robustness.HEAD, perturbed)]
    if judged := uncertainty.models(report):
        parts += ["", columns(uncertainty.HEAD, judged), *(f"\n{each}" for each in uncertainty.sets(report))]
    parts.append(_notes(report))
    if report.bench:
        parts += ["", show_bench(report)]
    for name in report.transfer:
        parts += ["", show_transfer(report, name)]
    if report.gates:
        parts += ["", show_gates(report)]
    return "\n".join(part for part in parts if part is not None).rstrip()


def show_bench(report: Report) -> str:
    """The measured files, what is recommended and why, and what speaks against the figures."""
    lines = [columns(tables.BENCH_HEAD, tables.bench(report)), ""]
    for target, advice in report.advice.items():
        measured = report.bench[target]["measurements"]
        record = report.bench[target]
        lines.append(f"{advice['why']}  ({'; '.join(tables.conditions(record))})")
        lines += [f"soak: {record['soak']['told']}"] if "soak" in record else []
        warnings = dict.fromkeys(warning for each in measured for warning in each["warnings"])
        lines += [f"note: {warning}" for warning in warnings]
    return "\n".join([*lines, *(f"note: {note}" for note in report.notes if note.startswith("on "))])


def show_transfer(report: Report, name: str) -> str:
    """What the files do on another instrument, and what speaks against the figures."""
    record = report.transfer[name]
    lines = [tables.transferred(record), columns(tables.TRANSFER_HEAD, tables.transfer(record)), ""]
    return "\n".join([*lines, *(f"note: {note}" for note in (*record["data"]["notes"], *record["notes"]))]).rstrip()


def show_gates(report: Report) -> str:
    """The verdicts."""
    return columns(tables.GATE_HEAD, tables.gates(report))


def _notes(report: Report) -> str:
    notes = [*report.data["notes"], *(note for note in report.notes if not note.startswith("on "))]
    return "\n" + "\n".join(f"note: {note}" for note in notes) if notes else ""
