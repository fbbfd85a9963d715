"""Binary files of instruments, written from what is published of their formats: WDF, OPUS and PerkinElmer's .sp, in several variants."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spectrum_files import AXIS, Numbers, peaks

LASER_NM = 785.0
SHIFT, WAVENUMBER, NM, COUNTS = 1, 2, 3, 6  # units of WDF


def shifted(count: int, axis: Numbers = AXIS) -> Numbers:
    """(count, m) spectra that differ from one another."""
    return np.array([peaks(axis) * (1 + k) + k for k in range(count)], np.float32).astype(np.float64)


def wdf(
    path: Path,
    axis: Numbers = AXIS,
    x: Numbers | None = None,
    *,
    unit: int = SHIFT,
    capacity: int = 0,
    shape: tuple[int, int] = (0, 0),
    laser: float = LASER_NM,
    intensity: int = COUNTS,
    lists: tuple[int, ...] = (3, 4),
    flags: int = 0,
    rows: int = 1,
    scan: int = 1,
    behind: bytes = b"",
    title: bytes = b"a map",
) -> Path:
    """Write WDF: x (spectra, m); `capacity` spectra were planned, `shape` is the map's; `lists` are the types of the lists of ORGN."""
    pytest.importorskip("renishawWiRE", reason="nothing reads WDF here: pip install 'edgespec[formats]'")
    found = np.atleast_2d(peaks(axis) if x is None else x)
    count, planned = len(found), max(capacity, len(found))
    head = struct.pack("<4sIQQ16sQIII", b"WDF1", 1, 512, flags, bytes(16), 0, 0, 1, 0)
    head += struct.pack("<IQQIIII", len(axis) * rows, planned, count, 1, rows, len(axis), len(lists))
    head += struct.pack("<24s4H", b"WiRE", 5, 3, 0, 1) + struct.pack("<II", scan, 3 if shape[0] else 1)
    head += bytes(152 - len(head)) + struct.pack("<If", intensity, 1e7 / laser if laser else 0.0)
    head += bytes(240 - len(head)) + title
    head += bytes(512 - len(head))
    data = np.zeros((planned, found.shape[1]), "<f4")
    data[:count] = found
    blocks = [_block(b"DATA", data.tobytes())]
    blocks += [_block(b"YLST", struct.pack("<II", 0, 0) + np.zeros(rows, "<f4").tobytes())]
    blocks += [_block(b"XLST", struct.pack("<II", 1, unit) + axis.astype("<f4").tobytes())]
    places = [np.arange(planned, dtype="<f8") + kind for kind in lists]
    origins = b"".join(
        struct.pack("<II16s", kind | 1 << 31, 5, b"place") + place.tobytes()
        for kind, place in zip(lists, places, strict=True)
    )
    blocks += [_block(b"ORGN", struct.pack("<I", planned) + origins)] if lists else []
    if shape[0]:
        place = struct.pack("<II6f4I", 0, 0, 3.0, 4.0, 0.0, 1.0, 1.0, 1.0, *shape, 1, 0)
        blocks += [_block(b"WMAP", place)]
    path.write_bytes(head + b"".join(blocks) + behind)
    return path


