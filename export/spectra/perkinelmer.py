"""Spectra in PerkinElmer's .sp: blocks in blocks, each with a number, a size and a value of a stated type.

The numbers of blocks and types are those of `spload.m`, which PerkinElmer published (S. Westlake, 2007). Read here and by no library:
specio has not been kept since 2018, and gives neither the unit of the axis nor what the ordinate is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from refusal import RefusalError
from spectra.axes import absorbing
from spectra.track import Track
from spectra.words import SHIFT, intensity_in, unit_in

MAGIC = b"PEPE"
BEGIN, BLOCK = 44, 6  # bytes: of signature and description, of a block's number and size
EVEN = "2D constant interval"  # what the description of a file of spectra begins with
SPECTRUM = 120
RECORDS = range(120, 127)  # blocks that hold others: spectra, history, instruments
# Members of a spectrum; spload.m counts them as signed numbers, from -29838 on.
RANGE, STEP, POINTS, AXIS_LABEL, LABEL, DATA = 35698, 35700, 35701, 35703, 35704, 35708
# Types of values: text, a whole number, a number, two numbers, an array of numbers.
TEXT, LONG, NUMBERS, PAIR, ARRAY = 29987, 29995, (29979, 29980), 29981, 29974
INSTRUMENTS = {124: "", 125: "UV/VIS", 126: "fluorescence"}  # 124 is infrared: near or mid, the axis says
INTENSITIES = {
    "a": "absorbance",
    "abs": "absorbance",
    "%t": "percent transmittance",
    "t": "transmittance",
    "%r": "percent reflectance",
    "r": "reflectance",
    "km": "Kubelka-Munk",
}
NO_SPECTRA = {"egy": "a single beam", "ssig": "a single beam", "igm": "an interferogram", "igram": "an interferogram"}
TOLERANCE = 0.01  # of a step: how far range, step and points may disagree
MOST = 100_000  # blocks side by side
SEARCHED = 10_000  # blocks of the history, in which the instrument's is looked for
AGAIN = "fetch or export the file again"


def is_perkinelmer(raw: bytes) -> bool:
    """Tell .sp by its first bytes."""
    return raw[:4] == MAGIC


def tracks(raw: bytes, where: str) -> list[Track]:
    """Read all spectra. Raises RefusalError: damage, or what is not supported."""
    if len(raw) < BEGIN + BLOCK:
        raise _cut(where, raw, BEGIN + BLOCK)
    description = raw[4:BEGIN].split(b"\0")[0].decode("latin-1")
    if not description.isprintable():
        raise RefusalError(2, f"{where}: its data are damaged: no words behind PEPE", AGAIN)
    if not description.startswith(EVEN):
        told = f"{where}: not supported: a PerkinElmer file of {description[:40]!r}"
        raise RefusalError(2, told, "export its spectra as text, JCAMP-DX or SPC")
    held = [(begin, end) for number, begin, end in _blocks(raw, BEGIN, len(raw), where) if number == SPECTRUM]
    if not held:
        raise RefusalError(2, f"{where}: its data are damaged: no spectrum in it", AGAIN)
    names = [where] if len(held) == 1 else [f"{where}:{i}" for i in range(1, len(held) + 1)]
    return [_track(raw, begin, end, name) for name, (begin, end) in zip(names, held)]


def _track(raw: bytes, begin: int, end: int, where: str) -> Track:
    said = {number: _value(raw, at, stop, where) for number, at, stop in _blocks(raw, begin, end, where)}
    axis, x = _axis(said, where), said[DATA]
    label, axis_label = (str(said.get(key) or "").strip() for key in (LABEL, AXIS_LABEL))
    if label.lower() in NO_SPECTRA:
        told = f"{where}: not supported: {NO_SPECTRA[label.lower()]}"
        raise RefusalError(2, told, "make a ratio of it with the background, and save that")
    unit = unit_in(axis_label) or (f"another unit ({axis_label[:30]!r})" if axis_label else "")
    instrument = INSTRUMENTS.get(_instrument(raw, begin, end), "")
    intensity = INTENSITIES.get(label.lower()) or intensity_in(label)
    technique = "Raman" if SHIFT.search(axis_label) else instrument
    if intensity not in ("", "counts") and technique != "fluorescence":
        technique = absorbing(axis, unit) or instrument
    return Track(where, axis, x, (), unit, None, False, technique, intensity)


def _blocks(raw: bytes, place: int, end: int, where: str) -> Iterator[tuple[int, int, int]]:
    """Give the number of each block, and where its content begins and ends. Raises RefusalError where one leaves what holds it."""
    count = 0
    while place + BLOCK <= end:
        count += 1
        if count > MOST:
            raise RefusalError(2, f"{where}: its data are damaged: more than {MOST} blocks", AGAIN)
        number, size = struct.unpack_from("<HI", raw, place)
        place += BLOCK
        if place + size > len(raw):
            raise _cut(where, raw, place + size)
        if place + size > end:
            raise RefusalError(2, f"{where}: its data are damaged: block {number} is larger than its place", AGAIN)
        yield number, place, place + size
        place += size


def _value(raw: bytes, begin: int, end: int, where: str) -> Any:
    """Give a member's value: text, a number, two numbers, an array (m,) float64; None where it is of another type."""
    if end - begin < 2:
        return None
    (kind,) = struct.unpack_from("<H", raw, begin)
    form = (
        "<H" if kind == TEXT else "<i" if kind == LONG else "<d" if kind in NUMBERS else "<2d" if kind == PAIR else ""
    )
    if kind == ARRAY:
        form = "<I"
    if not form:
        return None
    if begin + 2 + struct.calcsize(form) > end:
        raise RefusalError(2, f"{where}: its data are damaged: a value of {end - begin} bytes", AGAIN)
    found = struct.unpack_from(form, raw, begin + 2)
    place = begin + 2 + struct.calcsize(form)
    if kind in (TEXT, ARRAY) and place + found[0] > end:
        raise RefusalError(2, f"{where}: its data are damaged: a value of {found[0]} bytes in {end - place}", AGAIN)
    if kind == TEXT:
        return raw[place : place + found[0]].split(b"\0")[0].decode("latin-1")
    if kind == ARRAY:
        return np.frombuffer(raw, "<f8", found[0] // 8, place)
    return found if kind == PAIR else found[0]


def _axis(said: dict[int, Any], where: str) -> Any:
    """Make the even axis (m,) of its range, and hold it against the step, the count and the data."""
    ends, step, count, x = (said.get(key) for key in (RANGE, STEP, POINTS, DATA))
    if not isinstance(ends, tuple) or not isinstance(x, np.ndarray) or not len(x):
        missing = "range of the axis" if not isinstance(ends, tuple) else "data"
        raise RefusalError(2, f"{where}: its data are damaged: it has no {missing}", AGAIN)
    if count is not None and count != len(x):
        raise RefusalError(2, f"{where}: its data are damaged: {len(x)} points of {count}", AGAIN)
    with np.errstate(all="ignore"):
        if not np.isfinite([*ends, ends[1] - ends[0]]).all():
            raise RefusalError(2, f"{where}: its data are damaged: an axis without an end", AGAIN)
        if isinstance(step, float) and len(x) > 1:
            off = abs(ends[0] + step * (len(x) - 1) - ends[1])
            if not off <= TOLERANCE * abs(step):
                told = f"{len(x)} points from {ends[0]:g} to {ends[1]:g} are not {step:g} apart"
                raise RefusalError(2, f"{where}: its data are damaged: {told}", AGAIN)
        return np.linspace(ends[0], ends[1], len(x))


def _instrument(raw: bytes, begin: int, end: int) -> int:
    """Give the number of the instrument's block, which lies in records of the history; 0 where there is none."""
    ranges, searched = [(begin, end)], 0
    while ranges:
        try:
            for number, at, stop in _blocks(raw, *ranges.pop(), ""):
                searched += 1
                if number in INSTRUMENTS or searched > SEARCHED:
                    return number
                inside = stop - at >= BLOCK and struct.unpack_from("<H", raw, at)[0] in RECORDS
                if number in RECORDS or inside:
                    ranges.append((at, stop))
        except RefusalError:
            continue  # a history that is damaged keeps no spectrum from being read
    return 0


def _cut(where: str, raw: bytes, wanted: int) -> RefusalError:
    told = f"{where}: was cut short or is damaged: it has {len(raw)} bytes, its blocks tell of {wanted} at least"
    return RefusalError(2, told, AGAIN)
