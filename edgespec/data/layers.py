"""Preprocessing as torch modules (n, points) -> (n, points): another axis, and what is done to each point or by one number.

What runs along the axis is in `filters`. Nothing is learnt; all is exported as operators that every runtime has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Axis = NDArray[np.float64]
TINY = 1e-12  # an amplitude below which a spectrum is none
FLOOR = 1e-36  # keeps 0 / 0 out, by a maximum: the exporter drops an addition of so little


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
        if not self.signed:
            return functional.relu(x).sqrt()
        return x / x.abs().clamp_min(FLOOR).sqrt()  # no Sign, no second branch: half of the operators


class RootScale(nn.Module):
    """A square root and the division by its "rms" or "l2" in one: the root's square is the magnitude itself.

    sqrt(a) / sqrt(mean(a)) = a / sqrt(a * mean(a)), which needs one root instead of two or three. Right for amplitudes from
    1e-15 to 1e18; nearer to zero the answer fades to zero.
    """

    def __init__(self, root: Root, scale: Scale) -> None:
        super().__init__()
        self.signed, self.by = root.signed, scale.by

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, points)"""
        size = x.abs() if self.signed else functional.relu(x)
        whole = size.mean(1, keepdim=True) if self.by == "rms" else size.sum(1, keepdim=True)
        return (x if self.signed else size) / (size * whole).clamp_min(FLOOR).sqrt()


def joined(layers: Sequence[nn.Module]) -> list[nn.Module]:
    """Give the layers with each root and the scale right behind it as one."""
    found: list[nn.Module] = []
    for layer in layers:
        before = found[-1] if found else None
        if isinstance(before, Root) and isinstance(layer, Scale) and layer.by in ("rms", "l2"):
            found[-1] = RootScale(before, layer)
        else:
            found.append(layer)
    return found


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
