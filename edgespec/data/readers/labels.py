"""Classes as data files hold them: numbers and names, from arrays, lists and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import unpacking
from edgespec.errors import Mistake
from edgespec.spectra import Ints

Names = dict[int, str]


def from_json(path: Path) -> Names:
    """Read `{"0": "Healthy", ...}` or `["Healthy", ...]`. Raises Mistake with file:line."""
    try:
        told = unpacking.parse_json(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise Mistake(f"{path.name}:{error.lineno}: is not JSON ({error.msg})", hint='{"0": "name", ...}') from error
    except UnicodeDecodeError as error:
        raise Mistake(f"{path.name}:1: is not text in UTF-8", hint="save it as UTF-8") from error
    except ValueError as error:
        raise Mistake(f"{path.name}:1: gives no names to class numbers ({error})", hint='{"0": "name", ...}') from error
    if isinstance(told, list):
        return from_list(told, path.name)
    if not isinstance(told, dict) or not all(number.strip().isdecimal() for number in told):
        raise Mistake(f"{path.name}:1: gives no names to class numbers", hint='{"0": "name", ...} or ["name", ...]')
    from_list(list(told.values()), path.name)
    numbered = {int(number): str(name) for number, name in told.items()}
    if len(numbered) < len(told):
        raise Mistake(f"{path.name}:1: names one class twice", hint="one name a class")
    return numbered


def from_list(told: list[Any], where: str) -> Names:
    """Number names from 0. Raises Mistake where one is no text, or stands there twice."""
    for name in told:
        if not isinstance(name, str) or not name.strip():
            raise Mistake(f"{where}: {name!r} is not a name of a class", hint="names are text")
        if told.count(name) > 1:
            raise Mistake(f"{where}: two classes are named {name!r}", hint="give each class its own name")
    return dict(enumerate(told))


def classes(y: NDArray[Any], where: str, names: Names | None) -> tuple[Ints, tuple[str, ...]]:
    """Give (n,) positions in the labels, and the labels: in the order of their numbers, sorted where `y` holds names.

    Without `names` a class number is its own name. Raises Mistake for what is neither number nor name, by row.
    """
    if y.dtype.kind == "U":
        known = sorted(set(y.tolist())) if names is None else [names[number] for number in sorted(names)]
        found: list[Any] = y.tolist()
    else:
        numbers = whole(y, where)
        used = sorted(set(numbers.tolist()) if names is None else names)
        position = {number: str(number) if names is None else names[number] for number in used}
        known = list(position.values())
        found = [position.get(number, number) for number in numbers.tolist()]
    place = {name: index for index, name in enumerate(known)}
    for row, name in enumerate(found):
        if name not in place:
            raise Mistake(f"{where}: row {row} is of class {name!r}, which has no name", f"named: {', '.join(known)}")
    return np.array([place[name] for name in found], dtype=np.int64), tuple(known)


def whole(values: NDArray[Any], where: str) -> Ints:
    """Give (n,) whole numbers as integers, also from floats such as 2.0. Raises Mistake by row."""
    if values.dtype.kind not in "biuf":
        raise Mistake(f"{where}: {values.dtype} is neither whole numbers nor text", hint="np.save(file, y.astype(int))")
    odd = (
        ~np.isfinite(values) | (values != np.rint(values)) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    )
    if odd.any():
        row = int(odd.argmax())
        raise Mistake(
            f"{where}: row {row} is {values[row]:g}, no whole number",
            hint="classes are whole numbers, or text: y.astype(str)",
        )
    return values.astype(np.int64)
