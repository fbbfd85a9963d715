"""Spectra in SPC (Galactic Industries, "A Brief Guide to SPC File Format", 1997): one spectrum a subfile, in the file's order.

Read here and by no library: spc_io sorts subfiles by their depth, expects the log right behind the data, and needs pandas. The old version
0x4d is in `spc_old`. The version with bytes in the other order, 0x4c, is refused: the guide names it in one line, and no file of it is known.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra import spc_old
from spectra.axes import absorbing
from spectra.track import Track
from spectra.words import laser_in, unit_in

HEADER, SUBHEADER, LOG_HEADER = 512, 32, 64  # bytes
SIXTEEN_BITS, MULTI, LABELS, OWN_AXES, AXIS_GIVEN = 0x01, 0x04, 0x20, 0x40, 0x80  # bits of ftflgs
FLOATS = -128  # an exponent that says: no integers
UNITS = {
    0: "",
    1: "cm-1",
    2: "um",
    3: "nm",
    4: "seconds",
    5: "minutes",
    6: "Hz",
    7: "kHz",
    8: "MHz",
    9: "m/z",
    10: "ppm",
    11: "days",
}
UNITS.update(
    {
        12: "years",
        13: "cm-1",
        14: "eV",
        16: "diode number",
        17: "channels",
        18: "degrees",
        19: "Fahrenheit",
        20: "Celsius",
    }
)
UNITS.update(
    {21: "Kelvin", 22: "data points", 23: "milliseconds", 24: "microseconds", 25: "nanoseconds", 26: "GHz", 27: "cm"}
)
UNITS.update({28: "m", 29: "mm", 30: "hours", 255: "double interferogram points"})
KNOWN = ("", "cm-1", "um", "nm")
SHIFT = 13  # of fxtype
INTENSITIES = {2: "absorbance", 3: "Kubelka-Munk", 4: "counts", 128: "transmittance", 129: "reflectance"}
INTERFEROGRAM = 1  # of fytype
TECHNIQUES = {
    1: "chromatography",
    2: "chromatography",
    3: "chromatography",
    5: "near infrared",
    7: "UV/VIS",
    8: "X-ray",
    9: "mass",
}
TECHNIQUES.update({10: "NMR", 11: "Raman", 12: "fluorescence", 13: "atomic"})  # 4, FT-IR, is FT-Raman too


class Head(NamedTuple):
    """The fields of the main header that reading needs, by their names in the guide."""

    ftflgs: int
    fversn: int
    fexper: int
    fexp: int
    fnpts: int
    ffirst: float
    flast: float
    fnsub: int
    fxtype: int
    fytype: int


def is_spc(raw: bytes, name: str) -> bool:
    """Tell SPC by its name, or by its version and the zeros that its header ends in, or by the old version's count of points."""
    if name.lower().endswith(".spc") or spc_old.is_old(raw):
        return True
    return len(raw) > HEADER and raw[1:2] in (b"\x4b", b"\x4c") and not any(raw[HEADER - 180 : HEADER])


def tracks(raw: bytes, where: str) -> list[Track]:
    """Read all subfiles. Raises RefusalError: what is not supported, or damage."""
    if not raw.strip():
        raise RefusalError(2, f"{where}: is empty", "fetch or export the file again")
    if len(raw) > 1 and raw[1] == 0x4C:
        told = f"{where}: is SPC with its bytes in the other order (0x4c), which is not supported"
        raise RefusalError(2, told, "save it as text, or as SPC of the new version (0x4b)")
    if len(raw) > 1 and raw[1] == spc_old.VERSION:
        return _old(raw, where)
    if len(raw) <= HEADER or raw[1] != 0x4B:
        raise RefusalError(2, f"{where}: is not an SPC file", "fetch or export the file again")
    head = Head(*struct.unpack_from("<BBBbIddIBB", raw))
    _no_interferogram(head.fytype, where)
    found = _subfiles(raw, head, where)
    unit = _unit(raw[218:248], head.fxtype, bool(head.ftflgs & LABELS))
    technique = TECHNIQUES.get(head.fexper, "") or ("Raman" if head.fxtype == SHIFT else "")
    if not technique and head.fexper == 4 and head.fytype in (2, 3, 128, 129):
        technique = "infrared"
    laser, intensity = laser_in(_log(raw)), INTENSITIES.get(head.fytype, "")
    return _tracks(found, where, unit, laser, technique, intensity)


def _old(raw: bytes, where: str) -> list[Track]:
    """Read the old version, which says no technique: Raman by its axis, absorption by its intensities."""
    axis, found = spc_old.subfiles(raw, where)
    head = spc_old.head(raw)
    _no_interferogram(head.oytype, where)
    unit, intensity = _unit(raw[194:224], head.oxtype, bool(head.oftflgs & LABELS)), INTENSITIES.get(head.oytype, "")
    technique = "Raman" if head.oxtype == SHIFT else absorbing(axis, unit) if intensity not in ("", "counts") else ""
    laser = laser_in(raw[64:194].split(b"\0")[0].decode("latin-1"))
    return _tracks([(axis, x) for x in found], where, unit, laser, technique, intensity)


