"""What an instrument, a day or a sample does to a spectrum that a classifier should bear: named, of fixed strength, seeded.

Each function takes x (n, points) float32 as the instrument gives it, axis (points,) in cm-1, even or not, and a generator; it
gives a new (n, points) float32 and leaves x alone. What is random is drawn for each spectrum by itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from edgespec.data import infrared
from edgespec.data.fluorescence import backgrounds
from edgespec.spectra import Floats

Axis = NDArray[np.float64]
Perturbation = Callable[[Floats, Axis, Generator], Floats]
CHUNK = 1024  # spectra that are changed at a time
REACH = 4  # standard deviations after which a Gaussian is nothing
LARGEST_CM1 = 12_000.0  # no Raman shift under 785 nm is larger: the light would have no energy left


def perturbed(name: str, x: Floats, axis: Axis, seed: int) -> Floats:
    """Change spectra by the perturbation of that name; the same seed changes them in the same way, whatever else is asked for."""
    rng = np.random.default_rng([seed, *name.encode()])
    changes = PERTURBATIONS.get(name) or INFRARED[name]
    parts = [changes(x[i : i + CHUNK], axis, rng) for i in range(0, len(x), CHUNK)]
    return np.concatenate(parts) if parts else x.copy()


def shift(x: Floats, axis: Axis, rng: Generator, *, by_cm1: float) -> Floats:
    """Displace the axis, as a calibration that is off does: y(v) = x(v - by), read by linear interpolation, ends held."""
    return _read(x, axis, axis - by_cm1)


def stretch(x: Floats, axis: Axis, rng: Generator, *, share: float) -> Floats:
    """Stretch the axis about its middle m: y(v) = x(m + (v - m) / (1 + share)), read by linear interpolation, ends held."""
    middle = (axis[0] + axis[-1]) / 2
    return _read(x, axis, middle + (axis - middle) / (1 + share))


def blur(x: Floats, axis: Axis, rng: Generator, *, sigma_cm1: float) -> Floats:
    """Coarsen the resolution: the mean of x about v, weighted by exp(-(u - v)^2 / 2 sigma^2) du; nothing lies beyond the ends."""
    points, width = len(axis), np.gradient(axis)
    furthest = min(math.ceil(REACH * sigma_cm1 / np.diff(axis).min()), points - 1)
    total, weights = np.zeros(x.shape), np.zeros(points)
    for by in range(-furthest, furthest + 1):
        at = np.arange(points) + by
        inside, at = (at >= 0) & (at < points), at.clip(0, points - 1)
        weight = inside * width[at] * np.exp(-0.5 * ((axis[at] - axis) / sigma_cm1) ** 2)
        total += weight * x[:, at]
        weights += weight
    return _floats(total / weights)


def drift(x: Floats, axis: Axis, rng: Generator, *, share: float) -> Floats:
    """Add fluorescence: x + share * max(x) * f, where f is a background with maximum 1 (`fluorescence.backgrounds`)."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return _floats(x + share * _top(x) * backgrounds(len(x), torch.from_numpy(axis).float(), generator).numpy())


def read_noise(x: Floats, axis: Axis, rng: Generator, *, snr_db: float) -> Floats:
    """Add white Gaussian noise of variance mean(x^2) / 10^(snr / 10)."""
    power = np.square(x, dtype=np.float64).mean(axis=1, keepdims=True)
    return _floats(x + np.sqrt(power / 10 ** (snr_db / 10)) * rng.standard_normal(x.shape))


def shot_noise(x: Floats, axis: Axis, rng: Generator, *, snr_db: float) -> Floats:
    """Count photons: Poisson(a * x) / a, with a = 10^(snr / 10) * mean(x) / mean(x^2); negative intensities are left as they are.

    The noise has the variance x / a, its mean over the spectrum the stated ratio to the signal's mean power.
    """
    light = np.maximum(x, 0).astype(np.float64)
    power = np.square(light).mean(axis=1, keepdims=True)
    gain = 10 ** (snr_db / 10) * light.mean(axis=1, keepdims=True) / np.where(power > 0, power, 1)
    counted = rng.poisson(gain * light) / np.where(gain > 0, gain, 1)
    return _floats(counted + np.minimum(x, 0))


def spikes(x: Floats, axis: Axis, rng: Generator) -> Floats:
    """Add cosmic rays: 1 to 3 in a spectrum, each 1 or 2 points wide, each 0 to 1 times max(x) high, all drawn evenly."""
    out, rows = x.copy(), np.arange(len(x))
    count = rng.integers(1, 4, len(x))
    for each in range(3):
        width = rng.integers(1, 3, len(x))
        place = rng.integers(0, len(axis) - width + 1)
        height = _top(x)[:, 0] * rng.random(len(x)) * (each < count)
        out[rows, place] += height
        out[rows, place + width - 1] += height * (width == 2)
    return out


def scale(x: Floats, axis: Axis, rng: Generator, *, factor: float) -> Floats:
    """Give the intensities in another unit, or under another exposure: factor * x."""
    return _floats(x * np.float32(factor))


