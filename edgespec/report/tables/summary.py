"""The one sentence that a reader needs first: the file to ship, what it weighs, how right and how fast it is, and its gates."""

from __future__ import annotations

from edgespec import units
from edgespec.report import Report, Row, choice
from edgespec.report.tables import promise

BAD = {"fail": "failed", "inconclusive": "inconclusive", "unmeasured": "not measured"}


def line(report: Report) -> str:
    """Word the run's result, such as "int8, 26.5 kB, 0.973 [0.914, 0.992], 40 us: all 5 gates kept"; "" before a model is scored."""
    variant = choice.variant(report)
    row = next((each for each in report.last() if each.variant == variant), None)
    if row is not None:
        facts = [row.variant, *_figures(row), *_latencies(report, row.variant)]
        return f"{', '.join(facts)}: {gates(report)}"
    trained = [each for each in report.rows if each.kind == "step"]
    if not trained:
        return ""
    return f"{', '.join([f'{trained[-1].step} {trained[-1].name}', *_figures(trained[-1])])}: not exported yet"


def gates(report: Report) -> str:
    """Say how many gates are kept, and which are not."""
    if not report.gates:
        return "gates not judged yet"
    count = len(report.gates)
    bad = [each for each in report.gates if each["verdict"] != "pass"]
    if not bad:
        return "the gate is kept" if count == 1 else f"all {count} gates kept"
    parts = [f"{count - len(bad)} of {count} gates kept"]
    for verdict, words in BAD.items():
        if named := [promise(each) for each in bad if each["verdict"] == verdict]:
            parts.append(f"{len(named)} {words} ({', '.join(named)})")
    return ", ".join(parts)


def _figures(row: Row) -> list[str]:
    size = [] if row.bytes is None else [units.show_size(row.bytes)]
    return [*size, f"{row.accuracy:.3f} [{row.scores['low']:.3f}, {row.scores['high']:.3f}]"]


def _latencies(report: Report, variant: str) -> list[str]:
    """Give the median on each target that measured the file, this machine first and without its name."""
    found = {
        target: units.show_time(each["p50_ms"] / 1e3)
        for target, record in sorted(report.bench.items(), key=lambda pair: pair[0] != choice.HERE)
        for each in record["measurements"]
        if each["variant"] == variant and each["p50_ms"] is not None
    }
    return [time if target == choice.HERE else f"{time} on {target}" for target, time in found.items()]
