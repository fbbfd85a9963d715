"""Task lists: csv files that say which spectra, of which mineral, from which physical sample, in which part."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from edgespec.data.readers import archives, locate, numpy_files
from edgespec.data.readers.gather import Entry
from edgespec.data.readers.rruff_text import Numbers, Refused, Scan, parse_name, physical_sample, trimmed
from edgespec.errors import Mistake, StorageError

_Row = tuple[str, dict[str, str]]  # "list.csv:7" and its cells
_Read = tuple[str, Callable[[], Scan], Path]  # a spectrum's name for messages, what gives it, the file that holds it
_KNOWN = ("archive", "row", "file", "mineral", "group", "split")
_ARRAYS = ("X", "axis_cm1", "file_name")


def listing(path: Path, npz: str | None, split: int) -> tuple[list[Entry], list[Path]]:
    """Read a task list; give its entries in order, and all the files that they come from.

    Columns: `archive` (a zip or folder beside the list) or `row` (of an .npz), then file, mineral, group, and one
    `split` or several (`split0`, ...). Raises Mistake with csv:line; NotFound (exit 3) where an archive isn't there.
    """
    columns, rows = _rows(path)
    if ("archive" in columns) == ("row" in columns):
        raise Mistake(
            f"{path.name}:1: wants either a column 'archive' or a column 'row'", _columns_hint("archive", columns)
        )
    part = _split_column(path, columns, split)
    if "row" in columns:
        reads, files = _from_npz(path, rows, npz)
    elif npz is not None:
        raise Mistake(f"{path.name}: lists archives, so it has no use for `npz`", hint="remove `npz`")
    else:
        reads, files = _from_archives(path, rows)
    return [_entry(row, read, part) for row, read in zip(rows, reads, strict=True)], [path, *files]


def _rows(path: Path) -> tuple[list[str], list[_Row]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [column.strip() for column in reader.fieldnames or []]
            reader.fieldnames = columns
            rows: list[tuple[str, dict[Any, Any]]] = [(f"{path.name}:{reader.line_num}", row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Mistake(f"{path.name}: is not csv text in UTF-8 ({error})", hint="save it as csv, UTF-8") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error
    _check_columns(path, columns)
    for where, row in rows:
        if None in row or None in row.values():
            raise Mistake(f"{where}: has not the {len(columns)} cells of its header", hint="one cell a column")
        empty = [name for name, cell in row.items() if (name in _KNOWN or _is_split(name)) and not cell.strip()]
        if empty:
            raise Mistake(f"{where}: column {empty[0]!r} is empty", hint="fill the cell, or remove the line")
    if not rows:
        raise Mistake(f"{path.name}:1: lists no spectra", hint="one line a spectrum, below the header")
    return columns, [(where, {name: cell.strip() for name, cell in row.items()}) for where, row in rows]


def _check_columns(path: Path, columns: list[str]) -> None:
    """Refuse a list without `file`, or with a column that is nearly one of ours: it would pass unread."""
    if "file" not in columns:
        raise Mistake(f"{path.name}:1: has no column 'file'", hint=_columns_hint("file", columns))
    if len(set(columns)) < len(columns):
        raise Mistake(f"{path.name}:1: has two columns of one name", hint="rename one")
    free = [name for name in _KNOWN if name not in columns]
    for column in columns:
        if column not in _KNOWN and not _is_split(column):
            near = difflib.get_close_matches(column.lower(), free, n=1, cutoff=0.75)
            if near:
                raise Mistake(f"{path.name}:1: unknown column {column!r}", hint=f"did you mean {near[0]!r}?")


def _columns_hint(wanted: str, columns: list[str]) -> str:
    near = difflib.get_close_matches(wanted, columns, n=1, cutoff=0.6)
    return f"is {near[0]!r} meant as {wanted!r}?" if near else f"there is: {', '.join(columns) or 'nothing'}"


def _is_split(column: str) -> bool:
    return re.fullmatch(r"split[0-9]*", column) is not None


def _split_column(path: Path, columns: list[str], split: int) -> str | None:
    numbered = [column for column in columns if _is_split(column) and column != "split"]
    if f"split{split}" in numbered:
        return f"split{split}"
    if split == 0 and not numbered:
        return "split" if "split" in columns else None
    there = ", ".join(numbered) or "no numbered split"
    raise Mistake(f"{path.name}:1: has no column 'split{split}'", hint=f"there is: {there}")


def _entry(row: _Row, found: _Read, part: str | None) -> Entry:
    (line, cells), (where, read, origin) = row, found
    name = parse_name(Path(cells["file"]).name)
    mineral = cells.get("mineral") or (name and name.mineral)
    sample = cells.get("group") or (name and physical_sample(name.sample))
    if not mineral or not sample:
        lacking = "mineral" if not mineral else "group"
        raise Mistake(
            f"{line}: {cells['file']!r} is not an RRUFF file name", hint=f"then a column {lacking!r} is needed"
        )
    given = cells[part] if part else None
    laser, kind = (name.laser, name.kind) if name else (None, None)
    number = int(cells["row"]) if "row" in cells else None
    return Entry(where, read, mineral, sample, "group" in cells, given, laser, kind, origin, cells["file"], number)


def _from_archives(path: Path, rows: list[_Row]) -> tuple[list[_Read], list[Path]]:
    known: dict[str, tuple[Path, archives.Texts]] = {}
    reads: list[_Read] = []
    files: list[Path] = []
    for line, cells in rows:
        file = cells["file"]
        if cells["archive"] not in known:
            archive = _beside(path, cells["archive"], line)
            texts = archives.texts(archive)
            known[cells["archive"]] = archive, {**{Path(name).name: text for name, text in texts.items()}, **texts}
            files += archives.files(archive)
        archive, held = known[cells["archive"]]
        text = held.get(file)
        if text is None:
            hint = "correct the name, or fetch the archive again"
            raise Mistake(f"{line}: {cells['archive']} holds no {file!r}", hint)
        where = archives.shown(archive, file)
        reads.append((where, partial(archives.scan, text, where), archive))
    return reads, files


def _beside(path: Path, archive: str, line: str) -> Path:
    """Find an archive beside the list that names it, else where every recipe looks."""
    beside = path.parent / archive
    if beside.exists():
        return beside
    try:
        return locate.find(archive, None, "rruff")
    except locate.NotFound:
        hint = "put it beside the list; `edgespec data fetch rruff --list` says what is offered"
        what = f"{line}: {beside.name} was not found in {beside.parent}, nor where recipes look for data"
        raise locate.NotFound(beside.name, what, hint) from None


def _from_npz(path: Path, rows: list[_Row], npz: str | None) -> tuple[list[_Read], list[Path]]:
    file = _npz_beside(path, npz)
    axis, known = _axis(file), _file_names(file)
    intensities = cache(partial(_intensities, file, (len(known), len(axis))))  # 20 MB: read when the first is wanted
    reads: list[_Read] = []
    for line, cells in rows:
        row = int(cells["row"]) if cells["row"].isascii() and cells["row"].isdigit() else -1
        if not 0 <= row < len(known):
            raise Mistake(f"{line}: {file.name} has no row {cells['row']!r}", hint=f"rows are 0 to {len(known) - 1}")
        if known[row] != cells["file"]:
            hint = "list and file do not belong together; name the right one with `npz:`"
            raise Mistake(f"{line}: row {row} of {file.name} is {known[row]!r}, not {cells['file']!r}", hint)
        where = f"{file.name}!{row} ({line})"
        reads.append((where, partial(_scan, intensities, row, axis, where), file))
    return reads, [file]


def whole_npz(file: Path) -> list[Entry]:
    """List every spectrum of an .npz file with the arrays X, axis_cm1 and file_name, whose names say mineral and sample."""
    lacking = sorted(set(_ARRAYS) - set(numpy_files.names(file)))
    if lacking:
        raise Mistake(f"{file.name}: has no array {lacking[0]!r}", hint=f"it wants {', '.join(_ARRAYS)}")
    axis, known = _axis(file), _file_names(file)
    intensities = cache(partial(_intensities, file, (len(known), len(axis))))
    found = []
    for row, name in enumerate(known):
        where = f"{file.name}!{row}"
        read = where, partial(_scan, intensities, row, axis, where), file
        found.append(_entry((where, {"file": name, "row": str(row)}), read, None))
    return found


def _npz_beside(path: Path, npz: str | None) -> Path:
    """Give the .npz that a list's rows are counted in: the named one, else the only one beside the list that fits."""
    found = [path.parent / npz] if npz else sorted(path.parent.glob("*.npz"))
    if not found or not found[0].exists():
        absent = npz or "an .npz file"
        raise locate.NotFound(absent, f"{path.name}: {absent} was not found beside it", hint="put it beside the list")
    fit = [file for file in found if set(_ARRAYS) <= set(numpy_files.names(file))]
    if len(fit) == 1:
        return fit[0]
    what = "several .npz files that it could mean" if fit else f"no .npz file with the arrays {', '.join(_ARRAYS)}"
    names = ", ".join(file.name for file in found)
    raise Mistake(f"{path.name}: beside it lie {what}", hint=f"name one with `npz:`; there is: {names}")


