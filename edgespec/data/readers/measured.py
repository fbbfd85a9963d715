"""Files of spectra as the device's program reads them: the same axis, units and refusals in training as in `edgespec predict`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from edgespec import device_program
from edgespec.data.readers import gather
from edgespec.data.readers.copies import TwoLabels
from edgespec.data.readers.file_list import Listed
from edgespec.data.readers.gather import Entry
from edgespec.data.readers.rruff_text import Refused, Scan
from edgespec.data.readers.wide_table import Wide
from edgespec.spectra import Axis, Spectra

Said = tuple[str | None, float | None, str]  # unit, laser in nm, technique
NO_SAMPLES = (
    "the physical samples are not known, so spectra of one sample may stand in two parts: accuracy is overestimated"
)


def entries(
    listed: list[Listed],
    axis: Axis,
    min_coverage: float,
    said: Said,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> list[Entry]:
    """Give every spectrum of the files: a file of several is a sample of its own where nobody names the sample.

    Where samples are known of some, each of the others is its own; where of none, all are "".

    axis: the model's; said: unit, laser and technique of files that do not say them
    advance: hears how many files are read, of how many
    What cannot be read is an entry that raises Refused when it is.
    """
    found: list[Entry] = []
    for done, each in enumerate(listed, start=1):
        found += _of(each, axis, min_coverage, said)
        advance(done, len(listed))
    if any(each.sample for each in found):
        found = [each if each.sample else replace(each, sample=each.where) for each in found]
    return found


def of_table(wide: Wide, listed: dict[str, list[str]], axis: Axis, min_coverage: float, said: Said) -> list[Entry]:
    """Give every spectrum of a wide table; listed: label, sample and part of each, a list empty where nothing says it."""
    track = device_program.module("spectra.track").Track
    wanted = device_program.module("spectra.axes").Wanted(*said)
    laser = None if said[1] is None else round(said[1])
    found = []
    for i, x in enumerate(wide.x):
        label, sample, part = (listed[key][i] if listed[key] else "" for key in ("label", "sample", "part"))
        one = track(wide.names[i], wide.axis, x, unit=wide.unit)
        read = partial(_scan, one, axis, min_coverage, wanted)
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


def _of(listed: Listed, axis: Axis, min_coverage: float, said: Said) -> Iterator[Entry]:
    refusal = device_program.module("refusal").RefusalError
    wanted = device_program.module("spectra.axes").Wanted(*said)
    part = listed.part or None
    try:
        tracks = device_program.module("spectra.files").read(str(listed.path), wanted)
    except refusal as problem:
        told = _relative(device_program.refused(problem).message, listed), problem.answer["hint"]
        yield Entry(listed.where, partial(_refuse, *told), listed.label, listed.sample, True, part)
        return
    for track in tracks:
        where = _relative(track.name, listed)
        sample = listed.sample or (listed.where if len(tracks) > 1 else "")
        named = track._replace(name=where)
        laser = None if track.laser is None else round(track.laser)
        yield Entry(where, partial(_scan, named, axis, min_coverage, wanted), listed.label, sample, True, part, laser)


def _refuse(message: str, hint: str) -> Scan:
    raise Refused(message, hint)


def _scan(track: Any, axis: Axis, min_coverage: float, wanted: Any) -> Scan:
    """Check a spectrum as `predict` would, and give it on its own axis in cm-1, increasing."""
    checks, refusal = device_program.module("spectra.checks"), device_program.module("refusal").RefusalError
    contract = device_program.module("contract").Contract
    values, technique = axis.values(), wanted.technique
    try:
        checks.ready(track, contract(values, values, [], min_coverage, None, technique, {}), wanted)
        meant = device_program.module("spectra.intensities").meant(track, wanted)
        own = device_program.module("spectra.axes").in_cm1(meant, wanted)
    except refusal as problem:
        _refuse(problem.answer["error"], problem.answer["hint"])
    shift, x = np.asarray(own.axis, np.float64), np.asarray(own.x, np.float64)
    turned = bool(shift[0] > shift[-1])
    return Scan(shift[::-1] if turned else shift, x[::-1] if turned else x, reversed=turned)


def _relative(text: str, listed: Listed) -> str:
    """Name the file as the folder or the list does, not by the machine's path."""
    return text.replace(str(listed.path), listed.where)
