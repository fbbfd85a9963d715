"""Tables as laboratories keep them: csv, tsv, xlsx and parquet, as rows of cells."""

from __future__ import annotations

import csv
import zipfile
from functools import partial
from pathlib import Path

from edgespec import unpacking
from edgespec.data.readers import apart
from edgespec.errors import Missing, Mistake

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet")
SHEETS = (".xlsx", ".xlsm")
MOST_CELLS = 50_000_000  # each takes some 60 bytes while a table is read
EXTRA = 'pip install "edgespec[formats]"'


def rows(path: Path) -> list[list[str]]:
    """Read all cells as text, "" where a cell is empty. Raises Mistake where it is no table, Missing where a library is not installed."""
    ending = path.suffix.lower()
    if ending in SHEETS:
        return _sheet(path)
    if ending == ".parquet":
        return _parquet(path)
    if not path.is_file():
        raise Mistake(f"{path.name}: is not a file", hint="name the table itself")
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
        raise Mistake(f"{path.name}: is not a table: {problem}", hint="save it as CSV again") from None


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
        import openpyxl  # noqa: F401
    except ImportError:
        raise Missing(f"{path.name}: openpyxl is needed to read it, and is not installed", hint=EXTRA) from None
    found: list[list[str]] = apart.run(partial(_sheet_rows, path), path, path.name)
    return found


def _sheet_rows(path: Path) -> list[list[str]]:
    import openpyxl

    with unpacking.foreign(path, path.name, "save it as .xlsx or .csv again"):
        with zipfile.ZipFile(path) as archive:
            unpacking.check_zip(archive, path.stat().st_size)
        found: list[list[str]] = []
        with path.open(
            "rb"
        ) as raw:  # openpyxl leaves open what it has opened, and Windows lets nobody replace an open file
            book = openpyxl.load_workbook(raw, read_only=True, data_only=True)
            for row in book.worksheets[0].iter_rows(values_only=True):
                found.append(["" if cell is None else str(cell) for cell in row])
                if len(found) * len(found[0]) > MOST_CELLS:
                    raise Mistake(f"{path.name}: claims more than {MOST_CELLS} cells", hint="save it as .csv")
        return found


def _parquet(path: Path) -> list[list[str]]:
    try:
        from pyarrow import parquet  # noqa: F401
    except ImportError:
        raise Missing(f"{path.name}: pyarrow is needed to read it, and is not installed", hint=EXTRA) from None
    found: list[list[str]] = apart.run(partial(_parquet_rows, path), path, path.name)
    return found


def _parquet_rows(path: Path) -> list[list[str]]:
    from pyarrow import parquet

    with unpacking.foreign(path, path.name, "write it again as parquet, or as .csv"):
        told = parquet.read_metadata(path)
        if told.num_rows * told.num_columns > MOST_CELLS:
            raise Mistake(f"{path.name}: claims more than {MOST_CELLS} cells", hint="arrays: reads larger sets")
        found = parquet.read_table(path, use_threads=False)
        columns = [["" if cell is None else str(cell) for cell in column.to_pylist()] for column in found.columns]
        return [list(map(str, found.column_names)), *map(list, zip(*columns, strict=True))]
