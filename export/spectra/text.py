"""Spectra in text: RRUFF's files, and tables (csv, tsv, xy, txt) with or without a header, one spectrum a column.

What is read from an RRUFF file is what edgespec trains on, to the bit: its numbers as they are; where there is no header
(resampled by others), the exact zeros before and after the measured range are cut.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra.axes import laser_in, unit_in

KNOWN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8", "a picture"),
)
KNOWN += ((b"\x1f\x8b", "a gzip archive"), (b"\x93NUMPY", "a numpy array"))
NOT_TEXT = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")
DECIMAL_COMMA = re.compile(r"[-+]?\d+(?:,\d+)?(?:[eE][-+]?\d+)?")
AXIS_WORDS = re.compile(r"cm\s*\^?\s*-?1|1/cm|shift|wave\s*(?:number|length)|\bnm\b|\bx\b", re.I)
AXIS_KEY = re.compile(r"[#\s]*x?[ _]?(?:axis)?[ _]?units?(?:\[[01]\])?\s*=", re.I)  # "#AxisUnit[1]=nm", "XUNITS=1/CM"


class Track(NamedTuple):
    """One spectrum as its file tells it.

    name: of the file, and of the column where there are several
    axis, x: (m,) float64, in the file's order and unit; lines: (m,) in which line each stands, () where it has none
    unit, laser: what the file says of them; "" and None where it says nothing
    padded: it has no header, so exact zeros at its ends are no measurement
    """

    name: str
    axis: Any
    x: Any
    lines: Any = ()
    unit: str = ""
    laser: float | None = None
    padded: bool = False


def text(raw: bytes, where: str) -> str:
    """Decode UTF-8, UTF-16 with its mark, or Latin-1; refuse what is no text. Lines end in \\n."""
    if not raw.strip():
        raise RefusalError(2, f"{where}: is empty", "fetch or export the file again")
    found = [what for mark, what in KNOWN if raw.startswith(mark)]
    if found:
        raise RefusalError(2, f"{where}: is {found[0]}, no spectrum", "export the spectrum as text, JCAMP-DX or SPC")
    try:
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        decoded = raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        decoded = raw.decode("latin-1")  # decodes any bytes
    if NOT_TEXT.search(decoded):
        raise RefusalError(2, f"{where}: is binary, no text", "export the spectrum as text, JCAMP-DX or SPC")
    return decoded.replace("\r\n", "\n").replace("\r", "\n")


def tracks(decoded: str, where: str) -> list[Track]:
    """Read all columns of a text: (n) spectra on one axis. Raises RefusalError with file:line."""
    lines = decoded.split("\n")
    start, delimiter = _start(lines, where)
    header = [line for line in lines[:start] if line.strip()]
    keyed = any(line.startswith("##") for line in header)
    _nothing_lost(lines[:start], delimiter, len(numbers_in(lines[start], delimiter) or []), where, keyed)
    numbers, table = _table(lines, start, delimiter, where, keyed)
    names, spoken = _names(header, table.shape[1], delimiter, where, start)
    at = next((i for i, name in enumerate(names) if AXIS_WORDS.search(name)), 0)
    count = table.shape[1] - at - 1
    if count < 1:
        hint = "two columns are wanted: Raman shift in cm-1, intensity"
        raise RefusalError(2, f"{where}:{start + 1}: one column only, so its axis is not known", hint)
    if len(table) < 16 < table.shape[1]:
        hint = "put each spectrum in a column; the first column is the axis"
        raise RefusalError(
            2, f"{where}:{start + 1}: {len(table)} lines of {table.shape[1]} numbers: spectra in rows", hint
        )
    unit, laser = unit_in(names[at] or spoken), laser_in("\n".join(header))
    return [
        Track(
            where if count == 1 else f"{where}:{names[i] or i + 1}",
            table[:, at],
            table[:, i],
            numbers,
            unit,
            laser,
            not keyed,
        )
        for i in range(at + 1, table.shape[1])
    ]


def _start(lines: list[str], where: str) -> tuple[int, str | None]:
    """Find the first line of numbers that is followed by another of as many, behind the last line that begins with ##."""
    filled = [(i, line) for i, line in enumerate(lines) if line.strip()]
    for (i, line), (_, after) in zip(filled, [*filled[1:], (0, "##END=")]):
        if line.lstrip()[:1] not in "+-.0123456789\"'":
            continue
        delimiter = _delimiter(line)
        first = numbers_in(line, delimiter)
        second = numbers_in(after, delimiter) if first else None
        if first and ((second is not None and len(second) == len(first)) or after.startswith("##END")):
            return i, delimiter
    raise RefusalError(2, f"{where}: no lines of numbers in it", "a spectrum is lines of 'shift, intensity'")


