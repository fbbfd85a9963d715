"""Spectra in text: RRUFF's files, and tables (csv, tsv, xy, txt) with or without a header, one spectrum a column or a row.

What is read from an RRUFF file is what edgespec trains on, to the bit: its numbers as they are; where there is no header
(resampled by others), the exact zeros before and after the measured range are cut.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra import columns, headers, maps, numbers
from spectra.numbers import HINT
from spectra.track import Track
from spectra.words import SHIFT

END = re.compile(r"\W*end\b.*\bdata\b.*|##END.*|\x1a", re.I)  # what instruments write behind the last number

RRUFF = re.compile(r"##\s*(?:RRUFFID|NAMES)\b", re.I)  # its files are in cm-1 and do not say so


class Sheet(NamedTuple):
    """The numbers of a text.

    header: the lines above; delimiter: of the numbers; at: (m,) their lines; table: (m, columns)
    keyed: it has RRUFF's own header; notes: what was left out
    """

    header: list[str]
    delimiter: str | None
    at: Any
    table: Any
    keyed: bool
    notes: tuple[str, ...] = ()


def tracks(decoded: str, where: str, technique: str = "") -> list[Track]:
    """Read all spectra of a text. Raises RefusalError with file:line.

    technique: of the model; it says which is taken where a file has several axes or kinds of intensity
    """
    lines = decoded.split("\n")
    row = maps.axis_row(lines)
    if row is not None:
        return maps.rows(lines, row, where)
    sheet = _sheet(lines, where)
    names = [] if sheet.keyed else _names(sheet, where)
    lead, parts = maps.blocks(sheet.table, names)
    found = [each for part in parts for each in _block(sheet, names, lead, part, where, technique)]
    return [found[0]._replace(name=where)] if len(found) == 1 else found


def _block(sheet: Sheet, names: list[str], lead: int, part: slice, where: str, technique: str) -> list[Track]:
    """Give the spectra in some rows of a sheet, its first `lead` columns being their place."""
    facts = headers.facts(sheet.header)
    inside = sheet.table[part, lead:]
    groups = columns.groups(names[lead:], inside, technique, where, int(sheet.at[0]))
    rruff = sheet.keyed and any(RRUFF.match(line) for line in sheet.header)
    several = sum(len(group.spectra) for group in groups) > 1
    place = " ".join(f"{value:g}" for value in sheet.table[part.start, :lead])
    return [
        Track(
            ":".join(
                [where] + [place] * bool(place) + [each.name or str(lead + each.place + 1)] * (several or not place)
            ),
            inside[:, group.axis.place],
            inside[:, each.place],
            sheet.at[part],
            "cm-1" if rruff else group.axis.unit or facts.unit,
            facts.laser,
            not sheet.keyed,
            facts.technique or ("Raman" if SHIFT.search(group.axis.name) else ""),
            each.kind or facts.intensity,
            (*sheet.notes, *group.notes),
        )
        for group in groups
        for each in group.spectra
    ]


def _names(sheet: Sheet, where: str) -> list[str]:
    """Give the columns' names, [] where there are none. Raises RefusalError where the line above the numbers is neither."""
    width = sheet.table.shape[1]
    names = headers.names(sheet.header, width, sheet.delimiter)
    if names and names[0][:1].isdigit():
        told = f"{where}:{int(sheet.at[0]) - 1}: {sheet.header[-1].strip()[:40]!r} is no numbers and no names"
        raise RefusalError(2, told, "mend the line or remove the file")
    if (
        sheet.delimiter == ","
        and not names
        and width > 2
        and width % 2 == 0
        and headers.names(sheet.header, width // 2, ",")
    ):
        told = f"{where}:{int(sheet.at[0])}: {width} numbers below {width // 2} names: its commas are decimal marks and delimiters"
        raise RefusalError(2, told, "export it with a decimal point, or with semicolons or tabs between the numbers")
    return names


def _sheet(lines: list[str], where: str) -> Sheet:
    """Find the numbers of a text and read them. Raises RefusalError with file:line."""
    start, delimiter = _start(lines, where)
    header = [line for line in lines[:start] if line.strip()]
    keyed = any(line.startswith("##") for line in header)
    width = len(numbers.row_of(lines[start], delimiter) or [])
    notes = []
    while not keyed and len(header) > 1 and _incomplete(header[-1], delimiter, width):
        header.pop()
        notes = ["rows with empty cells are left out"]
    _nothing_lost(lines[:start], delimiter, width, where, keyed)
    at, rows, more = _rows(lines, start, delimiter, where, keyed)
    if width == 1:
        hint = "two columns are wanted: Raman shift in cm-1, intensity"
        raise RefusalError(2, f"{where}:{start + 1}: one column only, so its axis is not known", hint)
    if len(rows) < 16 < width:
        hint = "put each spectrum in a column; the first column is the axis"
        raise RefusalError(2, f"{where}:{start + 1}: {len(rows)} lines of {width} numbers: spectra in rows", hint)
    left = [each for each in more if each not in notes]
    return Sheet(header, delimiter, np.array(at), numbers.table(rows, where, at), keyed, (*notes, *left))


def _start(lines: list[str], where: str) -> tuple[int, str | None]:
    """Find the first line of two numbers or more that is followed by another of as many; of one number, where none has two."""
    filled = [(i, line) for i, line in enumerate(lines) if line.strip()]
    for least in (2, 1):
        for (i, line), (_, after) in zip(filled, [*filled[1:], (0, "##END=")]):
            if line.lstrip()[:1] not in "+-.0123456789\"'":
                continue
            delimiter = numbers.delimiter_of(line)
            first = numbers.row_of(line, delimiter)
            second = numbers.row_of(after, delimiter) if first else None
            if first and len(first) >= least and (len(second or []) == len(first) or END.fullmatch(after)):
                return _complete(filled, i, delimiter, len(first)), delimiter
    raise RefusalError(2, f"{where}: no lines of numbers in it", "a spectrum is lines of 'shift, intensity'")


def _complete(filled: list[tuple[int, str]], start: int, delimiter: str | None, width: int) -> int:
    """Go on to the first line without empty cells, where the first of numbers has several at its end."""
    marks = filled[[i for i, _ in filled].index(start)][1].count(delimiter or "\n")
    if marks <= width:  # one may stand behind the last number
        return start
    for i, line in filled:
        if i > start and line.count(delimiter or "\n") == marks and len(numbers.row_of(line, delimiter) or []) > width:
            return i
    return start


def _nothing_lost(head: list[str], delimiter: str | None, width: int, where: str, keyed: bool) -> None:
    """Refuse a head in which lines of the spectrum itself stand, because a line behind them is damaged."""
    last = max((i for i, line in enumerate(head) if line.startswith("#")), default=-1)
    for i, line in enumerate(head[last + 1 :], start=last + 1):
        if line.strip() and (keyed or (width > 1 and len(numbers.row_of(line, delimiter) or []) == width)):
            at = next((k for k in range(i, len(head)) if head[k].strip() and not numbers.row_of(head[k], delimiter)), i)
            raise RefusalError(2, f"{where}:{at + 1}: {head[at].strip()[:40]!r} is not like the lines after it", HINT)


def _rows(
    lines: list[str], start: int, delimiter: str | None, where: str, keyed: bool
) -> tuple[list[int], list[list[str]], list[str]]:
    """Give the numbers from line `start` on, up to the end or to text behind them: their lines, their fields, what was left out."""
    rows: list[list[str]] = []
    at: list[int] = []
    ended = False
    for number, line in enumerate(lines[start:], start=start + 1):
        if not line.strip():
            continue
        if ended and keyed:
            raise RefusalError(2, f"{where}:{number}: text after ##END=", "one spectrum a file")
        row = None if ended else numbers.row_of(line, delimiter)
        if row is not None and (not rows or len(row) == len(rows[0])):
            rows.append(row)
            at.append(number)
        elif not ended and END.fullmatch(line.strip()):
            ended = True
        elif keyed or not _footer(lines[number - 1 :], delimiter, len(rows[0]) if rows else 0):
            raise RefusalError(2, f"{where}:{number}: {line.strip()[:40]!r} is not like the lines before", HINT)
        elif _incomplete(line, delimiter, len(rows[0])):
            return at, rows, ["rows with empty cells are left out"]
        else:
            return at, rows, [f"text behind the numbers is not read: {line.strip()[:40]!r}"]
    if keyed and not ended:
        raise RefusalError(2, f"{where}:{at[-1]}: stops without ##END=, so it was cut short", "fetch the file again")
    return at, rows, []


def _footer(rest: list[str], delimiter: str | None, width: int) -> bool:
    """Tell text behind the numbers from a damaged line: it begins with no number, and no line of numbers comes after it."""
    first = numbers.fields_of(rest[0], delimiter)
    begins = bool(first) and first[0][:1] in "+-.0123456789" and not _incomplete(rest[0], delimiter, width)
    return not begins and not any(len(numbers.row_of(line, delimiter) or []) == width for line in rest[1:])


def _incomplete(line: str, delimiter: str | None, width: int) -> bool:
    """Tell a row of a table in which cells are empty, as for pixels outside the calibrated range."""
    if delimiter is None:
        return False
    cells = [cell.strip() for cell in line.split(delimiter)]
    filled = [cell for cell in cells if cell]
    return (
        width > 2
        and len(cells) in (width, width + 1)
        and 0 < len(filled) < width
        and all(map(numbers.is_number, filled))
    )
