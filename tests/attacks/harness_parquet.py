"""Wide tables of spectra: parquet, read as `table:` of a recipe does."""

from __future__ import annotations

import io

import fuzzing
import numpy as np
import pyarrow
from pyarrow import parquet

from edgespec.datasets import table
from edgespec.spectra import Axis

READER = "edgespec/datasets/table.load: parquet"
AXIS = np.linspace(100, 1300, 32)


def rows() -> list[list[object]]:
    bands = [np.round(np.exp(-(((AXIS - middle) / 60) ** 2)) + 0.1, 4).tolist() for middle in (300, 500, 700, 900)]
    return [["label", *(f"{each:.1f}" for each in AXIS)], *(["ab"[i % 2], *band] for i, band in enumerate(bands))]


def seeds() -> list[bytes]:
    head, *body = rows()
    columns = {str(name): [row[i] for row in body] for i, name in enumerate(head)}
    packed = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), packed)
    return [packed.getvalue()]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.parquet", raw)
    table.load(axis=Axis(150, 1172, 32), seed=0, path=path.name, root=str(path.parent), unit="cm-1")
