"""What the graph does to a spectrum before the network sees it; a function's name is its key in a recipe's `preprocess:`.

Each function gives a module for the axis it is handed, in cm-1 and evenly spaced. They train with the model and are exported
in front of it, in float32 in every variant: the device needs none of this by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from annotated_types import Gt
from torch import nn

from edgespec.errors import Mistake
from edgespec.layers import Average, Axis, Blend, Clip, Crop, Highpass, Root, Scale
from edgespec.recipe import Call

FEWEST = 16  # points that a network can work on
Width = Annotated[float, Gt(0)]


class Front(nn.Sequential):
    """All preprocessing in its order: spectrum (n, source) -> prepared (n, points).

    axis: (source,) what it takes, in cm-1; seen: (points,) what it gives
    """

    def __init__(self, axis: Axis, seen: Axis, layers: Sequence[nn.Module]) -> None:
        super().__init__(*layers)
        self.axis, self.seen = axis, seen
        self.source, self.points = len(axis), len(seen)


def build(calls: Sequence[Call], axis: Axis, own: Axis | None = None) -> Front:
    """Make the modules that a recipe names, on this axis.

    own: another instrument's axis, from which the spectrum is first brought to `axis`
    """
    layers: list[nn.Module] = [] if own is None else [Blend(own, axis)]
    seen = axis
    for call in calls:
        layer = globals()[call.name](seen, **call.keys)
        layers.append(layer)
        seen = getattr(layer, "axis", seen)
    return Front(axis if own is None else own, seen, layers)


def crop(axis: Axis, *, low: float, high: float) -> nn.Module:
    """Keep a part of the axis.

    low: its first wavenumber in cm-1.
    high: its last wavenumber in cm-1.
    """
    first, last = np.searchsorted(axis, [low, high + 1e-9])
    if last - first < FEWEST:
        raise Mistake(
            f"crop: {low:g} to {high:g} cm-1 leaves {max(last - first, 0)} of the points from {axis[0]:g} to {axis[-1]:g}",
            hint=f"low < high, and at least {FEWEST} points between them",
        )
    return Crop(axis, int(first), int(last))


def resample(axis: Axis, *, points: Annotated[int, Gt(FEWEST - 1)]) -> nn.Module:
    """Bring the spectrum to another number of points on the same range, by linear interpolation.

    points: how many, both ends included.
    """
    return Blend(axis, np.linspace(axis[0], axis[-1], points))


def highpass(axis: Axis, *, window: Width = 62.0) -> nn.Module:
    """Subtract a moving average, which removes fluorescence and drift.

    window: width of the average in cm-1; broader bands are weakened.
    """
    return Highpass(_odd(window, axis))


def average(axis: Axis, *, window: Width = 10.0) -> nn.Module:
    """Take a moving average, which quietens noise and broadens bands.

    window: its width in cm-1.
    """
    return Average(_odd(window, axis))


def clip(axis: Axis) -> nn.Module:
    """Set negative intensities to zero."""
    return Clip()


def sqrt(axis: Axis) -> nn.Module:
    """Take the square root of the intensities, negative ones set to zero: weak bands count more."""
    return Root(signed=False)


def signed_sqrt(axis: Axis) -> nn.Module:
    """Take the square root of the magnitude and keep the sign."""
    return Root(signed=True)


def rms(axis: Axis) -> nn.Module:
    """Divide by the root mean square."""
    return Scale("rms")


def snv(axis: Axis) -> nn.Module:
    """Standard normal variate: mean 0 and standard deviation 1 of each spectrum (Barnes, Dhanoa, Lister 1989)."""
    return Scale("snv")


def minmax(axis: Axis) -> nn.Module:
    """Scale each spectrum to 0..1."""
    return Scale("minmax")


def l2(axis: Axis) -> nn.Module:
    """Divide by the Euclidean norm."""
    return Scale("l2")


def area(axis: Axis) -> nn.Module:
    """Divide by the sum of the magnitudes."""
    return Scale("area")


def _odd(window: float, axis: Axis) -> int:
    """Give a window in cm-1 as an odd number of points, at least 3."""
    step = float(axis[-1] - axis[0]) / (len(axis) - 1)
    return 2 * max(round(window / step / 2), 1) + 1
