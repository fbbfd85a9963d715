"""NTUPLES of JCAMP-DX 5 (Lampen, Hillig, Davies, Linscheid 1994, Appl. Spectrosc. 48, 1545): several spectra in a block, each on its page.

The records of a block describe its variables in columns: `SYMBOL= X, Y, N` names them, `UNITS`, `FIRST`, `LAST`, `FACTOR` and `VAR_DIM` say one
thing of each. A page's `DATA TABLE` names the two that it holds. Here a page's records become those of a spectrum in XYDATA.
"""

from __future__ import annotations

import re

from refusal import RefusalError

PAGE, TABLE = "PAGE", "DATATABLE"  # records, as `jcamp` compares them
DESCRIPTIONS = ("VARNAME", "SYMBOL", "VARTYPE", "VARFORM", "VARDIM", "UNITS", "FIRST", "LAST", "MIN", "MAX", "FACTOR")
# Techniques that write NTUPLES of other things than spectra: real and imaginary parts, or peaks.
OTHERS = re.compile(r"\b(?:NMR|MASS|MS)\b", re.I)
SYMBOL = re.compile(r"[A-Z][A-Z0-9]{0,7}")
MOST = 20  # variables of a block; five are many
LOOK = 200  # characters in which a form stands
LONGEST = 4000  # characters of a description of variables, of which a block has some five
PEAKS = re.compile(r"\bPEAK", re.I)


def other(said: dict[str, str], table: str) -> str:
    """Tell what a page is, in words, where it holds no spectrum; "" for a spectrum.

    said: the records so far; table: the value of its DATA TABLE
    """
    kind = OTHERS.search(f"{said.get('NTUPLES', '')} {said.get('DATATYPE', '')} {said.get('DATACLASS', '')}")
    if kind:
        return f"NTUPLES of {kind.group(0).upper()}"
    return "a peak list" if PEAKS.search(table) else ""


def as_spectrum(said: dict[str, str], table: str, place: str) -> tuple[dict[str, str], str]:
    """Give the records that a page would have were it a spectrum of its own, and the value of its data record.

    said: the records of its block and page; table: the value of its DATA TABLE
    Raises RefusalError with the place where its form is another, or a variable is not described.
    """
    columns = {key: [cell.strip() for cell in said.get(key, "")[:LONGEST].split(",")] for key in DESCRIPTIONS}
    symbols = [symbol.upper() for symbol in columns["SYMBOL"]][:MOST]
    even, found = _form(table[:LOOK], symbols)
    if found is None:
        known = ", ".join(filter(None, symbols))[:40] or "no variable"
        told = f"{place}: its data are of the form {table[:40]!r}, which is not supported; its NTUPLES describe {known}"
        raise RefusalError(2, told, "export each spectrum as (X++(Y..Y))")
    at = [symbols.index(found.group(k).upper()) for k in (1, 2)]

    def of(key: str, variable: int) -> str:
        return columns[key][at[variable]] if at[variable] < len(columns[key]) else ""

    records = {key: value for key, value in said.items() if key not in DESCRIPTIONS}
    made = {
        "XUNITS": f"{of('VARNAME', 0)} ({of('UNITS', 0)})" if of("UNITS", 0) else of("VARNAME", 0),
        "YUNITS": f"{of('VARNAME', 1)} ({of('UNITS', 1)})" if of("UNITS", 1) else of("VARNAME", 1),
        "FIRSTX": of("FIRST", 0),
        "LASTX": of("LAST", 0),
        "XFACTOR": of("FACTOR", 0),
        "YFACTOR": of("FACTOR", 1),
        "NPOINTS": of("VARDIM", 1) or of("VARDIM", 0),
    }
    for key, value in made.items():
        if value and key not in records:  # a page's own record goes first
            records[key] = value
    return records, ("(X++(Y..Y))" if even else "(XY..XY)") + table[found.end() :].partition(",")[0]


def _form(table: str, symbols: list[str]) -> tuple[bool, re.Match[str] | None]:
    """Match the form of a table, in the symbols of its block: whether its axis is even, and the match; None where it has none."""
    known = "|".join(sorted(filter(SYMBOL.fullmatch, symbols), key=len, reverse=True)) or "(?!)"
    even = re.match(rf"\(\s*({known})\s*\+\+\s*\(\s*({known})\s*\.+\s*\2\s*\)\s*\)", table, re.I)
    pairs = re.match(rf"\(\s*({known})\s*,?\s*({known})\s*\.+\s*\1\s*,?\s*\2\s*\)", table, re.I)
    return even is not None, even or pairs
