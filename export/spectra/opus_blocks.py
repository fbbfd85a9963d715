"""The blocks of Bruker OPUS: the directory that lists them, their parameters, and series of spectra, each held against the file's size.

The layout follows brukeropus, which trusts every number of a file: it loops for ever over a parameter of negative size, and it
copies the rest of a series for each of its spectra.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError

MAGIC = b"\x0a\x0a\xfe\xfe"
HEADER, ENTRY, SERIES_HEADER = 24, 12, 24  # bytes
AGAIN = "fetch or export the file again"
MOST = 1000  # blocks of a file, and parameters of a block; OPUS writes some tens
FEWEST = 16  # points of a spectrum; parameters that say fewer would make millions of spectra of a large series
STATUS = 1  # the third number of the type of parameters that belong to data
REFERENCE = 2  # the second number of a type
SERIES, COMPACT = 2, 4  # the last number of a type of data
FLOATS, WHOLE = 1, 2  # of DPF


class Block(NamedTuple):
    """An entry of the directory: the six numbers of its type, its place and size in bytes."""

    type: tuple[int, ...]
    start: int
    size: int

    @property
    def kind(self) -> int:
        """What data it holds; the numbers above 31 count channels."""
        return self.type[3] % 32

    @property
    def is_data(self) -> bool:
        """Whether it holds data: no parameters, no directory, no history or report."""
        return self.type[2] == 0 and self.kind not in (0, 13) and self.type[5] in (0, SERIES, COMPACT)


class Scale(NamedTuple):
    """The parameters of a block of data: its points, its axis and unit, its factor, and whether its numbers are whole."""

    points: int
    first: float
    last: float
    unit: str
    factor: float
    whole: bool


def directory(raw: bytes, where: str) -> list[Block]:
    """List the blocks that the directory names. Raises RefusalError where the directory lies outside the file."""
    if len(raw) < HEADER:
        raise cut(where, raw, HEADER)
    start, most = struct.unpack_from("<12xii", raw)
    if start < HEADER or most < 1:
        raise damaged(where, f"a directory of {most} blocks at byte {start}")
    if start + ENTRY > len(raw):
        raise cut(where, raw, start + ENTRY)
    found = []
    for place in range(start, min(start + most * ENTRY, len(raw) - ENTRY + 1), ENTRY):
        code, words, begin = struct.unpack_from("<Iii", raw, place)
        if begin <= 0:
            break
        parts = (code & 3, code >> 2 & 3, code >> 4 & 63, code >> 10 & 127, code >> 17 & 3, code >> 19 & 7)
        found.append(Block(parts, begin, 4 * words))
        if len(found) > MOST:
            raise damaged(where, f"a directory of more than {MOST} blocks")
    return found


def inside(raw: bytes, blocks: list[Block], where: str) -> None:
    """Raise RefusalError where a block ends outside the file, or blocks are larger together than the file is."""
    for block in blocks:
        if block.size < 0:
            raise damaged(where, f"a block of {block.size} bytes")
        if block.start + block.size > len(raw):
            raise cut(where, raw, block.start + block.size)
    if sum(block.size for block in blocks) > len(raw):
        raise damaged(where, "its blocks lie one upon the other")


def parameters(raw: bytes, block: Block, where: str) -> dict[str, tuple[int, int]]:
    """Follow the parameters of a block: the form and the place of each value. Raises RefusalError where a size makes no sense."""
    found = {}
    place, end = block.start, min(block.start + block.size, len(raw))
    while place + 8 <= end:
        name, form, words = struct.unpack_from("<3sxhh", raw, place)
        if name == b"END":
            return found
        if words < 0 or place + 8 + 2 * words > end or len(found) > MOST:
            raise damaged(where, f"a parameter of {2 * words} bytes")
        found[name.decode("latin-1")] = (form, place + 8)
        place += 8 + 2 * words
    return found


def number(raw: bytes, blocks: list[Block], name: str) -> float:
    """Give a float that a block of parameters says, whichever has it; 0 where none has."""
    for block in blocks:
        if block.type[2] > STATUS and block.size > 0:
            try:
                form, place = parameters(raw, block, "").get(name, (0, 0))
            except RefusalError:
                continue  # a block that the spectrum does without
            if form == 1 and place + 8 <= len(raw):
                return float(struct.unpack_from("<d", raw, place)[0])
    return 0.0


def scale(said: dict[str, Any], where: str) -> Scale:
    """Take the parameters of a block of data, by their names. Raises RefusalError where one is missing, or is no number."""
    points, form = said.get("npt"), said.get("dpf", FLOATS)
    numbers = [said.get(key) for key in ("fxv", "lxv", "csf")]
    known = all(isinstance(each, (int, float)) and np.isfinite(each) for each in numbers)
    if not isinstance(points, int) or points < 1 or not known:
        told = "NPT {}, FXV {}, LXV {}, CSF {}".format(*(str(each)[:20] for each in (points, *numbers)))
        raise damaged(where, told)
    if points < FEWEST:
        raise RefusalError(2, f"{where}: {points} points, at least {FEWEST} are wanted", "measure it again")
    if form not in (FLOATS, WHOLE):
        raise RefusalError(2, f"{where}: not supported: numbers of form {str(form)[:20]}", "save it anew in OPUS")
    unit = "".join(filter(str.isprintable, str(said.get("dxu", "")))).strip().upper()[:20]
    first, last, factor = map(float, numbers)  # type: ignore[arg-type]
    return Scale(points, first, last, unit, factor, form == WHOLE)


def series(block: memoryview, scale: Scale, where: str) -> Any:
    """Give the intensities (spectra, points), float64, of a series: a head, a table of runs, then spectra, each with what is known of it."""
    if len(block) < SERIES_HEADER:
        raise damaged(where, f"a series of {len(block)} bytes")
    held, begin, size, more = struct.unpack_from("<4xiiii", block)
    if held < 1 or begin < SERIES_HEADER or size < 4 * scale.points or more < 0:
        raise damaged(where, f"a series of {held} spectra of {size} bytes")
    stored = min(held, (len(block) - begin + more) // (size + more))  # a run that was skipped is not stored
    if stored < 1:
        raise cut(where, block, begin + size)
    form = "<i4" if scale.whole else "<f4"
    rows = [np.frombuffer(block, form, scale.points, begin + i * (size + more)) for i in range(stored)]
    made = np.array(rows, np.float64)
    made *= scale.factor
    return made


def cut(where: str, raw: bytes | memoryview, wanted: int) -> RefusalError:
    """Give the refusal of a file that ends before its blocks do."""
    told = f"{where}: was cut short or is damaged: it has {len(raw)} bytes, its directory tells of {wanted} at least"
    return RefusalError(2, told, AGAIN)


def damaged(where: str, told: str) -> RefusalError:
    """Give the refusal of a file whose numbers do not agree."""
    return RefusalError(2, f"{where}: its data are damaged: {told}", AGAIN)
