"""Numbers in text: what stands between them, which mark is decimal, which groups thousands; what cannot be decided is refused."""

from __future__ import annotations

import csv
import re
from typing import Any

import numpy as np

from refusal import RefusalError

MARKS = (";", "\t")
DECIMAL_COMMA = re.compile(r"[-+]?\d+(?:,\d+)?(?:[eE][-+]?\d+)?")
NUMBER = re.compile(r"[-+]?(?:\d[\d.,'\u2019\u00a0\u202f ]*|[.,]\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf|infinity)", re.I)
GROUPS = re.compile(r"(?<=\d)['\u2019\u00a0\u202f ](?=\d{3}(?!\d))")  # 1'138 and 1 138: marks that are never decimal
COMMA_GROUPS, DOT_GROUPS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+"), re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")
PLAIN = re.compile(r"[-+]?\d{1,3}")
EMPTY = "nan"  # what an empty cell is read as
NEAR = 1e-6
ENOUGH = 3  # numbers below and above a thousand, without and with a mark: beyond chance (one decimal of a thousand ends in .000)
LARGEST_AXIS = 50_000.0  # in any unit of an axis; above it a mark between groups of three can only be decimal
HINT = "expected numbers, 'shift, intensity'; mend the line or remove the file"


def delimiter_of(line: str) -> str | None:
    """Tell what stands between the numbers of a line; None is white space. A comma may be the decimal point there."""
    for mark in MARKS:
        if mark in line:
            return mark
    words = line.split()
    if "," in line:
        bare = [word.rstrip(",") for word in words]
        decimal = len(words) > 1 and all(DECIMAL_COMMA.fullmatch(word) for word in bare)
        if decimal and bare == words:
            return None
        if decimal and any("," in word for word in bare):
            return ", "
        return ","
    return None


def fields_of(line: str, delimiter: str | None) -> list[str]:
    """Split a line, its quotes taken off; a delimiter at its end ends no field."""
    if '"' in line and delimiter is not None:
        try:
            parts = next(csv.reader([line], delimiter=delimiter[0], skipinitialspace=True), [])
        except csv.Error:
            parts = line.split(delimiter)
    else:
        parts = line.split(delimiter)
    if '"' in line or "'" in line:
        parts = [part.strip().strip("\"'") for part in parts]
    fields = [part.strip() for part in parts] if delimiter is not None else parts
    while fields and not fields[-1]:
        fields.pop()
    return fields


def row_of(line: str, delimiter: str | None) -> list[str] | None:
    """Give the fields of a line of numbers; None where it is none."""
    if "_" in line:
        return None  # which Python would read as a number
    fields = fields_of(line, delimiter)
    return fields if fields and all(map(is_number, fields)) else None


def is_number(field: str) -> bool:
    """Tell whether a field is a number, in whatever way its marks are meant."""
    return NUMBER.fullmatch(field) is not None


def table(rows: list[list[str]], where: str, at: list[int]) -> Any:
    """Read rows of as many fields each: (m, columns) float64. Raises RefusalError where its marks can be meant in two ways.

    at: in which line each row stands
    """
    try:
        found = np.array(rows, dtype=np.float64)
    except ValueError:
        pass
    else:
        if not any(_grouped([row[k] for row in rows], ".", DOT_GROUPS) for k in _mixed(found)):
            return found
    rows = [[GROUPS.sub("", field) for field in row] for row in rows]
    decimal = _decimal(rows, where, at)
    other = "," if decimal == "." else "."
    values = np.empty((len(rows), len(rows[0])))
    for i, row in enumerate(rows):
        for k, field in enumerate(row):
            try:
                values[i, k] = float(field.replace(other, "").replace(decimal, "."))
            except ValueError:
                told = f"{where}:{at[i]}: {' '.join(row)[:40]!r} is not like the lines before"
                raise RefusalError(2, told, HINT) from None
    return values


def plain(line: str, fields: list[str]) -> Any:
    """Read the fields of a line, (n,) float64, where Python reads them all as numbers; None where it doesn't."""
    if "_" in line:
        return None
    try:
        return np.array(fields, dtype=np.float64)
    except ValueError:
        return None


def sure(table: Any, first: list[str]) -> bool:
    """Tell that no column of a table that Python read as numbers can be meant in another way. first: the fields of its first row

    Thousands in groups of three look like numbers from 1 to 999 with three decimals.
    """
    mixed = _mixed(table)
    mixed = [k for k in mixed if (DOT_GROUPS if "." in first[k] else PLAIN).fullmatch(first[k])]
    found = np.abs(table[:, mixed])
    thousandths = np.abs(found * 1000 - np.round(found * 1000)) < NEAR
    return not (((found == 0) | (found >= 1)) & (found < 1000) & thousandths).all(0).any()


def _mixed(table: Any) -> Any:
    """Give the columns that hold whole numbers below a thousand beside others: a point there may stand between thousands."""
    whole = (table == np.round(table)) & (np.abs(table) < 1000)
    return np.flatnonzero((whole.sum(0) >= ENOUGH) & (whole.sum(0) < len(table)))


def _decimal(rows: list[list[str]], where: str, at: list[int]) -> str:
    """Tell the decimal mark of a table, "." or ","; the other one then stands between thousands."""
    columns = [[field for field in column if field != EMPTY] for column in zip(*rows)]
    fields = [(i, field) for i, row in enumerate(rows) for field in row if "," in field or "." in field]
    both = {"," if field.rfind(",") > field.rfind(".") else "." for _, field in fields if "," in field and "." in field}
    commas = [(i, field) for i, field in fields if "," in field]
    dots = [(i, field) for i, field in fields if "." in field]
    # a mark in a number that cannot be cut into thousands there is decimal; two of the same in a number are not
    proven = set(both)
    for mark, mine, groups in ((",", commas, COMMA_GROUPS), (".", dots, DOT_GROUPS)):
        other = "." if mark == "," else ","
        alone = [field for _, field in mine if other not in field]
        if any(field.count(mark) == 1 and not groups.fullmatch(field) for field in alone):
            proven.add(mark)
        if any(field.count(mark) > 1 for field in alone) or any(_grouped(column, mark, groups) for column in columns):
            proven.add(other)
    if len(proven) == 1:
        return proven.pop()
    if not proven and not (commas and dots):
        mark, groups = (",", COMMA_GROUPS) if commas else (".", DOT_GROUPS)
        if mark == "." or any(_beyond(column, mark) for column in columns):
            return mark
    row, field = (commas or dots)[0]
    told = f"{where}:{at[row]}: {field!r} may be {_read(field, '.')} or {_read(field, ',')}: its marks can be meant in two ways"
    raise RefusalError(2, told, "export numbers without a mark between thousands, with a decimal point")


def _grouped(column: Any, mark: str, groups: Any) -> bool:
    """Tell thousands by a column that has whole numbers below a thousand without a mark, and all others in groups of three."""
    marked = [field for field in column if mark in field]
    if len(marked) < ENOUGH or len(column) - len(marked) < ENOUGH:
        return False
    return all(groups.fullmatch(field) if mark in field else PLAIN.fullmatch(field) for field in column)


def _beyond(column: Any, mark: str) -> bool:
    """Tell that a column with a mark in every number would, read as thousands, be an axis no instrument has."""
    if not all(field.count(mark) == 1 for field in column):
        return False
    values = np.array([float(field.replace(mark, "")) for field in column])
    steps = np.diff(values)
    return len(values) > 1 and bool((steps > 0).all() or (steps < 0).all()) and float(values.max()) > LARGEST_AXIS


def _read(field: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    return field.replace(other, "").replace(decimal, ".")
