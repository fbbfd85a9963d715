"""What the words of a header mean, in the languages that instruments write: units, intensities, techniques, lasers."""

from __future__ import annotations

import re

_FREE, _END = (
    r"(?<![^\W\d_])",
    r"(?![^\W\d_])",
)  # no letter before, none behind: "wavelength_nm" says nm, "enmity" does not
_INVERSE = r"\s*\^?\s*\{?\s*[-\u2013\u207b]\s*[1\u00b9]"
# The first that fits is meant: a unit goes before a name, so "wavenumber (1/m)" is in m-1 and "wavelength (um)" in um.
UNITS: tuple[tuple[str, str], ...] = (
    ("cm-1", rf"cm{_INVERSE}|1\s*/\s*cm|{_FREE}cm1{_END}|inverse\s*c|reciprocal\s*c"),
    ("m-1", rf"{_FREE}m{_INVERSE}|1\s*/\s*m{_END}"),
    (
        "cm-1",
        r"raman[\s_-]*shift|raman[\s_-]*verschiebung|(?:d[e\u00e9]placement|d[e\u00e9]calage|desplazamiento|spostamento)\s*raman|stokes"
        r"|wave[\s_-]*num|wellenzahl|nombres?\s*d.onde|n[u\u00fa]mero\s*d(?:e\s*|.)onda|\u6ce2\u6570|\u62c9\u66fc\u4f4d\u79fb|\u30e9\u30de\u30f3\u30b7\u30d5\u30c8"
        r"|\u0432\u043e\u043b\u043d\u043e\u0432\w+ \u0447\u0438\u0441\u043b|\bshift\b",
    ),
    ("um", rf"{_FREE}[u\u00b5\u03bc]m{_END}|mi[ck]romet|micron"),
    (
        "nm",
        rf"{_FREE}nm{_END}|nanomet|wave[\s_-]*length|wellenl(?:\u00e4|ae|a)nge|longueurs?\s*d.onde|longitud\s*de\s*onda|lunghezza\s*d.onda"
        r"|\bwl\b|\blambda\b|\u03bb|\u6ce2\u957f|\u6ce2\u9577|\u0434\u043b\u0438\u043d\w+ \u0432\u043e\u043b\u043d",
    ),
    (
        "another unit",
        rf"pixel|{_FREE}px{_END}|bildpunkt|channel|kanal|theta|{_FREE}[km]?eV{_END}|{_FREE}[kmgt]?hz{_END}|hertz|{_FREE}ppm{_END}|m/z"
        r"|\bseconds\b|\bminutes\b",
    ),
)
SHIFT = re.compile(
    r"raman|stokes|\bshift\b|verschiebung|\u62c9\u66fc|\brel(?:ative)?\b\.?\s*(?:1/cm|cm|wave)|delta", re.I
)
_VALUE = re.compile(r"\d+(?:[.,]\d+)?\s*(?:nm|um|\u00b5m|\u03bcm)(?![^\W\d_])", re.I)  # "at 785 nm" is a value, no unit
# "%T" has a mark and no letters, so it is looked for by itself; the longer name goes first.
INTENSITIES: tuple[tuple[str, str], ...] = (
    ("percent reflectance", rf"%\s*R{_END}|reflect\w*\s*[(\[]?\s*%|percent\s*reflect"),
    ("percent transmittance", rf"%\s*TR?{_END}|transmi\w*\s*[(\[]?\s*%|percent\s*transmi|durchl\w+\s*[(\[]?\s*%"),
    ("absorbance", r"absorb|extinktion|extinction|optical density"),
    ("transmittance", r"transmi|durchl(?:\u00e4|ae)ssig"),
    ("Kubelka-Munk", r"kubelka"),
    ("reflectance", r"reflect|reflexion|remission"),
    ("irradiance", r"irradiance|radiance|lumen"),
    ("counts", rf"counts?{_END}|{_FREE}cts|{_FREE}cnt{_END}|z(?:\u00e4|ae)hlrate|photons|electrons"),
)
PERCENT = {"percent transmittance": "transmittance", "percent reflectance": "reflectance"}
# The first that fits is meant: a near infrared spectrum is an infrared one by its letters only; an FT-Raman one is Raman.
TECHNIQUES: tuple[tuple[str, str], ...] = (
    ("Raman", r"raman|\bsers\b"),
    ("near infrared", r"near[\s_-]*infra|\bnir\b|nahinfra"),
    ("infrared", r"infra[\s_-]*red|infrarot|infrarouge|infrarrojo|\b(?:ft[\s_-]*)?m?ir\b|\batr\b|drift"),
    ("UV/VIS", r"\buv\b|ultra[\s_-]*violet|visible"),
    ("fluorescence", r"fluoresc|luminesc"),
    ("NMR", r"\bnmr\b|nuclear magnetic"),
    ("mass", r"\bmass\b|massen"),
    ("X-ray", r"x[\s_-]*ray|diffract|\bxr[df]\b"),
    ("chromatography", r"chromatogra"),
)
LASER_WORDS = re.compile(
    r"laser|excitation|anregung|erregung|raman[\s_]*wave[\s_]*length|\bex\w*\.?[\s_]*(?:wave[\s_]*length|wl\b)|(?:\u03bb|lambda)[\s_]*ex",
    re.I,
)
# Words of other quantities of a laser or its path: such a number is a wavelength only where it says nm itself.
OTHER_QUANTITY = re.compile(
    r"power|leistung|puissance|potencia|intens|energy|current|temperat|time|zeit|duration|%|\bm?W\b|serial|version|wave[\s_]*num|wellenzahl"
    r"|filter|slit|hole|exposure|level|puls|width|count|cm\s*-\s*1",
    re.I,
)
_NM = re.compile(r"(?<![\d.,])(\d{3,5}(?:[.,]\d+)?)\s*nm(?![^\W\d_])", re.I)
_NUMBER = re.compile(r"(?<![\d.,])(\d{3,4}(?:[.,]\d+)?)(?![\d.,]*\d)")
LASERS_NM = (150.0, 3000.0)  # what lasers of spectrometers have, with room on both sides


def unit_in(words: str) -> str:
    """Give the unit that a column's or an axis' name says: one of UNITS, or "" where it says none."""
    bare = _VALUE.sub(" ", words)
    return next((unit for unit, pattern in UNITS if re.search(pattern, bare, re.I)), "")


def intensity_in(words: str) -> str:
    """Give what a column's or an axis' name says of intensities: one of INTENSITIES, or "" where it says none."""
    return next((name for name, pattern in INTENSITIES if re.search(pattern, words, re.I)), "")


def technique_in(words: str) -> str:
    """Give the technique that words name: one of TECHNIQUES, or "" where they name none."""
    return next((name for name, pattern in TECHNIQUES if re.search(pattern, words, re.I)), "")


def laser_in(header: str) -> float | None:
    """Give the excitation wavelength in nm that a header says: a wavelength, never a power or another number of the laser."""
    for line in header.split("\n"):
        said = LASER_WORDS.search(line)
        if not said:
            continue
        rest = line[said.end() :]
        named = _NM.search(line)
        plain = None if OTHER_QUANTITY.search(line) else _NUMBER.search(rest)
        for found in (named, plain):
            nm = float(found.group(1).replace(",", ".")) if found else 0.0
            if LASERS_NM[0] < nm < LASERS_NM[1]:
                return nm
    return None
