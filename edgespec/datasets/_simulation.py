"""How the spectra of `minerals` are drawn: bands of a rock, tilted crystals, an imperfect spectrometer, its detector."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgespec.spectra import Axis, Floats

CHUNK = 64  # spectra of a mineral, or samples, drawn at a time: what is in memory besides the result; another number, other bytes


@dataclass(frozen=True)
class Physics:
    """What the instrument and the rock do to a spectrum; the units are told in `load`."""

    drift: float = 0.3
    noise: float = 0.03
    composition: float = 1.5
    orientation: float = 0.5
    broadening: float = 6.0
    spikes: float = 0.1
    axis_error: float = 1.5


@dataclass(frozen=True)
class Bands:
    """(bands,) each: position and FWHM in cm-1, height (strongest 1), standard deviation of the position in cm-1."""

    shift: Floats
    fwhm: Floats
    height: Floats
    spread: Floats


def drawn(
    rng: np.random.Generator, bands: Bands, axis: Axis, samples: int, spectra: int, physics: Physics
) -> Iterator[Floats]:
    """Yield one mineral's spectra, (up to CHUNK, points) at a time."""
    grid = axis.values().astype(np.float32)
    rocks = (rock for rock in _rocks(rng, bands, samples, physics) for _ in range(spectra))
    while shown := list(itertools.islice(rocks, CHUNK)):
        x = _profiles(rng, bands, axis, np.stack(shown, axis=1), physics)
        x += physics.drift * _fluorescence(rng, grid, len(x))
        _detect(rng, x, physics)
        yield x


def _rocks(rng: np.random.Generator, bands: Bands, samples: int, physics: Physics) -> Iterator[Floats]:
    """Yield (3, bands) for each physical sample: its bands' positions and FWHM in cm-1 and Lorentzian shares.

    Four arrays over all samples follow one another in `rng`, before any spectrum. None is ever held: a copy of the generator
    waits at the beginning of each, and all four draw at the same pace.
    """
    width = len(bands.shift)
    waiting = []
    for columns in (1, width, width, width):
        waiting.append((copy.deepcopy(rng), columns))
        for rows in chunks(samples):
            _normal(rng, rows.stop - rows.start, columns)
    for rows in chunks(samples):
        together, alone, wider, rounder = (_normal(own, rows.stop - rows.start, columns) for own, columns in waiting)
        shift = bands.shift + physics.composition * bands.spread * (0.8 * together + 0.6 * alone)
        fwhm = bands.fwhm * np.exp(0.1 * physics.composition * wider)
        lorentzian = np.clip(0.6 + 0.1 * physics.composition * rounder, 0.2, 1)
        yield from np.stack([shift, fwhm, lorentzian], axis=1)


def chunks(n: int) -> Iterator[slice]:
    """Divide n rows into pieces of CHUNK; the last may be shorter."""
    for start in range(0, n, CHUNK):
        yield slice(start, min(start + CHUNK, n))


def _normal(rng: np.random.Generator, *shape: int) -> Floats:
    return rng.standard_normal(shape, dtype=np.float32)


def _profiles(rng: np.random.Generator, bands: Bands, axis: Axis, rock: Floats, physics: Physics) -> Floats:
    """Sum pseudo-Voigt bands as a tilted crystal and an imperfect spectrometer show them; the strongest has height 1.

    rock: (3, n, bands) position and FWHM in cm-1 and Lorentzian share of each spectrum's sample. Gives (n, points).
    """
    shift, fwhm, lorentzian = rock
    grid = axis.values().astype(np.float32)
    n, width = shift.shape
    height = bands.height * np.exp(physics.orientation * _normal(rng, n, width))
    height /= np.where(inside(bands, axis), height, 0).max(axis=1, keepdims=True)
    seen = np.sqrt(fwhm**2 + (physics.broadening * rng.random((n, 1), dtype=np.float32)) ** 2)
    height *= fwhm / seen  # a band keeps its area
    middle, half = 0.5 * (axis.low + axis.high), 0.5 * (axis.high - axis.low)
    place = shift + physics.axis_error * (_normal(rng, n, 1) + _normal(rng, n, 1) * (shift - middle) / half)
    x = np.zeros((n, len(grid)), dtype=np.float32)
    for b in range(width):
        u: Floats = (grid - place[:, b : b + 1]) / (0.5 * seen[:, b : b + 1])
        u *= u
        x += (height * lorentzian)[:, b : b + 1] / (1 + u)
        u *= -math.log(2)
        x += (height * (1 - lorentzian))[:, b : b + 1] * np.exp(u, out=u)
    return x


def inside(bands: Bands, axis: Axis) -> NDArray[np.bool_]:
    """(bands,): whether each band lies on the axis."""
    return (bands.shift >= axis.low) & (bands.shift <= axis.high)


def _fluorescence(rng: np.random.Generator, grid: Floats, n: int) -> Floats:
    """Mix an exponential decay and three Gaussians 200 to 600 cm-1 wide (FWHM), no weight negative.

    grid: (points,) in cm-1. Gives (n, points); each maximum is drawn from 0 to 1.
    """
    decay = np.exp(-(grid - grid[0]) / rng.uniform(150, 800, (n, 1)).astype(np.float32))
    x = rng.random((n, 1), dtype=np.float32) * decay
    for _ in range(3):
        centre = rng.uniform(grid[0], grid[-1], (n, 1)).astype(np.float32)
        fwhm = rng.uniform(200, 600, (n, 1)).astype(np.float32)
        x += rng.random((n, 1), dtype=np.float32) * np.exp(-4 * math.log(2) * ((grid - centre) / fwhm) ** 2)
    share = rng.random((n, 1), dtype=np.float32) / x.max(axis=1, keepdims=True)
    return np.asarray(share * x, dtype=np.float32)


def _detect(rng: np.random.Generator, x: Floats, physics: Physics) -> None:
    """Add shot noise, read noise and cosmic spikes to x (n, points), in place."""
    n, points = x.shape
    x += physics.noise * np.sqrt(0.75 * np.maximum(x, 0) + 0.25) * _normal(rng, n, points)
    row = np.repeat(np.arange(n), rng.poisson(physics.spikes, n))
    place = rng.integers(0, points, len(row))
    height = rng.uniform(0.1, 1.0, len(row)).astype(np.float32)
    np.add.at(x, (row, place), height)
    np.add.at(x, (row, np.minimum(place + 1, points - 1)), 0.3 * height)  # charge spills into the next pixel
