"""Real spectra of the 20 embedded minerals, of physical samples that the band table was not measured from."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import bands
from benchmarks.datasets.bands import Real
from edgespec.datasets import minerals
from edgespec.errors import Mistake
from edgespec.spectra import Axis, Floats, Ints, Words, interpolate

PUBLISHED = "sang2022_resampled_subset.npz"
SETS, WAYS = ("tuning", "held away"), ("unoriented", "oriented")


@dataclass(frozen=True)
class Asked:
    """Spectra that no model here learns from.

    x: (n, points); y: (n,) index into `labels`; group: (n,) physical sample; part: (n,) one of SETS; way: (n,) one of WAYS
    """

    x: Floats
    y: Ints
    labels: tuple[str, ...]
    group: Words
    part: Words
    way: Words

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """(n,) each: which spectra a column of the tables is about."""
        return {f"{part}, {way}": (self.part == part) & (self.way == way) for way in WAYS for part in SETS}


def outside(axis: Axis) -> Asked:
    """Read them on the model's axis; Mistake where a physical sample is on two sides."""
    found = bands.read()
    table, tuning, held = bands.samples(found)
    check({"table": table, "tuning": tuning, "held away": held}, sources(), found)
    every = [("unoriented", each) for each in found]
    every += [("oriented", each) for each in oriented({each.mineral for each in found})]
    every = [(way, each) for way, each in every if each.group in tuning | held]
    labels = tuple(minerals.table())
    return Asked(
        x=np.array([interpolate(each.shift, each.intensity, axis.values())[0] for _, each in every]),
        y=np.array([labels.index(each.mineral) for _, each in every]),
        labels=labels,
        group=np.array([each.group for _, each in every]),
        part=np.array([SETS[each.group in held] for _, each in every]),
        way=np.array([way for way, _ in every]),
    )


def check(sides: Mapping[str, set[str]], measured: set[str], found: list[Real]) -> None:
    """Raise Mistake where a physical sample or a spectrum stands on two sides, or the shipped table is of other samples than "table".

    sides: "table" and others -> names of samples; measured: the samples that the shipped table itself names
    """
    if measured != sides["table"]:
        text = f"the band table names other samples than 'table' has: {', '.join(sorted(measured ^ sides['table']))}"
        raise Mistake(text, hint="python -m benchmarks.datasets.bands writes it anew")
    seen: dict[str | bytes, str] = {}
    for side, groups in sides.items():
        for each in found:
            for thing in (each.group, each.intensity.tobytes()) if each.group in groups else ():
                if seen.setdefault(thing, side) != side:
                    text = f"{each.group}: in {side!r} and in {seen[thing]!r}, itself or one of its spectra"
                    raise Mistake(text, hint="each sample stands on one side only")


def sources() -> set[str]:
    """Give the physical samples that the shipped band table says it was measured from."""
    with open(Path(minerals.__file__).with_name("minerals.csv"), newline="", encoding="utf-8") as file:
        return {group for row in csv.DictReader(file) for group in row["source"].split()[1:]}


def oriented(names: set[str]) -> list[Real]:
    """Read the oriented spectra of some minerals, from 30 cm-1 up in steps of 1, zero outside what was measured."""
    with np.load(bands.folder() / PUBLISHED) as file:
        axis, x = file["axis_cm1"].astype(np.float64), file["X"]
        told = zip(file["mineral"], file["group"], file["orientation"], x, strict=True)
        return [
            Real(str(mineral), str(group), axis, row.astype(np.float64))
            for mineral, group, orientation, row in told
            if mineral in names and orientation != "unoriented"
        ]
