"""Which file a run ships to each target, as cells of text."""

from __future__ import annotations

from edgespec import units
from edgespec.report import Report, choice
from edgespec.report.tables import Table

TITLE = "What is shipped"
HEAD = ["target", "file", "size", "accuracy", "why"]


def rows(report: Report) -> Table:
    """Give a line for each target that the run chose a file for; this machine alone where it chose none; nothing before a file is made."""
    made = {row.variant: row for row in report.last()}
    found: Table = []
    for target in report.ships or [choice.HERE]:
        row = made.get(choice.variant(report, target) or "")
        if row is not None:
            scores = row.scores
            accuracy = f"{row.accuracy:.3f} [{scores['low']:.3f}, {scores['high']:.3f}]"
            why = str(report.ships.get(target, {}).get("why", "the first file of the last step"))
            found.append([target, row.variant, units.show_size(row.bytes) if row.bytes else "-", accuracy, why])
    return found
