"""The embedded data set: spectra of 20 minerals drawn from a table of measured bands, for runs with no data at hand.

`minerals.csv` holds for every band its position, width (FWHM), relative intensity and how far its position varies from
sample to sample, measured on RRUFF spectra (B. Lafuente, R. T. Downs, H. Yang, N. Stone 2015, "The power of databases:
the RRUFF project", in Highlights in Mineralogical Crystallography, pp. 1-30). How and how well: `docs/minerals.md`.
"""

from __future__ import annotations

import csv
import functools
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgespec import plugins
from edgespec.errors import Mistake
from edgespec.spectra import Axis, Floats, Spectra

CHUNK = 64  # spectra drawn at a time: what is in memory besides the result
LIBRARY, SITE = 0.45, 0.35  # shares of a mineral's samples; the rest is for testing
LEAST_SPREAD = 0.5  # cm-1, where few samples happened to agree on a band's position


@dataclass(frozen=True)
class Physics:
    """What the instrument and the rock do to a spectrum; the units are told in `load`."""

    drift: float
    noise: float
    composition: float
    orientation: float
    broadening: float
    spikes: float
    axis_error: float


@dataclass(frozen=True)
class Bands:
    """(bands,) each: position and FWHM in cm-1, height (strongest 1), standard deviation of the position in cm-1."""

    shift: Floats
    fwhm: Floats
    height: Floats
    spread: Floats


def load(
    *,
    axis: Axis,
    seed: int,
    samples: int = 12,
    spectra: int = 5,
    minerals: list[str] | None = None,
    drift: float = 0.3,
    noise: float = 0.03,
    composition: float = 1.5,
    orientation: float = 0.5,
    broadening: float = 6.0,
    spikes: float = 0.1,
    axis_error: float = 1.5,
) -> Spectra:
    """Draw spectra with the physics of an instrument; one seed gives the same bytes every time.

    A mineral's spectra do not depend on which others are asked for. Raises Mistake for keys that make no sense.

    samples: physical samples a mineral, at least 3 (one each for library, site and test).
    spectra: spectra a sample.
    minerals: which of the 20 minerals; all of them by default.
    drift: greatest height of the fluorescence background, share of the strongest band; each spectrum draws from 0 up.
    noise: standard deviation at the strongest band, share of its height; variance 3/4 shot noise, 1/4 read noise.
    composition: how far bands wander between samples, multiple of the measured spread; 0 makes all samples alike.
    orientation: standard deviation of the natural logarithm of a band's intensity between spectra.
    broadening: worst resolution (FWHM, cm-1), added in quadrature; each spectrum draws from 0 up.
    spikes: mean number of cosmic spikes a spectrum.
    axis_error: standard deviation of the axis' shift in cm-1; a stretch adds as much again at the axis' ends.
    """
    physics = Physics(drift, noise, composition, orientation, broadening, spikes, axis_error)
    _check_numbers(seed, samples, spectra, physics)
    labels = _labels(axis, minerals)
    each = samples * spectra
    x = np.empty((len(labels) * each, axis.points), dtype=np.float32)
    for k, label in enumerate(labels):
        rng = np.random.default_rng([seed, zlib.crc32(label.encode())])
        _draw(rng, table()[label], axis, np.repeat(np.arange(samples), spectra), physics, x[k * each : (k + 1) * each])
    names = [f"{label}-{i:02d}" for label in labels for i in range(1, samples + 1)]
    return Spectra(
        x=x,
        axis=axis.values(),
        y=np.repeat(np.arange(len(labels), dtype=np.int64), each),
        labels=labels,
        group=np.repeat(np.array(names), spectra),
        part=np.tile(np.repeat(np.array(_parts(samples)), spectra), len(labels)),
        source="embedded",
        technique="Raman",
        notes=(f"generated from a table of measured bands (minerals.csv), seed {seed}: no spectrum here was measured",),
    )