def _tracks(
    found: list[tuple[Any, Any]], where: str, unit: str, laser: float | None, technique: str, intensity: str
) -> list[Track]:
    return [
        Track(where if len(found) == 1 else f"{where}:{i}", axis, x, (), unit, laser, False, technique, intensity)
        for i, (axis, x) in enumerate(found, start=1)
    ]


def _no_interferogram(intensities: int, where: str) -> None:
    if intensities == INTERFEROGRAM:
        hint = "transform it to a spectrum first"
        raise RefusalError(2, f"{where}: holds an interferogram, which is not supported", hint)


def _subfiles(raw: bytes, head: Head, where: str) -> list[tuple[Any, Any]]:
    """(m,) axis and (m,) intensities of each subfile."""
    own = bool(head.ftflgs & OWN_AXES)
    place, shared = HEADER, None
    if not own:
        if head.ftflgs & AXIS_GIVEN:
            shared, place = _floats(raw, place, head.fnpts, where)
        elif place + SUBHEADER + 2 * head.fnpts > len(raw):  # an integer of 16 bits is the least a point takes
            raise _cut(where, raw, place + SUBHEADER + 2 * head.fnpts)
        elif not np.isfinite([head.ffirst, head.flast, head.flast - head.ffirst]).all():
            raise RefusalError(
                2, f"{where}: its data are damaged: an axis without an end", "fetch or export the file again"
            )
        else:
            shared = np.linspace(head.ffirst, head.flast, head.fnpts)
    if not 0 < head.fnsub <= len(raw) // SUBHEADER:
        raise RefusalError(2, f"{where}: its data are damaged: {head.fnsub} subfiles", "fetch or export the file again")
    read, exponents = [], []
    for _ in range(head.fnsub):
        if place + SUBHEADER > len(raw):
            raise _cut(where, raw, place + SUBHEADER)
        exponent, points = struct.unpack_from("<xb14xI", raw, place)
        points = points if own else head.fnpts
        place += SUBHEADER
        axis = shared
        if own:
            axis, place = _floats(raw, place, points, where)
        kind = "<f4" if FLOATS in (exponent, head.fexp) else "<i2" if head.ftflgs & SIXTEEN_BITS else "<i4"
        values, place = _values(raw, place, points, kind, where)
        read.append((axis, values, kind))
        exponents.append(exponent)
    # A single spectrum has its exponent in the main header, a subfile of several its own; where all of these are 0, again the main one.
    main = head.fexp if not head.ftflgs & MULTI or not any(exponents) else None
    made = []
    for (axis, values, kind), exponent in zip(read, exponents):
        power = 0 if kind == "<f4" else (exponent if main in (None, 0) else main) - (16 if kind == "<i2" else 32)
        made.append((axis, values.astype(np.float64) * 2.0**power))
    return made


def _values(raw: bytes, place: int, count: int, kind: str, where: str) -> tuple[Any, int]:
    end = place + count * np.dtype(kind).itemsize
    if end > len(raw):
        raise _cut(where, raw, end)
    return np.frombuffer(raw, kind, count, place), end


def _floats(raw: bytes, place: int, count: int, where: str) -> tuple[Any, int]:
    found, end = _values(raw, place, count, "<f4", where)
    return found.astype(np.float64), end


def _cut(where: str, raw: bytes, wanted: int) -> RefusalError:
    told = f"{where}: was cut short or is damaged: it has {len(raw)} bytes, its header tells of {wanted} at least"
    return RefusalError(2, told, "fetch or export the file again")


def _unit(labels: bytes, number: int, labelled: bool) -> str:
    """Give the axis' unit: that of its own label, where the file has labels, or of its number."""
    said = UNITS.get(number, f"number {number}")
    if labelled or number not in UNITS:
        label = labels.split(b"\0")[0].decode("latin-1").strip()
        said = unit_in(label) or (said if not label or said else f"{label!r}")
    return said if said in KNOWN or said.startswith("another") else f"another unit ({said})"


def _log(raw: bytes) -> str:
    """Give the comment and the text of the log, which lies where the header says; "" where it has none."""
    (place,) = struct.unpack_from("<I", raw, 248)
    said = raw[88:218].split(b"\0")[0]
    if HEADER < place <= len(raw) - LOG_HEADER:
        size, text = struct.unpack_from("<I4xI", raw, place)
        said += b"\n" + raw[place + text : place + size].split(b"\0")[0]
    return said.decode("latin-1").replace("\r", "\n")
