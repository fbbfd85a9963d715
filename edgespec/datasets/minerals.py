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
from pathlib import Path

import numpy as np

from edgespec import plugins
from edgespec.datasets._simulation import Bands, Physics, chunks, drawn, inside
from edgespec.errors import Mistake
from edgespec.spectra import Axis, Floats, Ints, Spectra, Words

LIBRARY, SITE = 0.45, 0.35  # shares of a mineral's samples; the rest is for testing
LEAST_SPREAD = 0.5  # cm-1, where few samples happened to agree on a band's position


def load(
    *,
    axis: Axis,
    seed: int,
    samples: int = 12,
    spectra: int = 5,
    minerals: list[str] | None = None,
    drift: float = Physics.drift,
    noise: float = Physics.noise,
    composition: float = Physics.composition,
    orientation: float = Physics.orientation,
    broadening: float = Physics.broadening,
    spikes: float = Physics.spikes,
    axis_error: float = Physics.axis_error,
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
    labels, drawing = _begun(axis, seed, samples, spectra, minerals, physics)
    each = samples * spectra
    x = np.empty((len(labels), each, axis.points), dtype=np.float32)
    for mine, made in zip(x, drawing, strict=True):
        for rows in chunks(each):
            mine[rows] = next(made)
    return _told(x.reshape(-1, axis.points), axis, seed, labels, np.arange(each) // spectra, samples)


def stream(
    *,
    axis: Axis,
    seed: int,
    samples: int,
    spectra: int = 5,
    minerals: list[str] | None = None,
    physics: Physics = Physics(),
) -> Iterator[Spectra]:
    """Draw the very spectra of `load`, up to 64 of each mineral at a time, in the same memory however many there are.

    Every piece holds all the minerals, so that a network can learn from one after the other. The keys, and Mistakes, are
    those of `load`.
    """
    labels, drawing = _begun(axis, seed, samples, spectra, minerals, physics)

    def pieces() -> Iterator[Spectra]:
        for rows, *x in zip(chunks(samples * spectra), *drawing, strict=True):
            sample = np.arange(rows.start, rows.stop) // spectra
            yield _told(np.concatenate(x), axis, seed, labels, sample, samples)

    return pieces()


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
        if not inside(table()[name], axis).any():
            low, high = table()[name].shift.min(), table()[name].shift.max()
            text = f"minerals: no band of {name} lies between {axis.low:g} and {axis.high:g} cm-1"
            raise Mistake(text, hint=f"its bands are at {low:.0f} to {high:.0f} cm-1: take an axis that meets them")
    return labels


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


def _begun(
    axis: Axis, seed: int, samples: int, spectra: int, minerals: list[str] | None, physics: Physics
) -> tuple[tuple[str, ...], list[Iterator[Floats]]]:
    """Check the keys; give the minerals, and what draws each: it does not depend on the others."""
    _check_numbers(seed, samples, spectra, physics)
    labels = _labels(axis, minerals)
    seeds = ([seed, zlib.crc32(label.encode())] for label in labels)
    drawing = [
        drawn(np.random.default_rng(own), table()[label], axis, samples, spectra, physics)
        for own, label in zip(seeds, labels, strict=True)
    ]
    return labels, drawing


def _told(x: Floats, axis: Axis, seed: int, labels: tuple[str, ...], sample: Ints, samples: int) -> Spectra:
    """Say what the spectra x (minerals * n, points) are; sample: (n,) which physical sample of its mineral each one shows."""
    shown = np.unique(sample)
    names = np.array([f"{label}-{i + 1:02d}" for label in labels for i in shown]).reshape(len(labels), -1)
    return Spectra(
        x=x,
        axis=axis.values(),
        y=np.repeat(np.arange(len(labels), dtype=np.int64), len(sample)),
        labels=labels,
        group=names[:, sample - shown[0]].reshape(-1),
        part=np.tile(_part(sample, samples), len(labels)),
        source="embedded",
        technique="Raman",
        notes=(f"generated from a table of measured bands (minerals.csv), seed {seed}: no spectrum here was measured",),
    )


def _part(sample: Ints, samples: int) -> Words:
    """(n,): the part of each sample: about 45 % library, 35 % site, the rest test, at least one of each."""
    library = max(1, round(LIBRARY * samples))
    site = max(1, min(round(SITE * samples), samples - library - 1))
    return np.where(sample < library, "library", np.where(sample < library + site, "site", "test"))
