"""Cells of text in columns, for a terminal, a pipe and a log: loaded without what makes the cells."""

from __future__ import annotations

LEFT = {"step", "model", "target", "variant", "gate", "verdict", "", "limit", "costs most", "at"}
LEFT |= {
    "pruned",
    "group",
    "file",
    "label",
    "flag",
    "runner-up",
    "check",
    "found",
    "tolerance",
    "correction",
    "score",
    "in",
    "axis",
    "technique",
    "intensities",
    "refused, or noticed",
}


def columns(head: list[str], rows: list[list[str]], widths: list[int] | None = None) -> str:
    """Align cells in columns: words to the left, figures to the right. widths: of the columns, those of the cells if not said"""
    widths = widths or [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        aligned = [
            cell.ljust(w) if name in LEFT else cell.rjust(w) for name, cell, w in zip(head, cells, widths, strict=True)
        ]
        return "  ".join(aligned).rstrip()

    return "\n".join([line(head), *map(line, rows)])
