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
from spectra.track import Track, distinct
from spectra.words import SHIFT

END = re.compile(r"\W*end\b.*\bdata\b.*|##END.*|\x1a", re.I)  # what instruments write behind the last number

RRUFF = re.compile(r"##\s*(?:RRUFFID|NAMES)\b", re.I)  # its files are in cm-1 and do not say so


class Sheet(NamedTuple):
    """The numbers of a text.

    header: the lines above; delimiter: of the numbers; at: (m,) their lines; table: (m, columns)
    keyed: it has RRUFF's own header; cells: of a row, empty ones at its end counted; notes: what was left out
    """

    header: list[str]
    delimiter: str | None
    at: Any
    table: Any
    keyed: bool
    cells: int
    notes: tuple[str, ...] = ()


def tracks(decoded: str, where: str, technique: str = "") -> list[Track]:
    """Read all spectra of a text. Raises RefusalError with file:line.

    technique: of the model; it says which is taken where a file has several axes or kinds of intensity
    """
    lines = decoded.split("\n")
    row = maps.axis_row(lines)
    if row is not None:
        return distinct(maps.rows(lines, row, where))
    sheet = _sheet(lines, where)
    names = [] if sheet.keyed else _names(sheet, where)
    lead, parts = maps.blocks(sheet.table, names)
    found = []
    for number, part in enumerate(parts, start=1):
        place = " ".join(f"{value:g}" for value in sheet.table[part.start, :lead]) or str(number)
        inside = sheet._replace(at=sheet.at[part], table=sheet.table[part, lead:])
        found += _spectra(inside, names[lead:], where, f"{where}:{place}" if len(parts) > 1 else "", technique)
    return [found[0]._replace(name=where)] if len(found) == 1 else distinct(found)


def _spectra(sheet: Sheet, names: list[str], where: str, place: str, technique: str) -> list[Track]:
    """Give the spectra of a sheet whose axis rises or falls all along.

    place: the name of a spectrum that is the only one there; "" where it is named by its column
    """
    facts = headers.facts(sheet.header)
    groups = columns.groups(names, sheet.table, technique, where, int(sheet.at[0]))
    rruff = sheet.keyed and any(RRUFF.match(line) for line in sheet.header)
    alone = bool(place) and sum(len(group.spectra) for group in groups) == 1
    found = [
        Track(
            place if alone else f"{place or where}:{each.name or each.place + 1}",
            sheet.table[:, group.axis.place],
            sheet.table[:, each.place],
            sheet.at,
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
    return [_filled(track) for track in found]


def _filled(track: Track) -> Track:
    """Cut the rows before and behind a spectrum in which its cells are empty."""
    held = np.flatnonzero(np.isfinite(track.axis) & np.isfinite(track.x))
    if not len(held) or (held[0] == 0 and held[-1] == len(track.x) - 1):
        return track
    kept = slice(int(held[0]), int(held[-1]) + 1)
    notes = (*track.notes, "rows with empty cells are left out")
    return track._replace(axis=track.axis[kept], x=track.x[kept], lines=track.lines[kept], notes=notes)


def _names(sheet: Sheet, where: str) -> list[str]:
    """Give the columns' names, [] where there are none. Raises RefusalError where the line above the numbers is neither."""
    width = sheet.table.shape[1]
    names = headers.names(sheet.header, width, sheet.delimiter, sheet.cells)
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
    while not keyed and start and (_gaps(lines[start - 1], delimiter, width) or not lines[start - 1].strip()):
        start -= 1
    header = [line for line in lines[:start] if line.strip()]
    cells = lines[start].rstrip().count(delimiter) + 1 if delimiter else width
    _nothing_lost(lines[:start], delimiter, width, where, keyed)
    at, rows, notes = _rows(lines, start, delimiter, width, where, keyed)
    if width == 1:
        hint = "two columns are wanted: Raman shift in cm-1, intensity"
        raise RefusalError(2, f"{where}:{start + 1}: one column only, so its axis is not known", hint)
    if len(rows) < 16 < width:
        hint = "put each spectrum in a column; the first column is the axis"
        raise RefusalError(2, f"{where}:{start + 1}: {len(rows)} lines of {width} numbers: spectra in rows", hint)
    return Sheet(header, delimiter, np.array(at), numbers.table(rows, where, at), keyed, cells, notes)


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
    lines: list[str], start: int, delimiter: str | None, width: int, where: str, keyed: bool
) -> tuple[list[int], list[list[str]], tuple[str, ...]]:
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
        if not keyed and not ended and (row is None or len(row) != width):
            row = _gaps(line, delimiter, width)
        if row is not None and len(row) == width:
            rows.append(row)
            at.append(number)
        elif not ended and END.fullmatch(line.strip()):
            ended = True
        elif keyed or not _footer(lines[number - 1 :], delimiter, width):
            raise RefusalError(2, f"{where}:{number}: {line.strip()[:40]!r} is not like the lines before", HINT)
        else:
            return at, rows, (f"text behind the numbers is not read: {line.strip()[:40]!r}",)
    if keyed and not ended:
        raise RefusalError(2, f"{where}:{at[-1]}: stops without ##END=, so it was cut short", "fetch the file again")
    return at, rows, ()


def _footer(rest: list[str], delimiter: str | None, width: int) -> bool:
    """Tell text behind the numbers from a damaged line: it begins with no number, and no line of numbers comes after it."""
    first = numbers.fields_of(rest[0], delimiter)
    begins = bool(first) and first[0][:1] in "+-.0123456789"
    return not begins and not any(len(numbers.row_of(line, delimiter) or []) == width for line in rest[1:])


def _gaps(line: str, delimiter: str | None, width: int) -> list[str] | None:
    """Give a row of a wide table in which cells are empty, as for pixels that are not calibrated; None where it is none."""
    if delimiter is None or width < 3:
        return None
    cells = [cell.strip().strip('"') for cell in line.split(delimiter)]
    if len(cells) == width + 1 and not cells[-1]:
        cells.pop()
    filled = [cell for cell in cells if cell]
    if len(cells) != width or not filled or not all(map(numbers.is_number, filled)):
        return None
    return [cell or numbers.EMPTY for cell in cells]
