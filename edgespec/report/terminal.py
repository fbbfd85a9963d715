"""The report as plain text tables, readable in a terminal, a pipe and a log.

width: of the output in columns (`layout.screen`); without one, every table has all its columns and nothing is wrapped.
"""

from __future__ import annotations

from edgespec.report import Report, tables
from edgespec.report.columns import columns as columns
from edgespec.report.tables import comparison, pruning, robustness, summary, uncertainty
from edgespec.report.tables.layout import Grid, Shape
from edgespec.report.tables.layout import show as laid_out

Parts = list[str | Grid]
EMBEDDED = "data: embedded"  # the title says so; a note that begins with it would say so again
STEPS = Shape(
    ("step", "#", "accuracy", "95 % interval", "size", "learnt from", "drop", "agree", "time", "F1", "ECE", "params", "model", "MACs"), 5
)  # fmt: skip
BENCH = Shape(
    ("variant", "target", "p50", "ratio", "accuracy", "size", "advice", "95 % interval", "p90", "p99", "agree", "memory"), 7
)  # fmt: skip
GATES = Shape(("gate", "verdict", "measured", "limit", "file"), 4, {"gate": 24, "verdict": 30})
TRANSFER = Shape(
    ("file", "correction", "accuracy", "95 % interval", "gain", "found", "unseen n", "over draws"), 4,
    {"correction": 14, "found": 24},
)  # fmt: skip
PRUNED = Shape(("pruned", "of all", "size", "validation", "drop", "latency", "params"), 4)
SENSITIVITY = Shape(("group", "channels", "stay"), 3)
ROBUST = Shape(("model", "clean", "perturbed", "costs most", "there", "robust drop", "from float"), 3, {"model": 24})
UNCERTAIN = Shape(
    ("model", "ECE", "95 % interval", "accepted", "unknown refused", "AUROC unknown", "AUROC displaced", "errors, all"), 3,
    {"model": 24},
)  # fmt: skip


def show(report: Report, width: int | None = None) -> str:
    """Everything that a run has said so far."""
    parts = title(report)
    if beside := comparison.rows(report):
        parts += [Grid(comparison.head(report), beside, _beside(report)), ""]
    parts.append(steps(report, width))
    if taken := pruning.rounds(report):
        table = pruning.sensitivity(report)
        parts += ["", Grid(pruning.HEAD, taken, PRUNED), "", Grid(table[0], table[1:], SENSITIVITY)]
    if perturbed := robustness.models(report):
        parts += ["", Grid(robustness.HEAD, perturbed, ROBUST)]
    if judged := uncertainty.models(report):
        parts += ["", Grid(uncertainty.HEAD, judged, UNCERTAIN)]
        parts += [part for each in uncertainty.sets(report) for part in ("", each)]
    parts += _notes(report)
    if report.bench:
        parts += ["", *_bench(report)]
    for name in report.transfer:
        parts += ["", *_transfer(report, name)]
    if report.gates:
        parts += ["", Grid(tables.GATE_HEAD, tables.gates(report), GATES)]
    return laid_out(parts, width).rstrip()


def title(report: Report) -> Parts:
    """The title, the summary and an empty line: what stands above every table."""
    told = summary.line(report)
    return [tables.headline(report), *([told] if told else []), ""]


def steps(report: Report, width: int | None = None) -> Grid:
    """The table of all models. On a terminal what a model learnt from is a column of its own, since the model's column goes early."""
    rows = tables.scores(report)
    if width is None:
        return Grid(tables.HEAD, rows, STEPS)
    at = tables.HEAD.index("model")
    head = [*tables.HEAD[:at], "learnt from", *tables.HEAD[at:]]
    apart = [
        [*cells[:at], tables.learnt_from(row), row.model, *cells[at + 1 :]]
        for row, cells in zip(report.rows, rows, strict=True)
    ]
    return Grid(head, apart, STEPS)


def show_bench(report: Report, width: int | None = None, *, titled: bool = False) -> str:
    """The measured files, what is recommended and why, and what speaks against the figures. titled: title and summary first"""
    return laid_out([*(title(report) if titled else []), *_bench(report)], width)


def show_transfer(report: Report, name: str, width: int | None = None) -> str:
    """What the files do on another instrument, and what speaks against the figures, below title and summary."""
    return laid_out([*title(report), *_transfer(report, name)], width).rstrip()


def show_gates(report: Report, width: int | None = None) -> str:
    """The verdicts, below title and summary."""
    return laid_out([*title(report), Grid(tables.GATE_HEAD, tables.gates(report), GATES)], width)


def _bench(report: Report) -> Parts:
    lines: Parts = [Grid(tables.BENCH_HEAD, tables.bench(report), BENCH), ""]
    for target, advice in report.advice.items():
        measured = report.bench[target]["measurements"]
        record = report.bench[target]
        lines.append(f"{advice['why']}  ({'; '.join(tables.conditions(record))})")
        lines += [f"soak: {record['soak']['told']}"] if "soak" in record else []
        warnings = dict.fromkeys(warning for each in measured for warning in each["warnings"])
        lines += [f"note: {warning}" for warning in warnings]
    return [*lines, *(f"note: {note}" for note in report.notes if note.startswith("on "))]


def _transfer(report: Report, name: str) -> Parts:
    record = report.transfer[name]
    lines: Parts = [tables.transferred(record), Grid(tables.TRANSFER_HEAD, tables.transfer(record), TRANSFER), ""]
    return [*lines, *(f"note: {note}" for note in (*record["data"]["notes"], *record["notes"]))]


def _beside(report: Report) -> Shape:
    """Keep the clean accuracy and the mean of the perturbations, which comes last."""
    conditions = comparison.head(report)[1:]
    return Shape(("model", *conditions[:1], *conditions[-1:]), 2, {"model": 24})


def _notes(report: Report) -> Parts:
    notes = [*report.data["notes"], *(note for note in report.notes if not note.startswith(("on ", EMBEDDED)))]
    return ["", *(f"note: {note}" for note in notes)] if notes else []
