"""The columns of a table: which is an axis, which a spectrum, and which is neither (dark, reference, pixel, time, place)."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

from refusal import RefusalError
from spectra.words import SHIFT, intensity_in, unit_in

# Roles, the first whose words a name has: "Dark Subtracted" is a spectrum and no dark one, "Intensity at 785 nm" is no axis.
ROLES: tuple[tuple[str, str], ...] = (
    (
        "subtracted",
        r"(?:dark|background|bkg|dunkel\w*|untergrund)[\s_-]*(?:sub|corr|remov|korr|abgez|ber)|(?:sub|corr)\w*[\s_-]*(?:dark|background)|processed"
        r"|(?:minus|-)\s*dark|\bnet\b|netto",
    ),
    (
        "spread",
        r"\bst\.?\s?d(?:ev)?\b|standard[\s_-]*dev|standardabw|\bsigma\b|\berrors?\b|uncertain|fehler|varian|\bsem\b",
    ),
    ("dark", r"\bdark|dunkel|\bbackground\b|\bbkg\b|untergrund|\bbaseline\b|\bfond\b|\bobscur"),
    ("reference", r"reference|referenz|\bref\b|\bwhite\b|\blamp\b|\bblank\b"),
    ("raw", r"\braw\b|\broh|\bbrut"),
    ("intensity", r"intens|signal|\bccd\b|\bspectrum\b|spektrum|\bsample\b|\bamplitude\b|a\.\s?u\.|\barb"),
    ("time", r"\btime\b|\bzeit\b|\btemps\b|\btiempo\b|\bdate\b"),
    (
        "index",
        r"^(?:#|n[ro]?\.?|unnamed.*|idx)$|\bindex\b|pixel|\bpx\b|bildpunkt|^(?:data[\s_]*)?points?$|^(?:channel|kanal)(?:\s*n[ro]\.?)?$",
    ),
    (
        "place",
        r"^[xyz](?:$|[\s_]*[(\[]\s*(?:[u\u00b5\u03bc]m|mm)|[\s_-]*(?:pos|coord|stage))|\bposition\b|\bdepth\b|\btiefe\b|^(?:row|col|line|zeile|spalte)$",
    ),
)
AXIS_NAME = re.compile(
    r"\bwave$|abs[cz]+is|^x[\s_-]*(?:axis|achse|data|values?)\b|\bspectral\s*axis\b|\benergy\b", re.I
)
NEITHER = ("spread", "dark", "reference", "time", "index", "place")
DERIVED = (
    "absorbance",
    "transmittance",
    "percent transmittance",
    "reflectance",
    "percent reflectance",
    "irradiance",
    "Kubelka-Munk",
)
LEAST = 16  # points; in fewer, a column that rises by chance is likely


class Column(NamedTuple):
    """A column by its name: its place in the table, its role, and the unit of an axis or the kind of an intensity."""

    place: int
    name: str
    role: str
    unit: str = ""
    kind: str = ""


class Group(NamedTuple):
    """Spectra that share an axis: its column, what is a spectrum on it, and what should be told of the choice."""

    axis: Column
    spectra: tuple[Column, ...]
    notes: tuple[str, ...] = ()


def column(place: int, name: str) -> Column:
    """Give a column's role by its name; "" where the name says none, as a sample's name does."""
    kind = intensity_in(name)
    role = next((role for role, words in ROLES if re.search(words, name, re.I)), "")
    if role in ("", "index", "place", "time") and not kind:
        unit = unit_in(name)
        placed = role == "place" and unit in ("", "um", "another unit")
        if (unit or AXIS_NAME.search(name)) and not placed and role not in ("index", "time"):
            return Column(place, name, "axis", unit)
    return Column(place, name, role or ("intensity" if kind else ""), "", kind)


def groups(names: list[str], table: Any, technique: str, where: str, line: int) -> list[Group]:
    """Choose the axes and their spectra by the columns' names, or by their numbers where names say nothing.

    table: (m, columns). Raises RefusalError where no column is an axis or a spectrum, or numbers contradict the choice.
    """
    known = [column(k, name) for k, name in enumerate(names or [""] * table.shape[1])]
    if names:  # a column without a name that rises all along is the index that a table was written with
        known = [
            each._replace(role="index") if not each.name and one_way(table[:, each.place]) else each for each in known
        ]
    axes = [each for each in known if each.role == "axis"]
    if not axes:
        return [_by_numbers(known, table, where, line)]
    best = min(axes, key=lambda each: _rank(each, technique))
    same = [each for each in axes if _rank(each, technique) == _rank(best, technique) and each.unit == best.unit]
    if len(same) > 1 and not _pairs(same, known):
        same = [best]
    made = []
    for k, axis in enumerate(same):
        mine = known
        if len(same) > 1:
            end = same[k + 1].place if k + 1 < len(same) else len(known)
            mine = known[axis.place : end]
        others = [each for each in mine if each.role != "axis"]
        if any(each.role == "raw" for each in others):
            # where no dark was measured, its column and the one without it are zeros
            others = [each for each in others if each.role != "subtracted" or np.ptp(table[:, each.place]) != 0]
        chosen, notes = spectra_of(others, technique)
        if len(axes) > len(same):
            notes = (f"its axis is the column {axis.name!r}, of {len(axes)} that are axes", *notes)
        made.append(Group(axis, chosen, notes))
    if not any(group.spectra for group in made):
        told = f"{where}:{line}: no column of intensities beside {best.name!r}"
        raise RefusalError(2, told, "two columns are wanted: Raman shift in cm-1, intensity")
    for group in made:
        _no_axis(group, table, where, line)
    return made


def spectra_of(others: list[Column], technique: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Choose the spectra among the columns that are no axis; what is left out is told."""
    kept = [each for each in others if each.role not in NEITHER]
    wanted = [each for each in kept if each.kind == "absorbance"] or [each for each in kept if each.kind in DERIVED]
    measured = [each for each in kept if each.kind not in DERIVED]
    infrared = bool(technique) and technique.lower() != "raman"
    kept = (wanted or measured) if infrared else (measured or wanted)
    subtracted = [each for each in kept if each.role == "subtracted"]
    kept = subtracted or kept
    left = [each.name for each in others if each not in kept and each.name and each.role != "index"]
    if not left or not kept:
        return tuple(kept), ()
    taken = f"taken: {', '.join(repr(each.name) for each in kept)}; " if subtracted else ""
    return tuple(kept), (f"{taken}not read as spectra: {', '.join(map(repr, left))}",)


