"""Data sets: every file here gives Spectra by `load(*, axis, seed, <keys>) -> Spectra`; its name is its key."""

from __future__ import annotations

import contextlib
import io
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import plugins, spectra, storage, unpacking
from edgespec.errors import Mistake, StorageError
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

_ARRAYS = ("x", "axis", "y", "labels", "source", "notes", "technique", "intensity")
_OPTIONAL = ("group", "part", "laser", "where")
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of pairs, line and paragraph separators
NO_XML = "\ufffe\uffff"
LONGEST_SHOWN = 60


def load(call: Call, *, axis: Axis, seed: int) -> Spectra:
    """Read the data set that a recipe names, on the model's axis; `seed` is for those that generate spectra."""
    found: Spectra = plugins.find("datasets", call.name).load(axis=axis, seed=seed, **call.keys)
    check_names(found, call.name)
    _check_numbers(found, call.name)
    return found if found.name else replace(found, name=call.name)


def _check_numbers(found: Spectra, source: str) -> None:
    """Raise Mistake where an intensity cannot be counted with: NaN, infinite, or so large that its square is; whoever read the data."""
    wrong = np.flatnonzero(~(np.abs(found.x) <= spectra.LARGEST).all(axis=1))
    if len(wrong):
        row = int(wrong[0])
        value = float(found.x[row][~(np.abs(found.x[row]) <= spectra.LARGEST)][0])
        told = f"data set {source!r}: spectrum {row + 1} holds the intensity {value:g}, and {len(wrong) - 1} more do"
        raise Mistake(f"{told}: at most {spectra.LARGEST:g} can be counted with", hint=spectra.TOO_LARGE)


def check_names(found: Spectra, source: str) -> None:
    """Raise Mistake where a label or a sample's name holds what no terminal, XML or SVG can show: reports would break after all the work."""
    _check_printable("label", found.labels, source)
    if found.group is not None:
        _check_printable("sample", np.unique(found.group).tolist(), source)


def _check_printable(kind: str, names: Iterable[object], source: str) -> None:
    for name in map(str, names):
        wrong = next((sign for sign in name if unicodedata.category(sign) in UNPRINTABLE or sign in NO_XML), None)
        if wrong is not None:
            shown = ascii(name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}...")
            raise Mistake(
                f"data set {source!r}: the {kind} {shown} holds the control character U+{ord(wrong):04X}",
                hint=f"rename the {kind} in the file, or save the file as plain UTF-8 text",
            )


def stand_in(otherwise: Call, absent: str, *, axis: Axis, seed: int) -> Spectra:
    """Read the data set that the recipe names for the case that `absent` is not at hand, and say so in its notes."""
    found = load(otherwise, axis=axis, seed=seed)
    note = f'{absent} was not found; the {found.source} data set "{otherwise.name}" stands in'
    return replace(found, notes=(note, *found.notes))


def key(files: Iterable[Path], keys: Mapping[str, Any], axis: Axis, module: str) -> str:
    """Digest all that a reading depends on: files by name and content, keys, axis, and the code of `module`, a path."""
    here = Path(__file__).parent
    readers = [
        *here.glob("_*.py"),
        *(here.parent / "data").glob("readers/*.py"),
        *(here.parent / "data").glob("checks/*.py"),
    ]
    readers += plugins.shipped("export", "spectra").glob("*.py")
    code = [Path(module), Path(spectra.__file__), *sorted(readers)]
    sources = [(path.name, storage.file_digest(path)) for path in files]  # a RRUFF file's name is its label
    return storage.digest(sources, dict(keys), axis.values(), *(path.read_bytes() for path in code))


def cached(key: str, read: Callable[[], Spectra]) -> Spectra:
    """Give what an earlier reading left under `key`, else read and keep it.

    A file that is damaged is read anew; a cache folder that cannot be used costs time only.
    """
    try:
        path = storage.home() / "spectra" / f"{key}.npz"
    except StorageError:
        return read()
    kept = _kept(path)
    if kept is not None:
        return kept
    found = read()
    with contextlib.suppress(OSError):  # not writable, or full: the spectra themselves are here
        storage.write(path, _packed(found))
    return found


def _kept(path: Path) -> Spectra | None:
    """Read a cache file; None where there is none, or where it is not whole."""
    try:
        held = unpacking.arrays(path)
        return Spectra(
            x=held["x"],
            axis=held["axis"],
            y=held["y"],
            labels=tuple(held["labels"].tolist()),
            group=held.get("group"),
            part=held.get("part"),
            laser=held.get("laser"),
            where=held.get("where"),
            technique=str(held["technique"]),
            intensity=str(held["intensity"]),
            source=str(held["source"]),
            notes=tuple(held["notes"].tolist()),
        )
    except (*unpacking.DAMAGED_ZIP, TypeError, AttributeError):
        return None


def _packed(found: Spectra) -> bytes:
    held: dict[str, Any] = {
        name: np.asarray(getattr(found, name)) for name in _ARRAYS if name not in ("labels", "notes")
    }
    held.update(labels=np.array(found.labels, dtype=np.str_), notes=np.array(found.notes, dtype=np.str_))
    held.update({name: getattr(found, name) for name in _OPTIONAL if getattr(found, name) is not None})
    packed = io.BytesIO()
    np.savez(packed, **held)
    return packed.getvalue()
