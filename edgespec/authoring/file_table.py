"""Files of spectra one by one, whatever their classes: what each holds as the reader sees it, and what of it can be used."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgespec import device_program
from edgespec.data.readers import file_list, measured
from edgespec.data.readers.file_list import Listed
from edgespec.data.readers.measured import Said
from edgespec.data.readers.rruff_text import Refused
from edgespec.errors import Missing
from edgespec.recipe import Call
from edgespec.spectra import Axis

ANYWHERE = Axis(0, 4500, 4501)  # an axis of which every spectrum covers enough
HEAD = ["file", "spectra", "axis", "points", "laser, nm", "technique", "intensities", "refused, or noticed"]


@dataclass(frozen=True)
class Row:
    """One file.

    spectra, usable: how many it holds, and how many of them a model could be asked about
    axis: from, to and unit as the file says them, of the first spectrum; points: of the first, 0 where it cannot be read
    laser: nm, as the file says it; technique, intensity: as the file says them, "" where it does not
    said: why the first that cannot be used is refused, and else what was noticed
    """

    file: str
    spectra: int
    usable: int
    axis: str = ""
    points: int = 0
    laser: float | None = None
    technique: str = ""
    intensity: str = ""
    said: str = ""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def look(call: Call, advance: Callable[[int, int], None] = lambda done, total: None) -> list[Row]:
    """Look through the folders that a `files` data set names, classes or not, in the order of their names.

    advance: hears how many files are read, of how many. Raises Mistake where no file of spectra is there.
    """
    said = Said(**{key: call.keys[key] for key in Said._fields if key in call.keys})
    listed = [
        each
        for folder in file_list.folders(call.keys.get("path"), call.keys.get("root"))
        for each in file_list.every(folder)
    ]
    found = []
    for done, each in enumerate(listed, start=1):
        found.append(_row(each, _read(each, said), said))
        advance(done, len(listed))
    return found


def _read(listed: Listed, said: Said) -> list[Any] | Refused:
    try:
        return measured.read(listed, said)
    except Missing as absent:  # a library that reads this kind; the other files are told all the same
        return Refused(absent.message, absent.hint)


def unlabelled(call: Call) -> bool:
    """Tell whether most files that a `files` data set means have no class: then only a table of files says something."""
    if call.name != "files" or call.keys.get("list") or call.keys.get("label"):
        return False
    places = file_list.folders(call.keys.get("path"), call.keys.get("root"))
    below = [each.path.relative_to(folder) for folder in places for each in file_list.every(folder)]
    return sum(len(each.parts) == 1 for each in below) * 2 > len(below)


def _row(listed: Listed, tracks: list[Any] | Refused, said: Said) -> Row:
    if isinstance(tracks, Refused):
        return Row(listed.where, 0, 0, said=_short(tracks.message, listed.where))
    refusals, notes = [], []
    for track in (each._replace(name=each.name.replace(str(listed.path), listed.where)) for each in tracks):
        why, noted = _judged(track, said)
        refusals += [why] if why else []
        notes += [each for each in noted if each not in notes]
    first = tracks[0]
    low, high = (float(first.axis[0]), float(first.axis[-1])) if len(first.axis) else (0.0, 0.0)
    told = _short(refusals[0], listed.where) if refusals else "; ".join(notes)
    return Row(
        listed.where,
        len(tracks),
        len(tracks) - len(refusals),
        f"{low:.6g} to {high:.6g} {first.unit or said.unit or '?'}",
        len(first.axis),
        first.laser,
        first.technique,
        first.intensity,
        told,
    )


def _judged(track: Any, said: Said) -> tuple[str, tuple[str, ...]]:
    """Give why a spectrum is refused, "" where it is not, and what was noticed in it."""
    technique = said.technique or track.technique
    intensity = said.intensity or measured.target([track.intensity], technique)
    wanted = device_program.module("spectra.axes").Wanted(said.unit, said.laser, technique, intensity)
    values = ANYWHERE.values()
    contract = device_program.module("contract").Contract(values, values, [], 0.0, None, technique, {})
    try:
        found = device_program.module("spectra.checks").ready(track, contract, wanted)
    except device_program.module("refusal").RefusalError as refusal:
        return str(refusal.answer["error"]), ()
    if not track.unit and not said.unit and found.high_cm1 - found.low_cm1 < measured.NARROWEST:
        return "its axis says no unit, and is narrow for cm-1: is it in nm?", ()
    return "", found.notes


def _short(message: str, where: str) -> str:
    """Leave out the file's name, which stands at the line's beginning."""
    rest = message.removeprefix(where).removeprefix(":").strip()
    return f"line {rest}" if re.match(r"[0-9]+: ", rest) else rest


def cells(row: Row, longest: int | None = None) -> list[str]:
    """Give a row of the table; longest: what is said is cut there."""
    count = str(row.spectra) if row.usable == row.spectra else f"{row.usable} of {row.spectra}"
    laser = "" if row.laser is None else f"{row.laser:g}"
    told = row.said if row.usable == row.spectra and row.spectra else f"refused: {row.said}"
    if longest is not None and len(told) > longest:
        told = told[: longest - 3].rstrip() + "..."
    return [
        Path(row.file).as_posix(),
        count,
        row.axis or "-",
        str(row.points or "-"),
        laser or "-",
        row.technique or "-",
        row.intensity or "-",
        told,
    ]
