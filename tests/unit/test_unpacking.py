"""Damaged zips, by whatever method their bytes claim: whoever reads a zip, an .npz or an .xlsx tells so, and no traceback is shown."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgespec import datasets
from edgespec.bench import session
from edgespec.data.readers import archives, numpy_files, tables
from edgespec.errors import EdgespecError

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
FLIPS = 30


def arrays() -> dict[str, bytes]:
    held = io.BytesIO()
    np.save(held, np.arange(300.0))
    return {f"{name}.npy": held.getvalue() for name in ("x", "labels", "notes")}


def texts() -> dict[str, bytes]:
    return {"Quartz__R1__Raman.txt": "".join(f"{i}, {i * 0.37}\n" for i in range(400)).encode()}


def workbook() -> dict[str, bytes]:
    openpyxl = pytest.importorskip("openpyxl")
    book, packed = openpyxl.Workbook(), io.BytesIO()
    for i in range(40):
        book.active.append([i, i * 2.5, "a"])
    book.save(packed)
    with zipfile.ZipFile(packed) as file:
        return {name: file.read(name) for name in file.namelist()}


def every_text(path: Path) -> None:
    for text in archives.texts(path).values():
        text()


def every_array(path: Path) -> None:
    for name in numpy_files.names(path):
        numpy_files.member(path, name)


READERS: dict[str, tuple[Callable[[], dict[str, bytes]], str, Callable[[Path], object]]] = {
    "archive, checked": (texts, "zip", archives.check),
    "archive, read": (texts, "zip", every_text),
    "arrays": (arrays, "npz", every_array),
    "recording": (arrays, "npz", session.read),
    "cache": (arrays, "npz", datasets._kept),
    "workbook": (workbook, "xlsx", tables._sheet),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reader", READERS)
def test_a_flipped_bit_is_told(reader: str, method: int, tmp_path: Path) -> None:
    content, ending, read = READERS[reader]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        for name, each in content().items():
            file.writestr(name, each)
    chance, path, told = random.Random(method), tmp_path / f"some.{ending}", 0
    for _ in range(FLIPS):
        harmed = bytearray(packed.getvalue())
        harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
        path.write_bytes(harmed)
        try:
            told += read(path) is None and reader == "cache"
        except EdgespecError:
            told += 1
    assert told
