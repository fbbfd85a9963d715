"""Wide tables of spectra: xlsx, read as `table:` of a recipe does."""

from __future__ import annotations

import io

import fuzzing
import numpy as np
import openpyxl

from edgespec.datasets import table
from edgespec.spectra import Axis

READER = "edgespec/datasets/table.load: xlsx"
KIND = "zip"
AXIS = np.linspace(100, 1300, 32)


def rows() -> list[list[object]]:
    bands = [np.round(np.exp(-(((AXIS - middle) / 60) ** 2)) + 0.1, 4).tolist() for middle in (300, 500, 700, 900)]
    return [["label", *(f"{each:.1f}" for each in AXIS)], *(["ab"[i % 2], *band] for i, band in enumerate(bands))]


def seeds() -> list[bytes]:
    book, packed = openpyxl.Workbook(), io.BytesIO()
    for row in rows():
        book.active.append(row)
    book.save(packed)
    return [packed.getvalue()]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.xlsx", raw)
    table.load(axis=Axis(150, 1172, 32), seed=0, path=path.name, root=str(path.parent), unit="cm-1")
