"""What the lines above the numbers say of the axis, the intensities, the laser and the technique, and the names of columns."""

from __future__ import annotations

import re
from typing import NamedTuple

from spectra.numbers import fields_of, is_number
from spectra.words import intensity_in, laser_in, technique_in, unit_in

X_KEY = re.compile(
    r"\bx[\s_-]*(?:axis|achse|data|unit|label|einheit)|^x$|abs[cz]+is|(?:spectral|spectrum)[\s_-]*(?:axis|unit)|x.?axis|achse.?x|^#?\s*axis\s*units?$"
    r"|(?:shift|wave\w*)[\s_-]*units?|^#?\s*units?$|axis_?unit",
    re.I,
)
Y_KEY = re.compile(
    r"\by[\s_-]*(?:axis|achse|data|unit|label|einheit)|^y$|ordinate|intensity[\s_-]*unit|y.?axis|signal[\s_-]*unit",
    re.I,
)
TECHNIQUE_KEY = re.compile(
    r"data[\s_-]*type|technique|technik|method|experiment|(?:measurement|spectrum|spectral)[\s_-]*(?:type|mode)", re.I
)
INDEXED = re.compile(r"axis(type|unit)\[(\d)\]", re.I)  # LabSpec: "#AxisType[1]=Spectr", "#AxisUnit[1]=1/cm"
# Lines that name a unit of something else than the axis.
ELSEWHERE = re.compile(
    r"laser|\bex\w*\.?[\s_]*(?:wave|wl)|[\u03bb]ex|lambda[\s_]*ex|excitation|anregung|erregung|resolution|aufl|grating|gitter|filter|slit|spalt|objective|objektiv|cent(?:er|re)|zentr|offset"
    r"|bandwidth|calibrat|raman[\s_]*wave[\s_]*length|reference|hole|spectro\b|pixel",
    re.I,
)
# A line of units below the line of names, each in brackets or bare.
UNIT = re.compile(
    r"[(\[]?\s*(?:1/c?m|/cm|(?:rel\.?\s*|raman\s*|delta\s*)?c?m\s*\^?\{?[-\u2013\u207b][1\u00b9]\}?|nm|[u\u00b5\u03bc]m"
    r"|counts?(?:/s)?|cts(?:/s)?|cnt|CCD cts|a\.?\s?u\.?|arb\w*\.?(?:\s*units?)?|%\s*[TR]?|abs\w*|px|pixels?|m?s|mW|eV|units?|-)?\s*[)\]]?",
    re.I,
)
ALONE = re.compile(
    r"[#\s]*(?:%\s*[TR]|(?:%\s*|percent\s*)?(?:transmittance|reflectance)|absorbance)(?:\s*[(\[]%[)\]])?\s*", re.I
)
LINES = 4  # above the numbers, in which the names of columns are looked for: names, units, comments, samples
BRACKETED = re.compile(
    r"[^()\[\]\s][^()\[\]]*[(\[][^)\]]*[)\]]"
)  # "Raman shift (cm-1) Intensity (counts)", one blank between all words
BLANKS = re.compile(r"\t+|\s{2,}")


class Facts(NamedTuple):
    """What a header says, in the words of spectra.words; "" and None where it says nothing."""

    unit: str = ""
    laser: float | None = None
    technique: str = ""
    intensity: str = ""


def facts(lines: list[str]) -> Facts:
    """Read all lines of a header, "key: value", "key = value" or a table of two fields."""
    unit = intensity = technique = ""
    kinds: dict[str, dict[str, str]] = {"type": {}, "unit": {}}
    for key, value in map(_halves, lines):
        indexed = INDEXED.search(key)
        if indexed:
            kinds[indexed.group(1).lower()][indexed.group(2)] = value
        elif Y_KEY.search(key):
            intensity = intensity or intensity_in(value)
        elif X_KEY.search(key):
            unit = unit or unit_in(value) or (unit_in(key) if not value else "")
        elif TECHNIQUE_KEY.search(key):
            technique = technique or technique_in(value)
    for number, said in kinds["unit"].items():
        kind = kinds["type"].get(number, "Spectr" if number == "1" else "").lower()
        if kind.startswith("spec"):
            unit = unit or unit_in(said)
        elif kind.startswith("intens"):
            intensity = intensity or intensity_in(said)
    intensity = intensity or next((intensity_in(line) for line in lines if ALONE.fullmatch(line)), "")
    return Facts(unit or _loose(lines), laser_in("\n".join(lines)), technique, intensity)


def _halves(line: str) -> tuple[str, str]:
    """Give key and value of a header's line; the value is "" where it has no mark between them."""
    found = re.match(r"[#%/;\s]*(.*?)\s*(?:[=:;,\t]|\s{2,})[=:\s]*(.*)", line.strip())
    return (found.group(1), found.group(2)) if found else (line.strip("#%/; \t"), "")


def _loose(lines: list[str]) -> str:
    """Give the one unit of an axis that lines name anywhere, "" where none or several do: "# wavelengths in nm"."""
    units = {unit_in(line) for line in lines if not ELSEWHERE.search(line) and not Y_KEY.search(line)} & {
        "cm-1",
        "m-1",
        "nm",
    }
    return units.pop() if len(units) == 1 else ""


def names(header: list[str], columns: int, delimiter: str | None, cells: int = 0) -> list[str]:
    """Give the columns' names and, where a line of units is below them, both; [] where no line above the numbers has them.

    cells: of a row, empty ones at its end counted; a line may name them too
    """
    units: list[str] = []
    for place in range(len(header) - 1, max(len(header) - 1 - LINES, -1), -1):
        found = _split(header[place], columns, delimiter, cells)
        if not found or (columns == 2 and _is_pair(found)):
            if place == len(header) - 1:
                return []
            break
        if all(UNIT.fullmatch(each) for each in found):
            units = found
            continue
        if units or columns == 2 or any(unit_in(each) and not intensity_in(each) for each in found):
            return [f"{name} {unit}".strip() for name, unit in zip(found, units or [""] * columns)]
    return units or _split(header[-1], columns, delimiter, cells) if header else []


def _is_pair(fields: list[str]) -> bool:
    """Tell a key and its value from two names: "Scans: 5", "X Units;nm"."""
    key, value = fields
    return (
        key.endswith(":")
        or is_number(value)
        or bool(X_KEY.search(key) or Y_KEY.search(key) or TECHNIQUE_KEY.search(key))
    )


def _split(line: str, columns: int, delimiter: str | None, cells: int) -> list[str]:
    """Split a line of names into as many as there are columns; doubled tabs and another delimiter than the numbers' are fine."""
    if "=" in line:
        return []
    bare = re.sub(r"^%\s", "", line).rstrip()
    for mark in (delimiter, "\t", ";", ","):
        parts = fields_of(bare, mark)
        if len(parts) == columns or (mark == delimiter and columns < len(parts) <= cells):
            return [part.lstrip("# ") for part in parts[:columns]]
        inner = fields_of(bare.lstrip("# "), mark)
        if len(inner) == columns:
            return inner
    spoken = bare.replace("#", " ").strip()
    for parts in (BLANKS.split(bare.strip()), spoken.split(), BRACKETED.findall(spoken)):
        if len(parts) == columns:
            return [part.lstrip("# ") for part in parts]
    return []
