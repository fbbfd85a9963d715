"""Files of spectra as the device's program reads them: the same axis, units and refusals in training as in `edgespec predict`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from edgespec import device_program
from edgespec.data.checks.copies import TwoLabels
from edgespec.data.readers import gather
from edgespec.data.readers.file_list import Listed
from edgespec.data.readers.gather import Entry
from edgespec.data.readers.rruff_text import Refused, Scan
from edgespec.data.readers.wide_table import Wide
from edgespec.errors import Missing, Mistake
from edgespec.spectra import Axis, Spectra

Intensity = Literal[
    "",
    "counts",
    "absorbance",
    "transmittance",
    "percent transmittance",
    "reflectance",
    "percent reflectance",
    "Kubelka-Munk",
]
NOT_INSTALLED = 3  # code of a refusal
TRANSMITTED = ("transmittance", "percent transmittance")
SAY_UNIT = "say it in the recipe: unit: cm-1, or unit: nm and laser: 785"
NARROWEST = 300.0  # cm-1; spectra of substances reach farther, and an axis in nm less far
NO_SAMPLES = (
    "the physical samples are not known, so spectra of one sample may stand in two parts: accuracy is overestimated"
)


class Said(NamedTuple):
    """What a recipe says of its files: unit and laser (nm) of those that do not say them; technique and intensities of all."""

    unit: str | None = None
    laser: float | None = None
    technique: str = ""
    intensity: str = ""


def entries(
    listed: list[Listed],
    axis: Axis,
    min_coverage: float,
    said: Said,
    advance: Callable[[int, int], None] = lambda done, total: None,
    *,
    strict: bool = True,
) -> tuple[list[Entry], str]:
    """Give every spectrum of the files, and the technique that they are of: a file of several is a sample of its own where nobody names the sample.

    Where samples are known of some, each of the others is its own; where of none, all are "".

    axis: the model's; said: unit, laser and technique of files that do not say them
    advance: hears how many files are read, of how many; strict: an axis whose unit neither the file nor `said` says is refused
    What cannot be read is an entry that raises Refused when it is. Raises Mistake where the files are of two techniques.
    Raises Missing where a library that reads a file is not installed.
    """
    files: list[tuple[Listed, list[Any] | Refused]] = []
    for done, each in enumerate(listed, start=1):
        files.append((each, read(each, said)))
        advance(done, len(listed))
    said = said._replace(technique=said.technique or _technique(files))
    said = said._replace(intensity=said.intensity or _intensity(files, said.technique))
    found = [entry for each, tracks in files for entry in _of(each, tracks, axis, min_coverage, said, strict)]
    if any(each.sample for each in found):
        found = [each if each.sample else replace(each, sample=each.where) for each in found]
    return found, said.technique


def of_table(
    wide: Wide, listed: dict[str, list[str]], axis: Axis, min_coverage: float, said: Said, *, strict: bool = True
) -> list[Entry]:
    """Give every spectrum of a wide table; listed: label, sample and part of each, a list empty where nothing says it."""
    track = device_program.module("spectra.track").Track
    if strict and not wide.unit and not said.unit:
        raise Mistake(f"{wide.names[0].partition(': ')[0]}: its axis says no unit", hint=SAY_UNIT)
    wanted = device_program.module("spectra.axes").Wanted(*said)
    laser = None if said[1] is None else round(said[1])
    found = []
    for i, x in enumerate(wide.x):
        label, sample, part = (listed[key][i] if listed[key] else "" for key in ("label", "sample", "part"))
        one = track(wide.names[i], wide.axis, x, unit=wide.unit)
        read = partial(_scan, one, axis, min_coverage, wanted, strict)
        if not label:
            read = partial(_refuse, f"{wide.names[i]}: no class is given", "fill in the cell, or remove the spectrum")
        found.append(Entry(wide.names[i], read, label, sample, True, part or None, laser))
    if any(each.sample for each in found):
        found = [each if each.sample else replace(each, sample=each.where) for each in found]
    return found


def spectra(
    entries: list[Entry],
    axis: Axis,
    min_coverage: float,
    *,
    skip: bool,
    technique: str,
    two_labels: TwoLabels = "fail",
) -> Spectra:
    """Read entries as `gather.spectra` does; where no sample is known of any, there are no groups, and that is told."""
    found = gather.spectra(entries, axis, min_coverage, skip=skip, technique=technique, two_labels=two_labels)
    if found.group is not None and not any(each.sample for each in entries):
        return replace(found, group=None, notes=(*found.notes, NO_SAMPLES))
    return found


def _technique(files: list[tuple[Listed, list[Any] | Refused]]) -> str:
    """Give the technique that files say; "" where none says one. Raises Mistake where they say several."""
    first: dict[str, str] = {}
    for listed, tracks in files:
        for track in [] if isinstance(tracks, Refused) else tracks:
            if track.technique:
                first.setdefault(track.technique, listed.where)
    if len(first) > 1:
        told = " and ".join(f"{technique} ({where})" for technique, where in first.items())
        hint = f"say which is meant, such as technique: {next(iter(first))}, with refused: skip; edgespec data inspect --files lists all"
        raise Mistake(f"the spectra are of {len(first)} techniques: {told}", hint)
    return next(iter(first), "")


def target(said: list[str], technique: str) -> str:
    """Give what spectra of no known technique are to be brought to: absorbance, where all that is said is light let through or taken up."""
    known = set(said) - {""}
    return "absorbance" if not technique and known and known <= {"absorbance", *TRANSMITTED} else ""


def _intensity(files: list[tuple[Listed, list[Any] | Refused]], technique: str) -> str:
    return target(
        [track.intensity for _, tracks in files if not isinstance(tracks, Refused) for track in tracks], technique
    )


def read(listed: Listed, said: Said) -> list[Any] | Refused:
    """Read a file as the device does: its spectra, or why there are none."""
    refusal = device_program.module("refusal").RefusalError
    wanted = device_program.module("spectra.axes").Wanted(*said)
    try:
        tracks: list[Any] = device_program.module("spectra.files").read(str(listed.path), wanted)
    except refusal as problem:
        message, hint = _relative(device_program.refused(problem).message, listed), problem.answer["hint"]
        if problem.code == NOT_INSTALLED:  # no fault of the file: it is not left out silently
            raise Missing(message, hint=hint) from None
        return Refused(message, hint)
    return tracks


def _of(
    listed: Listed, tracks: list[Any] | Refused, axis: Axis, min_coverage: float, said: Said, strict: bool
) -> Iterator[Entry]:
    part = listed.part or None
    if isinstance(tracks, Refused):
        told = partial(_refuse, tracks.message, tracks.hint or "")
        yield Entry(listed.where, told, listed.label, listed.sample, True, part)
        return
    wanted = device_program.module("spectra.axes").Wanted(*said)
    for track in tracks:
        where = _relative(track.name, listed)
        sample = listed.sample or (listed.where if len(tracks) > 1 else "")
        named = track._replace(name=where)
        laser = None if track.laser is None else round(track.laser)
        yield Entry(
            where, partial(_scan, named, axis, min_coverage, wanted, strict), listed.label, sample, True, part, laser
        )


def _refuse(message: str, hint: str) -> Scan:
    raise Refused(message, hint)


def _scan(track: Any, axis: Axis, min_coverage: float, wanted: Any, strict: bool) -> Scan:
    """Check a spectrum as `predict` would, and give it on its own axis in cm-1, increasing."""
    checks, refusal = device_program.module("spectra.checks"), device_program.module("refusal").RefusalError
    contract = device_program.module("contract").Contract
    values, technique = axis.values(), wanted.technique
    try:
        made = checks.ready(track, contract(values, values, [], min_coverage, None, technique, {}), wanted)
        meant = device_program.module("spectra.intensities").meant(track, wanted)
        own = device_program.module("spectra.axes").in_cm1(meant, wanted)
    except refusal as problem:
        _refuse(problem.answer["error"], problem.answer["hint"])
    if strict and not track.unit and not wanted.unit:
        _refuse(f"{track.name}: its axis says no unit", SAY_UNIT)
    shift, x = np.asarray(own.axis, np.float64), np.asarray(own.x, np.float64)
    turned = bool(shift[0] > shift[-1])
    return Scan(
        shift[::-1] if turned else shift,
        x[::-1] if turned else x,
        reversed=turned,
        intensity=own.intensity,
        notes=made.notes,
        checked=True,
    )


def _relative(text: str, listed: Listed) -> str:
    """Name the file as the folder or the list does, not by the machine's path."""
    return text.replace(str(listed.path), listed.where)
