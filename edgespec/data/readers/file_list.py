"""Which files of spectra are meant, and of which class and physical sample each is: from folders, from names, or from a list."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from edgespec import device_program
from edgespec.data.checks import targets
from edgespec.data.readers import locate, tables
from edgespec.errors import Missing, Mistake

COLUMNS = {
    "file": ("file", "filename", "file_name", "path", "spectrum"),
    "label": ("label", "class", "mineral", "species", "substance", "name"),
    "sample": ("sample", "group", "sample_id", "specimen", "patient", "subject"),
    "part": ("part", "split"),
}
FIELD = re.compile(r"\{(label|sample|part)\}|(\*\*|\*|\?)")
SHOWN = 3


@dataclass(frozen=True)
class Listed:
    """One file: its place, its name for messages, its class, and what is known of its sample and part ("" where nothing is)."""

    path: Path
    where: str
    label: str
    sample: str = ""
    part: str = ""


def of_folder(folder: Path, pattern: str | None) -> tuple[list[Listed], list[str]]:
    """List the spectra below a folder by name; give them, and the names of those of which no class is known.

    pattern: of a name without its ending, such as "{label}_{sample}_*"; with a "/" in it, of the path below the folder.
        Without a pattern the first folder below is the class, and a second one the sample.
    Raises Mistake where there is no file of spectra, or none has a class.
    """
    found = every(folder)
    read = _by_folders if pattern is None else by_pattern(pattern)
    listed, unnamed = [], []
    for each in found:
        told = read(each.path.relative_to(folder))
        if told is None:
            unnamed.append(each.where)
        else:
            said = {key: _shown(value) for key, value in told.items()}
            listed.append(Listed(each.path, each.where, **said))
    if not listed:
        example = unnamed[0]
        raise Mistake(
            f"{folder}: no class is known of {len(found)} files, such as {example}",
            hint='a folder for each class (Calcite/1.csv), label: "{label}_{sample}_*", or list: FILE.csv with columns file, label',
        )
    return listed, unnamed


def every(folder: Path) -> list[Listed]:
    """List all files of spectra below a folder by name, their classes unknown. Raises Mistake where there is none."""
    files = device_program.module("spectra.files")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not _hidden(path, folder) and files.is_named_so(str(path))
    )
    if not found:
        hint = f"spectra end in {files.ALL_ENDINGS}"
        raise Mistake(f"{folder}: no file of spectra in this folder", hint=hint)
    return [Listed(path, _shown(path.relative_to(folder).as_posix()), "") for path in found]


def of_list(path: Path, root: Path | None) -> list[Listed]:
    """List the spectra that a table names: columns file and label, and where they are known sample and part.

    path: .csv, .tsv or .xlsx; root: where the files lie, beside the list if not said
    Raises Mistake with the line where a column, a class or a file is missing.
    """
    rows = tables.rows(path)
    columns = {key: _column(rows[0], names) for key, names in COLUMNS.items()} if rows else {}
    for key in ("file", "label"):
        if columns.get(key) is None:
            if rows and key == "label":
                beside = dict(zip(rows[0], zip_longest(*rows[1:], fillvalue=""), strict=False))
                targets.check_columns(beside, path.name)
            there = ", ".join(map(repr, rows[0])) if rows else "nothing"
            raise Mistake(
                f"{path.name}:1: no column {key!r}; there is {there}", hint="columns file, label, and sample if known"
            )
    found, base = [], root or path.parent
    for line, row in enumerate(rows[1:], start=2):
        values = {key: row[at].strip() if at is not None and at < len(row) else "" for key, at in columns.items()}
        if not any(values.values()):
            continue
        for key in ("file", "label"):
            if not values[key]:
                raise Mistake(f"{path.name}:{line}: no {key}", hint="each line names a file and its class")
        place = base / values["file"]
        if not _is_file(place):
            raise Missing(
                f"{path.name}:{line}: there is no {values['file']} in {base}",
                hint="`path:` names the folder of the files",
            )
        found.append(Listed(place, values["file"], values["label"], values["sample"], values["part"]))
    if not found:
        raise Mistake(f"{path.name}: lists no spectra", hint="columns file, label, and sample if known")
    return found


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except (OSError, ValueError):  # a name that is too long, or that no system takes
        return False


def is_head(names: list[str]) -> bool:
    """Tell whether the names of columns are those of a list: a file and a class are among them."""
    return None not in (_column(names, COLUMNS["file"]), _column(names, COLUMNS["label"]))


def names_files(names: list[str]) -> bool:
    """Tell whether one of the columns names files."""
    return _column(names, COLUMNS["file"]) is not None


def find(
    path: str | list[str] | None, listed: str | None, pattern: str | None, root: str | None
) -> tuple[list[Listed], list[str]]:
    """List what the keys of a recipe mean; give the files, and notes on those left out.

    Raises Mistake where the keys do not go together, locate.NotFound where something is not at hand.
    """
    if listed is not None:
        if pattern is not None or isinstance(path, list):
            raise Mistake(
                "files: `list` names every file with its class", hint="leave `label` out; `path` is one folder"
            )
        base = None if path is None else locate.find(path, root)
        place = locate.find(listed, root)
        return _checked(of_list(place, base), f"{place.name}: the column of classes"), []
    found: list[Listed] = []
    lost: list[str] = []
    for place in folders(path, root):
        more, unnamed = of_folder(place, pattern)
        found, lost = found + more, lost + unnamed
    notes = [
        f"files of no known class left out: {len(lost)} ({', '.join(lost[:SHOWN])}{', ...' if lost[SHOWN:] else ''})"
    ]
    return _checked(found, f"files: {path if isinstance(path, str) else ', '.join(path or [])}"), notes if lost else []


def _checked(found: list[Listed], where: str) -> list[Listed]:
    targets.check([each.label for each in found], where, [each.where for each in found])
    return found


def folders(path: str | list[str] | None, root: str | None) -> list[Path]:
    """Find the folders that `path` names. Raises Mistake where it names none, or something else; locate.NotFound."""
    names = [path] if isinstance(path, str) else path or []
    if not names:
        raise Mistake("files: wants `path` (a folder) or `list` (a table of files)", hint="path: spectra")
    found = [(name, locate.find(name, root)) for name in names]
    for name, place in found:
        if not place.is_dir():
            hint = "`path` names folders; one table of spectra is `table: {path: FILE}`"
            raise Mistake(f"files: {name} is not a folder", hint)
    return [place for _, place in found]


def _shown(name: str) -> str:
    """Make a name printable: control characters and bytes that are no UTF-8 are written out."""
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in name)


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)


def _by_folders(below: Path) -> dict[str, str] | None:
    """`Calcite/1.csv` is of the class Calcite; `Calcite/sample 12/1.csv` of the sample "sample 12" too."""
    folders = below.parts[:-1]
    if not folders:
        return None
    return {"label": folders[0], "sample": "/".join(folders[:2]) if len(folders) > 1 else ""}


def by_pattern(pattern: str) -> Callable[[Path], dict[str, str] | None]:
    """Give what reads class, sample and part out of a name. Raises Mistake for a pattern that does not say where the class stands."""
    if "{label}" not in pattern:
        raise Mistake(
            f"files: label: {pattern!r} does not say where the class stands", hint='label: "{label}_{sample}_*"'
        )
    for name in ("label", "sample", "part"):
        if pattern.count(f"{{{name}}}") > 1:
            raise Mistake(f"files: label: {pattern!r} has {{{name}}} twice", hint='label: "{label}_{sample}_*"')
    parts, at = [], 0
    for each in FIELD.finditer(pattern):
        parts.append(re.escape(pattern[at : each.start()]))
        parts.append(f"(?P<{each[1]}>[^/]+?)" if each[1] else {"**": ".*", "*": "[^/]*", "?": "[^/]"}[each[2]])
        at = each.end()
    wanted = re.compile("".join(parts) + re.escape(pattern[at:]))

    def read(below: Path) -> dict[str, str] | None:
        text = below.with_suffix("").as_posix() if "/" in pattern else below.stem
        found = wanted.fullmatch(text)
        if found is None:
            return None
        told = {key: value.strip() for key, value in found.groupdict().items()}
        # sample 3 of one class is not sample 3 of another
        return told | ({"sample": f"{told['label']}/{told['sample']}"} if "sample" in told else {})

    return read


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    plain = [each.strip().lower().replace(" ", "_") for each in header]
    return next((plain.index(name) for name in names if name in plain), None)
