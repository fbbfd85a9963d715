"""Cells of text in columns, for a terminal, a pipe and a log: loaded without what makes the cells."""

from __future__ import annotations

import unicodedata

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
    "learnt from",
    "advice",
    "row",
    "name",
    "run",
    "recipe",
    "data",
    "what",
    "kind",
    "about",
    "version",
    "state",
    "source",
    "mean of the runs",
    "class",
    "lasers, nm",
    "one of",
    "set",
    "task",
    "licence",
}
NO_WIDTH = {"Mn", "Me", "Cf"}  # marks over and under other characters, joiners


def columns(head: list[str], rows: list[list[str]], widths: list[int] | None = None) -> str:
    """Align cells in columns: words to the left, figures to the right. widths: of the columns, those of the cells if not said"""
    widths = widths or [max(measured(cell) for cell in column) for column in zip(head, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        aligned = [padded(cell, w, left=name in LEFT) for name, cell, w in zip(head, cells, widths, strict=True)]
        return "  ".join(aligned).rstrip()

    return "\n".join([line(head), *map(line, rows)])


def padded(cell: str, width: int, *, left: bool) -> str:
    """Fill a cell with spaces up to a width in columns of a terminal."""
    space = " " * (width - measured(cell))
    return cell + space if left else space + cell


def measured(text: str) -> int:
    """Count the columns that a text takes on a terminal: two for East Asian characters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(mark) in NO_WIDTH else 2 if unicodedata.east_asian_width(mark) in "WF" else 1
        for mark in text
    )
