"""Flaws that a detector leaves in a spectrum: saturation, cosmic spikes, constant runs; refused, or told with the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from refusal import RefusalError
from spectra.middle import median, quantile
from spectra.track import Track

FLAT = 8  # points in a row, exactly at the maximum: a detector that was full
FULL = (255, 1023, 4095, 16383, 65535, 65536, 262143, 1048575)  # the largest numbers of converters of 8 to 20 bits
FULL_TWICE = 2  # points exactly at such a number: a band's top is there once by chance, and hardly ever at all
AROUND, DOWN = 41, 4.0  # points around a point; how much farther down than up bands go that point downwards
CONSTANT, SHARE = 16, 0.03  # points in a row at one value, and their share of the spectrum, from which on they are told
FINE_CM1 = 3.0  # a coarser axis was thinned out, so a sharp band may be one point on it
SPIKE_NOISES = 20.0  # how far above both sides, in medians of how far neighbours differ
# Greatest height of the points beside it, share of its own, by its width in points. An instrument spreads a band over two points or more
# at half its height: one that stands alone then has 0.5 beside it, two have 0.2.
SPIKE_SIDES = {1: 0.3, 2: 0.1}


def noticed(track: Track, whole: bool) -> tuple[str, ...]:
    """Give what should be told of a spectrum in cm-1, rising. Raises RefusalError where an answer would tell of the flaw.

    whole: nothing was cut off it, so a run at its maximum is the detector's
    """
    if whole:
        _unsaturated(track)
    return (*_spiked(track), *_constant(track))


def _unsaturated(track: Track) -> None:
    most = float(track.x.max())
    begin, length = longest(track.x == most)
    hint = "measure again with less light or a shorter exposure"
    if length >= FLAT:
        told = f"{track.at(begin)}: {length} points in a row are exactly at the maximum {most:g}: the detector was saturated"
        raise RefusalError(2, told, hint)
    tops = int((track.x == most).sum())
    if most in FULL and tops >= FULL_TWICE:
        told = f"{track.at(begin)}: {tops} points are exactly {most:g}, the largest number of a converter: the detector was saturated"
        raise RefusalError(2, told, hint)


def _spiked(track: Track) -> tuple[str, ...]:
    """Find points that stand alone far above both sides. Refuse them where they are higher than all else: they set the scale."""
    x, places = track.x, spikes(track.axis, track.x)
    if not places:
        return ()
    rest = np.delete(x, [k for a, b in places for k in range(a, b)])
    heights = [float(x[a:b].max()) for a, b in places]
    shifts = ", ".join(f"{track.axis[a + int(x[a:b].argmax())]:.0f}" for a, b in places[:5])
    if max(heights) > float(rest.max()):
        told = f"{track.at(places[int(np.argmax(heights))][0])}: cosmic spikes at {shifts} cm-1, higher than all bands"
        raise RefusalError(2, told, "remove them with the instrument's program, or measure again")
    return (f"cosmic spikes at {shifts} cm-1?",)


def spikes(axis: Any, x: Any) -> list[tuple[int, int]]:
    """Give begin and end of all points that stand alone, one or two, far above the points on both sides."""
    if len(x) < 5 or abs(median(np.diff(axis))) > FINE_CM1:
        return []
    noise = median(np.abs(np.diff(x))) or float(np.ptp(x)) * 1e-3
    found: list[tuple[int, int]] = []
    for width, sides in SPIKE_SIDES.items():
        begins = np.arange(2, len(x) - width - 1)
        inside = np.min([x[begins + k] for k in range(width)], axis=0)
        beside = np.maximum(x[begins - 1], x[begins + width])
        base = np.minimum(x[begins - 2], x[begins + width + 1])
        stands = (inside - beside > SPIKE_NOISES * noise) & (beside - base < sides * (inside - base))
        found += [(int(a), int(a) + width) for a in begins[stands] if all(not b <= int(a) < c for b, c in found)]
    return sorted(found)


def downwards(x: Any) -> bool:
    """Tell bands that point downwards, as in transmittance: far below what is around them, and nowhere as far above."""
    if len(x) < 2 * AROUND:
        return False
    wide = np.pad(x, AROUND // 2, mode="edge")
    places = np.arange(0, len(x), AROUND // 5)
    near = np.lib.stride_tricks.sliding_window_view(wide, AROUND)[places]
    around = np.partition(near, AROUND // 2, axis=1)[:, AROUND // 2]  # the medians: AROUND is odd
    off = x - np.interp(np.arange(len(x)), places, around)
    low, high = quantile(off, 0.01), quantile(off, 0.99)
    noise = median(np.abs(np.diff(x)))
    return bool(-low > DOWN * max(high, 0.0) and -low > SPIKE_NOISES * noise)


def _constant(track: Track) -> tuple[str, ...]:
    begin, length = longest(np.append(False, np.diff(track.x) == 0))
    if length + 1 < max(CONSTANT, SHARE * len(track.x)):
        return ()
    low, high = sorted((float(track.axis[begin - 1]), float(track.axis[begin + length - 1])))
    return (f"{length + 1} points in a row, {low:.0f} to {high:.0f} cm-1, are exactly {track.x[begin]:g}",)


def longest(held: Any) -> tuple[int, int]:
    """Give begin and length of the longest run that holds; a length of 0 where none does."""
    edges = np.diff(np.concatenate([[0], np.asarray(held), [0]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(begins):
        return 0, 0
    k = int((ends - begins).argmax())
    return int(begins[k]), int(ends[k] - begins[k])
