"""Spectra on standard input, one a line, each answered before the next one comes: numbers, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from refusal import RefusalError
from spectra.track import Track
from spectra.words import LASERS_NM, unit_in

LONGEST = 16 * 2**20  # bytes of a line
WHERE = "standard input"
HINT = 'numbers behind a first line of numbers that is their axis, or {"x": [...], "axis": [...], "unit": "cm-1", "name": "..."}'
KEYS = ("x", "axis", "unit", "laser", "name", "technique", "intensity")


class Axis:
    """The axis of the lines that come: (points,), its unit and laser. The model's own until a line says another."""

    def __init__(self, axis: Any) -> None:
        self.axis, self.unit, self.laser, self.numbers = axis, "cm-1", None, False


def tracks(source: BinaryIO, own: Any) -> Iterator[tuple[str, Track | RefusalError]]:
    """Give each line's spectrum as soon as the line is there, or why it is none, with its name; own: the model's axis in cm-1.

    A line of numbers is a spectrum, but for the first one, which is the axis of those that follow; its unit may stand in front.
    A line of JSON names what it holds: "x", and what differs from the line before.
    """
    kept, number = Axis(own), 0
    while True:
        line = source.readline(LONGEST + 1)
        if not line:
            return
        number += 1
        where = f"{WHERE}:{number}"
        try:
            if len(line) > LONGEST:
                _skip(source, line)
                raise RefusalError(2, f"{where}: is longer than {LONGEST // 2**20} MB", "one spectrum a line")
            found = _of_line(line, where, kept)
        except RefusalError as refusal:
            yield where, refusal
            continue
        if found is not None:
            yield found.name, found


def _skip(source: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = source.readline(LONGEST)


def _of_line(line: bytes, where: str, kept: Axis) -> Track | None:
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise RefusalError(2, f"{where}: byte {error.start} is not text in UTF-8", HINT) from error
    if not text:
        return None
    if text.startswith(("{", "[")):
        return _of_json(text, where, kept)
    cells = [cell.strip() for cell in text.replace(";", ",").replace("\t", ",").split(",")]
    cells = cells if len(cells) > 1 else text.split()
    name = "" if _is_number(cells[0]) else cells[0]
    values = _numbers(cells[1:] if name else cells, where, (str,))
    if not kept.numbers:
        kept.axis, kept.unit, kept.laser, kept.numbers = values, unit_in(name), None, True
        return None
    return _track(name or where, values, kept, where)


def _of_json(text: str, where: str, kept: Axis) -> Track:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusalError(2, f"{where}: is not JSON: {error}", HINT) from error
    if not isinstance(told, dict) or "x" not in told:
        raise RefusalError(2, f"{where}: has no x, the intensities", HINT)
    odd = sorted(set(told) - set(KEYS))
    if odd:
        raise RefusalError(2, f"{where}: {odd[0]!r} is not known", "known: " + ", ".join(KEYS))
    words = {key: told.get(key, "") for key in ("unit", "name", "technique", "intensity")}
    wrong = [key for key, value in words.items() if not isinstance(value, str)]
    if wrong:
        raise RefusalError(2, f"{where}: {wrong[0]} is not text", HINT)
    laser = told.get("laser")
    if laser is not None and not (isinstance(laser, (int, float)) and LASERS_NM[0] < laser < LASERS_NM[1]):
        raise RefusalError(2, f"{where}: laser {laser!r} is not a wavelength of a laser in nm", '"laser": 785')
    if "axis" in told:
        kept.axis, kept.unit, kept.laser = _numbers(told["axis"], where), unit_in(words["unit"]) or words["unit"], laser
    elif words["unit"]:
        raise RefusalError(2, f"{where}: a unit is said, but no axis", HINT)
    found = _track(words["name"] or where, _numbers(told["x"], where), kept, where)
    return found._replace(laser=laser or kept.laser, technique=words["technique"], intensity=words["intensity"])


def _track(name: str, x: Any, kept: Axis, where: str) -> Track:
    if len(x) != len(kept.axis):
        told = f"{where}: {len(x)} intensities, its axis has {len(kept.axis)} points"
        raise RefusalError(2, told, "one intensity for each place on the axis")
    return Track(name, kept.axis, x, (), kept.unit, kept.laser)


def _numbers(cells: Any, where: str, kinds: tuple[type, ...] = (int, float)) -> Any:
    """(n,) float64 of numbers from JSON, or of cells of a line of text."""
    if not isinstance(cells, list) or any(isinstance(cell, bool) or not isinstance(cell, kinds) for cell in cells):
        raise RefusalError(2, f"{where}: is not a list of numbers", HINT)
    try:
        return np.array([float(cell) for cell in cells])
    except (ValueError, OverflowError) as error:
        raise RefusalError(2, f"{where}: {error}", HINT) from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
