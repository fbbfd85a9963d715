"""What a page is made of: sections with figures and tables, as data; html.py lays them out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from edgespec.report import Report, Row, choice

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "k": 1e3, "M": 1e6, "G": 1e9, "B": 1.0}
UNITS |= {"kB": 1e3, "MB": 1e6, "GB": 1e9, "%": 0.01}
_NUMBER = re.compile(
    r"(?:x )?([-+]?\d[\d.]*(?:e[-+]?\d+)?)(?: ?(ns|us|ms|s|min|kB|MB|GB|k|M|G|B|%))?(?: - [-+]?\d.*| \[.*)?"
)


@dataclass(frozen=True)
class Cell:
    """A table's cell: its text, the number that it is sorted by (None: by its text), and what it is, for its colour."""

    text: str
    value: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its caption; `head` may hold the same words twice."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, and stand to the right."""
        columns = [[cell for cell in column if cell.text not in ("", "-")] for column in zip(*self.rows, strict=True)]
        return [bool(column) and all(cell.value is not None for cell in column) for column in columns]


@dataclass(frozen=True)
class Figure:
    """A drawing, what it shows, the series in it (number, words), and the same as a table."""

    title: str
    svg: Markup
    caption: str = ""
    legend: Sequence[tuple[int, str]] = ()
    table: Table | None = None
    wide: Markup | None = None


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own.

    facts: terms with what is said of each; examples: small drawings; more: further ones, folded
    engineer: it stands folded at the end of its run
    """

    name: str
    title: str
    lead: str = ""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = field(default=())
    facts: Sequence[tuple[str, str]] = field(default=())
    examples: Sequence[Figure] = ()
    more: Sequence[Figure] = ()
    engineer: bool = False


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[str] = ()) -> Table:
    """Make a table of cells of text; what reads as a number, its unit counted, is sorted as one. kinds: one a row."""
    made = [[Cell(text, number(text), kinds[i] if kinds else "") for text in row] for i, row in enumerate(rows)]
    return Table(caption, head, made)


def number(text: str) -> float | None:
    """Read what a cell of text starts with: "1.33 MB" is 1330000, "0.91 - 0.98" 0.91; None where it is no number."""
    found = _NUMBER.fullmatch(text.strip())
    return float(found[1]) * UNITS.get(found[2] or "", 1.0) if found else None


def shipped(report: Report) -> Row | None:
    """Give the row of the file to ship: that for this machine."""
    name = choice.variant(report)
    return next((row for row in report.last() if row.variant == name), None)


def judged(report: Report) -> list[Row]:
    """Give the models that a run is about: what each step left in torch, and the files that may be shipped."""
    last = report.last()
    return [row for row in report.rows if row.kind == "step" or row in last or row is report.reference()]


def title(row: Row) -> str:
    """Name a row as the tables do."""
    return f"{row.step} {row.variant or row.name}" if row.step else row.name


def series(report: Report) -> dict[str, int]:
    """Give each model its number: one colour, one marker and one dash in all figures of a run."""
    return {title(row): i for i, row in enumerate(judged(report))}
