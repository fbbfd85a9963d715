"""SPC: every layout of subfiles, their order, exponents and log; what is not supported by its own name."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import spectrum_files as files
from device_reader import refusal, tracks

spc_io = pytest.importorskip("spc_io", reason="spc_io is not installed: pip install 'edgespec[dev]'")

POINTS = 40
AXIS = np.linspace(900.0, 120.0, POINTS)
ROWS = [np.round(100 + 50 * np.sin(np.arange(POINTS) / (k + 2)), 2) for k in range(4)]
FLOATS = -128


def write(
    path: Path,
    rows: list[np.ndarray],
    *,
    flags: int = 0,
    kind: str = "<f4",
    main: int = FLOATS,
    sub: int = FLOATS,
    depths: list[float] | None = None,
    log: str = "",
    gap: int = 0,
    **head: int,
) -> Path:
    """Write SPC by its guide. flags: 1 sixteen bits, 4 several, 0x40 own axes, 0x80 an axis; gap: bytes before the log."""
    out = io.BytesIO()
    flags |= 0x04 if len(rows) > 1 else 0
    exponent = main if not flags & 0x04 or sub in (0, FLOATS) else sub
    power = 2.0 ** (exponent - (16 if kind == "<i2" else 32)) if kind != "<f4" else 1.0
    if flags & 0xC0 == 0x80:
        out.write(AXIS.astype("<f4").tobytes())
    for k, row in enumerate(rows):
        depth = (depths or [0.0] * len(rows))[k]
        out.write(struct.pack("<BbHfffIIf4x", 0, sub, k, depth, depth, 0, POINTS if flags & 0x40 else 0, 0, 0))
        if flags & 0x40:
            out.write((AXIS + k).astype("<f4").tobytes())
        out.write((row if kind == "<f4" else np.round(row / power)).astype(kind).tobytes())
    place = 512 + out.tell() + gap
    if log:
        text = log.encode() + b"\0"
        out.write(bytes(gap) + struct.pack("<5I44x", 64 + len(text), 4096, 64, 0, 0) + text)
    said = {"technique": 11, "unit": 13, "intensity": 4, **head}
    begin = struct.pack(
        "<BBBbIddIBB", flags, 0x4B, said["technique"], main, POINTS, AXIS[0], AXIS[-1], len(rows), said["unit"], said["intensity"]
    )  # fmt: skip
    begin += bytes(248 - len(begin)) + struct.pack("<I", place if log else 0)
    path.write_bytes(begin + bytes(512 - len(begin)) + out.getvalue())
    return path


LAYOUTS = {
    "floats": {},
    "floats, the exponent of the subfile being 0": {"sub": 0},
    "sixteen bits": {"flags": 1, "kind": "<i2", "main": 9, "sub": 9},
    "integers, their exponent in the main header": {"kind": "<i4", "main": 9, "sub": 0},
    "integers, their exponent in the subfile": {"kind": "<i4", "main": 9, "sub": 9},
    "an axis": {"flags": 0x80},
    "axes of their own": {"flags": 0xC0},
    "a log": {"log": "Laser = 633 nm"},
    "a log with a gap before": {"log": "Laser = 633 nm", "gap": 37},
}


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_read(tmp_path: Path, name: str, count: int) -> None:
    layout = dict(LAYOUTS[name])
    if count > 1 and "sub" in layout and layout["sub"]:
        layout["main"] = 5  # which is of no subfile then
    path = write(tmp_path / "a.spc", ROWS[:count], **layout)
    found = tracks(path)
    assert [each.name for each in found] == ([str(path)] if count == 1 else [f"{path}:{k + 1}" for k in range(count)])
    for k, each in enumerate(found):
        np.testing.assert_allclose(each.x, ROWS[k], atol=0.01)
        np.testing.assert_allclose(each.axis, AXIS + (k if "own" in name else 0), atol=1e-3)
        assert (each.unit, each.technique, each.intensity) == ("cm-1", "Raman", "counts")
        assert each.laser == (633 if "log" in name else None)


@pytest.mark.parametrize("depths", [[0.0, -2.0, -4.0, -6.0], [3.0, 1.0, 2.0, 0.0]])
def test_subfiles_keep_the_files_order_whatever_their_depth(tmp_path: Path, depths: list[float]) -> None:
    for each, row in zip(tracks(write(tmp_path / "a.spc", ROWS, depths=depths)), ROWS, strict=True):
        np.testing.assert_allclose(each.x, row, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("more", [{}, {"own_axis": True}, {"integers": True}, {"subfiles": 3}])
def test_a_library_reads_the_same_where_it_can(tmp_path: Path, more: dict[str, bool]) -> None:
    path = files.spc(tmp_path / "a.spc", **more)  # type: ignore[arg-type]
    with path.open("rb") as file:
        others = list(spc_io.SPC.from_bytes_io(file))
    found = tracks(path)
    assert len(found) == len(others)
    for each, other in zip(found, others, strict=True):
        np.testing.assert_allclose(each.axis, other.xarray)
        if "integers" not in more:  # whose exponent in the main header the library does not take
            np.testing.assert_allclose(each.x, other.yarray)


def test_what_is_not_supported_is_called_so_and_not_damaged(tmp_path: Path) -> None:
    for told, head in (("(hours)", {"unit": 30}), ("(ppm)", {"unit": 10}), ("interferogram", {"intensity": 1})):
        error = refusal(write(tmp_path / "a.spc", ROWS[:1], **head))[1]
        assert told in error
        assert "damaged" not in error
    for version in (0x4C,):
        raw = write(tmp_path / "a.spc", ROWS[:1]).read_bytes()
        (tmp_path / "a.spc").write_bytes(raw[:1] + bytes([version]) + raw[2:])
        error = refusal(tmp_path / "a.spc")[1]
        assert f"(0x{version:02x}), which is not supported" in error


@pytest.mark.parametrize("length", [513, 540, 600, 700])
def test_a_file_that_was_cut_says_how_much_is_missing(tmp_path: Path, length: int) -> None:
    raw = write(tmp_path / "a.spc", ROWS[:2]).read_bytes()
    (tmp_path / "a.spc").write_bytes(raw[:length])
    assert f"it has {length} bytes" in refusal(tmp_path / "a.spc")[1]


def test_infrared_files_say_so_by_their_intensities(tmp_path: Path) -> None:
    (track,) = tracks(write(tmp_path / "a.spc", ROWS[:1], technique=4, unit=1, intensity=128))
    assert (track.technique, track.intensity) == ("infrared", "transmittance")
    (track,) = tracks(write(tmp_path / "b.spc", ROWS[:1], technique=4, unit=13, intensity=4))
    assert track.technique == "Raman"
