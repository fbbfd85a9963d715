"""What the graph does to a spectrum before the network sees it; a function's name is its key in a recipe's `preprocess:`.

Each function gives a module for the axis it is handed, in cm-1 and evenly spaced. They train with the model and are exported
in front of it, in float32 in every variant: the device needs none of this by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from torch import nn

from edgespec.data.filters import Average, Highpass, Opening, Polynomial, Savgol, Snip
from edgespec.data.layers import Axis, Blend, Clip, Crop, Root, Scale, joined
from edgespec.errors import Mistake
from edgespec.recipe import Call

NEAR = 1e-3  # cm-1
UNEVEN = 0.02  # how much longer than its shortest step an even axis' longest may be: values rounded for a file
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
    return Front(axis if own is None else own, seen, joined(layers))


def crop(axis: Axis, *, low: float, high: float) -> nn.Module:
    """Keep a part of the axis.

    Agrees with numpy's slice of the points from `low` to `high` to 1e-7 of the largest answer.

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

    Agrees with numpy.interp to 1e-6 of the largest answer.

    points: how many, both ends included.
    """
    return Blend(axis, np.linspace(axis[0], axis[-1], points))


def onto(axis: Axis, *, places: list[float]) -> nn.Module:
    """Bring the spectrum to places of its own, even or not, by linear interpolation: the axis that a network of others was trained on.

    Agrees with numpy.interp to 1e-6 of the largest answer. What has a window in cm-1 stands in front of it.

    places: in cm-1, rising, within the axis; `edgespec import` writes those of a checkpoint into its data.yaml.
    """
    wanted = np.array(places, dtype=np.float64)
    hint = f"at least {FEWEST} numbers that rise, from {axis[0]:g} to {axis[-1]:g} cm-1"
    if len(wanted) < FEWEST or not np.isfinite(wanted).all() or (np.diff(wanted) <= 0).any():
        raise Mistake(f"onto: {len(wanted)} places that do not rise all along are no axis", hint)
    if wanted[0] < axis[0] - NEAR or wanted[-1] > axis[-1] + NEAR:
        raise Mistake(f"onto: the places run from {wanted[0]:g} to {wanted[-1]:g} cm-1, beyond the axis", hint)
    return Blend(axis, np.clip(wanted, axis[0], axis[-1]))


def highpass(axis: Axis, *, window: Width = 62.0) -> nn.Module:
    """Subtract a moving average, which removes fluorescence and drift.

    The window is cut at the ends. Agrees with numpy's mean of each cut window, subtracted, to 1e-5 of the largest answer.

    window: width of the average in cm-1; broader bands are weakened.
    """
    return Highpass(_odd(window, axis))


def average(axis: Axis, *, window: Width = 10.0) -> nn.Module:
    """Take a moving average, which quietens noise and broadens bands.

    The window is cut at the ends. Agrees with numpy's mean of each cut window to 1e-5 of the largest answer.

    window: its width in cm-1.
    """
    return Average(_odd(window, axis))


def opening(axis: Axis, *, window: Width = 62.0) -> nn.Module:
    """Subtract the morphological opening, averaged: a background that passes below every band narrower than the window.

    Agrees with pybaselines.morphological.tophat (scipy.ndimage.grey_opening), averaged in windows cut at the
    ends and subtracted, to 3e-5 of the largest answer.

    window: width of the opening and of the average in cm-1.
    """
    return Opening(_odd(window, axis))


def snip(axis: Axis, *, half_width: Width = 40.0, smooth: Annotated[float, Ge(0)] = 0.0) -> nn.Module:
    """Subtract the background that iterative peak clipping finds, distances decreasing (Ryan et al. 1988; Morhac 2008).

    Agrees with pybaselines.smooth.snip(decreasing=True), subtracted, to 3e-5 of the largest answer. With `smooth`, a point
    whose clipping hangs on a rounding error may differ by 1e-3 of it.

    half_width: the first distance in cm-1, about half of a band's width at its foot; one pass for each point of it.
    smooth: half-width in cm-1 of an average that goes with each pass, for noisy spectra; 0 for none.
    """
    half = max(round(half_width / _step(axis)), 1)
    if half > (len(axis) - 1) // 2:
        raise Mistake(
            f"snip: half_width {half_width:g} cm-1 is {half} points of the {len(axis)}",
            hint=f"at most {(len(axis) - 1) // 2 * _step(axis):g}",
        )
    return Snip(half, max(round(smooth / _step(axis)), 1) if smooth else 0)


def polynomial(axis: Axis, *, degree: Annotated[int, Ge(0)] = 5) -> nn.Module:
    """Subtract the polynomial that fits the whole spectrum best by least squares.

    Agrees with pybaselines.polynomial.poly, subtracted, to 3e-5 of the largest answer.

    degree: of the polynomial; 0 subtracts the mean.
    """
    if degree >= len(axis):
        raise Mistake(f"polynomial: degree {degree} fits any {len(axis)} points: nothing would be left", hint="3 to 7")
    return Polynomial(len(axis), degree)


def savgol(
    axis: Axis, *, window: Width = 18.0, order: Annotated[int, Ge(0)] = 2, derivative: Literal[0, 1, 2] = 0
) -> nn.Module:
    """Smooth by a polynomial in each window, or take its derivative by cm-1 (Savitzky, Golay 1964).

    Agrees with scipy.signal.savgol_filter (mode "interp": the last whole windows' fits serve up to the ends; delta in
    cm-1) to 1e-5 of the largest answer.

    window: its width in cm-1.
    order: of the polynomial.
    derivative: 0 smooths, 1 gives the slope, 2 the curvature; both remove slow backgrounds.
    """
    size = _odd(window, axis)
    if not derivative <= order < size <= len(axis):
        raise Mistake(
            f"savgol: window {window:g} cm-1 is {size} of {len(axis)} points, order {order}, derivative {derivative}",
            hint="derivative <= order < points of the window <= points of the spectrum",
        )
    return Savgol(size, order, derivative, _step(axis))


def clip(axis: Axis) -> nn.Module:
    """Set negative intensities to zero.

    Agrees with numpy.maximum to 1e-7 of the largest answer.
    """
    return Clip()


def sqrt(axis: Axis) -> nn.Module:
    """Take the square root of the intensities, negative ones set to zero: weak bands count more.

    Agrees with numpy.sqrt to 1e-6 of the largest answer.
    """
    return Root(signed=False)


def signed_sqrt(axis: Axis) -> nn.Module:
    """Take the square root of the magnitude and keep the sign.

    Agrees with numpy.sign times numpy.sqrt to 1e-6 of the largest answer.
    """
    return Root(signed=True)


def rms(axis: Axis) -> nn.Module:
    """Divide by the root mean square.

    Agrees with numpy to 1e-6 of the largest answer.
    """
    return Scale("rms")


def snv(axis: Axis) -> nn.Module:
    """Standard normal variate: mean 0 and standard deviation 1 of each spectrum (Barnes, Dhanoa, Lister 1989).

    Agrees with numpy's mean and std to 1e-5 of the largest answer.
    """
    return Scale("snv")


def minmax(axis: Axis) -> nn.Module:
    """Scale each spectrum to 0..1.

    Agrees with numpy's min and ptp to 1e-6 of the largest answer.
    """
    return Scale("minmax")


def l2(axis: Axis) -> nn.Module:
    """Divide by the Euclidean norm.

    Agrees with numpy.linalg.norm to 1e-6 of the largest answer.
    """
    return Scale("l2")


def area(axis: Axis) -> nn.Module:
    """Divide by the sum of the magnitudes.

    Agrees with numpy to 1e-6 of the largest answer.
    """
    return Scale("area")


def _odd(window: float, axis: Axis) -> int:
    """Give the odd number of points nearest to a window in cm-1, at least 3; one that sees all from each end is enough."""
    half = max(round((window / _step(axis) - 1) / 2), 1)
    return 2 * min(half, len(axis) - 1) + 1


def _step(axis: Axis) -> float:
    """Give the step of an even axis. Raises Mistake for another: a window in cm-1 has no number of points there."""
    steps = np.diff(axis)
    if steps.max() > (1 + UNEVEN) * steps.min():
        told = f"the axis is uneven, {steps.min():.3g} to {steps.max():.3g} cm-1 a step, so a window in cm-1 has no number of points"
        raise Mistake(told, hint="put what has a window in front of `onto`")
    return float(axis[-1] - axis[0]) / (len(axis) - 1)
