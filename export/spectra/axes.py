"""Units of an axis: what words say it, and nm or um as Raman shift or wavenumber in cm-1."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from refusal import RefusalError

# The first that fits is meant: "Raman shift (cm-1) at 785 nm" is in cm-1, "wavelength (um)" in um.
WORDS = (
    ("cm-1", r"cm\s*\^?\s*\{?[-\u2212\u207b]\s*[1\u00b9]|1\s*/\s*cm|raman\s*shift|wave\s*number"),
    ("um", r"\b[u\u00b5\u03bc]m\b|micromet|micron"),
    ("nm", r"\bnm\b|nanomet|wave\s*length"),
    ("another unit", r"\bpixel|theta|\b[km]?eV\b|\b[kmgt]?hz\b|hertz|\bppm\b|\bm/z\b|second|minute"),
)
LASER = re.compile(
    r"(?:laser|excitation|raman\s*wave\s*length)[^0-9\n]{0,40}?([0-9]{3,4}(?:[.,][0-9]+)?)(?![0-9])", re.I
)
NM = {"nm": 1.0, "um": 1000.0}


class Wanted(NamedTuple):
    """What the asker and the contract say of the files.

    unit: of axes that do not say it themselves; laser: excitation in nm, None where it is not told
    technique: what the model was trained on, "" where that is not known
    """

    unit: str | None = None
    laser: float | None = None
    technique: str = ""


def unit_in(words: str) -> str:
    """Give the unit that a column's or an axis' name says: one of WORDS, or "" where it says none."""
    return next((unit for unit, pattern in WORDS if re.search(pattern, words, re.I)), "")


def laser_in(header: str) -> float | None:
    """Give the excitation wavelength in nm that a header says."""
    found = LASER.search(header)
    return float(found.group(1).replace(",", ".")) if found else None


def in_cm1(axis: Any, said: str, laser: float | None, wanted: Wanted, where: str) -> Any:
    """Give the axis (m,) in cm-1; what the file says of its unit and laser goes before what the asker says.

    Raman: shift = 1e7 / laser - 1e7 / wavelength; any other technique: wavenumber = 1e7 / wavelength, both in nm.
    """
    unit = said or wanted.unit or "cm-1"
    if unit == "cm-1":
        return axis
    if unit not in NM:
        raise RefusalError(2, f"{where}: its axis is in {unit}, cm-1 is wanted", "export it in cm-1")
    laser = laser or wanted.laser
    raman = wanted.technique in ("", "Raman")
    if raman and laser is None:
        hint = f"say so: --unit {unit} --laser 785, with its laser in nm; or export it in cm-1"
        raise RefusalError(2, f"{where}: its axis is in {unit}, cm-1 is wanted, and its laser is not known", hint)
    wavelength_nm = axis * NM[unit]
    if not (wavelength_nm > 0).all():
        raise RefusalError(2, f"{where}: an axis in {unit} with values of 0 and less", "which unit is it in?")
    return 1e7 / laser - 1e7 / wavelength_nm if raman and laser else 1e7 / wavelength_nm
