"""The answers of one `edgespec predict`, printed whole at its end: as a table, CSV or JSON, in memory that does not grow with their number."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from edgespec.cli import answers
from edgespec.cli.answers import Answer
from edgespec.cli.console import json_text

BLOCK = 1000  # rows of a table whose columns are aligned together
ORDER = ("file", "label", "probability", "one of", "flag", "covered", "runner-up")  # columns, the most important first
LEAST = {"file": 16, "label": 16, "one of": 16}  # width of a column whose texts are wrapped


class Notes:
    """Each note once, with the first spectrum that has it and how many others do."""

    def __init__(self) -> None:
        self.first: dict[str, tuple[str, int]] = {}

    def add(self, answer: Answer) -> None:
        """Count the notes of an answer."""
        for note in answer.get("notes", []):
            name, count = self.first.get(note, (answer["file"], 0))
            self.first[note] = (name, count + 1)

    def print(self) -> None:
        """Print them on standard error."""
        for note, (name, count) in self.first.items():
            more = f" and {count - 1} more" if count > 1 else ""
            print(f"note:  {name}{more}: {answers.shown(note)}", file=sys.stderr)


class Table:
    """Aligned columns of what was answered; notes and refusals follow on standard error."""

    every = False

    def __init__(self, *, wide: bool = False) -> None:
        self.rows: list[list[str]] = []
        self.wide = wide
        self.widths: dict[int, int] | None = None
        self.hidden = False
        self.notes = Notes()

    def add(self, answer: Answer) -> None:
        """Take an answer or a refusal."""
        if answers.is_refused(answer):
            return
        self.notes.add(answer)
        self.rows.append(answers.cells(answer))
        if len(self.rows) == BLOCK:
            self._print()

    def end(self, model: str, summary: Mapping[str, Any]) -> None:
        """Print what is left."""
        from edgespec.report.tables import layout

        self._print()
        if self.hidden:
            print(f"\n{layout.HIDDEN}")
        self.notes.print()

    def _print(self) -> None:
        from edgespec.cli import tables
        from edgespec.report.tables import layout

        if self.rows:
            grid = layout.Grid(answers.HEAD, self.rows, layout.Shape(ORDER, 3, LEAST))
            text, self.widths = layout.table(grid, tables.width(self.wide), self.widths)
            print(text)
            self.hidden = self.hidden or layout.is_cut(grid, self.widths)
            self.rows = []


class Csv:
    """A line for each spectrum, refused ones too, in the order of the files."""

    every = True

    def __init__(self) -> None:
        self.notes = Notes()
        answers.print_head()

    def add(self, answer: Answer) -> None:
        """Print the line."""
        self.notes.add(answer)
        answers.print_row(answer)

    def end(self, model: str, summary: Mapping[str, Any]) -> None:
        """Print the notes."""
        self.notes.print()


class Json:
    """One object: model, contract, results, refused. The contract comes last from the runner, so the rest waits in files."""

    every = True

    def __init__(self) -> None:
        self.waiting: dict[bool, IO[str]] = {False: _file(), True: _file()}
        self.begun = {False: False, True: False}

    def add(self, answer: Answer) -> None:
        """Write the answer where it waits."""
        refused = answers.is_refused(answer)
        self.waiting[refused].write((",\n" if self.begun[refused] else "\n") + json_text(answer))
        self.begun[refused] = True

    def end(self, model: str, summary: Mapping[str, Any]) -> None:
        """Print the object."""
        sys.stdout.write(f'{{"model": {json_text(model)},\n"contract": {json_text(summary["contract"])}')
        for name, refused in (("results", False), ("refused", True)):
            sys.stdout.write(f',\n"{name}": [')
            with self.waiting[refused] as file:
                file.seek(0)
                shutil.copyfileobj(file, sys.stdout)
            sys.stdout.write("]")
        sys.stdout.write("}\n")


def _file() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8")


class Refusals:
    """The first refusals, and how many there are."""

    def __init__(self) -> None:
        self.first: list[Answer] = []
        self.count = 0

    def add(self, answer: Answer) -> None:
        """Keep it if it is one of the first."""
        self.count += 1
        if self.count <= answers.MOST:
            self.first.append(answer)
