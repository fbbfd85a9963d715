"""Bring another instrument's spectra to the one that a model was trained on: its axis, or all of its response.

Y. Wang, D. J. Veltkamp, B. R. Kowalski (1991), Multivariate instrument standardization, Analytical Chemistry 63, 2750-2756.
Everything is fitted on bands, which are what a moving average leaves of a spectrum, at one scale; the slow background stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import uniform_filter1d
from scipy.optimize import minimize

from edgespec.spectra import Floats

Numbers = NDArray[np.float64]
SLOW = 1 / 16  # of the axis: what is wider than that is background
FARTHEST_CM1, STRETCH = 20.0, 0.01  # how far an axis is looked for: at its middle, and about it
WINDOW_CM1 = 6.0  # piecewise: a point is made of those that are at most so far from it
PENALTIES = (1e-2, 1e-1, 1.0, 1e1, 1e2)  # as a share of what the references hold
FREEDOMS = {"nothing": 0, "shift": 1, "shift and stretch": 2}
FOLDS = 10  # at most, in which references are left out in turn
FEWEST_PAIRS = 3  # fewer can't tell which penalty is right
TINY = 1e-12


@dataclass(frozen=True)
class Fitted:
    """A correction, (n, points) -> (n, points), and what was found on the way to it."""

    apply: Callable[[Floats], Floats]
    facts: dict[str, Any]


def bands(x: NDArray[Any]) -> Numbers:
    """Give what a moving average leaves of each spectrum, at a root mean square of 1. x: (n, points)"""
    _, fast, scale = _parted(x)
    return fast / scale


def affine(axis: Numbers, own: Numbers, target: Numbers) -> Fitted:
    """Find the true axis v' = a + b v of an instrument: the one on which its bands are most like those wanted.

    A few references are soon matched by chance, so shift and stretch, the shift alone, and nothing at all compete: what makes
    each reference most like the one wanted when it is left out of the fit. (One reference alone can't be left out: a shift.)
    own, target: (references, points), bands of the same substances on either instrument
    Facts: shift_cm1 (a), stretch (b), middle_cm1 (what that moves the axis' middle by), fitted ("shift and stretch", "shift" or
    "nothing"), similarity (mean cosine before and after), at_limit (the best is the last that is looked at).
    """
    middle, half = float(axis[0] + axis[-1]) / 2, float(axis[-1] - axis[0]) / 2
    likeness = partial(_likeness, axis, target, CubicSpline(axis, own, axis=1))
    limits = np.array([FARTHEST_CM1, STRETCH * half])
    every = np.arange(len(own))
    left_out = dict.fromkeys(FREEDOMS, 0.0)
    for rows in np.array_split(every, min(len(own), FOLDS)) if len(own) > 1 else []:
        for name, free in FREEDOMS.items():
            at = _search(likeness, limits, free, np.setdiff1d(every, rows))
            left_out[name] += likeness(at, rows) * len(rows)
    fitted = max(left_out, key=lambda name: left_out[name]) if len(own) > 1 else "shift"
    best = _search(likeness, limits, FREEDOMS[fitted], every)
    shift, stretch = float(best[0]), 1 + float(best[1]) / half

    def apply(x: Floats) -> Floats:
        moved: Floats = CubicSpline(axis, x, axis=1)(_before(axis, best)).astype(np.float32)
        return moved

    facts: dict[str, Any] = {"shift_cm1": middle + shift - stretch * middle, "stretch": stretch, "middle_cm1": shift}
    facts |= {"fitted": fitted, "similarity": [likeness(np.zeros(2), every), likeness(best, every)]}
    return Fitted(apply, facts | {"at_limit": bool((np.abs(best) > 0.999 * limits).any())})


def direct(own: Numbers, target: Numbers) -> Fitted:
    """Direct standardisation: every point wanted is a sum over all points, x F, fitted on pairs.

    A few pairs can't tell a (points, points) matrix, so a ridge pulls F to the identity: its rank apart from that is the
    number of pairs, and what is unlike all references stays as it is. The penalty is the one with the least error when each
    pair in turn is left out; none at all may be best, and then nothing is changed.
    own, target: (pairs, points) bands
    """
    gram, missing = own @ own.T, target - own
    scale = float(np.trace(gram)) / len(gram)
    errors = {}
    for penalty in PENALTIES:
        hat = np.linalg.solve(gram + penalty * scale * np.eye(len(gram)), gram).T
        errors[penalty] = _squares((missing - hat @ missing) / np.maximum(1 - np.diag(hat), TINY)[:, None])
    share, facts = _least(errors, missing)
    if share is None:
        return Fitted(lambda x: x, facts)
    weights = np.linalg.solve(gram + share * scale * np.eye(len(gram)), missing)
    return Fitted(lambda x: _on_bands(x, lambda unit: unit + (unit @ own.T) @ weights), facts)


def piecewise(axis: Numbers, own: Numbers, target: Numbers) -> Fitted:
    """Piecewise direct standardisation: every point wanted is a sum over its neighbours, at most 6 cm-1 away.

    A ridge pulls each to the identity; its penalty is chosen as in `direct`, one for all points, so that points without a
    band, which hold noise only, stay as they are.
    own, target: (pairs, points) bands
    """
    reach = max(round(WINDOW_CM1 * (len(axis) - 1) / float(axis[-1] - axis[0])), 1)
    near = _neighbours(own, reach).swapaxes(0, 1)  # (points, pairs, window)
    missing = (target - own).T[:, :, None]  # (points, pairs, 1)
    gram = near.swapaxes(1, 2) @ near
    scale = float(np.trace(gram, axis1=1, axis2=2).mean()) / gram.shape[1]
    errors = {}
    for penalty in PENALTIES:
        inverse = np.linalg.inv(gram + penalty * scale * np.eye(gram.shape[1]))
        left = missing - near @ (inverse @ (near.swapaxes(1, 2) @ missing))
        own_say = np.einsum("prw,pwv,prv->pr", near, inverse, near)[:, :, None]
        errors[penalty] = _squares(left / np.maximum(1 - own_say, TINY))
    share, facts = _least(errors, target - own)
    facts["window_points"] = 2 * reach + 1
    if share is None:
        return Fitted(lambda x: x, facts)
    ridge = gram + share * scale * np.eye(gram.shape[1])
    weights = np.linalg.solve(ridge, near.swapaxes(1, 2) @ missing)[:, :, 0]  # (points, window)
    return Fitted(
        lambda x: _on_bands(x, lambda unit: unit + np.einsum("npw,pw->np", _neighbours(unit, reach), weights)), facts
    )


def _parted(x: NDArray[Any]) -> tuple[Numbers, Numbers, Numbers]:
    """Give background and bands, (n, points), and the bands' root mean square, (n, 1)."""
    held = x.astype(np.float64)
    slow = uniform_filter1d(held, max(round(SLOW * x.shape[1]), 3), axis=1, mode="nearest")
    fast = held - slow
    return slow, fast, np.maximum(np.sqrt((fast**2).mean(1, keepdims=True)), TINY)


def _on_bands(x: Floats, change: Callable[[Numbers], Numbers]) -> Floats:
    slow, fast, scale = _parted(x)
    return (slow + scale * change(fast / scale)).astype(np.float32)


def _before(axis: Numbers, at: Numbers) -> Numbers:
    """Give where the instrument reads what truly lies at each point of the axis; the ends are held.

    at: displacement of the axis' middle, and of its ends against that, in cm-1
    """
    middle, half = (axis[0] + axis[-1]) / 2, (axis[-1] - axis[0]) / 2
    read: Numbers = (axis - middle - at[0]) / (1 + at[1] / half) + middle
    return np.clip(read, axis[0], axis[-1])


def _likeness(axis: Numbers, target: Numbers, spline: Any, at: Numbers, rows: NDArray[np.int64]) -> float:
    """Give the mean cosine of some references with those wanted, on the axis so displaced."""
    moved, wanted = spline(_before(axis, at))[rows], target[rows]
    return float(np.mean((moved * wanted).sum(1) / np.maximum(_norm(moved) * _norm(wanted), TINY)))


def _search(likeness: Callable[..., float], limits: Numbers, free: int, rows: NDArray[np.int64]) -> Numbers:
    """Find the best displacement of the first `free` kinds: a grid of 1 cm-1, then Nelder and Mead from its best point."""
    if free == 0:
        return np.zeros(2)
    ends = np.linspace(-1, 1, 11) * limits[1] if free == 2 else [0.0]
    grid = [np.array([at, end]) for at in np.arange(-limits[0], limits[0] + 1) for end in ends]
    start = max(grid, key=lambda at: likeness(at, rows))
    used = np.arange(2) < free

    def worse(some: Numbers) -> float:
        return -likeness(np.clip(np.pad(some, (0, 2 - free)), -limits, limits), rows)

    simplex = start[used] + np.vstack([np.zeros(free), np.eye(free)])
    found = minimize(
        worse, start[used], method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-7}
    )
    best: Numbers = np.clip(np.pad(found.x, (0, 2 - free)), -limits, limits)
    return best


def _neighbours(x: Numbers, reach: int) -> Numbers:
    """(n, points) -> (n, points, 2 reach + 1); beyond the ends there is nothing"""
    return sliding_window_view(np.pad(x, ((0, 0), (reach, reach))), 2 * reach + 1, axis=1)


def _least(errors: dict[float, float], missing: Numbers) -> tuple[float | None, dict[str, Any]]:
    """Choose the penalty, None for no correction at all; errors: penalty -> squared error of pairs left out."""
    untouched = _squares(missing)
    share = min(errors, key=lambda each: errors[each])
    best = errors[share] if errors[share] < untouched else untouched
    chosen = share if errors[share] < untouched else None
    error = [float(np.sqrt(each / missing.size)) for each in (untouched, best)]
    return chosen, {"pairs": len(missing), "penalty": chosen, "left_out_error": error}


def _squares(values: Numbers) -> float:
    return float((values**2).sum())


def _norm(x: Numbers) -> Numbers:
    found: Numbers = np.sqrt((x**2).sum(1))
    return found
