"""The axes of spectra in arrays: one for all or one for each, in cm-1 or in nm with a laser; and the spectra on the model's axis."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgespec import device_program
from edgespec.errors import Mistake
from edgespec.spectra import Axis, Floats, interpolate

Numbers = NDArray[np.float64]
WHICH = "in cm-1, or in nm with unit: nm and laser: 785"


class Axes(NamedTuple):
    """values: (1, points) or (n, points) in cm-1, each row increasing; turned: (1,) or (n,) rows that ran from high to low."""

    values: Numbers
    turned: NDArray[np.bool_]
    where: str

    @property
    def shared(self) -> bool:
        """Is there one axis for all spectra?"""
        return len(self.values) == 1

    def row(self, i: int) -> int:
        """Give the row that is the axis of spectrum i."""
        return 0 if self.shared else i


def read(axis: NDArray[Any], where: str, unit: str | None, laser: float | None, technique: str) -> Axes:
    """Bring axes to cm-1: (points,) for all spectra, or (n, points), a row a spectrum.

    Raises Mistake where the array is no axis, stands still or turns back, counts pixels, or is in nm and the laser is not known.
    """
    if axis.dtype.kind not in "iuf" or axis.ndim not in (1, 2) or axis.shape[-1] < 2 or not len(axis):
        raise Mistake(f"{where}: {axis.dtype} of shape {axis.shape} is not an axis", hint=f"(points,) numbers {WHICH}")
    rows = axis.astype(np.float64)[None] if axis.ndim == 1 else axis.astype(np.float64)
    if (rows == rows[0]).all():
        rows = rows[:1]
    several = len(rows) > 1
    if not np.isfinite(rows).all():
        row, place = np.argwhere(~np.isfinite(rows))[0]
        raise Mistake(f"{_named(where, row, several)}: position {place} is not finite", hint="mend the axis")
    rows = np.stack([_in_cm1(each, _named(where, i, several), unit, laser, technique) for i, each in enumerate(rows)])
    turned = rows[:, 0] > rows[:, -1]
    rows[turned] = rows[turned, ::-1]
    wrong = np.diff(rows, axis=1) <= 0
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        place = rows.shape[1] - 1 - place if turned[row] else place + 1
        hint = "an axis rises (or falls) all along; sort it, and the spectra with it"
        raise Mistake(f"{_named(where, row, several)}: position {place} does not follow the one before", hint)
    return Axes(rows, turned, where)


def upright(x: Numbers, axes: Axes) -> Numbers:
    """Turn the spectra (n, points) whose axis ran from high to low."""
    if axes.shared:
        return x[:, ::-1] if axes.turned[0] else x
    return np.where(axes.turned[:, None], x[:, ::-1], x)


def onto(x: Numbers, axes: Axes, axis: Axis, min_coverage: float) -> tuple[Floats, Numbers]:
    """Interpolate (n, m), upright, onto the model's axis: (n, points), and the share of it that each spectrum covers, (n,).

    Raises Mistake where a spectrum covers less than `min_coverage`.
    """
    wanted, found, covered = axis.values(), [], np.zeros(len(x))
    for i, intensities in enumerate(x):
        own = axes.values[axes.row(i)]
        values, covered[i] = interpolate(own, intensities, wanted)
        if covered[i] < min_coverage:
            raise Mistake(
                f"{_named(axes.where, i, not axes.shared)}: {own[0]:g} to {own[-1]:g} cm-1 covers {covered[i]:.0%} of the axis "
                f"{axis.low:g} to {axis.high:g} cm-1; min_coverage is {min_coverage:.0%}",
                hint="lower min_coverage, or choose an axis inside the spectra's",
            )
        found.append(values)
    return np.stack(found), covered


def common(axes: Axes) -> Numbers:
    """Give one axis, (points,): the one of all, or from where nine in ten begin to where nine in ten end, at their median step."""
    if axes.shared:
        shared: Numbers = axes.values[0]
        return shared
    low, high = float(np.quantile(axes.values[:, 0], 0.9)), float(np.quantile(axes.values[:, -1], 0.1))
    if low >= high:
        raise Mistake(f"{axes.where}: the spectra have no range in common", hint="leave those out that lie elsewhere")
    return np.arange(low, high + 1e-9, float(np.median(np.diff(axes.values, axis=1))))


def notes(axes: Axes, covered: Numbers) -> list[str]:
    """Tell what was done with the axes."""
    told = []
    if not axes.shared:
        own = len(np.unique(axes.values, axis=0))
        told.append(f"spectra on axes of their own, interpolated onto the recipe's: {len(axes.values)} ({own} axes)")
    if axes.turned.any():
        some = "" if axes.shared else f"{int(axes.turned.sum())} rows of "
        told.append(f"the axis was turned, since {some}{axes.where} runs from high to low")
    partly = covered < 1
    if partly.any():
        count = f"all ({covered[0]:.0%})" if axes.shared else f"{int(partly.sum())} (at least {covered.min():.0%})"
        told.append(f"spectra that cover a part of the axis only, zero elsewhere: {count}")
    return told


def _named(where: str, row: int | np.intp, several: bool) -> str:
    return f"{where}: row {row}" if several else where


def _in_cm1(axis: Numbers, where: str, unit: str | None, laser: float | None, technique: str) -> Numbers:
    axes, track = device_program.module("spectra.axes"), device_program.module("spectra.track").Track
    try:
        found = axes.in_cm1(track(where, axis, axis), axes.Wanted(unit, laser, technique)).axis
    except device_program.module("refusal").RefusalError as refusal:
        hint = "say so: unit: nm, laser: 785; another technique than Raman: technique: infrared"
        raise Mistake(str(refusal.answer["error"]), hint) from None
    return np.asarray(found, np.float64)
