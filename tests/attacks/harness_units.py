"""Quantities as people write them: "512 kB", "2 ms", "0.5 %"."""

from __future__ import annotations

import math

from edgespec import units

READER = "edgespec/units"


def seeds() -> list[bytes]:
    return [b"512 kB", b"2 ms", b"0.5 %", b"1_000 k", b"5 mJ", b"10m", b"1.5e3 us"]


def feed(raw: bytes) -> None:
    text, refusals = raw.decode("utf-8", "surrogateescape"), []
    for read in (units.size, units.time, units.energy, units.duration, units.count, units.share):
        try:
            assert math.isfinite(read(text))
        except units.Mistake as refusal:
            refusals.append(refusal)
    if len(refusals) == 6:
        raise refusals[0]
