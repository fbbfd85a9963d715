"""The axis that somebody else's model was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgespec.data.readers import numpy_files
from edgespec.errors import Mistake
from edgespec.graph import retarget

NEARLY = 0.01  # of a step: how far from even an axis may be without a note


@dataclass(frozen=True)
class Read:
    """low, high: its ends in cm-1; falls: the spectra run from high to low; notes: what a person should know."""

    low: float
    high: float
    points: int
    falls: bool
    notes: tuple[str, ...]

    @property
    def span(self) -> dict[str, float]:
        """As a checkpoint's facts hold it."""
        return {"low": self.low, "high": self.high, "points": self.points}


def read(path: Path, points: int | None) -> Read:
    """Read an axis in cm-1 from an .npy file or a text file, one value a line or the first column.

    Raises Mistake for what is no axis, and where it has other than `points` values.
    """
    values = _array(path) if path.suffix == ".npy" else retarget.pixels(path)
    if points is not None and len(values) != points:
        raise Mistake(f"{path} has {len(values)} values, but --points says {points}", hint="one of the two is enough")
    falls = bool(values[0] > values[-1])
    rising = values[::-1] if falls else values
    even = np.linspace(rising[0], rising[-1], len(rising))
    off = float(np.abs(rising - even).max() / (even[1] - even[0]))
    notes = ["the axis falls: the kernels were reversed, so that spectra from low to high give the same logits"] * falls
    if off > NEARLY:
        notes.append(f"the axis is not even: up to {off:.2f} of a step from the even one that data.axis names")
    return Read(float(rising[0]), float(rising[-1]), len(rising), falls, tuple(notes))


def _array(path: Path) -> NDArray[np.float64]:
    hint = "(points,) numbers in cm-1, rising or falling all along"
    if not path.is_file():
        raise Mistake(f"there is no file {path}", hint)
    values = numpy_files.whole(path)
    if values.dtype.kind not in "iuf" or values.ndim != 1 or len(values) < retarget.FEWEST:
        raise Mistake(f"{path}: {values.dtype} of shape {values.shape} is no axis", hint)
    found = values.astype(np.float64)
    steps = np.diff(found) * (1 if found[-1] > found[0] else -1)
    if not np.isfinite(found).all() or (steps <= 0).any():
        place = int((~(steps > 0)).argmax()) + 1
        raise Mistake(f"{path}: position {place} does not follow the one before", hint)
    return found