def _block(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sIQ", name, 1, 16 + len(content)) + content


def opus_type(kind: int, *, of: int = 3, part: int = 3, parameters: int = 0, derivative: int = 0, form: int = 0) -> int:
    """Put the six numbers of a block's type into one, as the directory of OPUS holds them."""
    return part | of << 2 | parameters << 4 | kind << 10 | derivative << 17 | form << 19


def opus_data(kind: int, x: Numbers, axis: Numbers = AXIS, **more: Any) -> list[tuple[int, bytes]]:
    """Give the data of a spectrum and their parameters, as blocks for `opus`.

    more: parts of the type; scale: CSF; unit: DXU; whole: integers; ahead: bytes before the data of a compact block
    """
    defaults = {"scale": 1.0, "unit": "WN", "whole": False, "ahead": b""}
    scale, unit, whole, ahead = (more.pop(key, default) for key, default in defaults.items())
    stored = np.round(x / scale).astype("<i4") if whole else (x / scale).astype("<f4")
    said = {"DPF": 2 if whole else 1, "NPT": len(axis), "FXV": float(axis[0]), "LXV": float(axis[-1]), "CSF": scale}
    seen = stored * scale
    said |= {"MXY": float(seen.max()), "MNY": float(seen.min()), "DXU": unit, "DAT": "01/02/2026"}
    return [
        (opus_type(kind, **more), ahead + stored.tobytes()),
        (opus_type(kind, parameters=1, **more), parameters(said)),
    ]


def opus_series(kind: int, x: Numbers, axis: Numbers = AXIS, *, planned: int = 0, scale: float = 1.0) -> list[Any]:
    """Give a series x (spectra, m) and its parameters, as blocks for `opus`; `planned` are more than were measured."""
    (_, _), (_, said) = opus_data(kind, x[0] * scale, axis, scale=scale)
    head = struct.pack("<6i2i", 0, planned or len(x), 32, 4 * len(axis), 152, 1, 0, len(x) - 1)
    return [
        (opus_type(kind, form=2), head + b"".join(row.astype("<f4").tobytes() + bytes(152) for row in x)),
        (opus_type(kind, form=2, parameters=1), said),
    ]


def parameters(said: dict[str, Any]) -> bytes:
    """Write parameters of OPUS: a name of three letters, a form, a size in words of two bytes, a value."""
    out = b""
    for name, value in said.items():
        form = 0 if isinstance(value, int) else 1 if isinstance(value, float) else 2
        text = value.encode() + b"\0" if isinstance(value, str) else b""
        text += bytes(-len(text) % 4)
        content = struct.pack("<i", value) if form == 0 else struct.pack("<d", value) if form == 1 else text
        out += struct.pack("<3sxhh", name.encode(), form, len(content) // 2) + content
    return out + b"END\0" + bytes(4)


def opus(path: Path, *parts: list[tuple[int, bytes]], laser: float = 0.0) -> Path:
    """Write OPUS: a header, a directory, and blocks one behind the other; `laser` in nm is told as its wavenumber."""
    pytest.importorskip("brukeropus", reason="nothing reads OPUS here: pip install 'edgespec[formats]'")
    blocks = [(opus_type(0, parameters=2, of=1), parameters({"LWN": 15798.0, "VEL": "10"}))]
    blocks += [(opus_type(0, parameters=6, of=1), parameters({"RLW": 1e7 / laser}))] if laser else []
    blocks += [block for part in parts for block in part]
    blocks = [(code, content + bytes(-len(content) % 4)) for code, content in blocks]
    place = 24 + 40 * 12
    entries = [struct.pack("<Iii", opus_type(13, of=0, part=0), 40 * 3, 24)]
    for code, content in blocks:
        entries.append(struct.pack("<Iii", code, len(content) // 4, place))
        place += len(content)
    head = b"\x0a\x0a\xfe\xfe" + struct.pack("<dii i", 920622.0, 24, 40, len(entries))
    listed = b"".join(entries)
    path.write_bytes(head + listed + bytes(40 * 12 - len(listed)) + b"".join(content for _, content in blocks))
    return path


def perkinelmer(
    path: Path, axis: Numbers = AXIS, *spectra: Numbers, unit: str = "cm-1", label: str = "A", instrument: int = 124,
    description: str = "2D constant interval DataSet file", without: tuple[str, ...] = (),
) -> Path:  # fmt: skip
    """Write .sp; `without` names members that are not written: range, step, points, axis, label."""
    out = b"PEPE" + description.encode().ljust(40, b"\0")
    for x in spectra or (peaks(axis),):
        step = (axis[-1] - axis[0]) / (len(axis) - 1)
        header = _member(instrument, _member(35836, _text("Spectrum Two")))
        history = _member(121, _member(35697, struct.pack("<HH", 29999, 1)) + _member(35705, _member(123, header)))
        members = {
            "history": _member(35711, history),
            "range": _member(35698, struct.pack("<Hdd", 29981, axis[0], axis[-1])),
            "step": _member(35700, struct.pack("<Hd", 29979, step)),
            "points": _member(35701, struct.pack("<Hi", 29995, len(axis))),
            "axis": _member(35703, _text(unit)),
            "label": _member(35704, _text(label)),
            "data": _member(35708, struct.pack("<HI", 29974, 8 * len(x)) + x.astype("<f8").tobytes()),
        }
        out += _member(120, b"".join(part for name, part in members.items() if name not in without))
    path.write_bytes(out)
    return path


def _text(words: str) -> bytes:
    return struct.pack("<HH", 29987, len(words.encode("latin-1"))) + words.encode("latin-1")


def _member(number: int, content: bytes) -> bytes:
    return struct.pack("<HI", number, len(content)) + content
