"""One RRUFF text file: its name, its header in both formats or none, and its numbers.

Format: `##KEY=value` lines, then `shift, intensity` lines (in a few files without the comma), then `##END=`; resampled files hold the numbers alone.
B. Lafuente, R. T. Downs, H. Yang, N. Stone (2015), "The power of databases: the RRUFF project".
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake

Numbers = NDArray[np.float64]
_NAME = re.compile(
    r"(.+?)__(.+?)__(?:Raman|Broad_Scan)__([0-9]+)[0-9.]*__.*__Raman_Data_([A-Za-z]+)(?:__.*)?\.txt", re.IGNORECASE
)
_SAMPLE = re.compile(r"[A-Z][0-9]{6}")
_PAIR = re.compile(rb"^[ \t]*[-+.0-9][-+.0-9eE]*[ \t]*,[ \t]*[-+.0-9][-+.0-9eE]*[ \t]*\r?$", re.MULTILINE)
_SPACED = re.compile(rb"^[ \t]*[-+.0-9][-+.0-9eE]*[ \t]+[-+.0-9][-+.0-9eE]*[ \t]*\r?$", re.MULTILINE)
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


class Refused(Mistake):
    """One spectrum that cannot be used; the rest of its data set may be."""


@dataclass(frozen=True)
class Name:
    """What a RRUFF file name says; laser in nm."""

    mineral: str
    sample: str
    laser: int
    kind: str


@dataclass(frozen=True)
class Scan:
    """One spectrum on its own axis.

    axis: (m,) increasing, in cm-1; x: (m,) arbitrary units
    mineral, sample: what the header says, "" where it does not
    reversed: the file ran from high to low
    padded: resampled by others, with zeros outside the measured range: the zeros are cut and counted, not refused
    intensity: what x is, as "absorbance"; "" where nothing says it; notes: what was decided or noticed in reading
    checked: flaws were looked for, and stand in the notes
    """

    axis: Numbers
    x: Numbers
    mineral: str = ""
    sample: str = ""
    reversed: bool = False
    padded: bool = False
    intensity: str = ""
    notes: tuple[str, ...] = ()
    checked: bool = False


def parse_name(file: str) -> Name | None:
    """Read `Mineral__SAMPLE__Raman__LASER__ANGLE__ORIENTATION__Raman_Data_KIND__NUMBER.txt`; else give None.

    The low-resolution archive says Broad_Scan where the others say Raman.
    """
    # control characters, and bytes that are no UTF-8, would be in every table, list and file that names the mineral
    found = _NAME.fullmatch(file) if file.replace("\xa0", " ").isprintable() else None
    return found and Name(found[1], found[2], int(found[3]), found[4])


def physical_sample(sample: str) -> str:
    """Give the id without its mount: R040068-3, R050441_a and X050012.3 are R040068, R050441 and X050012."""
    found = _SAMPLE.match(sample)
    return found[0] if found else sample


def parse(raw: bytes, where: str) -> Scan:
    """Read the bytes of one file; `where` is its name for messages.

    Raises Refused with file:line for anything but finite numbers on an axis that rises, or falls: then it is turned.
    """
    if raw.startswith(_UTF16_MARKS):
        raise Refused(f"{where}:1: is UTF-16 text", hint="save it as UTF-8")
    raw = raw.removeprefix(_UTF8_MARK)
    start = _start(raw)
    header, line = _header(raw[:start]), raw.count(b"\n", 0, start) + 1
    body, end, rest = raw[start:].partition(b"##END=")
    if not body.strip():
        raise Refused(f"{where}:{line}: no data lines", hint="fetch the file again")
    last = line + body.rstrip().count(b"\n")
    if rest.strip():
        raise Refused(f"{where}:{last + 1}: text after ##END=", hint="one spectrum a file")
    if header and not end:
        raise Refused(f"{where}:{last}: stops without ##END=, so it was cut short", hint="fetch the file again")
    axis, x = _numbers(body, where, line)
    turned = bool(axis[0] > axis[-1])
    axis, x = (axis[::-1], x[::-1]) if turned else (axis, x)
    inner = trimmed(axis, x, f"{where}:{line}")
    axis, x = (axis, x) if header else inner
    return Scan(axis, x, header.get("NAMES", ""), header.get("RRUFFID", ""), turned, padded=not header)


def trimmed(axis: Numbers, x: Numbers, where: str) -> tuple[Numbers, Numbers]:
    """Cut the exact zeros that resampling put before and after the measured range. axis, x: (m,)"""
    held = np.flatnonzero(x)
    if len(held) < 2:
        raise Refused(f"{where}: the intensities are all zero", hint="leave this spectrum out")
    kept = slice(held[0], held[-1] + 1)
    return axis[kept], x[kept]


def _start(raw: bytes) -> int:
    """Find where the numbers begin: after the last header line before the first pair of numbers.

    Some headers go on on a line of their own, without ##; such a line has another header after it.
    """
    pair = _PAIR.search(raw) or _SPACED.search(raw)  # a few of RRUFF's files have no commas
    head = raw[: pair.start()] if pair else raw.partition(b"##END=")[0]
    mark = head.rfind(b"\n#") + 1
    if not head.startswith(b"#", mark):
        return 0
    return head.find(b"\n", mark) + 1 or len(head)


def _header(raw: bytes) -> dict[str, str]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # decodes any bytes; only names and ids are read from it
    pairs = (line[2:].partition("=") for line in text.splitlines() if line.startswith("##"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _numbers(body: bytes, where: str, line: int) -> tuple[Numbers, Numbers]:
    """Read the data lines, the first of which is `line` of the file: (m,) shifts and (m,) intensities."""
    try:
        mark = "," if b"," in body else None
        table = np.loadtxt(io.BytesIO(body), delimiter=mark, comments=None, ndmin=2, encoding="latin-1")
    except ValueError:
        table = np.empty((0, 0))
    if table.shape[1] != 2:
        raise _refusal(body, where, line)
    if len(table) < 2:
        raise Refused(f"{where}:{line}: one data line only", hint="fetch the file again")
    steps = np.diff(table[:, 0]) if np.isfinite(table).all() else np.ones(len(table) - 1)
    back = steps * (1 if table[-1, 0] > table[0, 0] else -1) < 0
    for wrong, what, hint in (
        (~np.isfinite(table).all(axis=1), "a value that is not finite", "remove the file, or that line of it"),
        (np.append(False, steps == 0), "the same Raman shift as the line before", "keep one line a shift"),
        (np.append(False, back), "the Raman shift turns back", "sort the lines by shift, one spectrum a file"),
    ):
        if wrong.any():
            raise Refused(f"{where}:{_line(body, line, int(wrong.argmax()))}: {what}", hint)
    return table[:, 0], table[:, 1]


def _refusal(body: bytes, where: str, line: int) -> Refused:
    """Find the first line that is no pair of numbers."""
    hint = "expected two numbers, 'shift, intensity'; mend the line or remove the file"
    for number, text in enumerate(body.split(b"\n"), start=line):
        fields = text.split(b"," if b"," in body else None)
        try:
            _ = [float(field) for field in fields] if text.strip() else []
        except ValueError:
            fields = []
        if text.strip() and (len(fields) != 2 or b"_" in text):
            shown = text.strip()[:40].decode("utf-8", errors="backslashreplace")
            return Refused(f"{where}:{number}: {shown!r} is not 'shift, intensity'", hint)
    return Refused(f"{where}:{line}: the data lines are not text", hint)


def _line(body: bytes, line: int, row: int) -> int:
    """Give the line of a file in which the `row`-th pair of numbers stands."""
    filled = [number for number, text in enumerate(body.split(b"\n"), start=line) if text.strip()]
    return filled[row]
