"""How commands print tables: for the width of the terminal, with all columns (--wide), or as CSV (--csv)."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from edgespec.cli.answers import harmless
from edgespec.errors import Mistake

if TYPE_CHECKING:
    from edgespec.report.tables.layout import Grid

Wide = Annotated[bool, typer.Option("--wide", help="Print all columns and do not wrap lines.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print the table as CSV, with all columns.")]
NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")


def width(wide: bool) -> int | None:
    """Give the width for which tables are laid out; None: for no width."""
    from edgespec.report.tables import layout

    return None if wide else layout.screen()


def show(parts: Sequence[str | Grid], wide: bool = False) -> None:
    """Print texts and tables one below the other."""
    from edgespec.report.tables import layout

    print(layout.show(parts, width(wide)))


def show_text(text: str, wide: bool = False) -> None:
    """Print lines of text, wrapped with a hanging indent."""
    from edgespec.report.tables import layout

    print(layout.wrapped(text, width(wide)))


def check_format(*, to_json: bool, to_csv: bool) -> None:
    """Raise Mistake where two formats are asked for."""
    if to_json and to_csv:
        raise Mistake("--json and --csv: the output has one format", hint="one of them")


def print_csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as CSV. A dash is an empty cell; a text that a spreadsheet would take for a formula gets a ' in front."""
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(names(head))
    lines.writerows([_cell(each) for each in row] for row in rows)


def names(head: Sequence[str]) -> list[str]:
    """Give each column a name of its own: of two with one name, each gets the name of the column before it in front."""
    return [
        f"{head[i - 1]} {name}" if i and list(head).count(name) > 1 else name for i, name in enumerate(map(str, head))
    ]


def _cell(text: str) -> str:
    if text == "-":
        return ""
    return text if NUMBER.fullmatch(text) else str(harmless(text))
