"""The axis that somebody else's model was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.data.readers import numpy_files
from edgespec.errors import Mistake
from edgespec.graph import retarget

NEARLY = 0.01  # of a step: how far from even an axis may be without a note


@dataclass(frozen=True)
class Read:
    """low, high: its ends in cm-1; falls: the spectra run from high to low; places: (points,) where it is uneven, else empty.

    notes: what a person should know
    """

    low: float
    high: float
    points: int
    falls: bool
    notes: tuple[str, ...]
    places: tuple[float, ...] = ()

    @property
    def span(self) -> dict[str, Any]:
        """As a checkpoint's facts hold it."""
        found: dict[str, Any] = {"low": self.low, "high": self.high, "points": self.points}
        return {**found, "places": list(self.places)} if self.places else found

    @property
    def data(self) -> dict[str, Any]:
        """The lines of a recipe's `data:` that give the network this axis: an even one, and where need be the way onto its places."""
        if not self.places:
            return {"axis": self.span}
        step = float(np.diff(self.places).min())
        points = round((self.high - self.low) / step) + 1
        even = {"low": self.low, "high": self.high, "points": points}
        return {"axis": even, "preprocess": [{"onto": {"places": list(self.places)}}]}


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
        apart = float(np.abs(rising - even).max())
        notes.append(
            f"the axis is not even: up to {apart:.0f} cm-1 from an even one of as many points; data.yaml beside the weights brings spectra to it"
        )
    places = tuple(map(float, rising)) if off > NEARLY else ()
    return Read(float(rising[0]), float(rising[-1]), len(rising), falls, tuple(notes), places)


def _array(path: Path) -> NDArray[np.float64]:
    hint = "(points,) numbers in cm-1, rising or falling all along"
    if not path.is_file():
        raise Mistake(f"there is no file {path}", hint)
    values = numpy_files.whole(path)
    if values.dtype.kind not in "iuf" or values.ndim != 1 or len(values) < retarget.FEWEST:
        raise Mistake(f"{path}: {values.dtype} of shape {values.shape} is not an axis", hint)
    found = values.astype(np.float64)
    steps = np.diff(found) * (1 if found[-1] > found[0] else -1)
    if not np.isfinite(found).all() or (steps <= 0).any():
        place = int((~(steps > 0)).argmax()) + 1
        raise Mistake(f"{path}: position {place} does not follow the one before", hint)
    return found
