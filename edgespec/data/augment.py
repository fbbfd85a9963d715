"""Physics of an instrument, drawn anew for each spectrum: what differs between two measurements of one substance.

A function's name is its key in a recipe's `augment:`. Strengths and order follow measurements on RRUFF spectra: drift of
the background matters most, then resolution.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Generator, Tensor
from torch.nn import functional

from edgespec.data import infrared
from edgespec.data.fluorescence import backgrounds, uniform

Strength = Annotated[float, Ge(0)]
FACE = 40.0  # cm-1 from knot to knot of what a crystal's orientation does to intensities


def instrument(
    x: Tensor,
    axis: Tensor,
    generator: Generator,
    *,
    shift: Strength = 4.0,
    stretch: Strength = 0.003,
    blur: Strength = 4.0,
    tilt: Strength = 0.25,
    drift: Strength = 0.6,
    noise: Strength = 0.03,
    orientation: Strength = 0.0,
    slope: Strength = 0.0,
    baseline: Strength = 0.0,
    vapour: Strength = 0.0,
    co2: Strength = 0.0,
) -> Tensor:
    """Vary each spectrum as another instrument, another day and another crystal face would.

    shift: largest displacement of the axis in cm-1.
    stretch: largest relative stretch of the axis about its middle.
    blur: largest standard deviation of the broadening in cm-1; half of the spectra are broadened.
    tilt: standard deviation of the four slow cosines in the logarithm of the response.
    drift: largest fluorescence background, as a share of the spectrum's maximum.
    noise: largest standard deviation of white noise, as a share of the spectrum's maximum; small values are more frequent.
    slope: infrared: largest line that scatter adds towards high wavenumbers, up or down, as a share of the spectrum's maximum.
    baseline: infrared: largest slow baseline, up or down, as a share of the maximum.
    vapour: infrared: largest lines of water vapour, added or taken away, as a share of the maximum.
    co2: infrared: largest bands of carbon dioxide, the same.
    orientation: standard deviation of the natural logarithm of a band's intensity, as another crystal face shows it; bands that lie
        further apart than 40 cm-1 vary independently.
    """
    top = x.amax(dim=1, keepdim=True).clamp_min(0)
    x = _move(x, axis, shift, stretch, generator)
    x = _broaden(x, axis, blur, generator)
    x = x * _response(len(x), axis, tilt, generator)
    if orientation:
        x = x * _faces(len(x), axis, orientation, generator)
    x = x + top * drift * uniform((len(x), 1), generator) * backgrounds(len(x), axis, generator)
    if slope or baseline or vapour or co2:
        x = x + top * _of_air_and_sample(len(x), axis, (slope, baseline, vapour, co2), generator)
    level = noise * uniform((len(x), 1), generator).square()
    return x + top * level * torch.randn(x.shape, generator=generator)


def _faces(n: int, axis: Tensor, orientation: float, generator: Generator) -> Tensor:
    """(n, points): exp of a piecewise linear curve with a knot every 40 cm-1, N(0, orientation) each; a Raman tensor's share of a band."""
    knots = max(round(float(axis[-1] - axis[0]) / FACE), 1) + 1
    drawn = orientation * torch.randn((n, 1, knots), generator=generator)
    return torch.exp(functional.interpolate(drawn, size=len(axis), mode="linear", align_corners=True)[:, 0])


def _of_air_and_sample(n: int, axis: Tensor, most: tuple[float, float, float, float], generator: Generator) -> Tensor:
    """(n, points): what scatter, the baseline, water vapour and carbon dioxide add, each drawn evenly from minus its most to its most."""
    at = axis.double().numpy()
    line, slow, lines, gas = (
        torch.from_numpy(each).float()
        for each in (infrared.scatter(at), infrared.slow(at), infrared.water(at), infrared.carbon_dioxide(at))
    )
    by = [each * uniform((n, 1), generator, -1, 1) for each in most]
    mixed = uniform((n, 3), generator, -1, 1) @ slow
    heights = uniform((n, len(lines)), generator, 0.3, 1)  # they depend on temperature and resolution
    found: Tensor = by[0] * line + by[1] * mixed / 3 + by[2] * (heights @ lines) + by[3] * gas
    return found


def _move(x: Tensor, axis: Tensor, shift: float, stretch: float, generator: Generator) -> Tensor:
    """Read each spectrum at displaced positions, by linear interpolation; its ends are held."""
    n, points = x.shape
    step = float(axis[1] - axis[0])
    by = uniform((n, 1), generator, -shift, shift) / step
    scale = 1 + uniform((n, 1), generator, -stretch, stretch)
    middle = (points - 1) / 2
    at = ((torch.arange(points) - middle) * scale + middle + by).clamp(0, points - 1)
    left = at.floor().clamp_max(points - 2).long()
    share = at - left
    return torch.gather(x, 1, left) * (1 - share) + torch.gather(x, 1, left + 1) * share


def _broaden(x: Tensor, axis: Tensor, blur: float, generator: Generator) -> Tensor:
    """Convolve with a Gaussian of random width, in Fourier space; the edges are held 4 standard deviations out."""
    step = float(axis[1] - axis[0])
    sigma = uniform((len(x), 1), generator, 0, blur) / step * (uniform((len(x), 1), generator) < 0.5)
    if blur == 0:
        return x
    pad = min(math.ceil(4 * blur / step), x.shape[1] - 1)
    wide = functional.pad(x[:, None], (pad, pad), mode="replicate")[:, 0]
    frequency = torch.fft.rfftfreq(wide.shape[1])
    spectrum = torch.fft.rfft(wide) * torch.exp(-2 * (math.pi * frequency * sigma).square())
    narrow: Tensor = torch.fft.irfft(spectrum, n=wide.shape[1])
    return narrow[:, pad : pad + x.shape[1]]


def _response(n: int, axis: Tensor, tilt: float, generator: Generator) -> Tensor:
    """(n, points): exp of a sum of four slow cosines, N(0, tilt) each."""
    place = torch.linspace(0, math.pi, len(axis))
    waves = torch.stack([torch.cos(order * place) for order in range(1, 5)])
    return torch.exp(tilt * torch.randn((n, 4), generator=generator) @ waves)
