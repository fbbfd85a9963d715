"""Data that a person names on the command line, as the data set that reads them; nothing is guessed from their content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgespec import plugins
from edgespec.data.readers import array_files, file_list, locate, numpy_files, rruff_text, tables, wide_table
from edgespec.errors import Mistake, Mistakes
from edgespec.recipe import Call
from edgespec.recipe.schema import Binder
from edgespec.yaml12 import Place, read

TYPED = "command line"
TABLES = {"files": "list", "table": "path"}  # data sets that read one table, and the key that names it
NEEDED, KNOWN = ("x", "y", "wavenumber"), ("labels", "group", "split")
NAMED = "file_name"  # of resampled RRUFF spectra, which says mineral and sample
FORMS = (
    "a folder of spectra with a folder for each class, a table of file and label, one wide table of spectra, a folder or .zip of RRUFF files, "
    "a .csv task list, an .npz with arrays x, y, wavenumber (labels, group), a .yaml file or '{files: {path: ...}}'"
)


def call(text: str) -> Call:
    """Give the data set that `text` names: a file or folder, a data set's name, or what `data.load` of a recipe would say.

    Raises Mistakes with what is wrong in it; whether a file named in it is at hand is told when it is read.
    """
    path = Path(text)
    if not text.strip():  # Path("") is the current folder
        raise Mistake("DATA: nothing is named", hint=FORMS)
    if text.lstrip().startswith("{") or (text in plugins.names("datasets") and not path.exists()):
        return _bound(text, TYPED)
    if path.suffix in (".yaml", ".yml"):
        return _bound(_text(path), str(path))
    name = _written(path) if path.exists() else text  # else it may lie where recipes' data lie
    there = numpy_files.names(path) if path.suffix == ".npz" and path.exists() else []
    if NAMED in there and not set(NEEDED) <= set(there):
        return _checked({"rruff": {"path": name, "refused": "skip"}}, lambda place: TYPED)
    if path.suffix == ".npz":
        return _checked({"arrays": {"npz": name, **_arrays(path)}}, lambda place: TYPED)
    if path.suffix.lower() in array_files.ENDINGS:
        return _checked({"arrays": {"file": name, **_arrays(path)}}, lambda place: TYPED)
    if path.is_file() and path.suffix.lower() in tables.ENDINGS and (kind := _table(path)):
        return _checked({kind: {TABLES[kind]: name, "refused": "skip"}}, lambda place: TYPED)
    if path.suffix == ".csv":
        return _checked({"rruff": {"task": name, "refused": "skip"}}, lambda place: TYPED)
    if path.is_dir():
        _not_arrays(path)
        if not _is_rruff(path):
            return _checked({"files": {"path": name, "refused": "skip"}}, lambda place: TYPED)
    if path.suffix == ".zip" or path.is_dir() or not path.suffix:
        return _checked({"rruff": {"path": name, "refused": "skip"}}, lambda place: TYPED)
    locate.find(text, None)  # a file that is not there is told first
    raise Mistake(f"DATA: how to read {text} can't be told from its name", hint=FORMS)


def _written(path: Path) -> str:
    """Give the name that a recipe writes: relative below the working folder, so that recipe and data can move together, else absolute."""
    whole, here = path.resolve(), Path().resolve()
    if whole.is_relative_to(here) and whole != here:
        near = whole.relative_to(here).as_posix()
        if locate.find(near, None).resolve() == whole:  # not where the usual places have another of that name
            return near
    return str(whole)


def _is_rruff(folder: Path) -> bool:
    """Tell RRUFF's folders: an archive is there, or half of the texts are named as RRUFF names them."""
    if any(folder.rglob("*.zip")):
        return True
    texts = [each.name for each in folder.rglob("*.txt")]
    return bool(texts) and sum(rruff_text.parse_name(each) is not None for each in texts) * 2 >= len(texts)


def _table(path: Path) -> str:
    """Tell what a table is: a list of "files", a wide "table" of spectra, or "" for RRUFF's own kind of list."""
    rows = tables.rows(path)
    head = [name.strip().lower() for name in rows[0]] if rows else []
    if {"archive", "row"} & set(head) or len(head) < 2 or ("mineral" in head and "group" in head):
        return ""
    axis = sum(wide_table.PLACE.fullmatch(name) is not None for name in head)
    named = file_list.is_head(head) or (file_list.names_files(head) and axis < wide_table.FEWEST)
    return "files" if named else "table"


def _bound(text: str, where: str) -> Call:
    lines: dict[Place, int] = {}
    tree = read(text, where, lines)

    def at(place: Place) -> str:
        while place not in lines and place:
            place = place[:-1]
        return where if where == TYPED else f"{where}:{lines.get(place, 1)}"

    if isinstance(tree, dict) and isinstance(tree.get("data"), dict) and "load" in tree["data"]:
        return _checked(tree["data"]["load"], at, ("data", "load"))  # a whole recipe: what it learns from
    return _checked(tree, at)


def _checked(tree: Any, at: Callable[[Place], str], place: Place = ()) -> Call:
    binder = Binder(at)
    found = binder.call("datasets", tree, place, "DATA")
    if binder.mistakes:
        raise Mistakes(
            [Mistake(each.message, each.hint or "edgespec ls datasets shows every key") for each in binder.mistakes]
        )
    return found


def _arrays(path: Path) -> dict[str, str]:
    """Give the arrays of a file that bear the names of the keys they are for."""
    if not path.exists():
        return {name: name for name in NEEDED}  # it may lie where recipes' data lie, and is told if not
    there = array_files.names(path)
    lacking = [name for name in NEEDED if name not in there]
    if lacking:
        keys = ", ".join(f"{name}: ..." for name in NEEDED)
        hint = (
            f"say which array is which: '{{arrays: {{file: {path.resolve()}, {keys}}}}}'; there is: {', '.join(there)}"
        )
        raise Mistake(f"{path.name}: holds no array {lacking[0]!r}", hint)
    return {name: name for name in (*NEEDED, *KNOWN) if name in there}


def _not_arrays(path: Path) -> None:
    """Raise Mistake for a folder of .npy files, which nobody says the meaning of."""
    there = sorted(file.name for file in path.glob("*.npy"))
    if there and not any(path.rglob("*.txt")):
        keys = ", ".join(f"{name}: ..." for name in NEEDED)
        hint = (
            f"say which array is which: '{{arrays: {{root: {path.resolve()}, {keys}}}}}'; there is: {', '.join(there)}"
        )
        raise Mistake(f"{path.name}: holds arrays, no RRUFF files", hint)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Mistake(f"{path}: byte {problem.start} is not text in UTF-8", FORMS) from None
    except OSError as problem:
        raise Mistake(f"{path} can't be read: {problem.strerror}", FORMS) from None
