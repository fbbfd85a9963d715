"""Spectra in JCAMP-DX (McDonald, Wilks 1988, Applied Spectroscopy 42, 151): one spectrum a block, in the file's order."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra import jcamp_ntuples, jcamp_ordinates
from spectra.track import Track
from spectra.words import SHIFT, intensity_in, laser_in, technique_in, unit_in

RECORD = re.compile(r"^[ \t]*##(.*?)=(.*)$")
DATA = ("XYDATA", "XYPOINTS", jcamp_ntuples.TABLE)
OTHER_DATA = {
    "PEAKTABLE": "a peak list",
    "PEAKASSIGNMENTS": "a peak list",
    "RADATA": "an interferogram",
}
EVEN = re.compile(r"\(\s*X\s*\+\+\s*\(\s*Y\s*\.+\s*Y\s*\)\s*\)", re.I)
PAIRS = re.compile(r"\(\s*X\s*,?\s*Y\s*\.+\s*X\s*,?\s*Y\s*\)", re.I)
CODED = re.compile(r"[0-9.,;+\-?EeA-Za-z@%\s]*")
LOOK = 200  # characters in which a form stands
EXACT = 1e-9  # of an X's unit
AGAIN = "fetch or export the file again"


class Block(NamedTuple):
    """The records of one block: the first of each key, the line of its data record and that of its end."""

    said: dict[str, str]
    data: int
    end: int


def is_jcamp(decoded: str) -> bool:
    """Tell JCAMP-DX by its own record."""
    return re.search(r"^[ \t]*##JCAMP[-_ ]?(?:DX|CS)\s*=", decoded, re.M | re.I) is not None


def tracks(decoded: str, where: str) -> list[Track]:
    """Read all blocks. Raises RefusalError with the place: what is not supported, or damage."""
    lines = [line.partition("$$")[0].rstrip() for line in decoded.split("\n")]
    lines = ["##END=" if line.strip().upper() == "##END" else line for line in lines]
    blocks = _blocks(lines, where)
    found = [_track(lines, block, where) for block in blocks]
    titles = [block.said.get("TITLE", "") for block in blocks]
    if len(found) == 1:
        return found
    named = titles if all(titles) and len(set(titles)) == len(titles) else list(map(str, range(1, len(found) + 1)))
    return [track._replace(name=f"{where}:{name}") for track, name in zip(found, named)]


def _blocks(lines: list[str], where: str) -> list[Block]:
    """Cut a file into its blocks with data; links, which only hold others, are none. Raises RefusalError where there is none."""
    found: list[Block] = []
    said: dict[str, str] = {}
    above: dict[str, str] = {}  # the records of NTUPLES above their first page
    data, others, key = -1, [], ""
    for i, line in enumerate([*lines, "##="]):
        record = RECORD.match(line)
        if not record:
            if key and key not in DATA:
                said[key] += "\n" + line.strip()
            continue
        if data >= 0 and i < len(lines):
            found.append(Block(said, data, i))
            said, data = dict(said), -1
        key = _key(record.group(1))
        if key in OTHER_DATA:
            others.append(OTHER_DATA[key])
        table = jcamp_ntuples.other(said, record.group(2)) if key == jcamp_ntuples.TABLE else ""
        if table:
            others.append(table)
        elif key in DATA:
            data = i
        if key == "TITLE":
            said = {}
        if key == jcamp_ntuples.PAGE:
            above = above if key in said else dict(said)
            said = dict(above)  # what a page says of itself is not of the next
        said.setdefault(key, record.group(2).strip())
    if data >= 0:
        raise RefusalError(
            2, f"{where}:{len(lines)}: stops without ##END=, so it was cut short", "fetch the file again"
        )
    if found:
        return found
    kind = others[0] if others else "no XYDATA"
    hint = (
        "another file: models are of Raman, infrared, ..."
        if "NTUPLES" in kind
        else "export the whole spectrum, not its peaks"
    )
    raise RefusalError(2, f"{where}: holds {kind}, so no spectrum", hint)


def _key(label: str) -> str:
    """Labels are compared without case, blanks, - / and _, as the standard says."""
    return re.sub(r"[\s\-/_]", "", label).upper()


def _track(lines: list[str], block: Block, where: str) -> Track:
    said, text = block.said, lines[block.data].partition("=")[2].strip()
    if _key(RECORD.sub(r"\1", lines[block.data])) == jcamp_ntuples.TABLE:
        said, text = jcamp_ntuples.as_spectrum(said, text, f"{where}:{block.data + 1}")
    axis, x, notes = _read(lines, block._replace(said=said), text, where)
    unit = unit_in(said.get("XUNITS", ""))
    if said.get("XUNITS") and not unit:
        unit = f"another unit ({said['XUNITS'][:30]})"
    technique = technique_in(said.get("DATATYPE", "")) or ("Raman" if SHIFT.search(said.get("XUNITS", "")) else "")
    laser = laser_in("\n".join(f"{key} {value}" for key, value in said.items()))
    return Track(where, axis, x, (), unit, laser, False, technique, intensity_in(said.get("YUNITS", "")), notes)


def _read(lines: list[str], block: Block, text: str, where: str) -> tuple[Any, Any, tuple[str, ...]]:
    """(m,) axis, (m,) intensities, and what should be told of them; text: the value of the data record."""
    said, place = block.said, f"{where}:{block.data + 1}"
    even, pairs = EVEN.match(text[:LOOK]), PAIRS.match(text[:LOOK])
    found = even or pairs
    if found is None:
        told = f"{place}: its data are of the form {text[:40]!r}, which is not supported"
        raise RefusalError(2, told, "export it as (X++(Y..Y)) or (XY..XY)")
    body = [(block.data + 1, text[found.end() :])]
    body += [(number, lines[number - 1]) for number in range(block.data + 2, block.end + 1)]
    body = [(number, line) for number, line in body if line.strip()]
    for number, line in body:
        if not CODED.fullmatch(line):
            raise RefusalError(2, f"{where}:{number}: {line.strip()[:40]!r} is not a data", "fetch the file again")
    commas = any("," in said.get(key, "") for key in ("FIRSTX", "LASTX", "DELTAX", "XFACTOR", "YFACTOR"))
    factors = [_number(said, key, place) for key in ("XFACTOR", "YFACTOR")]
    by_x, by_y = [1.0 if factor is None else factor for factor in factors]
    count = _count(said, where)
    with np.errstate(all="ignore"):
        if even:
            xs, ys = _lines(body, commas, where)
            _counted(len(ys), count, place)
            grain = abs(by_x) * max(_grain(line) for _, line in body)
            axis, notes = _axis(said, np.array(xs) * [1, by_x], len(ys), count, place, grain)
            return axis, np.array(ys) * by_y, notes
        try:
            values = np.array(jcamp_ordinates.pairs_of([line for _, line in body], count, commas))
        except ValueError as error:
            raise RefusalError(2, f"{place}: its data are damaged: {error}", AGAIN) from error
        if len(values) % 2 or not len(values):
            raise RefusalError(2, f"{place}: its data are damaged: {len(values)} numbers are no pairs", AGAIN)
        _counted(len(values) // 2, count, place)
        return values[::2] * by_x, values[1::2] * by_y, ()


def _lines(body: list[tuple[int, str]], commas: bool, where: str) -> tuple[list[tuple[int, float]], list[float]]:
    """Read all lines of (X++(Y..Y)): for each line which ordinate its X belongs to, and that X; and all ordinates."""
    xs: list[tuple[int, float]] = []
    ys: list[float] = []
    differs = False
    for number, line in body:
        try:
            said = line.replace(",", ".") if commas else line
            x, ordinates, after = jcamp_ordinates.line_of(said, ys[-1] if differs else None)
        except ValueError as error:
            raise RefusalError(2, f"{where}:{number}: its data are damaged: {error}", AGAIN) from error
        xs.append((len(ys) - differs, x))
        ys += ordinates
        differs = after
    return xs, ys


def _axis(
    said: dict[str, str], xs: Any, points: int, count: int, place: str, grain: float
) -> tuple[Any, tuple[str, ...]]:
    """Make the even axis (points,) of FIRSTX and LASTX, and hold it against the X of every line.

    xs: (lines, 2) which ordinate each X belongs to, and the X; each X is rounded to `grain`, and so may FIRSTX be
    """
    first, last, delta = (_number(said, key, place) for key in ("FIRSTX", "LASTX", "DELTAX"))
    first = float(xs[0, 1]) if first is None else first
    if last is None and delta is None:
        raise RefusalError(2, f"{place}: its data are damaged: LASTX is missing, and DELTAX", AGAIN)
    if last is None:  # from the last X: over the whole axis a rounded DELTAX would add up
        last = float(xs[-1, 1] + (delta or 0.0) * (points - 1 - xs[-1, 0]))
    step = (last - first) / max(points - 1, 1)
    notes: tuple[str, ...] = ()
    if abs(xs[0, 1] - last) < abs(step) < abs(xs[0, 1] - first):
        first, last, step = last, first, -step
        notes = ("FIRSTX and LASTX are exchanged, the X of its lines are taken",)
    if points != count and count:
        notes = (*notes, f"NPOINTS is {count}, its lines hold {points}, as their X confirm")
    if abs(step) >= 1 and abs(step - round(step)) < EXACT:
        grain = 0.0  # nothing is rounded
    grain += sum(_grain(said[key]) for key in ("FIRSTX", "LASTX") if "." in said.get(key, ""))
    # a point that is missing in the middle puts an X half a step off; where the count itself is in doubt, the X must do better
    limit = (0.25 if points == count or not count else 0.1) * abs(step) + grain
    off = np.abs(xs[:, 1] - first - step * xs[:, 0])
    row = int(off.argmax())
    if not off[row] <= limit:
        told = f"{place}: its data are damaged: a line begins at X = {xs[row, 1]:g}, its points tell {first + step * xs[row, 0]:g}"
        raise RefusalError(2, told, AGAIN)
    return np.linspace(first, last, points), notes


def _grain(text: str) -> float:
    """Give half the last digit of the number that a text begins with: it was rounded to that."""
    found = re.match(r"\s*[-+]?\d*(?:[.,](\d*))?(?:[eE]([-+]\d{1,2}))?", text)
    return 0.5 * 10.0 ** (int(found.group(2) or 0) - len(found.group(1) or "")) if found else 0.0


def _counted(points: int, count: int, place: str) -> None:
    """Refuse another number of points than NPOINTS; one more is what a writer has that counts the steps."""
    if not points or (count and points not in (count, count + 1)):
        raise RefusalError(
            2, f"{place}: its data are damaged: its NPOINTS is {count or 'missing'}, its lines hold {points}", AGAIN
        )


def _count(said: dict[str, str], where: str) -> int:
    """Give NPOINTS, 0 where it is missing; "601.0" is 601."""
    text = said.get("NPOINTS", "")
    found = re.fullmatch(r"(\d+)(?:[.,]0*)?", text)
    if text and not found:
        raise RefusalError(2, f"{where}: its NPOINTS is {text[:40]}", AGAIN)
    return int(found.group(1)[:18]) if found else 0


def _number(said: dict[str, str], key: str, place: str) -> float | None:
    """Give a number of the header, None where it is missing. A decimal comma is read."""
    if not said.get(key):
        return None
    try:
        value = float(said[key].replace(",", "."))
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise RefusalError(2, f"{place}: its data are damaged: its {key} is {said[key][:40]!r}", AGAIN)
    return value
