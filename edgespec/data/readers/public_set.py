"""A public set of spectra as edgespec keeps it: the arrays that the package raman-data gave, and what it says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import unpacking
from edgespec.data.checks import targets
from edgespec.data.readers import labels as label_files
from edgespec.data.readers import measured, numpy_files
from edgespec.data.readers.gather import Entry
from edgespec.data.readers.wide_table import Wide
from edgespec.errors import Mistake
from edgespec.spectra import Axis

ARRAYS = ("spectra", "axis", "targets", "names", "about")
SAID = measured.Said("cm-1", None, "Raman")  # what raman-data says of all its sets: unit, no laser, technique
AGAIN = "`edgespec data fetch raman-data {} --again` fetches it anew"


@dataclass(frozen=True)
class PublicSet:
    """One set.

    id: its name in raman-data; about: what the package says of it, plain values
    x: (n, points) intensities; axis: (points,) in cm-1. Where each spectrum has an axis of its own, both are (values,) one behind the
    other, and counts (n,) says how many values each has
    labels: (n,) names of classes; groups: (n,) physical samples, None where the package does not say them
    """

    id: str
    about: dict[str, Any] = field(repr=False)
    x: NDArray[np.float64] = field(repr=False)
    axis: NDArray[np.float64] = field(repr=False)
    counts: NDArray[np.int64] | None
    labels: list[str] = field(repr=False)
    groups: list[str] | None = field(repr=False)

    def __len__(self) -> int:
        return len(self.labels)


def read(path: Path) -> PublicSet:
    """Read a kept set. Raises Mistake where the file is damaged, or the set's targets are no classes."""
    name, there = path.stem, numpy_files.names(path)
    if not set(ARRAYS) <= set(there):
        raise Mistake(f"{path.name}: holds {', '.join(there) or 'nothing'}, no set of raman-data", AGAIN.format(name))
    held = {key: numpy_files.member(path, key) for key in there if key != "about"}
    x, axis, counts = _spectra(path, held)
    n = len(x) if counts is None else len(counts)
    groups = held.get("groups")
    if groups is not None and groups.shape != (n,):
        raise Mistake(f"{path.name}: {groups.shape} samples of {n} spectra", AGAIN.format(name))
    labels = _labels(held["targets"], held["names"], n, name)
    return PublicSet(
        name, about(path), x, axis, counts, labels, None if groups is None else groups.astype(str).tolist()
    )


def about(path: Path) -> dict[str, Any]:
    """Read what raman-data said of a kept set, and how many `spectra` it has; its arrays are not read."""
    try:
        told = unpacking.parse_json(str(numpy_files.member(path, "about")))
    except (ValueError, RecursionError) as problem:
        raise Mistake(f"{path.name}: what it says of the set is not JSON", AGAIN.format(path.stem)) from problem
    if not isinstance(told, dict) or not isinstance(told.get("spectra"), int):
        raise Mistake(f"{path.name}: does not say how many spectra it holds", AGAIN.format(path.stem))
    return told


def entries(found: PublicSet, axis: Axis, min_coverage: float) -> list[Entry]:
    """List a set's spectra, each to be checked when it is read; rows are counted from 0, as in raman-data."""
    where = [f"{found.id} row {row}" for row in range(len(found))]
    own = found.groups
    if own is None:  # checked by the package's authors: each spectrum is of a sample of its own; or nobody knows
        own = where if found.about.get("samples") is False else [""] * len(found)
    listed = {"label": found.labels, "sample": own, "part": []}
    if found.counts is None:
        wide = Wide(found.axis, found.x, "cm-1", {}, where)
        return measured.of_table(wide, listed, axis, min_coverage, SAID)
    ends = np.cumsum(found.counts)
    every = []
    for row, (end, count) in enumerate(zip(ends, found.counts, strict=True)):
        part = slice(end - count, end)
        wide = Wide(found.axis[part], found.x[np.newaxis, part], "cm-1", {}, [where[row]])
        every += measured.of_table(wide, {key: v[row : row + 1] for key, v in listed.items()}, axis, min_coverage, SAID)
    return every


def notes(found: PublicSet) -> list[str]:
    """Say where a set comes from, and what its users should know."""
    about = {key: str(value) for key, value in found.about.items() if value not in (None, "")}
    told = [f"{found.id}: {about.get('name', found.id)}, from {about.get('source', 'an unknown place')} "
            f"by raman-data {about.get('version', '')}, licence: {about.get('licence', 'unknown')}"]  # fmt: skip
    if "processed" in about:
        told.append(f"{found.id}: processed before it was published: {about['processed']}")
    if found.groups is None and found.about.get("samples") is True:
        told.append(f"{found.id}: raman-data knows of several spectra a sample, and does not say which")
    if found.counts is not None:
        told.append(f"{found.id}: each of {len(found)} spectra has its own axis and was interpolated")
    return told


def _spectra(
    path: Path, held: dict[str, NDArray[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64] | None]:
    x, axis, counts = held["spectra"], held["axis"], held.get("counts")
    wrong = x.dtype.kind not in "iuf" or axis.dtype.kind not in "iuf" or axis.ndim != 1
    if counts is None:
        wrong = wrong or x.ndim != 2 or x.shape[1:] != axis.shape
    else:
        wrong = wrong or counts.dtype.kind not in "iu" or x.shape != axis.shape or bool((counts < 1).any())
        wrong = wrong or int(counts.sum()) != len(axis)
    if wrong or not x.size:
        told = f"spectra {x.shape} and axis {axis.shape} do not go together"
        raise Mistake(f"{path.name}: {told}", AGAIN.format(path.stem))
    first = axis[0]
    if counts is None and first in (0, 1) and np.array_equal(axis, np.arange(first, first + len(axis))):
        told = f"its axis counts {len(axis)} points from {first:g}: pixels, no Raman shifts"
        hint = "its publication may state the axis: save spectra, axis and classes as arrays (`arrays: ...`)"
        raise Mistake(f"{path.stem}: {told}", hint)
    return x.astype(np.float64), axis.astype(np.float64), counts


def _labels(y: NDArray[Any], names: NDArray[Any], n: int, where: str) -> list[str]:
    """Give (n,) names of classes: numbers count in the package's names where it has any."""
    targets.check_array(y, n, where)
    y = y.ravel() if y.shape in ((n, 1), (1, n)) else y
    if y.shape != (n,):
        raise Mistake(f"{where}: targets of shape {y.shape} for {n} spectra", AGAIN.format(where))
    if y.dtype.kind in "biuf":
        numbers = label_files.whole(y, where).tolist()
        known = [str(name) for name in np.ravel(names)]
        if known and min(numbers) >= 0 and max(numbers) < len(known):
            labels = [known[number] for number in numbers]
        else:
            labels = [str(number) for number in numbers]
            if known and not set(labels) <= set(known):
                told = f"classes {min(numbers)} to {max(numbers)}, but {len(known)} names"
                raise Mistake(f"{where}: {told}", hint="a flaw of raman-data: tell its authors")
    else:
        labels = y.astype(str).tolist()
    targets.check(labels, where, [f"row {row}" for row in range(n)])
    return labels