def _nothing_lost(head: list[str], delimiter: str | None, columns: int, where: str, keyed: bool) -> None:
    """Refuse a head in which lines of the spectrum itself stand, because a line behind them is damaged."""
    last = max((i for i, line in enumerate(head) if line.startswith("#")), default=-1)
    for i, line in enumerate(head[last + 1 :], start=last + 1):
        if line.strip() and (keyed or len(numbers_in(line, delimiter) or []) == columns):
            at = next((k for k in range(i, len(head)) if head[k].strip() and not numbers_in(head[k], delimiter)), i)
            hint = "expected numbers, 'shift, intensity'; mend the line or remove the file"
            raise RefusalError(2, f"{where}:{at + 1}: {head[at].strip()[:40]!r} is not like the lines after it", hint)


def _delimiter(line: str) -> str | None:
    """Tell what stands between the numbers of a line; None is white space. A comma may be the decimal point there."""
    for mark in (";", "\t"):
        if mark in line:
            return mark
    words = line.split()
    if "," in line and not (len(words) > 1 and all(DECIMAL_COMMA.fullmatch(word) for word in words)):
        return ","
    return None


def numbers_in(line: str, delimiter: str | None) -> list[float] | None:
    """Read a line of numbers; None where it is none."""
    if "_" in line:
        return None  # which Python would read as a number
    try:
        return [float(field) for field in line.split(delimiter)]
    except ValueError:
        pass
    fields = [field.strip().strip("\"'") for field in line.split(delimiter)]
    while fields and not fields[-1]:
        fields.pop()
    if delimiter != ",":
        if any("," in field for field in fields) and any("." in field for field in fields):
            return None
        fields = [field.replace(",", ".") for field in fields]
    try:
        return [float(field) for field in fields] or None
    except ValueError:
        return None


def _table(lines: list[str], start: int, delimiter: str | None, where: str, keyed: bool) -> tuple[Any, Any]:
    """Read the numbers from line `start` on: (m,) their lines, (m, columns)."""
    rows: list[list[float]] = []
    at: list[int] = []
    ended = False
    for number, line in enumerate(lines[start:], start=start + 1):
        if not line.strip() or line == "\x1a":
            continue
        if ended:
            raise RefusalError(2, f"{where}:{number}: text after ##END=", "one spectrum a file")
        ended = line.startswith("##END")
        row = None if ended else numbers_in(line, delimiter)
        if not ended and (row is None or (rows and len(row) != len(rows[0]))):
            hint = "expected numbers, 'shift, intensity'; mend the line or remove the file"
            raise RefusalError(2, f"{where}:{number}: {line.strip()[:40]!r} is not like the lines before", hint)
        if row is not None:
            rows.append(row)
            at.append(number)
    if keyed and not ended:
        raise RefusalError(2, f"{where}:{at[-1]}: stops without ##END=, so it was cut short", "fetch the file again")
    return np.array(at), np.array(rows, dtype=np.float64)


def _names(header: list[str], columns: int, delimiter: str | None, where: str, start: int) -> tuple[list[str], str]:
    """Give the columns' names, "" where there are none, and the line that says them."""
    last = header[-1] if header and "=" not in header[-1] else ""
    fields = [field.strip().strip("\"'").strip() for field in last.lstrip("#% ").split(delimiter)]
    if len(fields) != columns:
        keyed = [line.partition("=")[2] for line in header if AXIS_KEY.match(line)]
        return [""] * columns, " ".join([*keyed, last])
    if fields[0][:1].isdigit():
        hint = "mend the line or remove the file"
        raise RefusalError(2, f"{where}:{start}: {last.strip()[:40]!r} is no numbers and no names", hint)
    return fields, last
