"""Names of the classes of a model that somebody else trained, in the order of its logits."""

from __future__ import annotations

import csv
from pathlib import Path

from edgespec.data.readers import labels
from edgespec.errors import Mistake

HINT = 'JSON: {"0": "name", ...} or ["name", ...]; .txt: a name a line; .csv: a name a line, or number,name'


def read(path: Path, classes: int) -> tuple[str, ...]:
    """Read the names from a .json, .csv or .txt file.

    Raises Mistake with the place of what is no name, and where there are not as many as the model has classes.
    """
    try:
        names = labels.from_json(path) if path.suffix == ".json" else _lines(path)
    except UnicodeDecodeError:
        raise Mistake(f"{path} is not text in UTF-8", HINT) from None
    except OSError as problem:
        raise Mistake(f"{path} can't be read: {problem.strerror}", HINT) from None
    labels.from_list(list(names.values()), path.name)
    if sorted(names) != list(range(classes)):
        first = next((number for number in range(classes) if number not in names), classes)
        what = f"class {first} has no name" if first < classes else f"class {max(names)} is none of the model's"
        raise Mistake(f"{path} names {len(names)} classes, the checkpoint has {classes}: {what}", HINT)
    return tuple(names[number] for number in range(classes))


def _lines(path: Path) -> labels.Names:
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix != ".csv":
        return dict(enumerate(line.strip() for line in text.splitlines() if line.strip()))
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if row]
    if len({len(row) for row in rows}) == 1 and len(rows[0]) == 1:
        return dict(enumerate(row[0] for row in rows))
    found: labels.Names = {}
    for line, row in enumerate(rows, start=1):
        number, name = (row[0], row[1]) if len(row) == 2 else ("", "")
        if line == 1 and name and not number.isdecimal():
            continue  # a heading
        if not number.isdecimal() or int(number) in found:
            raise Mistake(f"{path.name}:{line}: {','.join(row)!r} is not number,name, or a number comes twice", HINT)
        found[int(number)] = name
    return found
