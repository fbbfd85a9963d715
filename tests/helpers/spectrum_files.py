"""Spectrum files of every format that is read, made from one spectrum."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
AXIS: Numbers = np.linspace(100, 1300, 601)


def peaks(axis: Numbers = AXIS, centres: tuple[float, ...] = (479, 507, 291)) -> Numbers:
    """(m,) bands of albite on a slope, never exactly zero."""
    bands = [900 / (n + 1) * np.exp(-(((axis - centre) / 8) ** 2)) for n, centre in enumerate(centres)]
    return np.round(np.sum(bands, axis=0) + 5 + axis / 200, 4)


def table(path: Path, axis: Numbers = AXIS, x: Numbers | None = None, *, head: str = "", mark: str = ",") -> Path:
    """Write lines 'shift, intensity'."""
    intensities = peaks(axis) if x is None else x
    lines = [f"{a!r}{mark}{b!r}" for a, b in zip(axis.tolist(), intensities.tolist(), strict=True)]
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def rruff(path: Path, axis: Numbers = AXIS, x: Numbers | None = None) -> Path:
    """Write RRUFF's own format."""
    table(path, axis, x, head="##NAMES=Albite\n##RRUFFID=R040068\n", mark=", ")
    path.write_text(path.read_text() + "##END=\n")
    return path


def jcamp(path: Path, axis: Numbers = AXIS, x: Numbers | None = None, **records: str) -> Path:
    """Write JCAMP-DX, evenly spaced data as (X++(Y..Y)), or as (XY..XY) where `records` say so; they change records."""
    intensities = peaks(axis) if x is None else x
    said = {"TITLE": "Albite", "JCAMP-DX": "4.24", "DATA TYPE": "RAMAN SPECTRUM", "XUNITS": "1/CM", "YUNITS": "COUNTS"}
    said |= {"FIRSTX": repr(float(axis[0])), "LASTX": repr(float(axis[-1])), "NPOINTS": str(len(axis))}
    said |= {
        "XFACTOR": "1.0",
        "YFACTOR": "0.0001",
        "ORIGIN": "a laboratory\nof two lines",
        "XYDATA": "(X++(Y..Y))",
        **records,
    }
    said["XYDATA"] = said.pop("XYDATA")  # last
    scaled = np.round(intensities * 10_000).astype(int)
    if said["XYDATA"] == "(XY..XY)":
        said = {"XYPOINTS" if key == "XYDATA" else key: value for key, value in said.items()}
        lines = [f"{a!r}, {b}" for a, b in zip(axis.tolist(), scaled.tolist(), strict=True)]
    else:
        rows = range(0, len(axis), 8)
        lines = [f"{float(axis[i])!r} " + " ".join(map(str, scaled[i : i + 8].tolist())) for i in rows]
    head = "".join(f"##{key}={value}\n" for key, value in said.items())
    path.write_text(head + "\n".join(lines) + "\n##END=\n")
    return path


def spc(
    path: Path, axis: Numbers = AXIS, x: Numbers | None = None, *, own_axis: bool = False, technique: int = 11, unit: int = 13,
    integers: bool = False, subfiles: int = 1,
) -> Path:  # fmt: skip
    """Write SPC by its published header: 512 bytes, then the axis if it is not even, then 32 bytes and data a subfile."""
    intensities = peaks(axis) if x is None else x
    flags = (0x80 if own_axis else 0) | (0x04 if subfiles > 1 else 0)
    exponent = 24 if integers else -128
    head = struct.pack(
        "<BBBbIddIBBBB", flags, 0x4B, technique, exponent, len(axis), axis[0], axis[-1], subfiles, unit, 4, 0, 0
    )
    out = io.BytesIO()
    out.write(head + bytes(512 - len(head)))
    if own_axis:
        out.write(axis.astype("<f4").tobytes())
    for i in range(subfiles):
        out.write(struct.pack("<BbHfffIIf4x", 0, exponent if not integers else 0, i, i, i + 1, 0, 0, 0, 0))
        if integers:
            out.write(np.round(intensities * 2.0 ** (32 - exponent)).astype("<i4").tobytes())
        else:
            out.write(intensities.astype("<f4").tobytes())
    path.write_bytes(out.getvalue())
    return path
