"""Arrays in .npy files."""

from __future__ import annotations

import fuzzing
import numpy as np

from edgespec.data.readers import numpy_files

READER = "edgespec/data/readers/numpy_files.whole"


def seeds() -> list[bytes]:
    def save(array: np.ndarray) -> bytes:
        return fuzzing.made(lambda path: np.save(path, array), "seed.npy")

    return [save(np.arange(60.0).reshape(6, 10)), save(np.array(["Albite", "Beryl"])), save(np.arange(5, dtype=">i2"))]


def feed(raw: bytes) -> None:
    numpy_files.whole(fuzzing.written("case.npy", raw))
