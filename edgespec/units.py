"""Sizes, times and shares as people write them ("512 kB", "2 ms", "0.5 %") and as numbers (bytes, seconds, fractions)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from edgespec.errors import Mistake

SIZES = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1024, "MiB": 1024**2}
TIMES = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
ENERGIES = {"nJ": 1e-9, "uJ": 1e-6, "µJ": 1e-6, "mJ": 1e-3, "J": 1.0}
COUNTS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
PERCENT = 100
Reader = Callable[[str | float], float]
SIZE, TIME, COUNT = "a size such as '512 kB'", "a time such as '2 ms'", "a count such as '60 k'"
ENERGY = "an energy such as '5 mJ'"
SHARE = "a share such as 0.95 or '95 %'"
_QUANTITY = re.compile(r"\s*([-+]?[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)\s*([^\s0-9]*)\s*")


def size(text: str | float) -> float:
    """Give bytes for "512 kB" (k is 1000); a bare number is bytes."""
    return _positive(text, {**SIZES, "": 1}, SIZE)


def time(text: str | float) -> float:
    """Give seconds for "2 ms"; a bare number is refused, since nobody knows its unit."""
    return _positive(text, TIMES, TIME)


def energy(text: str | float) -> float:
    """Give joules for "5 mJ"; a bare number is refused, since nobody knows its unit."""
    return _positive(text, ENERGIES, ENERGY)


def duration(text: str | float) -> float:
    """Give seconds for "10m", "90 s" or "1h": here m is a minute; a bare number is refused."""
    return _positive(text, {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}, "a duration such as '10m'")


def count(text: str | float) -> float:
    """Give a number for "1.5 M"."""
    return _positive(text, COUNTS, COUNT)


def share(text: str | float) -> float:
    """Give a fraction, -1 to 1, for "0.5 %" or 0.005; 95 without its sign is refused, not read as 9500 %."""
    number, unit = _quantity(text, {"": 1, "%": PERCENT}, SHARE)
    value = number / unit  # divided: 95 * 0.01 is more than 0.95
    if abs(value) > 1:
        raise Mistake(f"{text!r} is not a share: it is more than the whole", hint="write 0.95 or '95 %'")
    return value


def form(read: Reader, *, signed: bool = False, percent: bool = False) -> dict[str, Any]:
    """Give the JSON Schema of what `size`, `time`, `count` or `share` reads.

    signed: it may be below zero; percent: "25 %" of something stands for a number as well.
    """
    known, wanted = _READ[read]
    units = "|".join(sorted({*known, *["%"] * percent}, key=lambda unit: (-len(unit), unit)))
    sign = "[-+]?" if signed else "[+]?"
    pattern = rf"^\s*{sign}[0-9]+(_[0-9]+)*([.][0-9]*)?([eE][-+]?[0-9]+)?\s*({units})\s*$"
    text = {"pattern": pattern, "patternErrorMessage": f"wanted: {wanted}"}  # the latter for editors
    if "" not in known:
        return {"type": "string", **text}
    most = {"maximum": 1} if read is share else {}
    least = {"minimum": 0} if not signed else {"minimum": -1} if read is share else {}
    return {"type": ["number", "string"], **least, **most, **text}


_READ: dict[Reader, tuple[list[str], str]] = {
    size: ([*SIZES, ""], SIZE),
    time: ([*TIMES], TIME),
    energy: ([*ENERGIES], ENERGY),
    count: ([*COUNTS], COUNT),
    share: (["", "%"], SHARE),
}


def _positive(text: str | float, units: dict[str, float] | dict[str, int], wanted: str) -> float:
    number, unit = _quantity(text, units, wanted)
    if number < 0:
        raise Mistake(f"{text!r} is negative, not {wanted}")
    return number * unit


def _quantity(text: str | float, units: dict[str, float] | dict[str, int], wanted: str) -> tuple[float, float]:
    """Give the number and what one of its unit is worth."""
    found = _QUANTITY.fullmatch(str(text))
    if found is None or found[2] not in units or not math.isfinite(float(found[1])):
        known = ", ".join(unit for unit in units if unit)
        raise Mistake(f"{text!r} is not {wanted}", hint=f"units: {known}")
    return float(found[1]), units[found[2]]


def show_size(n: float) -> str:
    """118234 -> "118 kB"."""
    for unit in ("B", "kB", "MB"):
        if abs(n) < 999.5:
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{n * 1000:.0f} MB"


def show_count(n: float) -> str:
    """103144 -> "103 k"."""
    for unit in ("", "k", "M"):
        if abs(n) < 999.5:
            return f"{n:.3g} {unit}".strip()
        n /= 1000
    return f"{n:.3g} G" if abs(n) < 999.5 else f"{n:.0f} G"


def show_time(seconds: float) -> str:
    """0.0000142 -> "14.2 us"."""
    for unit, factor in (("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds < 999.5 else f"{seconds:.0f} s"


def show_energy(joules: float) -> str:
    """0.0051 -> "5.1 mJ"."""
    for unit, factor in (("nJ", 1e-9), ("uJ", 1e-6), ("mJ", 1e-3)):
        if joules < 999.5 * factor:
            return f"{joules / factor:.3g} {unit}"
    return f"{joules:.3g} J"
