"""What edgespec does not learn from, told in one sentence: numbers on a scale, several labels a spectrum, shares of a mixture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake

SUPPORTED = "edgespec supports one class a spectrum"
CLASSES = 20  # distinct numbers that may still be names of classes
SEVERAL = 3  # spectra that a class has at least, by the median, where its name is a fraction
FEWEST = 5  # distinct fractions below which nobody can tell whether they are measured
NUMBER = re.compile(r"([-+]?[0-9]+(?:[.,][0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*(\D*)")
BETWEEN = (";", "|")  # marks that stand between labels
WITHIN = (",",)  # marks that also stand within names: every part must be a label itself
SHARES = (1.0, 100.0)  # what the shares of a mixture sum to
NEAR = 0.01  # of that sum


def check(labels: Sequence[str], where: str, places: Sequence[str]) -> None:
    """Raise Mistake where labels are numbers on a scale, or where cells hold several labels.

    labels: (n,) one a spectrum, "" where none is known; where: the file or array; places: (n,) each spectrum's name for messages
    """
    counted = Counter(label for label in labels if label)
    if _measured(counted):
        some = ", ".join(list(counted)[:3])
        raise Mistake(
            f"{where}: {len(counted)} distinct numbers in {counted.total()} spectra, such as {some}, are regression targets; {SUPPORTED}",
            hint="name ranges as classes, such as 'below 5'; a tool for regression predicts the numbers",
        )
    several = _several(set(counted))
    if several:
        rows = [row for row, label in enumerate(labels) if label in several]
        raise Mistake(
            f"{where}: {len(rows)} spectra have several labels, such as {labels[rows[0]]!r} ({places[rows[0]]}); {SUPPORTED}",
            hint="leave such spectra out, or give each combination a name of its own",
        )


def check_array(y: NDArray[Any], n: int, where: str) -> None:
    """Raise Mistake where an array of classes holds several values a spectrum, or fractions: y (n, k), (k, n) or (n,)."""
    if y.ndim == 2 and 1 not in y.shape and n in y.shape:
        values = y if len(y) == n else y.T
        if y.dtype.kind not in "biuf":
            raise Mistake(f"{where}: {values.shape[1]} labels a spectrum; {SUPPORTED}", hint=f"({n},) names or numbers")
        axis = 1 if len(y) == n else 0
        _check_values(values.astype(np.float64), where, f"np.argmax(y, axis={axis}) gives the class numbers")
    if y.ndim == 1 and y.dtype.kind == "f" and np.isfinite(y).all() and (y != np.rint(y)).any():
        labels = [f"{value:.9g}" for value in y]
        check(labels, where, [f"row {row}" for row in range(len(y))])


def check_columns(columns: Mapping[str, Sequence[str]], where: str) -> None:
    """Raise Mistake where columns beside the spectra, none of which names a class, are shares of a mixture or 0 and 1.

    columns: (n,) cells by the column's name
    """
    numbers = {name: _numbers(cells) for name, cells in columns.items()}
    within = {name: v for name, v in numbers.items() if len(v) and v.min() >= 0 and v.max() <= SHARES[1]}
    fractions = {name: v for name, v in within.items() if (v != np.rint(v)).any()}
    for parts in (within, fractions):  # whole numbers may number the rows
        values = np.array(list(parts.values())).T
        if len(parts) > 1 and (np.isin(values, (0, 1)).all() or _sums(values)):
            names = ", ".join(list(parts)[:4]) + (", ..." if len(parts) > 4 else "")
            hint = "a column `label` with the name of the column that holds 1"
            _check_values(values, f"{where}: columns {names}", hint)


def _check_values(values: NDArray[np.float64], where: str, classes: str) -> None:
    """Raise Mistake for (n, k) numbers by what they are; classes: how ones become classes."""
    k = values.shape[1]
    if np.isin(values, (0, 1)).all():
        ones = values.sum(axis=1)
        if (ones == 1).all():
            raise Mistake(
                f"{where}: one of {k} columns holds 1 in each row (one-hot); {SUPPORTED}, named", hint=classes
            )
        row = int((ones != 1).argmax())
        what = f"several labels a spectrum: {ones[row]:g} of {k} columns hold 1 in row {row}"
        raise Mistake(f"{where}: {what}; {SUPPORTED}", hint="keep the rows that hold a single 1, and name their class")
    if _sums(values):
        what = f"shares of a mixture: {k} columns sum to {np.median(values.sum(axis=1)):g} in each row"
        raise Mistake(f"{where}: {what}; {SUPPORTED}", hint="name the main substance of each spectrum as its class")
    raise Mistake(
        f"{where}: {k} numbers a spectrum are regression targets; {SUPPORTED}", hint="one class a spectrum: (n,)"
    )


def _sums(values: NDArray[np.float64]) -> bool:
    """Tell whether rows are shares: not negative, and of one sum in all rows."""
    sums = values.sum(axis=1)
    return bool((values >= 0).all()) and any(bool((np.abs(sums - whole) <= NEAR * whole).all()) for whole in SHARES)


def _measured(counted: Counter[str]) -> bool:
    """Tell whether labels are values of a scale: many fractions or few repeats of them, or whole numbers that seldom repeat."""
    found = [NUMBER.fullmatch(label.strip()) for label in counted]
    if len(counted) < FEWEST or any(each is None for each in found) or len({each[2] for each in found if each}) > 1:
        return False
    values = np.array([float(each[1].replace(",", ".")) for each in found if each])
    if not np.isfinite(values).all():
        return False
    if (values != np.rint(values)).any():
        return len(values) > CLASSES or float(np.median(list(counted.values()))) < SEVERAL
    in_a_row = np.ptp(values) == len(values) - 1  # class numbers are counted
    return len(values) > CLASSES and not in_a_row and 2 * len(values) > counted.total()


def _several(labels: set[str]) -> set[str]:
    """Give the labels that are made of others. A mark within a name, such as "Quartz, alpha", makes no two labels of it."""
    found: set[str] = set()
    for mark in (*BETWEEN, *WITHIN):
        marked = (label for label in labels if mark in label and not NUMBER.fullmatch(label.strip()))  # not 0,5
        parts = {label: {part.strip() for part in label.split(mark)} for label in marked}
        uses = Counter(part for inside in parts.values() for part in inside)
        for label, inside in parts.items():
            alone = [part for part in inside if part in labels]
            shared = [part for part in inside if part in labels or uses[part] > 1]
            apart = mark in BETWEEN and (bool(alone) or len(shared) == len(inside))
            if "" not in inside and len(inside) > 1 and (apart or len(alone) == len(inside)):
                found.add(label)
    return found


def _numbers(cells: Sequence[str]) -> NDArray[np.float64]:
    """Read a column, (n,); (0,) where a cell is no number."""
    try:
        values = np.array([float(cell.strip().replace(",", ".")) for cell in cells])
    except ValueError:
        return np.zeros(0)
    return values if np.isfinite(values).all() else np.zeros(0)