def laser(x: Floats, axis: Axis, rng: Generator, *, from_nm: float, to_nm: float) -> Floats:
    """Excite at another wavelength: Raman light grows with its wavenumber to the fourth power.

    x * r / mean(r) with r(v) = ((1e7 / to - v) / (1e7 / from - v))^4. Where the spectra are no Raman spectra, this is a smooth tilt.
    """
    v = axis.clip(None, LARGEST_CM1)
    ratio = ((1e7 / to_nm - v) / (1e7 / from_nm - v)) ** 4
    return _floats(x * (ratio / ratio.mean()))


def scatter(x: Floats, axis: Axis, rng: Generator, *, share: float) -> Floats:
    """Let a rough sample scatter: x + share * max(x) * (v - low) / (high - low)."""
    return _floats(x + share * _top(x) * infrared.scatter(axis))


def baseline(x: Floats, axis: Axis, rng: Generator, *, share: float) -> Floats:
    """Add a slow baseline, up or down: x + share * max(x) * (mean of three slow cosines, each weighted from -1 to 1)."""
    return _floats(x + share * _top(x) * (rng.uniform(-1, 1, (len(x), 3)) @ infrared.slow(axis)) / 3)


def vapour(x: Floats, axis: Axis, rng: Generator, *, share: float) -> Floats:
    """Add lines of water vapour, or take them away: x + share * max(x) * s * lines, s -1 or 1, each line 0.3 to 1 high."""
    lines = infrared.water(axis)
    sign = rng.choice([-1.0, 1.0], (len(x), 1))
    return _floats(x + share * _top(x) * sign * (rng.uniform(0.3, 1, (len(x), len(lines))) @ lines))


def carbon_dioxide(x: Floats, axis: Axis, rng: Generator, *, share: float) -> Floats:
    """Add the bands of carbon dioxide, or take them away: x + share * max(x) * s * bands, s -1 or 1."""
    return _floats(x + share * _top(x) * rng.choice([-1.0, 1.0], (len(x), 1)) * infrared.carbon_dioxide(axis))


def of(technique: str) -> dict[str, Perturbation]:
    """Give what spectra of a technique are judged under: INFRARED where the data say that they are infrared, else PERTURBATIONS."""
    return (
        INFRARED
        if "infrared" in technique.lower() or technique.lower() in ("ir", "ftir", "atr-ftir")
        else PERTURBATIONS
    )


def _of(function: Callable[..., Floats], **keys: Any) -> Perturbation:
    return functools.partial(function, **keys)


PERTURBATIONS: dict[str, Perturbation] = {
    "shift +1": _of(shift, by_cm1=1),
    "shift -1": _of(shift, by_cm1=-1),
    "shift +3": _of(shift, by_cm1=3),
    "shift -3": _of(shift, by_cm1=-3),
    "shift +5": _of(shift, by_cm1=5),
    "shift -5": _of(shift, by_cm1=-5),
    "stretch +0.3 %": _of(stretch, share=0.003),
    "stretch -0.3 %": _of(stretch, share=-0.003),
    "blur 4": _of(blur, sigma_cm1=4),
    "drift 0.5": _of(drift, share=0.5),
    "drift 1": _of(drift, share=1),
    "drift 5": _of(drift, share=5),
    "SNR 20 dB": _of(read_noise, snr_db=20),
    "SNR 10 dB": _of(read_noise, snr_db=10),
    "shot SNR 20": _of(shot_noise, snr_db=20),
    "spikes": spikes,
    "scale x1000": _of(scale, factor=1000),
    "scale /1000": _of(scale, factor=1 / 1000),
    "laser 532 to 785": _of(laser, from_nm=532, to_nm=785),
}

OF_LIGHT = (
    "drift 0.5",
    "drift 1",
    "drift 5",
    "shot SNR 20",
    "spikes",
    "laser 532 to 785",
)  # fluorescence, photons, cosmic rays, a laser
INFRARED: dict[str, Perturbation] = {
    **{name: each for name, each in PERTURBATIONS.items() if name not in OF_LIGHT},
    "scatter 0.5": _of(scatter, share=0.5),
    "baseline 0.5": _of(baseline, share=0.5),
    "vapour 0.1": _of(vapour, share=0.1),
    "CO2 0.3": _of(carbon_dioxide, share=0.3),
}


def _read(x: Floats, axis: Axis, at: Axis) -> Floats:
    """(n, points) at the positions `at` (points,), by linear interpolation; beyond its ends a spectrum keeps their value."""
    at = at.clip(axis[0], axis[-1])
    left = np.searchsorted(axis, at, side="right").clip(1, len(axis) - 1) - 1
    share = (at - axis[left]) / (axis[left + 1] - axis[left])
    return _floats(x[:, left] * (1 - share) + x[:, left + 1] * share)


def _top(x: Floats) -> Floats:
    """(n, 1): the maximum of each spectrum, 0 where none is positive."""
    top: Floats = np.maximum(x.max(axis=1, keepdims=True), 0)
    return top


def _floats(x: NDArray[Any]) -> Floats:
    return x.astype(np.float32, copy=False)
