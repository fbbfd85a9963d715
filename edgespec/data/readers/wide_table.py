"""One wide table of spectra, in rows or in columns: its axis, its intensities, and what else it says of each spectrum."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgespec import device_program
from edgespec.data.readers import tables
from edgespec.errors import Mistake

FEWEST = 16  # numbers that make an axis
PLACE = re.compile(r"X?([-+]?[0-9]+(?:[.,][0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(cm.?-?1|1/cm|nm|um|\u00b5m)?", re.IGNORECASE)
COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+(?:[eE][-+]?[0-9]+)?")
AXIS_NAME = re.compile(r"shift|wave|cm.?-?1|1/cm|\bnm\b|\baxis\b", re.IGNORECASE)
HINT = "spectra in rows: the names of columns are the axis; in columns: the first column is the axis"


@dataclass(frozen=True)
class Wide:
    """What a table holds.

    axis: (points,) as it stands there; x: (n, points), NaN where a cell holds no number; unit: as the names say it, "" where they do not
    told: what else is said of each spectrum, by name: a column, or a row; names: (n,) of each spectrum for messages
    """

    axis: NDArray[np.float64]
    x: NDArray[np.float64]
    unit: str
    told: dict[str, list[str]]
    names: list[str]


def read(path: Path, layout: str | None) -> Wide:
    """Read a table; without a layout it is the one that holds an axis.

    Raises Mistake where neither the names of columns nor the first column are an axis, or both are.
    """
    cells = [row for row in tables.rows(path) if any(cell.strip() for cell in row)]
    if len(cells) < 2:
        raise Mistake(f"{path.name}: holds no spectra", hint=HINT)
    comma = _decimal_comma(cells)
    width = max(map(len, cells))
    cells = [[*row, *[""] * (width - len(row))] for row in cells]
    if len(cells[0]) > 1 and not cells[0][-1].strip() and all(row[-1].strip() for row in cells[1:]):
        cells[0] = ["", *cells[0][:-1]]  # the names of all columns but the first, which numbers the rows
    layout = layout or _layout(path, cells)
    if layout == "columns":
        cells = [list(column) for column in zip(*cells, strict=True)]
    return _rows(path, cells, comma)


def _layout(path: Path, cells: list[list[str]]) -> str:
    """Tell whether spectra stand in rows or in columns. Raises Mistake where that can't be told."""
    along, down = _axis(cells[0]), _axis([row[0] for row in cells])
    if len(along) < FEWEST and len(down) < FEWEST:
        what = f"{len(along)} names of columns and {len(down)} cells of the first column are an axis"
        raise Mistake(f"{path.name}: no axis is found: {what}, {FEWEST} are wanted", hint=HINT)
    if len(along) < FEWEST or len(down) < FEWEST:
        return "rows" if len(along) >= FEWEST else "columns"
    counted = [bool((np.diff(each) == 1).all()) and each[0] in (0, 1) for each in (along, down)]
    if AXIS_NAME.search(cells[0][0]) or counted == [True, False]:
        return "columns"  # the names of columns are numbers of spectra
    if counted == [False, True]:
        return "rows"  # the first column is a spreadsheet's index
    hint = "say which: layout: rows, or layout: columns"
    raise Mistake(f"{path.name}: both the names of columns and the first column could be the axis", hint)


def _rows(path: Path, cells: list[list[str]], comma: bool) -> Wide:
    """Read spectra in rows: the first row holds the axis, between the names of what else is told."""
    found = [PLACE.fullmatch(name.strip()) for name in cells[0]]
    at = [i for i, each in enumerate(found) if each]
    if len(at) < FEWEST:
        raise Mistake(f"{path.name}: {len(at)} places of an axis are found, {FEWEST} are wanted", hint=HINT)
    axis = np.array([float(found[i][1].replace(",", ".")) for i in at])  # type: ignore[index]
    units = {(found[i][2] or "").lower().replace("\u00b5", "u") for i in at}  # type: ignore[index]
    unit = next(iter(units)) if len(units) == 1 else ""
    corner = device_program.module("spectra.words").unit_in(cells[0][0])
    steps = np.diff(axis)
    if not ((steps > 0).all() or (steps < 0).all()):
        wrong = int(np.flatnonzero(np.sign(steps) != np.sign(np.median(steps)))[0]) + 1
        raise Mistake(
            f"{path.name}: the axis turns back at {cells[0][at[wrong]].strip()!r}",
            hint="an axis rises or falls all along",
        )
    others = [i for i in range(len(cells[0])) if i not in set(at)]
    values = [[tables.number(row[i], comma) for i in at] for row in cells[1:]]
    x = np.array([[np.nan if value is None else value for value in row] for row in values], dtype=np.float64)
    told = {cells[0][i].strip(): [row[i].strip() for row in cells[1:]] for i in others}
    return Wide(
        axis, x, corner if not unit else "cm-1" if unit not in ("nm", "um") else unit, told, _names(path, told, len(x))
    )


def _names(path: Path, told: dict[str, list[str]], n: int) -> list[str]:
    """Name each spectrum by its row, and by what the table calls it where that is unique."""
    own = next((values for key, values in told.items() if key.lower() in ("", "name", "file", "id", "spectrum")), None)
    if own is None or len(set(own)) < n:
        return [f"{path.name}: spectrum {i + 1}" for i in range(n)]
    return [f"{path.name}: spectrum {i + 1} ({own[i]})" for i in range(n)]


def _axis(cells: list[str]) -> NDArray[np.float64]:
    """Give the numbers among cells where they rise or fall all along; none where they do not."""
    found = [PLACE.fullmatch(cell.strip()) for cell in cells]
    axis = np.array([float(each[1].replace(",", ".")) for each in found if each])
    steps = np.diff(axis)
    return axis if (steps > 0).all() or (steps < 0).all() else axis[:0]


def _decimal_comma(cells: list[list[str]]) -> bool:
    """Tell whether the decimal point is a comma: where some cell has one, and none has a point."""
    body = [cell.strip() for row in cells[1:50] for cell in row]
    return any(COMMA.fullmatch(cell) for cell in body) and not any(
        re.fullmatch(r"[-+]?[0-9]+\.[0-9]+", cell) for cell in body
    )
