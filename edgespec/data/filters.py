"""Preprocessing along the axis as torch modules (n, points) -> (n, points): averages, smoothing, backgrounds.

Constants are computed in float64 and kept as buffers; pooling and convolution have the two-dimensional form (1 x K), for
which ONNX Runtime has its fast kernels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Matrix = NDArray[np.float64]
FAST = 31  # points of the widest odd window for which ONNX Runtime has its fast pooling kernel
NEVER = float(np.finfo(np.float32).max)  # greater than any intensity: a minimum with it changes nothing


class Average(nn.Module):
    """Moving average; what lies beyond the ends does not count."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        return _flat(_average(_plane(x), self.size))


class Highpass(Average):
    """What a moving average leaves."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        wide = _plane(x)
        return _flat(wide - _average(wide, self.size))


class Opening(Average):
    """What the averaged morphological opening leaves: the highest baseline that passes below every band in a window."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        wide = _plane(x)
        eroded = -_highest(-wide, self.size)
        return _flat(wide - _average(_highest(eroded, self.size), self.size))


class Savgol(nn.Module):
    """A polynomial fitted to each window, or its derivative; the first and last window's fit serves up to the end."""

    kernel: Tensor
    first: Tensor
    last: Tensor

    def __init__(self, size: int, order: int, derivative: int, step_cm1: float) -> None:
        super().__init__()
        half, fit = size // 2, _window_fit(size, order, derivative, step_cm1)
        self.size = size
        self.register_buffer("kernel", _constant(fit[None, None, [half]]))
        self.register_buffer("first", _constant(fit[:half].T))
        self.register_buffer("last", _constant(fit[half + 1 :].T))

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        middle = functional.conv2d(_plane(x), self.kernel).reshape(-1, x.shape[1] - self.size + 1)
        return torch.cat([x[:, : self.size] @ self.first, middle, x[:, -self.size :] @ self.last], 1)


class Snip(nn.Module):
    """What iterative peak clipping leaves: each point is clipped at the mean of its neighbours at shrinking distances.

    The spectrum is first lengthened at both ends by lines fitted to them. The loop is unrolled: one pass a distance.
    reach: the first distance, in points
    smooth: half-window of a moving average that goes with each pass; 0 for none
    """

    before: Tensor
    after: Tensor

    def __init__(self, reach: int, smooth: int) -> None:
        super().__init__()
        self.reach, self.smooth = reach, smooth
        line = _line_before(reach)
        self.register_buffer("before", _constant(line.T))
        self.register_buffer("after", _constant(line[::-1, ::-1].T))

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        low = torch.cat([x[:, : self.reach] @ self.before, x, x[:, -self.reach :] @ self.after], 1)
        for distance in range(self.reach, 0, -1):
            mean = (low[:, 2 * distance :] + low[:, : -2 * distance]) * 0.5
            low = self._smoothed(low, mean, distance) if self.smooth else self._clipped(low, mean, distance)
        return x - low[:, self.reach : -self.reach]

    def _clipped(self, low: Tensor, mean: Tensor, distance: int) -> Tensor:
        return torch.minimum(low, functional.pad(mean, (distance, distance), value=NEVER))

    def _smoothed(self, low: Tensor, mean: Tensor, distance: int) -> Tensor:
        inner = slice(distance, -distance)
        smooth = _flat(_average(_plane(low), 2 * self.smooth + 1))
        clipped = torch.where(low[:, inner] > mean, mean, smooth[:, inner])
        return torch.cat([low[:, :distance], clipped, low[:, -distance:]], 1)


class Polynomial(nn.Module):
    """What the least-squares polynomial leaves: a projection onto its orthonormal basis, subtracted."""

    basis: Tensor

    def __init__(self, points: int, degree: int) -> None:
        super().__init__()
        legendre = np.polynomial.legendre.legvander(np.linspace(-1, 1, points), degree)
        self.register_buffer("basis", _constant(np.linalg.qr(legendre)[0]))

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        return x - (x @ self.basis) @ self.basis.T


def _plane(x: Tensor) -> Tensor:
    return x[:, None, None]


def _flat(wide: Tensor) -> Tensor:
    return wide.reshape(-1, wide.shape[-1])  # one Reshape; taking [:, 0, 0] would be two Gathers


def _average(wide: Tensor, size: int) -> Tensor:
    return functional.avg_pool2d(wide, (1, size), 1, (0, size // 2), count_include_pad=False)


def _highest(wide: Tensor, size: int) -> Tensor:
    """Moving maximum, in several narrow windows that make a wide one: the same answer in a third of the time."""
    while size > FAST:
        wide, size = functional.max_pool2d(wide, (1, FAST), 1, (0, FAST // 2)), size - FAST + 1
    return functional.max_pool2d(wide, (1, size), 1, (0, size // 2))


def _constant(values: Matrix) -> Tensor:
    return torch.from_numpy(values.copy()).float()


def _window_fit(size: int, order: int, derivative: int, step_cm1: float) -> Matrix:
    """(size, size): from a window's intensities to the fitted polynomial's derivative at each of its points."""
    half = size // 2
    place = np.arange(-half, half + 1) / half
    powers = np.arange(order + 1)
    factor = np.array([math.perm(power, derivative) for power in powers]) / (half * step_cm1) ** derivative
    slopes = factor * place[:, None] ** np.maximum(powers - derivative, 0)
    fit: Matrix = slopes @ np.linalg.pinv(place[:, None] ** powers)
    return fit


def _line_before(size: int) -> Matrix:
    """(size, size): from the first intensities to as many before them, on the line fitted to the first ones."""
    if size == 1:
        return np.ones((1, 1))
    place = np.arange(size)
    line: Matrix = np.vander(place - size, 2) @ np.linalg.pinv(np.vander(place, 2))
    return line
