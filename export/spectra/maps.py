"""Maps and other tables of many spectra: one a row under a row of the axis, or one below the other with their places beside."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra import columns, headers, numbers
from spectra.track import Track
from spectra.words import unit_in

LEAST = 16  # points; a shorter row of numbers is no axis
LOOK = 200  # lines in which the row of the axis must come


class AxisRow(NamedTuple):
    """A line of the axis: its place, delimiter and fields, and which of its fields are the axis."""

    line: int
    delimiter: str | None
    fields: list[str]
    begin: int
    end: int


def axis_row(lines: list[str]) -> AxisRow | None:
    """Find a line that is the axis of spectra in rows: numbers that rise or fall, behind a blank or a word; None where none is."""
    filled = [(i, line) for i, line in enumerate(lines[:LOOK]) if line.strip()]
    for (i, line), (_, after) in zip(filled, filled[1:]):
        delimiter = numbers.delimiter_of(line)
        fields = _fields(line, delimiter)
        if len(fields) < LEAST or line.startswith("##"):
            continue
        begin, end = _run(fields)
        below = _fields(after, delimiter)
        extra = len(below) - len(fields)
        cornered = begin > 0 or end < len(fields)
        if end - begin < LEAST or extra < 0 or (extra and cornered) or (not extra and not cornered):
            continue
        begin, end = begin + extra, end + extra
        if not all(map(numbers.is_number, below[begin:end])):
            continue
        row = AxisRow(i, delimiter, [""] * extra + fields, begin, end)
        if columns.one_way(_values(row.fields[begin:end])):
            return None if _columns(row, lines) else row
    return None


def rows(lines: list[str], row: AxisRow, where: str) -> list[Track]:
    """Read the spectra below the row of the axis. Raises RefusalError where a line is not like the others."""
    facts = headers.facts([line for line in lines[: row.line] if line.strip()])
    corner = " ".join(field for k, field in enumerate(row.fields) if not row.begin <= k < row.end)
    read = _plainly(lines, row)
    sure = read is not None and numbers.sure(read[0], row.fields[row.begin : row.end])
    table, labels, at = read if read is not None and sure else _by_marks(lines, row, where)
    points = table.shape[1]
    return [
        Track(
            f"{where}:{labels[i] or i + 1}" if len(labels) > 1 else where,
            table[0],
            table[i + 1],
            np.broadcast_to(at[i + 1], (points,)),
            unit_in(corner) or facts.unit,
            facts.laser,
            False,
            facts.technique or ("Raman" if columns.SHIFT.search(corner) else ""),
            facts.intensity,
        )
        for i in range(len(labels))
    ]


def _plainly(lines: list[str], row: AxisRow) -> tuple[Any, list[str], list[int]] | None:
    """Read the axis and the rows below it where Python reads all their fields as numbers: most files, in a third of the time.

    Gives (m, points) float64, what stands beside each row but the first, and in which line each stands.
    """
    axis = numbers.plain(lines[row.line], row.fields[row.begin : row.end])
    held, labels, at = [axis], [], [row.line + 1]
    for number, line in enumerate(lines[row.line + 1 :], start=row.line + 2):
        if not line.strip():
            continue
        fields = _fields(line, row.delimiter)
        if len(fields) != len(row.fields) or held[-1] is None:
            return None
        held.append(numbers.plain(line, fields[row.begin : row.end]))
        labels.append(_beside(fields, row))
        at.append(number)
    return None if held[-1] is None else (np.array(held), labels, at)


def _by_marks(lines: list[str], row: AxisRow, where: str) -> tuple[Any, list[str], list[int]]:
    """Read the same where the marks in the numbers have to be understood first. Raises RefusalError."""
    held, labels, at = [row.fields[row.begin : row.end]], [], [row.line + 1]
    for number, line in enumerate(lines[row.line + 1 :], start=row.line + 2):
        if not line.strip():
            continue
        fields = _fields(line, row.delimiter)
        inside = fields[row.begin : row.end]
        if len(fields) != len(row.fields) or not all(map(numbers.is_number, inside)):
            told = f"{where}:{number}: {line.strip()[:40]!r} is not like the lines before"
            raise RefusalError(2, told, "expected a spectrum a row, a number for each place of the axis")
        held.append(inside)
        at.append(number)
        labels.append(_beside(fields, row))
    return numbers.table(held, where, at), labels, at


def _beside(fields: list[str], row: AxisRow) -> str:
    return " ".join(field for field in (*fields[: row.begin], *fields[row.end :]) if field)


def blocks(table: Any, names: list[str]) -> tuple[int, list[slice]]:
    """Cut a table of spectra one below the other: how many columns of places go before, and the rows of each spectrum.

    One slice of all rows where it is no such table. table: (m, columns)
    """
    whole = (0, [slice(0, len(table))])
    known = [columns.column(k, name) for k, name in enumerate(names)]
    for lead in range(1, table.shape[1] - 1):
        if known and known[lead - 1].role not in ("place", "time", "index", ""):
            break
        changes = (np.diff(table[:, :lead], axis=0) != 0).any(1)
        bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(table)]
        parts = [slice(a, b) for a, b in zip(bounds, bounds[1:])]
        if len(parts) < 2 or min(each.stop - each.start for each in parts) < LEAST:
            continue
        if all(columns.one_way(table[part, lead]) for part in parts):
            return lead, parts
    again = _again(table[:, 0])
    return (0, again) if table.shape[1] == 2 and again else whole


def _again(axis: Any) -> list[slice]:
    """Cut an axis that begins anew, from the same value to the same value each time; [] where it does not."""
    steps = np.diff(axis)
    if not len(steps) or not np.isfinite(axis).all() or steps[0] == 0:
        return []
    bounds = [0, *(np.flatnonzero(np.sign(steps) != np.sign(steps[0])) + 1).tolist(), len(axis)]
    parts = [slice(a, b) for a, b in zip(bounds, bounds[1:])]
    if len(parts) < 2 or min(part.stop - part.start for part in parts) < LEAST:
        return []
    ends = np.array([axis[[part.start, part.stop - 1]] for part in parts])
    return parts if bool((np.ptp(ends, axis=0) <= 2 * np.abs(np.median(steps))).all()) else []


def _fields(line: str, delimiter: str | None) -> list[str]:
    """Split a line, blanks before its first mark kept: they are the corner above the places."""
    return numbers.fields_of(line.rstrip() if delimiter is None else line, delimiter)


def _first(line: str, delimiter: str | None) -> str | None:
    """Give the first field of a line, None where it has none; most lines need not be split for it."""
    first = line.split(delimiter, 1)[0].strip() if '"' not in line and "'" not in line else ""
    if first:
        return first
    fields = _fields(line, delimiter)
    return fields[0] if fields else None


def _run(fields: list[str]) -> tuple[int, int]:
    """Give begin and end of the longest run of numbers."""
    best, begin = (0, 0), 0
    for k in range(len(fields) + 1):
        if k == len(fields) or not numbers.is_number(fields[k]):
            if k - begin > best[1] - best[0]:
                best = (begin, k)
            begin = k + 1
    return best


def _values(fields: list[str]) -> Any:
    """Read numbers well enough to tell whether they rise: with a decimal point, or else a decimal comma."""
    try:
        return np.array(fields, dtype=np.float64)
    except ValueError:
        pass
    try:
        return np.array([field.replace(",", ".") for field in fields], dtype=np.float64)
    except ValueError:
        return np.zeros(len(fields))


def _columns(row: AxisRow, lines: list[str]) -> bool:
    """Tell a table of spectra in columns whose names are numbers: its first column is the axis, not its first row."""
    if row.begin != 1:
        return False
    below = [_first(line, row.delimiter) for line in lines[row.line + 1 :] if line.strip()]
    first = [field for field in below if field is not None]
    if len(first) < LEAST or not all(map(numbers.is_number, first)):
        return False
    values, heads = _values(first), _values(row.fields[row.begin : row.end])
    if not columns.one_way(values):
        return False
    counted = columns.column(0, row.fields[0]).role == "axis" or _counts(heads)
    return counted and not _counts(values)


def _counts(values: Any) -> bool:
    return bool(np.array_equal(values, values[0] + np.arange(len(values))) and values[0] in (0, 1))
