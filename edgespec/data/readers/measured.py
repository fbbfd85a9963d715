"""Files of spectra as the device's program reads them: the same axis, units and refusals in training as in `edgespec predict`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from edgespec import device_program
from edgespec.data.readers.file_list import Listed
from edgespec.data.readers.gather import Entry
from edgespec.data.readers.rruff_text import Refused, Scan
from edgespec.spectra import Axis

Said = tuple[str | None, float | None, str]  # unit, laser in nm, technique


def entries(listed: list[Listed], axis: Axis, min_coverage: float, said: Said) -> list[Entry]:
    """Give every spectrum of the files: a file of several is a sample of its own where nobody names the sample.

    Where samples are known of some, each of the others is its own; where of none, all are "".

    axis: the model's; said: unit, laser and technique of files that do not say them
    What cannot be read is an entry that raises Refused when it is.
    """
    found = [entry for each in listed for entry in _of(each, axis, min_coverage, said)]
    if any(each.sample for each in found):
        found = [each if each.sample else replace(each, sample=each.where) for each in found]
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


def _scan(track: object, axis: Axis, min_coverage: float, wanted: object) -> Scan:
    """Check a spectrum as `predict` would, and give it on its own axis in cm-1, increasing."""
    checks, refusal = device_program.module("spectra.checks"), device_program.module("refusal").RefusalError
    contract = device_program.module("contract").Contract
    values = axis.values()
    technique = wanted.technique  # type: ignore[attr-defined]
    try:
        checks.ready(track, contract(values, values, [], min_coverage, None, technique, {}), wanted)
        own = device_program.module("spectra.axes").in_cm1(track.axis, track.unit, track.laser, wanted, track.name)  # type: ignore[attr-defined]
    except refusal as problem:
        _refuse(problem.answer["error"], problem.answer["hint"])
    turned = bool(own[0] > own[-1])
    x = np.asarray(track.x, np.float64)  # type: ignore[attr-defined]
    own = np.asarray(own, np.float64)
    return Scan(own[::-1] if turned else own, x[::-1] if turned else x, reversed=turned)


def _relative(text: str, listed: Listed) -> str:
    """Name the file as the folder or the list does, not by the machine's path."""
    return text.replace(str(listed.path), listed.where)
