"""Preprocessing as torch modules (n, points) -> (n, points): nothing learnt, exported as operators that every runtime has.

Constants are computed in float64 and kept as buffers; what runs along the axis has the two-dimensional form (1 x K), for
which ONNX Runtime has its fast kernels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Axis = NDArray[np.float64]
TINY = 1e-12  # an amplitude below which a spectrum is none


class Blend(nn.Module):
    """Linear interpolation from one axis (rising or falling) onto another, zero outside the own one: two gathers and a blend, no dense matrix.

    A dense (points x wanted) matrix costs more than a whole small network; this costs two gathers.
    """

    left: Tensor
    right: Tensor
    share_left: Tensor
    share_right: Tensor

    def __init__(self, own: Axis, wanted: Axis) -> None:
        super().__init__()
        self.axis = wanted
        falling = own[0] > own[-1]
        own = own[::-1] if falling else own
        at = np.clip(np.searchsorted(own, wanted, side="right") - 1, 0, len(own) - 2)
        share = (wanted - own[at]) / (own[at + 1] - own[at])
        inside = (wanted >= own[0]) & (wanted <= own[-1])
        left, right = (len(own) - 1 - at, len(own) - 2 - at) if falling else (at, at + 1)
        self.register_buffer("left", torch.from_numpy(left.astype(np.int32)))
        self.register_buffer("right", torch.from_numpy(right.astype(np.int32)))
        self.register_buffer("share_left", torch.from_numpy(np.where(inside, 1 - share, 0.0)).float())
        self.register_buffer("share_right", torch.from_numpy(np.where(inside, share, 0.0)).float())

    def forward(self, x: Tensor) -> Tensor:
        """(n, len(own)) -> (n, len(wanted))"""
        left, right = torch.index_select(x, 1, self.left), torch.index_select(x, 1, self.right)
        return left * self.share_left + right * self.share_right


class Crop(nn.Module):
    """Keep a range of points."""

    def __init__(self, axis: Axis, first: int, last: int) -> None:
        super().__init__()
        self.axis, self.first, self.last = axis[first:last], first, last

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, last - first)"""
        return x[:, self.first : self.last]


class Average(nn.Module):
    """Moving average; what lies beyond the ends does not count."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        wide = x[:, None, None]
        half = (0, self.size // 2)
        return functional.avg_pool2d(wide, (1, self.size), 1, half, count_include_pad=False)[:, 0, 0]


class Highpass(Average):
    """What a moving average leaves."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        return x - super().forward(x)


class Clip(nn.Module):
    """Negative intensities become zero."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        return x.clamp_min(0)


class Root(nn.Module):
    """Square root; negative intensities become zero, or keep their sign."""

    def __init__(self, *, signed: bool) -> None:
        super().__init__()
        self.signed = signed

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        up = functional.relu(x).sqrt()
        return up - functional.relu(-x).sqrt() if self.signed else up


class Scale(nn.Module):
    """Divide by a size of the spectrum itself: "rms", "l2", "area", "snv" (centred, then rms) or "minmax" (from 0 to 1)."""

    def __init__(self, by: str) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        if self.by == "minmax":
            low = x.amin(1, keepdim=True)
            return (x - low) / (x.amax(1, keepdim=True) - low).clamp_min(TINY)
        if self.by == "area":
            return x / x.abs().sum(1, keepdim=True).clamp_min(TINY)
        if self.by == "snv":
            x = x - x.mean(1, keepdim=True)
        square = x * x
        power = square.sum(1, keepdim=True) if self.by == "l2" else square.mean(1, keepdim=True)
        return x / power.clamp_min(TINY**2).sqrt()
