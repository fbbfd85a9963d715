"""Arrays by name: HDF5, read and laid out as `arrays:` of a recipe does."""

from __future__ import annotations

from pathlib import Path

import fuzzing
import h5py
import numpy as np

from edgespec.datasets import arrays
from edgespec.spectra import Axis

READER = "edgespec/datasets/arrays.load: h5"
PREFIX = "raman/"


def spectra() -> dict[str, np.ndarray]:
    axis = np.linspace(100, 1300, 40)
    x = np.stack([np.exp(-(((axis - middle) / 60) ** 2)) for middle in (300, 500, 700, 900)])
    return {"x": x, "y": np.array(["a", "b", "a", "b"]), "axis": axis}


def seeds() -> list[bytes]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for name, each in spectra().items():
                file[f"raman/{name}"] = each.astype("S") if each.dtype.kind == "U" else each

    return [fuzzing.made(write, "seed.h5")]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.h5", raw)
    keys = {
        "x": f"{PREFIX}x",
        "y": f"{PREFIX}y",
        "wavenumber": f"{PREFIX}axis",
        "file": path.name,
        "root": str(path.parent),
    }
    arrays.load(axis=Axis(150, 1172, 32), seed=0, unit="cm-1", **keys)
