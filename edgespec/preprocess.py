"""What is done to a spectrum before the network sees it: functions (n, points) -> (n, points), without anything learnt.

A function's name is its key in a recipe's `preprocess:` list. `axis` is the model's axis in cm-1, evenly spaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from annotated_types import Gt
from torch import Tensor
from torch.nn import functional

from edgespec.recipe import Call

TINY = 1e-12  # an amplitude below which a spectrum is none


def apply(calls: Sequence[Call], x: Tensor, axis: Tensor) -> Tensor:
    """Apply the calls in their order."""
    for call in calls:
        x = globals()[call.name](x, axis, **call.keys)
    return x


def clip(x: Tensor, axis: Tensor) -> Tensor:
    """Set negative intensities to zero."""
    return x.clamp_min(0)


def sqrt(x: Tensor, axis: Tensor) -> Tensor:
    """Take the square root of the intensities, negative ones set to zero: weak bands count more."""
    return x.clamp_min(0).sqrt()


def signed_sqrt(x: Tensor, axis: Tensor) -> Tensor:
    """Take the square root of the magnitude and keep the sign."""
    return x.clamp_min(0).sqrt() - (-x).clamp_min(0).sqrt()


def highpass(x: Tensor, axis: Tensor, *, window: Annotated[float, Gt(0)] = 62.0) -> Tensor:
    """Subtract a moving average, which removes fluorescence and drift.

    window: width of the average in cm-1; broader bands are weakened.
    """
    step = float(axis[1] - axis[0])
    size = 2 * max(round(window / step / 2), 1) + 1
    mean = functional.avg_pool1d(x[:, None], size, stride=1, padding=size // 2, count_include_pad=False)
    return x - mean[:, 0]


def rms(x: Tensor, axis: Tensor) -> Tensor:
    """Divide by the root mean square."""
    return x / x.square().mean(dim=1, keepdim=True).clamp_min(TINY**2).sqrt()


def snv(x: Tensor, axis: Tensor) -> Tensor:
    """Standard normal variate: mean 0 and standard deviation 1 of each spectrum (Barnes, Dhanoa, Lister 1989)."""
    centred = x - x.mean(dim=1, keepdim=True)
    return centred / centred.square().mean(dim=1, keepdim=True).clamp_min(TINY**2).sqrt()


def minmax(x: Tensor, axis: Tensor) -> Tensor:
    """Scale each spectrum to 0..1."""
    low, high = x.amin(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)
    return (x - low) / (high - low).clamp_min(TINY)


def l2(x: Tensor, axis: Tensor) -> Tensor:
    """Divide by the Euclidean norm."""
    return x / x.square().sum(dim=1, keepdim=True).clamp_min(TINY**2).sqrt()