@functools.cache
def table() -> dict[str, Bands]:
    """Read the band table that ships with the package, mineral by mineral in alphabetical order."""
    with open(Path(__file__).with_name("minerals.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for name in sorted({row["mineral"] for row in rows}):
        mine = [row for row in rows if row["mineral"] == name]
        columns = ("shift_cm1", "fwhm_cm1", "intensity", "spread_cm1")
        shift, fwhm, intensity, spread = np.array([[row[c] for row in mine] for c in columns]).astype(np.float32)
        found[name] = Bands(shift, fwhm, intensity / intensity.max(), np.maximum(spread, LEAST_SPREAD))
    return found


def _labels(axis: Axis, minerals: list[str] | None) -> tuple[str, ...]:
    """Give the minerals asked for, in alphabetical order; Mistake where one is unknown or has no band on the axis."""
    known = list(table())
    if minerals is not None and not minerals:
        raise Mistake("minerals: the list of minerals is empty", hint=f"there is: {', '.join(known)}")
    for name in minerals or []:
        if name not in known:
            raise Mistake(f"minerals: unknown mineral {name!r}", hint=plugins.did_you_mean(name, known))
    labels = tuple(sorted(set(minerals or known)))
    for name in labels:
        if not _inside(table()[name], axis).any():
            low, high = table()[name].shift.min(), table()[name].shift.max()
            text = f"minerals: no band of {name} lies between {axis.low:g} and {axis.high:g} cm-1"
            raise Mistake(text, hint=f"its bands are at {low:.0f} to {high:.0f} cm-1: take an axis that meets them")
    return labels


def _inside(bands: Bands, axis: Axis) -> NDArray[np.bool_]:
    return (bands.shift >= axis.low) & (bands.shift <= axis.high)


def _check_numbers(seed: int, samples: int, spectra: int, physics: Physics) -> None:
    """Raise Mistake on the first number that makes no sense."""
    for key, value, least, hint in (
        ("seed", seed, 0, "any whole number from 0 up"),
        ("samples", samples, 3, "at least 3: one sample each for library, site and test"),
        ("spectra", spectra, 1, "at least one spectrum a sample"),
    ):
        if value < least:
            raise Mistake(f"minerals: {key} is {value}, less than {least}", hint=hint)
    for key, strength in vars(physics).items():
        if not (math.isfinite(strength) and strength >= 0):
            raise Mistake(f"minerals: {key} is {strength:g}", hint="a strength is 0 (off) or a positive number")


def _parts(samples: int) -> list[str]:
    """Give each sample of a mineral its part: about 45 % library, 35 % site, the rest test, at least one of each."""
    library = max(1, round(LIBRARY * samples))
    site = max(1, min(round(SITE * samples), samples - library - 1))
    return ["library"] * library + ["site"] * site + ["test"] * (samples - library - site)


def _draw(
    rng: np.random.Generator, bands: Bands, axis: Axis, sample: NDArray[np.int64], physics: Physics, out: Floats
) -> None:
    """Fill `out` (n, points) with one mineral's spectra; sample: (n,) the physical sample of each."""
    count, width = int(sample[-1]) + 1, len(bands.shift)
    together, alone = _normal(rng, count, 1), _normal(rng, count, width)
    shift = bands.shift + physics.composition * bands.spread * (0.8 * together + 0.6 * alone)
    fwhm = bands.fwhm * np.exp(0.1 * physics.composition * _normal(rng, count, width))
    lorentzian = np.clip(0.6 + 0.1 * physics.composition * _normal(rng, count, width), 0.2, 1)
    rock = np.stack([shift, fwhm, lorentzian])
    grid = axis.values().astype(np.float32)
    for rows in _chunks(len(sample)):
        x = _profiles(rng, bands, axis, rock[:, sample[rows]], physics)
        x += physics.drift * _fluorescence(rng, grid, len(x))
        _detect(rng, x, physics)
        out[rows] = x


def _chunks(n: int) -> Iterator[slice]:
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
    height /= np.where(_inside(bands, axis), height, 0).max(axis=1, keepdims=True)
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
