"""Public Raman spectra by name, through the package raman-data, which gathers them from Zenodo, Figshare, GitHub and others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Interval

from edgespec import datasets
from edgespec.data.checks.copies import TwoLabels
from edgespec.data.fetch import raman_sets
from edgespec.data.readers import locate, measured, public_set
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra


def load(
    *,
    axis: Axis,
    seed: int,
    dataset: str,
    root: str | None = None,
    min_coverage: Annotated[float, Interval(gt=0, le=1)] = 0.8,
    refused: Literal["fail", "skip"] = "fail",
    otherwise: Annotated[Call, "datasets"] | None = None,
) -> Spectra:
    """Read a public set of spectra by its name in the package raman-data; nothing is fetched: `edgespec data fetch raman-data` does that.

    Groups are the physical samples that the package knows. Exact copies are dropped; a spectrum under two labels is an error. Raises
    Mistake for a set that is no set of classes; Missing (exit 3) where the set is not at hand and no `otherwise` is named.

    dataset: the set, such as bacteria_identification; `edgespec data fetch raman-data` lists them.
    root: the folder in which its arrays lie; without it EDGESPEC_DATA, edgespec's own data folder and raman-data's cache.
    min_coverage: share of the axis that a spectrum must cover; the rest is zero.
    refused: fail where a spectrum cannot be used, or skip such spectra, and those under two labels, and say so.
    otherwise: the data set to take when this one is not at hand.
    """
    try:
        path = raman_sets.find(dataset, root)
    except locate.NotFound as absent:
        if otherwise is None:
            raise
        return datasets.stand_in(otherwise, absent.name, axis=axis, seed=seed)
    key = datasets.key([path], {"min_coverage": min_coverage, "refused": refused}, axis, __file__)
    return datasets.cached(key, partial(_read, path, axis, min_coverage, refused == "skip"))


def _read(path: Path, axis: Axis, min_coverage: float, skip: bool) -> Spectra:
    held = public_set.read(path)
    every = public_set.entries(held, axis, min_coverage)
    doubt: TwoLabels = "leave out" if skip else "fail"
    found = measured.spectra(every, axis, min_coverage, skip=skip, technique="Raman", two_labels=doubt)
    return replace(found, notes=(*public_set.notes(held), *found.notes))
