"""Tables as laboratories keep them: csv, tsv, xlsx and parquet, as rows of cells."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from edgespec import storage
from edgespec.errors import Missing, Mistake

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet")
SHEETS = (".xlsx", ".xlsm")
NO_WORKBOOK = (*storage.DAMAGED_ZIP, LookupError, ValueError, TypeError, AttributeError, SyntaxError, MemoryError)
EXTRA = 'pip install "edgespec[formats]"'


def rows(path: Path) -> list[list[str]]:
    """Read all cells as text, "" where a cell is empty. Raises Mistake where it is no table, Missing where a library is not installed."""
    ending = path.suffix.lower()
    if ending in SHEETS:
        return _sheet(path)
    if ending == ".parquet":
        return _parquet(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Mistake(
            f"{path.name}: byte {problem.start} is not text in UTF-8", hint="save the table as CSV in UTF-8"
        ) from None
    lines = text.splitlines()
    if lines and lines[0].lower().startswith("sep="):
        lines = lines[1:]  # what a spreadsheet tells itself
    try:
        return list(csv.reader(lines, delimiter=delimiter(lines[0] if lines else "")))
    except csv.Error as problem:
        raise Mistake(f"{path.name}: is no table: {problem}", hint="save it as CSV again") from None


def delimiter(line: str) -> str:
    """Tell what stands between the cells of a line."""
    return max("\t;,", key=line.count)


def number(cell: str, comma: bool) -> float | None:
    """Read a number; None where the cell is none. comma: the decimal point is a comma."""
    text = cell.strip().replace("\u2212", "-")
    if comma:
        if "." in text:
            return None
        text = text.replace(",", ".")
    if "_" in text or "," in text:
        return None  # Python would read the one, nobody knows what the other means
    try:
        return float(text)
    except ValueError:
        return None


def _sheet(path: Path) -> list[list[str]]:
    try:
        import openpyxl
    except ImportError:
        raise Missing(f"{path.name}: openpyxl is needed to read it, and is not installed", hint=EXTRA) from None
    try:
        with path.open(
            "rb"
        ) as raw:  # openpyxl leaves open what it has opened, and Windows lets nobody replace an open file
            book = openpyxl.load_workbook(raw, read_only=True, data_only=True)
            found: list[Any] = list(book.worksheets[0].iter_rows(values_only=True))
    except NO_WORKBOOK as problem:
        raise Mistake(
            f"{path.name}: is no workbook that can be read: {problem}", hint="save it as .xlsx or .csv again"
        ) from None
    return [["" if cell is None else str(cell) for cell in row] for row in found]


def _parquet(path: Path) -> list[list[str]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise Missing(f"{path.name}: pyarrow is needed to read it, and is not installed", hint=EXTRA) from None
    try:
        found = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as problem:
        raise Mistake(f"{path.name}: is no parquet file that can be read: {problem}", hint="write it again") from None
    columns = [["" if cell is None else str(cell) for cell in column.to_pylist()] for column in found.columns]
    return [list(map(str, found.column_names)), *map(list, zip(*columns, strict=True))]
