"""Spectra in Bruker OPUS, read by brukeropus: of all data in a file those that its user means, and a series spectrum by spectrum.

The library gets the blocks of the wanted spectrum and no other, after their places and sizes have been held against the file. Read
here and not by the library: series, which it does not scale, and whole numbers, which it takes for floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refusal import RefusalError
from spectra import libraries, opus_blocks
from spectra.axes import absorbing
from spectra.opus_blocks import COMPACT, REFERENCE, SERIES, STATUS, Block, Scale
from spectra.track import Track
from spectra.words import LASERS_NM

LIBRARY = "brukeropus"
RAMAN = 10
# Kinds of data by their number, the one that is meant first; what their intensities are, in the words of spectra.words.
WANTED = {
    RAMAN: ("Raman", ""),
    4: ("absorbance", "absorbance"),
    19: ("calculated absorbance", "absorbance"),
    16: ("ATR", "absorbance"),
    5: ("transmittance", "transmittance"),
    18: ("calculated transmittance", "transmittance"),
    12: ("reflectance", "reflectance"),
    6: ("Kubelka-Munk", "Kubelka-Munk"),
}
OTHERS = {
    1: "single channel",
    2: "interferogram",
    3: "phase",
    7: "trace",
    8: "series of interferograms",
    9: "chromatogram",
    11: "emission",
    14: "power",
    15: "log reflectance",
    17: "photoacoustic",
    22: "match",
}
DERIVATIVES = {0: "", 1: " (first derivative)", 2: " (second derivative)", 3: " (derivative)"}
MOST = 64  # data and parameters of one type, which the library compares each with each
UNITS = {"WN": "cm-1", "LGW": "cm-1", "MI": "um", "NM": "nm"}


def is_opus(raw: bytes) -> bool:
    """Tell OPUS by its first bytes."""
    return raw[:4] == opus_blocks.MAGIC


def tracks(raw: bytes, where: str) -> list[Track]:
    """Read the wanted spectrum or series. Raises RefusalError: damage, what is not supported, or that the library is not installed."""
    blocks = opus_blocks.directory(raw, where)
    data = [block for block in blocks if block.is_data]
    wanted = _meant(data, where)
    scale, x = _read(raw, wanted, blocks, where)
    with np.errstate(all="ignore"):
        axis = np.linspace(scale.first, scale.last, scale.points)
        axis = np.exp(axis) if scale.unit == "LGW" else axis
    unit = UNITS.get(scale.unit, f"another unit ({scale.unit})")
    technique = "Raman" if wanted.kind == RAMAN else absorbing(axis, unit)
    laser = _laser(raw, blocks) if wanted.kind == RAMAN else None
    intensity, notes = WANTED[wanted.kind][1], _notes(data, wanted)
    return [
        Track(where if len(x) == 1 else f"{where}:{i}", axis, row, (), unit, laser, False, technique, intensity, notes)
        for i, row in enumerate(x, start=1)
    ]


def _meant(data: list[Block], where: str) -> Block:
    """Choose the data that the user of a file means: Raman, then absorbance, ...; of several the last, for OPUS adds at the end."""
    for kind in WANTED:
        found = [block for block in data if block.kind == kind and block.type[1] != REFERENCE]
        found = [block for block in found if block.type[0] != 2 and block.type[4] == 0]
        if found:
            return max(found, key=lambda block: block.start)
    held = ", ".join(sorted({_named(block) for block in data}))
    if not held:
        raise RefusalError(2, f"{where}: holds no spectrum", "save the spectrum with the file in OPUS")
    raise RefusalError(2, f"{where}: not supported: {held}", "make absorbance or Raman of it in OPUS, and save that")


def _named(block: Block) -> str:
    """Name data in words."""
    name = WANTED[block.kind][0] if block.kind in WANTED else OTHERS.get(block.kind, f"data of kind {block.kind}")
    name += " of the reference" if block.type[1] == REFERENCE else ""
    name += " (imaginary part)" if block.type[0] == 2 else ""
    return name + DERIVATIVES[block.type[4]] + (" (series)" if block.type[5] == SERIES else "")


def _notes(data: list[Block], wanted: Block) -> tuple[str, ...]:
    """Tell what was left out."""
    name = _named(wanted)
    others = sorted({_named(block) for block in data} - {name})
    count = sum(_named(block) == name for block in data)
    notes = (f"its {name} is taken; left out: {', '.join(others)}",) if others else ()
    return (*notes, f"it holds {name} {count} times, the last is taken") if count > 1 else notes


def _read(raw: bytes, wanted: Block, blocks: list[Block], where: str) -> tuple[Scale, Any]:
    """Give the parameters and the intensities (spectra, points), float64."""
    same = [block for block in blocks if (block.type[:2], block.type[3:]) == (wanted.type[:2], wanted.type[3:])]
    same = [block for block in same if block.type[2] in (0, STATUS)]
    if len(same) > MOST:
        raise _untold(wanted, where)
    opus_blocks.inside(raw, same, where)
    for block in same:
        if block.type[2] == STATUS:
            opus_blocks.parameters(raw, block, where)
    library = libraries.needed(LIBRARY, where, "file.block")
    with libraries.guarded(LIBRARY, where):
        held = [_parsed(library, raw, block, where) for block in same]
        pairs = {data.start: (data, said) for data, said in library.pair_data_and_status_blocks(held)}
    if wanted.start not in pairs:
        raise _unpaired(same, wanted, where)
    data, said = pairs[wanted.start]
    scale = opus_blocks.scale(said.data, where)
    if wanted.type[5] == SERIES:
        return scale, opus_blocks.series(memoryview(raw)[wanted.start : wanted.start + wanted.size], scale, where)
    if wanted.size < 4 * scale.points:
        raise opus_blocks.damaged(where, f"{wanted.size} bytes of data for {scale.points} points")
    if scale.whole:
        begin = wanted.start + (wanted.size - 4 * scale.points) * (wanted.type[5] == COMPACT)
        return scale, np.frombuffer(raw, "<i4", scale.points, begin)[None] * scale.factor
    of_data = libraries.needed(LIBRARY, where, "file.data")
    with libraries.guarded(LIBRARY, where):
        return scale, np.asarray(of_data.Data(data, said, key="", vel=0).y, np.float64)[None]


def _parsed(library: Any, raw: bytes, block: Block, where: str) -> Any:
    """Give the library's own block, read, but for a series."""
    found = library.FileBlock(raw, block.type, block.size, block.start)
    if block.type[2] == STATUS or block.type[5] != SERIES:
        found.parse()
    if found.parse_error:
        raise opus_blocks.damaged(where, str(found.parse_error)[:100])
    return found


def _unpaired(same: list[Block], wanted: Block, where: str) -> RefusalError:
    """Say why data have no parameters: there are none, they say more points than there are, or there are several."""
    count = sum(block.type[2] == STATUS for block in same)
    if count < 2:
        told = "without its parameters" if not count else "of fewer points than its parameters say"
        return opus_blocks.damaged(where, f"{_named(wanted)} {told}")
    return _untold(wanted, where)


def _untold(wanted: Block, where: str) -> RefusalError:
    told = f"{where}: not supported: {_named(wanted)} several times, whose parameters cannot be told apart"
    return RefusalError(2, told, "save each alone in OPUS")


def _laser(raw: bytes, blocks: list[Block]) -> float | None:
    """Give the wavelength of the Raman laser in nm, which a file says as a wavenumber; None where it says none."""
    wavenumber = opus_blocks.number(raw, blocks, "RLW")
    nm = 1e7 / wavenumber if wavenumber else 0.0
    return nm if LASERS_NM[0] < nm < LASERS_NM[1] else None
