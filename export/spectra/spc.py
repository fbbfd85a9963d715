"""Spectra in SPC (Galactic Industries), read by the library spc_io: one spectrum a subfile."""

from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np

from refusal import RefusalError
from spectra.axes import Wanted
from spectra.text import Track

HEADER = 512  # bytes
UNITS = {0: "", 1: "cm-1", 2: "um", 3: "nm", 13: "cm-1", 255: "another unit"}
TECHNIQUES = {1: "chromatography", 2: "chromatography", 3: "chromatography", 5: "near infrared", 7: "UV/VIS"}
TECHNIQUES.update({8: "X-ray diffraction", 9: "mass", 10: "NMR", 11: "Raman", 12: "fluorescence", 13: "atomic"})
DAMAGED = (ArithmeticError, AttributeError, LookupError, MemoryError, NotImplementedError, TypeError, ValueError)


def is_spc(raw: bytes, name: str) -> bool:
    """Tell SPC by its name, or by its version and the zeros that its header ends in."""
    if name.lower().endswith(".spc"):
        return True
    return len(raw) > HEADER and raw[1:2] in (b"\x4b", b"\x4c") and not any(raw[HEADER - 180 : HEADER])


def tracks(raw: bytes, where: str, wanted: Wanted) -> list[Track]:
    """Read all subfiles. Raises RefusalError: another technique, damage, an old version, no library."""
    if not raw.strip():
        raise RefusalError(2, f"{where}: is empty", "fetch or export the file again")
    if raw[1:2] in (b"\x4c", b"\x4d"):
        told = f"{where}: is SPC of an old or big-endian version (0x{raw[1]:02x})"
        raise RefusalError(2, told, "save it as text, or as SPC of the new version (0x4b)")
    if len(raw) <= HEADER or raw[1:2] != b"\x4b":
        raise RefusalError(2, f"{where}: is no SPC file", "fetch or export the file again")
    technique, model = TECHNIQUES.get(raw[2], ""), wanted.technique
    if technique and model and model.lower() != technique.lower():
        told = f"{where}: is a {technique} spectrum, the model was trained on {model} spectra"
        raise RefusalError(2, told, "another model, or another file")
    unit = UNITS.get(raw[28], "another unit")
    found = _read(raw, where)
    return [
        Track(where if len(found) == 1 else f"{where}:{i}", axis, x, (), unit)
        for i, (axis, x) in enumerate(found, start=1)
    ]


def _read(raw: bytes, where: str) -> list[tuple[Any, Any]]:
    """(m,) axis and (m,) intensities of each subfile."""
    try:
        from spc_io import SPC
        from spc_io.low_level import SpcRaw
    except ImportError as error:
        hint = f"{sys.executable} -m pip install spc_io"
        raise RefusalError(3, f"{where}: is SPC, which needs the library spc_io: {error}", hint) from error
    try:
        low = SpcRaw.from_bytes_io(io.BytesIO(raw))
        header, subs = low.main_header, list(SPC.from_spc_raw(low))
        found = [(np.array(sub.xarray, dtype=np.float64), np.array(sub.yarray, dtype=np.float64)) for sub in subs]
        whole = header.fexp not in (0, -0x80) and len(subs) == 1 and low.subs[0].header.subexp == 0
        scale = 2.0**header.fexp if whole else 1.0  # of a single spectrum; the library knows the subfile's only
    except DAMAGED as error:
        raise RefusalError(2, f"{where}: its data are damaged: {error}", "fetch or export the file again") from error
    if not found:
        raise RefusalError(2, f"{where}: holds no spectrum", "fetch or export the file again")
    return [(axis, x * scale) for axis, x in found]
