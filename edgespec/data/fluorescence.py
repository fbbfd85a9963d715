"""The background that fluorescence adds to a spectrum: training varies spectra with it, and the judge drifts them with it."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

MARGIN_CM1 = (150, 128)  # how far below and above the axis a centre may lie: 0 to 1300 on an axis from 150 to 1172


def backgrounds(n: int, axis: Tensor, generator: Generator) -> Tensor:
    """(n, points), maximum 1: a random non-negative mixture of an exponential decay and three Gaussians, FWHM 200 to 600 cm-1.

    axis: (points,) in cm-1, even or not; centres are drawn from all of it and a margin beyond, however wide it is.
    """
    span = (axis - axis[0])[None, None]
    low, high = float(axis[0]) - MARGIN_CM1[0], float(axis[-1]) + MARGIN_CM1[1]
    decay = torch.exp(-span / uniform((n, 1, 1), generator, 100, 800))
    centre = uniform((n, 3, 1), generator, low, high) - float(axis[0])
    sigma = uniform((n, 3, 1), generator, 200, 600) / 2.3548
    parts = torch.cat([decay, torch.exp(-0.5 * ((span - centre) / sigma).square())], dim=1)
    mixed: Tensor = (uniform((n, 4, 1), generator) * parts).sum(dim=1)
    return mixed / mixed.amax(dim=1, keepdim=True)


def uniform(shape: tuple[int, ...], generator: Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Draw evenly from low to high."""
    return low + (high - low) * torch.rand(shape, generator=generator)
