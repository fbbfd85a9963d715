"""Is a spectrum one that a model can be asked about? What is not is refused: file and line, what is wrong, how to mend it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from contract import Contract
from refusal import RefusalError
from spectra import flaws
from spectra.axes import Wanted, in_cm1
from spectra.intensities import DOWNWARDS, meant
from spectra.middle import median
from spectra.track import Track

FEWEST = 16  # points
GAP_CM1, GAP_STEPS = 20.0, 10.0  # a gap inside the window is wider than both: this, and so many median steps
FEW, UNEVEN = (
    100,
    0.25,
)  # fewer points than a spectrum has, whose usual step is off the median by such a share of it: a list of peaks
LARGEST = 1e18  # its square still fits float32, in which the model counts


class Ready(NamedTuple):
    """A spectrum as the model takes it.

    x: (1, points) float32; covered: the share of the model's window that was measured
    low_cm1, high_cm1: the measured range; notes: what was decided or noticed, and should be told with the answer
    """

    x: Any
    covered: float
    low_cm1: float
    high_cm1: float
    notes: tuple[str, ...] = ()


def ready(track: Track, contract: Contract, wanted: Wanted) -> Ready:
    """Check a spectrum and bring it to the model's axis: linear between its points, zero outside. Raises RefusalError."""
    if len(track.x) < FEWEST:
        told = f"{track.at(0) if len(track.x) else track.name}: {len(track.x)} points, at least {FEWEST} are wanted"
        raise RefusalError(2, told, "measure it again")
    _finite(track)
    track = in_cm1(meant(track, wanted), wanted)
    _one_way(track)
    if track.axis[0] > track.axis[-1]:
        track = track._replace(axis=track.axis[::-1], x=track.x[::-1], lines=track.lines[::-1])
    _intensities(track)
    _no_peak_list(track)
    if wanted.technique and wanted.intensity not in DOWNWARDS:
        _upwards(track)
    inner = _trimmed(track)
    notes = track.notes + flaws.noticed(inner, whole=len(inner.x) == len(track.x))
    whole_low, whole_high = float(track.axis[0]), float(track.axis[-1])
    axis, window = contract.axis, contract.window
    _no_gap(inner, window)
    covered = _covered(track.axis, window)
    if covered < contract.min_coverage:
        told = f"{track.name}: {whole_low:.0f} to {whole_high:.0f} cm-1 covers {covered:.0%} of the model's window "
        told += f"{window[0]:.0f} to {window[-1]:.0f} cm-1, {contract.min_coverage:.0%} is wanted"
        hint = "measure that range, or train the model anew on a narrower axis; an axis in nm: --unit nm --laser 785"
        raise RefusalError(2, told, hint)
    inside = (axis >= inner.axis[0]) & (axis <= inner.axis[-1])
    values = np.where(inside, np.interp(axis, inner.axis, inner.x), 0.0).astype(np.float32)
    if not values.any():
        told = f"{track.name}: nothing but zeros in the model's window {window[0]:.0f} to {window[-1]:.0f} cm-1"
        raise RefusalError(2, told, "leave this spectrum out")
    covered = _covered(inner.axis, window)
    return Ready(values[None], covered, float(inner.axis[0]), float(inner.axis[-1]), notes)


def _finite(track: Track) -> None:
    wrong = ~(np.isfinite(track.axis) & np.isfinite(track.x))
    if wrong.any():
        hint = "remove that line, or measure again"
        more = f", and {wrong.sum() - 1} more" if wrong.sum() > 1 else ""
        raise RefusalError(2, f"{track.at(int(wrong.argmax()))}: a value that is not finite (NaN){more}", hint)
    large = np.abs(track.x) > LARGEST
    if large.any():
        told = f"{track.at(int(large.argmax()))}: {track.x[large][0]:g} is too large to count with"
        raise RefusalError(2, told, "divide the intensities by a number, the same for all")


def _one_way(track: Track) -> None:
    """Refuse an axis that stands still or turns back; `track` is in the file's order."""
    steps = np.diff(track.axis)
    back = steps * (1 if track.axis[-1] > track.axis[0] else -1) < 0
    for wrong, what, hint in (
        (np.append(False, steps == 0), "the same place on the axis as the point before", "keep one line a shift"),
        (np.append(False, back), "the axis turns back", "sort the lines by shift, one spectrum a file"),
    ):
        if wrong.any():
            raise RefusalError(2, f"{track.at(int(wrong.argmax()))}: {what}", hint)


def _upwards(track: Track) -> None:
    if flaws.downwards(track.x):
        told = f"{track.name}: its bands point downwards: is it transmittance?"
        raise RefusalError(2, told, "name its intensities in the header, such as %T; or export counts or absorbance")


def _no_peak_list(track: Track) -> None:
    """Refuse few points that lie here and there: positions of bands, between which nothing may be drawn."""
    steps = np.diff(track.axis)
    usual = median(steps)
    if len(steps) < FEW and median(np.abs(steps - usual)) > UNEVEN * usual:
        told = f"{track.name}: {len(track.x)} points at uneven steps: a list of peaks, no spectrum"
        raise RefusalError(2, told, "export the whole spectrum, not its peaks")


def _intensities(track: Track) -> None:
    low, high = float(track.x.min()), float(track.x.max())
    if low == high:
        told = "all intensities are zero" if high == 0 else f"all intensities are {high:g}"
        raise RefusalError(2, f"{track.name}: {told}", "was the detector on? measure it again")
    if median(track.x) < 0 and -low > high:
        told = f"{track.name}: its intensities are mostly negative ({low:g} to {high:g})"
        raise RefusalError(
            2, told, "intensities are wanted, with peaks upwards; which column is it, what was subtracted?"
        )


def _trimmed(track: Track) -> Track:
    """Cut the exact zeros that resampling put before and after the measured range, where there is no header."""
    if not track.padded:
        return track
    held = np.flatnonzero(track.x)
    kept = slice(held[0], held[-1] + 1)
    if kept.stop - kept.start < FEWEST:
        told = f"{track.name}: {kept.stop - kept.start} points between its zeros, at least {FEWEST} are wanted"
        raise RefusalError(2, told, "leave this spectrum out")
    return track._replace(axis=track.axis[kept], x=track.x[kept], lines=track.lines[kept])


def _no_gap(track: Track, window: Any) -> None:
    """Refuse a part of the window, between two points of the spectrum, in which nothing was measured."""
    limit = max(GAP_CM1, GAP_STEPS * median(np.diff(track.axis)))
    within = np.clip(track.axis, window[0], window[-1])
    wide = np.diff(within) > limit
    if wide.any():
        row = int(wide.argmax())
        told = f"{track.at(row + 1)}: nothing between {track.axis[row]:g} and {track.axis[row + 1]:g} cm-1, "
        raise RefusalError(2, told + f"a gap of at most {limit:.0f} cm-1 is bridged", "measure that range too")


def _covered(axis: Any, window: Any) -> float:
    return float(((window >= axis[0]) & (window <= axis[-1])).mean())
