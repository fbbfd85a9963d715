"""An axis as the model wants it: nm, um, m-1 or absolute wavenumbers as Raman shift or wavenumber in cm-1, or a refusal."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra.track import Track

NM = {"nm": 1.0, "um": 1000.0}
NO_UNIT = "its axis says no unit, cm-1 is taken"
INVERSE_CM = {"cm-1": 1.0, "m-1": 0.01}
LARGEST_SHIFT = (
    4500.0  # cm-1; no band lies higher (hydrogen 4160), so a Raman axis that begins here is in absolute wavenumbers
)
# Where the techniques of absorption measure, in cm-1: instruments for the near infrared begin at 3600, those for the mid infrared end at 8000.
NEAR, MID, VISIBLE = 3500.0, 8000.0, 12500.0


class Wanted(NamedTuple):
    """What the asker and the contract say of the files.

    unit: of axes that do not say it themselves; laser: excitation in nm, None where it is not told
    technique: what the model was trained on, "" where that is not known
    intensity: what its intensities are, in the words of spectra.words; "" where the contract does not say it
    """

    unit: str | None = None
    laser: float | None = None
    technique: str = ""
    intensity: str = ""


def in_cm1(track: Track, wanted: Wanted) -> Track:
    """Bring the axis (m,) to cm-1; the file's unit goes before the asker's, the asker's laser before the file's.

    Raman: shift = 1e7 / laser - 1e7 / wavelength; any other technique: wavenumber = 1e7 / wavelength, both in nm.
    Raises RefusalError where the unit is another, the laser is wanted and not known, or the numbers say that it is another unit.
    """
    unit = track.unit or wanted.unit or ""
    notes = list(track.notes)
    if track.unit and wanted.unit and wanted.unit != track.unit:
        notes.append(f"its axis says {track.unit}, so --unit {wanted.unit} is not used")
    if not unit:
        _nothing_else(track)
        unit = "cm-1"
        notes.append(NO_UNIT)
    if unit not in NM and unit not in INVERSE_CM:
        raise RefusalError(2, f"{track.name}: its axis is in {unit}, cm-1 is wanted", "export it in cm-1")
    laser = wanted.laser or track.laser
    if wanted.laser and track.laser and abs(wanted.laser - track.laser) > 1:
        notes.append(f"its file says a laser of {track.laser:g} nm, the {wanted.laser:g} nm asked for are taken")
    raman = (wanted.technique or track.technique or "Raman").lower() == "raman"
    if unit in INVERSE_CM:
        axis = track.axis * INVERSE_CM[unit] if unit != "cm-1" else track.axis
        if raman and np.isfinite(axis).all() and float(axis.min()) > LARGEST_SHIFT:
            axis = _shift(track, f"absolute wavenumbers ({axis.min():.0f} to {axis.max():.0f} cm-1)", axis, laser)
    else:
        if not (track.axis > 0).all():
            raise RefusalError(2, f"{track.name}: an axis in {unit} with values of 0 and less", "which unit is it in?")
        wavenumbers = 1e7 / (track.axis * NM[unit])
        axis = _shift(track, unit, wavenumbers, laser) if raman else wavenumbers
    return track._replace(axis=axis, notes=tuple(notes))


def absorbing(axis: Any, unit: str) -> str:
    """Tell infrared, near infrared and UV/VIS spectra by their axis (m,), for a file that says absorbance and no technique.

    Gives a word of spectra.words; "" where the axis spans several of them, or its unit is another.
    """
    if (unit not in NM and unit not in INVERSE_CM) or not len(axis) or not (np.isfinite(axis) & (axis > 0)).all():
        return ""
    with np.errstate(all="ignore"):
        wavenumbers = axis * INVERSE_CM[unit] if unit in INVERSE_CM else 1e7 / (axis * NM[unit])
    low, high = float(wavenumbers.min()), float(wavenumbers.max())
    if low >= VISIBLE:
        return "UV/VIS"
    if low >= NEAR:
        return "near infrared" if high <= VISIBLE + 2000 else ""
    return "infrared" if high <= MID else ""


def _shift(track: Track, what: str, wavenumbers: Any, laser: float | None) -> Any:
    if laser is None:
        unit = what if what in NM else "cm-1"
        hint = f"say so: --unit {unit} --laser 785, with its laser in nm; or export its Raman shift in cm-1"
        told = (
            f"{track.name}: its axis is in {what}, cm-1 is wanted"
            if what in NM
            else f"{track.name}: its axis is in {what}"
        )
        raise RefusalError(2, f"{told}, and its laser is not known", hint)
    return 1e7 / laser - wavenumbers


def _nothing_else(track: Track) -> None:
    """Refuse an axis that says no unit and counts its points: pixels look like Raman shifts, and are none."""
    count = len(track.axis)
    first = track.axis[0] if count else 2
    if first in (0, 1) and np.array_equal(track.axis, np.arange(first, first + count)):
        told = f"{track.name}: its axis says no unit and counts its points from {first:g}: pixels, no Raman shift"
        raise RefusalError(2, told, "export the axis in cm-1; where it is in cm-1, say so: --unit cm-1")
