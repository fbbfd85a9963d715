"""Spectra in Renishaw's WDF, read by renishawWiRE, which RamanSPy reads them by too: one spectrum a point of a map or series.

The layout follows Gwyddion's renishaw.c and renishawWiRE. The library trusts every number of a file: it loops for ever over a block of
size 0, and gives fewer points than it was asked for where a file was cut. So the chain of blocks is checked before it sees any.
It then gets a copy that holds the header's counts, DATA and XLST and nothing else: on white-light images, places and map shapes it
gives up, though the spectra themselves are whole.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra import libraries
from spectra.track import Track
from spectra.words import LASERS_NM

LIBRARY = "renishawWiRE"
MAGIC = b"WDF1"
HEADER, BLOCK, LIST = (
    512,
    16,
    24,
)  # bytes: of the file's header, of a block's, and of a block's with the type and unit of a list
SEVERAL_AXES = 0x01  # of the header's flags
MOST = 100_000  # blocks; the instrument writes some tens
NEEDED = (MAGIC, b"DATA", b"XLST")
FEWEST = 16  # points of a spectrum; a header that says fewer would make millions of spectra of a large file
# renishawWiRE writes "nm" for unit 2, which is an absolute wavenumber.
UNITS = {
    0: "",
    1: "cm-1",
    2: "cm-1",
    3: "nm",
    4: "another unit (eV)",
    5: "um",
    8: "another unit (mm)",
    9: "another unit (m)",
    16: "another unit (pixels)",
}
COUNTS = 6  # of the unit of intensities
FREQUENCY = 1  # what a list is of; the library stops at one that it does not know
AGAIN = "fetch or export the file again"


class Head(NamedTuple):
    """What the header says.

    flags: bits; points: of a spectrum; spectra: measured so far, `capacity` were planned; rows, columns: of the lists of Y and X;
    unit: of intensities, as a number; wavenumber: of the laser, in cm-1
    """

    flags: int
    points: int
    capacity: int
    spectra: int
    rows: int
    columns: int
    unit: int
    wavenumber: float


def is_wdf(raw: bytes) -> bool:
    """Tell WDF by its first bytes."""
    return raw[:4] == MAGIC


def tracks(raw: bytes, where: str) -> list[Track]:
    """Read all spectra that were measured. Raises RefusalError: damage, what is not supported, or that the library is not installed."""
    blocks = _blocks(raw, where)
    head = _head(raw)
    _supported(head, blocks, where)
    (number,) = struct.unpack_from("<I", raw, blocks["XLST"][0][0] + BLOCK + 4)
    if number not in UNITS:
        told = f"{where}: its axis is in another unit (number {number}), cm-1 is wanted"
        raise RefusalError(2, told, "export it in cm-1")
    axis, x = _read(_copy(raw, head, blocks), head, where)
    laser = 1e7 / head.wavenumber if head.wavenumber else 0.0
    notes = ()
    if head.spectra < head.capacity:
        notes = (f"the measurement was stopped: {head.spectra} of {head.capacity} spectra are there",)
    return [
        Track(
            where if len(x) == 1 else f"{where}:{i}",
            axis,
            row,
            (),
            UNITS[number],
            laser if LASERS_NM[0] < laser < LASERS_NM[1] else None,
            False,
            "Raman",
            "counts" if head.unit == COUNTS else "",
            notes,
        )
        for i, row in enumerate(x, start=1)
    ]


def _blocks(raw: bytes, where: str) -> dict[str, list[tuple[int, int]]]:
    """Follow the chain of blocks: of each name the places and sizes. Raises RefusalError where the chain leaves the file."""
    if len(raw) < HEADER:
        raise _cut(where, raw, HEADER)
    found: dict[str, list[tuple[int, int]]] = {}
    place, count = 0, 0
    while place < len(raw) and any(raw[place : place + BLOCK]):  # zeros behind the last block are padding
        if place + BLOCK > len(raw):
            raise _cut(where, raw, place + BLOCK)
        name, size = struct.unpack_from("<4s4xQ", raw, place)
        if size < BLOCK:
            told = f"{where}: its data are damaged: a block of {size} bytes at byte {place}"
            raise RefusalError(2, told, AGAIN)
        if place + size > len(raw):
            raise _cut(where, raw, place + size)
        if name in NEEDED:
            found.setdefault(name.decode("ascii"), []).append((place, size))
        place += size
        count += 1
        if count > MOST:
            raise RefusalError(2, f"{where}: its data are damaged: more than {MOST} blocks", AGAIN)
    return found


def _head(raw: bytes) -> Head:
    flags, points, capacity, spectra, rows, columns, unit, wavenumber = struct.unpack_from("<16xQ36xIQQ4xII60xIf", raw)
    return Head(flags, points, capacity, spectra, rows, columns, unit, wavenumber)


def _supported(head: Head, blocks: dict[str, list[tuple[int, int]]], where: str) -> None:
    """Hold the counts of the header against the sizes of its blocks."""
    for name in ("DATA", "XLST"):
        if name not in blocks:
            raise RefusalError(2, f"{where}: its data are damaged: it has no block {name}", AGAIN)
    if head.flags & SEVERAL_AXES or max(len(blocks[name]) for name in ("DATA", "XLST")) > 1:
        raise RefusalError(2, f"{where}: not supported: each of its spectra has its own axis", "export them as text")
    if blocks["WDF1"][0][1] != HEADER:
        raise RefusalError(2, f"{where}: its data are damaged: a header of {blocks['WDF1'][0][1]} bytes", AGAIN)
    if not head.spectra:
        raise RefusalError(
            2, f"{where}: holds no spectrum: the measurement was stopped before the first one", "measure it again"
        )
    if head.points != head.columns and head.points == head.columns * head.rows:
        told = f"{where}: not supported: an image of {head.columns} x {head.rows} points, no spectrum"
        raise RefusalError(2, told, "export spectra from it in WiRE")
    if head.points != head.columns:
        told = f"{where}: its data are damaged: {head.points} points of a spectrum, {head.columns} of its axis"
        raise RefusalError(2, told, AGAIN)
    if head.points < FEWEST:
        told = f"{where}: {head.points} points, at least {FEWEST} are wanted"
        raise RefusalError(2, told, "measure it again")
    for name, begin, count in (("DATA", BLOCK, head.points * head.spectra), ("XLST", LIST, head.points)):
        size = blocks[name][0][1]
        if begin + 4 * count > size:
            told = (
                f"{where}: its data are damaged: block {name} has {size} bytes, its header tells of {begin + 4 * count}"
            )
            raise RefusalError(2, told, AGAIN)


def _copy(raw: bytes, head: Head, blocks: dict[str, list[tuple[int, int]]]) -> list[Any]:
    """Write the file anew with what the library needs for the spectra alone: the counts, DATA and XLST. Its parts, in order."""
    counts = (head.points, head.spectra, head.spectra, 1, 0, head.columns, 0)
    begin = struct.pack("<4sIQ44xIQQIIII", MAGIC, 1, HEADER, *counts)
    whole = memoryview(raw)
    data, axis = blocks["DATA"][0][0] + BLOCK, blocks["XLST"][0][0] + LIST
    size, length = 4 * head.points * head.spectra, 4 * head.points
    return [
        begin + bytes(HEADER - len(begin)) + struct.pack("<4sIQ", b"DATA", 0, BLOCK + size),
        whole[data : data + size],
        struct.pack("<4sIQI", b"XLST", 0, LIST + length, FREQUENCY),
        whole[axis - 4 : axis + length],
    ]


def _read(copy: list[Any], head: Head, where: str) -> tuple[Any, Any]:
    """Give the axis (points,) and the intensities (spectra, points), float64."""
    library = libraries.needed(LIBRARY, where)
    with libraries.as_file(copy, where) as path, libraries.guarded(LIBRARY, where):
        reader = library.WDFReader(path)
        reader.close()
        axis = np.asarray(reader.xdata, np.float64)
        x = np.asarray(reader.spectra, np.float64).reshape(head.spectra, head.points)
    return axis, x


def _cut(where: str, raw: bytes, wanted: int) -> RefusalError:
    told = f"{where}: was cut short or is damaged: it has {len(raw)} bytes, its blocks tell of {wanted} at least"
    return RefusalError(2, told, AGAIN)
