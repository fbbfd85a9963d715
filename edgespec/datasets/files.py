"""A laboratory's own files of spectra: a folder a class, names by a pattern, or a list of file, label and sample."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from annotated_types import Gt, Interval

from edgespec import datasets
from edgespec.data.readers import file_list, locate, measured
from edgespec.data.readers.file_list import Listed
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

Unit = Literal["cm-1", "nm", "um"]


def load(
    *,
    axis: Axis,
    seed: int,
    path: str | list[str] | None = None,
    label: str | None = None,
    list: str | None = None,
    root: str | None = None,
    unit: Unit | None = None,
    laser: Annotated[float, Gt(0)] | None = None,
    technique: str = "",
    intensity: measured.Intensity = "",
    min_coverage: Annotated[float, Interval(gt=0, le=1)] = 0.8,
    refused: Literal["fail", "skip"] = "fail",
    otherwise: Annotated[Call, "datasets"] | None = None,
) -> Spectra:
    """Read files of spectra as `edgespec predict` does: text, JCAMP-DX, SPC, .wdf, OPUS, .sp. Labels come from folders, names or a list.

    Exact copies are dropped; a spectrum under two labels is an error. Raises Mistake with the file, and its line where it has
    lines; Missing (exit 3) where the data are not at hand and no `otherwise` is named, or a library that a file needs is not installed.

    path: folders of spectra. Without `label` or `list` the folder right below is the class, and one below that the physical sample.
    label: pattern of the files' names without ending, such as "{label}_{sample}_*"; with a "/" of the path below `path`.
    list: a .csv, .tsv or .xlsx of columns file, label, and if known sample and part; the files lie in `path`, or beside the list.
    root: the folder in which relative names are looked up; without it EDGESPEC_DATA, edgespec's own data folder and the working folder.
    unit: of axes in files that do not say it.
    laser: excitation wavelength in nm, for Raman spectra on an axis in nm or um in files that do not say it.
    technique: what the spectra are, such as Raman or infrared; what the files say if not said.
    intensity: what the model is to learn from, such as absorbance; where a file says another form, the spectrum is converted or refused.
    min_coverage: share of the axis that a spectrum must cover; the rest is zero.
    refused: fail where a spectrum cannot be used, or skip such spectra and say so.
    otherwise: the data set to take when this one is not at hand.
    """
    try:
        listed, notes = file_list.find(path, list, label, root)
    except locate.NotFound as absent:
        if otherwise is None:
            raise
        return datasets.stand_in(otherwise, absent.name, axis=axis, seed=seed)
    said = measured.Said(unit, laser, technique, intensity)
    keys = {"listed": [(each.where, each.label, each.sample, each.part) for each in listed], "said": said}
    key = datasets.key(
        [each.path for each in listed], {**keys, "min_coverage": min_coverage, "refused": refused}, axis, __file__
    )
    found = datasets.cached(key, partial(_read, listed, axis, min_coverage, said, refused == "skip"))
    return replace(found, notes=(*found.notes, *notes))


def _read(listed: list[Listed], axis: Axis, min_coverage: float, said: measured.Said, skip: bool) -> Spectra:
    every, technique = measured.entries(listed, axis, min_coverage, said)
    return measured.spectra(every, axis, min_coverage, skip=skip, technique=technique)
