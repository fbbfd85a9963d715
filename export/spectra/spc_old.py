"""Spectra in the old SPC (0x4d), which LabCalc wrote: a header of 256 bytes that ends in the first subfile's own.

The layout is that of OSPCHDR in Galactic's SPC.H ("A Brief Guide to SPC File Format", 1997). The axis is always even, the intensities are
integers of 16 bits, or of 32 with their two halves exchanged.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError

VERSION = 0x4D
HEADER, SUBHEADER = 256, 32  # bytes
SIXTEEN_BITS, MULTI, AXES = 0x01, 0x04, 0xC0  # bits of oftflgs; those of AXES say that an axis is not even
MOST = 1e7  # points
LARGEST_EXPONENT = 64  # beyond which no instrument counts
AGAIN = "fetch or export the file again"


class Old(NamedTuple):
    """The fields of the old header that reading needs, by their names in the guide."""

    oftflgs: int
    oversn: int
    oexp: int
    onpts: float
    ofirst: float
    olast: float
    oxtype: int
    oytype: int


def head(raw: bytes) -> Old:
    """Unpack the header of a file of 256 bytes and more."""
    return Old(*struct.unpack_from("<BBhfffBB", raw))


def is_old(raw: bytes) -> bool:
    """Tell an old file by its version, a count of points that is whole, though it is a float, and a kind of intensities.

    The kinds are small numbers, or 128 and a little more, so no text is taken for one.
    """
    if len(raw) <= HEADER or raw[1] != VERSION:
        return False
    old = head(raw)
    return _whole(old.onpts) and (old.oytype & 127) < ord(" ")


def subfiles(raw: bytes, where: str) -> tuple[Any, list[Any]]:
    """Give the axis (m,) and the intensities (m,) of each subfile. Raises RefusalError: damage, or what the guide does not tell."""
    if len(raw) <= HEADER:
        raise _cut(where, raw, HEADER + 2)
    old = head(raw)
    ends = np.array([old.ofirst, old.olast], np.float64)
    if not _whole(old.onpts) or not np.isfinite(ends).all():
        told = f"{where}: is SPC of the old version (0x4d) by its number, but its header is not: {old.onpts:g} points"
        raise RefusalError(2, told, "save it as text, or as SPC of the new version (0x4b)")
    if old.oftflgs & AXES or abs(old.oexp) > LARGEST_EXPONENT:
        what = "an axis of its own" if old.oftflgs & AXES else f"the exponent {old.oexp}"
        told = f"{where}: is SPC of the old version (0x4d) with {what}, which is not supported"
        raise RefusalError(2, told, "save it as text, or as SPC of the new version (0x4b)")
    count, bits = int(old.onpts), 16 if old.oftflgs & SIXTEEN_BITS else 32
    size = count * bits // 8
    found = []
    for place in range(HEADER, len(raw), size + SUBHEADER):
        if place + size > len(raw):
            raise _cut(where, raw, place + size)
        exponent = raw[place - SUBHEADER + 1] if old.oftflgs & MULTI else old.oexp
        exponent -= 256 if old.oftflgs & MULTI and exponent > 127 else 0
        if abs(exponent) > LARGEST_EXPONENT:
            raise RefusalError(2, f"{where}: its data are damaged: the exponent {exponent} of a subfile", AGAIN)
        found.append(_numbers(raw, place, count, bits) * 2.0 ** (exponent - bits))
        if not old.oftflgs & MULTI:
            break  # a log may follow, but no subfile
    return np.linspace(*ends, count), found


def _numbers(raw: bytes, place: int, count: int, bits: int) -> Any:
    if bits == 16:
        return np.frombuffer(raw, "<i2", count, place).astype(np.float64)
    halves = np.frombuffer(raw, "<u2", 2 * count, place).reshape(count, 2)
    return np.ascontiguousarray(halves[:, ::-1]).view("<i4")[:, 0].astype(np.float64)


def _whole(points: float) -> bool:
    return 1 <= points <= MOST and points == int(points)


def _cut(where: str, raw: bytes, wanted: int) -> RefusalError:
    told = f"{where}: was cut short or is damaged: it has {len(raw)} bytes, its header tells of {wanted} at least"
    return RefusalError(2, told, AGAIN)
