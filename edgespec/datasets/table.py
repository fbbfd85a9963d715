"""One wide table of spectra: in rows with the axis as names of columns, or in columns with the axis in front."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Gt, Interval

from edgespec import datasets
from edgespec.data.checks import targets
from edgespec.data.readers import file_list, gather, locate, measured, wide_table
from edgespec.data.readers.wide_table import Wide
from edgespec.errors import Mistake
from edgespec.plugins import did_you_mean
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

Unit = Literal["cm-1", "nm", "um"]


def load(
    *,
    axis: Axis,
    seed: int,
    path: str,
    layout: Literal["rows", "columns"] | None = None,
    label: str | None = None,
    sample: str | None = None,
    part: str | None = None,
    root: str | None = None,
    unit: Unit | None = None,
    laser: Annotated[float, Gt(0)] | None = None,
    technique: str = "",
    intensity: measured.Intensity = "",
    min_coverage: Annotated[float, Interval(gt=0, le=1)] = 0.8,
    refused: Literal["fail", "skip"] = "fail",
    otherwise: Annotated[Call, "datasets"] | None = None,
) -> Spectra:
    """Read spectra from one csv, tsv, xlsx or parquet table.

    Exact copies are dropped; a spectrum under two labels is an error. Raises Mistake with the spectrum's row or column; Missing
    (exit 3) where the table is not at hand and no `otherwise` is named, or a library for its format is not installed.

    path: the table.
    layout: rows, a spectrum a row and the names of columns are the axis; columns, the first column is the axis; found out if not said.
    label: the column (or row) of classes; or a pattern of the spectra's names such as "{label}_{sample}_*"; found by its name if not said.
    sample: the column (or row) of physical samples; found by its name if not said.
    part: the column (or row) of parts such as train and test; found by its name if not said.
    root: the folder in which relative names are looked up; without it EDGESPEC_DATA, edgespec's own data folder and the working folder.
    unit: of the axis, where the table does not say it.
    laser: excitation wavelength in nm, for Raman spectra on an axis in nm or um.
    technique: what the spectra are, such as Raman or infrared.
    intensity: what the model is to learn from, such as absorbance; where a file says another form, the spectrum is converted or refused.
    min_coverage: share of the axis that a spectrum must cover; the rest is zero.
    refused: fail where a spectrum cannot be used, or skip such spectra and say so.
    otherwise: the data set to take when this one is not at hand.
    """
    try:
        place = locate.find(path, root)
    except locate.NotFound as absent:
        if otherwise is None:
            raise
        return datasets.stand_in(otherwise, absent.name, axis=axis, seed=seed)
    said = measured.Said(unit, laser, technique, intensity)
    asked = {"layout": layout, "label": label, "sample": sample, "part": part, "said": said}
    key = datasets.key([place], {**asked, "min_coverage": min_coverage, "refused": refused}, axis, __file__)
    named = (label, sample, part)
    return datasets.cached(key, partial(_read, place, layout, named, axis, min_coverage, said, refused == "skip"))


def entries(
    path: Path,
    layout: str | None,
    named: tuple[str | None, str | None, str | None],
    axis: Axis,
    min_coverage: float,
    said: measured.Said,
    *,
    strict: bool = True,
) -> list[gather.Entry]:
    """List the spectra of a table, each to be checked when it is read. named: what says label, sample and part; strict: as in `measured`."""
    wide = wide_table.read(path, layout)
    label, sample, part = named
    if label is not None and "{label}" in label:
        listed = _by_pattern(path, wide, label)
    else:
        columns = {"label": label, "sample": sample, "part": part}
        listed = {key: _column(path, wide, key, name) for key, name in columns.items()}
        if not listed["label"]:
            targets.check_columns(wide.told, path.name)
            there = ", ".join(map(repr, wide.told)) or "nothing"
            hint = f'label: NAME of one of {there}; or label: "{{label}}_*", a pattern of the spectra\'s names'
            raise Mistake(f"{path.name}: no column or row says the class of each spectrum", hint)
    targets.check(listed["label"], f"{path.name}: the classes", wide.names)
    return measured.of_table(wide, listed, axis, min_coverage, said, strict=strict)


def _read(
    path: Path,
    layout: str | None,
    named: tuple[str | None, str | None, str | None],
    axis: Axis,
    min_coverage: float,
    said: measured.Said,
    skip: bool,
) -> Spectra:
    every = entries(path, layout, named, axis, min_coverage, said)
    return measured.spectra(every, axis, min_coverage, skip=skip, technique=said.technique)


def _column(path: Path, wide: Wide, key: str, name: str | None) -> list[str]:
    """Give what a table says under a name; without one under the names that are usual for it, else nothing."""
    if name is not None:
        if name not in wide.told:
            raise Mistake(f"{path.name}: has no {name!r} ({key})", hint=did_you_mean(name, list(wide.told)))
        return wide.told[name]
    plain = {each.lower().replace(" ", "_"): each for each in wide.told}
    found = next((plain[each] for each in file_list.COLUMNS[key] if each in plain), None)
    return [] if found is None else wide.told[found]


def _by_pattern(path: Path, wide: Wide, pattern: str) -> dict[str, list[str]]:
    """Take class and sample from the spectra's names: the first column of rows, or the names of columns."""
    read = file_list.by_pattern(pattern)
    names = next(iter(wide.told.values()), [])
    found = [read(Path(name)) for name in names]
    wrong = [name for name, each in zip(names, found, strict=True) if each is None]
    if wrong or not found:
        raise Mistake(
            f"{path.name}: {len(wrong)} names do not fit {pattern!r}, such as {wrong[0] if wrong else ''!r}",
            hint="a pattern that fits every name",
        )
    told = [each or {} for each in found]
    return {key: [each.get(key, "") for each in told] for key in ("label", "sample", "part")}
