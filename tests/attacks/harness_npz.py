"""Arrays by name: numpy's .npz, read and laid out as `arrays:` of a recipe does."""

from __future__ import annotations

from typing import Any

import fuzzing
import numpy as np

from edgespec.datasets import arrays
from edgespec.spectra import Axis

READER = "edgespec/datasets/arrays.load: npz"
KIND = "zip"


def spectra() -> dict[str, np.ndarray]:
    axis = np.linspace(100, 1300, 40)
    x = np.stack([np.exp(-(((axis - middle) / 60) ** 2)) for middle in (300, 500, 700, 900)])
    return {"x": x, "y": np.array(["a", "b", "a", "b"]), "axis": axis}


def seeds() -> list[bytes]:
    def save(**arrays: Any) -> bytes:
        return fuzzing.made(lambda path: np.savez_compressed(path, **arrays), "seed.npz")

    return [save(**spectra()), fuzzing.made(lambda path: np.savez(path, **spectra()), "seed.npz")]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.npz", raw)
    keys = {"x": "x", "y": "y", "wavenumber": "axis", "file": path.name, "root": str(path.parent)}
    arrays.load(axis=Axis(150, 1172, 32), seed=0, unit="cm-1", **keys)
