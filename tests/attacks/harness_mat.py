"""Arrays by name: MATLAB's .mat, read and laid out as `arrays:` of a recipe does."""

from __future__ import annotations

from typing import Any

import fuzzing
import numpy as np
from scipy.io import savemat

from edgespec.datasets import arrays
from edgespec.spectra import Axis

READER = "edgespec/datasets/arrays.load: mat"


def spectra() -> dict[str, np.ndarray]:
    axis = np.linspace(100, 1300, 40)
    x = np.stack([np.exp(-(((axis - middle) / 60) ** 2)) for middle in (300, 500, 700, 900)])
    return {"x": x, "y": np.array(["a", "b", "a", "b"]), "axis": axis}


def seeds() -> list[bytes]:
    def save(**more: Any) -> bytes:
        return fuzzing.made(lambda path: savemat(path, spectra(), **more), "seed.mat")

    return [
        save(),
        save(do_compression=True),
    ]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.mat", raw)
    keys = {"x": "x", "y": "y", "wavenumber": "axis", "file": path.name, "root": str(path.parent)}
    arrays.load(axis=Axis(150, 1172, 32), seed=0, unit="cm-1", **keys)