def _rank(axis: Column, technique: str) -> int:
    """Order axes: for Raman its shift before wavenumbers, which may be absolute, before wavelengths; else wavenumbers first."""
    shift = bool(SHIFT.search(axis.name))
    if technique and technique.lower() != "raman":
        order = ("cm-1", "m-1", "um", "nm", "")
        return order.index(axis.unit) + (len(order) if shift else 0) if axis.unit in order else 99
    order = ("cm-1", "m-1", "nm", "um", "")
    return (0 if shift else 1 + order.index(axis.unit)) if axis.unit in order else 99


def _pairs(same: list[Column], known: list[Column]) -> bool:
    """Tell a table of pairs: behind each axis of the same kind there is something else than an axis."""
    places = {each.place for each in same}
    return all(each.place + 1 < len(known) and each.place + 1 not in places for each in same)


def _by_numbers(known: list[Column], table: Any, where: str, line: int) -> Group:
    """Choose the axis where no name says it: the first column, unless it counts its rows or another alone rises or falls."""
    rising = [k for k in range(table.shape[1]) if one_way(table[:, k])]
    if not rising and table.shape[1] >= LEAST:
        told = f"{where}:{line}: no column of {table.shape[1]} rises or falls all along, so none is an axis: spectra in rows?"
        raise RefusalError(2, told, "put the axis above them, behind an empty cell or a word")
    counted = known[0].role in ("", "index") and _counts(table[:, 0])
    axis = known[0]
    notes: tuple[str, ...] = ()
    skipped = -1
    if counted and table.shape[1] > 2 and len(rising) > 1:
        axis, skipped = known[rising[1]], 0
        notes = ("its first column counts the rows, the second that rises or falls is taken as the axis",)
    elif rising and 0 not in rising and len(table) >= LEAST and known[rising[0]].role != "intensity":
        axis = known[rising[0]]
        notes = (f"column {axis.place + 1} is taken as the axis: the only one that rises or falls all along",)
    elif axis.role == "index":
        told = f"{where}: its axis is in another unit ({axis.name or 'row numbers'}), cm-1 is wanted"
        raise RefusalError(2, told, "export it in cm-1")
    others = [each for each in known if each.place not in (axis.place, skipped)]
    plain = [each if each.role != "place" else each._replace(role="") for each in others]  # "x, y": axis and intensity
    chosen, more = spectra_of(plain, "")
    if not chosen:
        hint = "two columns are wanted: Raman shift in cm-1, intensity"
        raise RefusalError(2, f"{where}:{line}: one column only, so its axis is not known", hint)
    found = Group(axis._replace(role="axis"), chosen, (*notes, *more))
    _no_axis(found, table, where, line)
    return found


def _no_axis(group: Group, table: Any, where: str, line: int) -> None:
    """Refuse a spectrum without a word for it that rises or falls all along: it is another axis."""
    for each in group.spectra:
        if len(table) >= LEAST and not each.role and table.shape[1] > 2 and one_way(table[:, each.place]):
            named = each.name or f"column {each.place + 1}"
            told = f"{where}:{line}: {named!r} rises or falls all along, so it is an axis and no spectrum"
            raise RefusalError(2, told, "name the columns above the numbers: Raman shift (cm-1), intensity")


def one_way(values: Any) -> bool:
    """Tell whether values rise, or fall, all along; empty cells are passed over."""
    steps = np.diff(values[np.isfinite(values)])
    return len(steps) > 0 and bool((steps > 0).all() or (steps < 0).all())


def _counts(values: Any) -> bool:
    return bool(values[0] in (0, 1) and np.array_equal(values, values[0] + np.arange(len(values))))