def _file_names(file: Path) -> list[str]:
    names = numpy_files.member(file, "file_name")
    if names.ndim != 1 or names.dtype.kind != "U":
        raise Mistake(
            f"{file.name}: 'file_name' is {names.dtype} of shape {names.shape}", hint="(n,) texts, RRUFF's file names"
        )
    found: list[str] = names.tolist()
    return found


def _axis(file: Path) -> Numbers:
    axis = numpy_files.member(file, "axis_cm1")
    if axis.ndim != 1 or axis.dtype.kind not in "fiu" or len(axis) < 2 or not (np.diff(axis.astype(float)) > 0).all():
        raise Mistake(
            f"{file.name}: 'axis_cm1' is not an increasing axis", hint="(points,) numbers in cm-1, low to high"
        )
    return axis.astype(np.float64)


def _intensities(file: Path, shape: tuple[int, int]) -> Numbers:
    """Read `X`, (n, points); 16-bit integers are shares of 65535."""
    x = numpy_files.member(file, "X")
    if x.shape != shape or x.dtype.kind not in "fiu":
        hint = f"file_name and axis_cm1 want numbers of shape {shape}"
        raise Mistake(f"{file.name}: 'X' is {x.dtype} of shape {x.shape}", hint)
    return x.astype(np.float64) / 65535 if x.dtype == np.uint16 else x.astype(np.float64)


def _scan(intensities: Callable[[], Numbers], row: int, axis: Numbers, where: str) -> Scan:
    x = intensities()[row]
    if not np.isfinite(x).all():
        raise Refused(f"{where}: a value that is not finite", hint="remove the line from the list")
    return Scan(*trimmed(axis, x, where), padded=True)
