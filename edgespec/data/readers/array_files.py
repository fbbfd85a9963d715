"""Arrays by name from one file: numpy's .npz, MATLAB's .mat (v5 and v7.3) and HDF5; in groups and structures a name is a path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import unpacking
from edgespec.data.readers import apart, numpy_files
from edgespec.errors import Missing, Mistake, StorageError
from edgespec.plugins import did_you_mean

HDF5 = b"\x89HDF\r\n\x1a\n"
MATLAB = (".mat",)
OTHERS = (".mat", ".h5", ".hdf5", ".hdf", ".nxs")
ENDINGS = (".npz", *OTHERS)
EXTRA = 'pip install "edgespec[formats]"'
REFERENCES = "#refs#"  # where MATLAB v7.3 keeps what cells point to


def names(path: Path) -> list[str]:
    """List the arrays of a file. Raises Mistake where it is none, or damaged."""
    if path.suffix.lower() not in OTHERS:
        return numpy_files.names(path)
    _needed(path)
    found: list[str] = apart.run(partial(_names, path), path, path.name)
    return found


def _names(path: Path) -> list[str]:
    if _is_hdf5(path):
        with _hdf5(path) as file:
            return _below(file)
    return sorted(_fields({name: each for name, each in _matlab(path).items() if not name.startswith("__")}))


def member(path: Path, name: str) -> NDArray[Any]:
    """Read one array, as numpy would have it: (n, points), (n,); cells and lists of text as (n,) text.

    Raises Mistake where there is no such array, or it holds no numbers and no text.
    """
    if path.suffix.lower() not in OTHERS:
        return numpy_files.member(path, name)
    _needed(path)
    found: NDArray[Any] = apart.run(partial(_member, path, name), path, f"{path.name}!{name}")
    return found


def _member(path: Path, name: str) -> NDArray[Any]:
    with unpacking.foreign(path, f"{path.name}!{name}", "fetch or write it again"):
        return _read(path, name)


def _read(path: Path, name: str) -> NDArray[Any]:
    known = _names(path)
    if name.strip("/") not in known:
        raise Mistake(f"{path.name}: holds no array {name!r}", hint=did_you_mean(name, known))
    where = f"{path.name}!{name}"
    if _is_hdf5(path):
        with _hdf5(path) as file:
            return _plain(_read_hdf5(file, file[name.strip("/")]), where)
    return _plain(_field(_matlab(path), name.strip("/").split("/"), where), where)


def _needed(path: Path) -> None:
    """Load the library that reads a file before the copy of this process is made, so that each copy has it. Raises Missing without it."""
    if not path.is_file():
        raise Mistake(f"{path.name}: is not a file", hint="name the file itself")
    if not _is_hdf5(path):
        import scipy.io  # noqa: F401

        return
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise Missing(f"{path.name}: h5py is needed to read it, and is not installed", hint=EXTRA) from None


def _is_hdf5(path: Path) -> bool:
    """Look at the first bytes: a .mat of v7.3 is HDF5 behind MATLAB's own 512 bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(520)
    except OSError as problem:
        raise StorageError(f"{path} cannot be read: {problem.strerror}", hint="check its permissions") from problem
    found = start.startswith(HDF5) or start[512:].startswith(HDF5)
    if not found and path.suffix.lower() not in MATLAB:
        raise Mistake(f"{path.name}: is not an HDF5 file", hint="write it with h5py, or name its real format")
    return found


@contextmanager
def _hdf5(path: Path) -> Iterator[Any]:
    import h5py

    with unpacking.foreign(path, path.name, "fetch or write it again"), h5py.File(path, "r") as file:
        yield file


def _below(file: Any) -> list[str]:
    import h5py

    found: list[str] = []
    file.visititems(lambda name, each: found.append(name) if isinstance(each, h5py.Dataset) else None)
    return sorted(name for name in found if not name.startswith(REFERENCES))


def _read_hdf5(file: Any, held: Any) -> Any:
    """Read a data set; what MATLAB wrote lies transposed, text as numbers, and cells as references."""
    kind = held.attrs.get("MATLAB_class", b"")
    values = held[()]
    if not kind:
        return held.asstr()[()] if held.dtype.kind in "OS" and held.dtype.metadata else values
    if kind == b"char":
        return "".join(map(chr, np.ravel(values)))
    if kind == b"cell":
        return [_read_hdf5(file, file[reference]) for reference in np.ravel(values)]
    return np.asarray(values).T


def _matlab(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    with unpacking.foreign(path, path.name, "save it again from MATLAB"):
        found = dict(loadmat(path))
    if all(not name or name.startswith("__") for name in found):  # of zeros, scipy 1.14 makes one array without a name
        raise Mistake(f"{path.name}: holds no arrays", hint="save it again, as .mat with the spectra in it")
    return found


def _fields(held: dict[str, Any]) -> list[str]:
    """List arrays by name, those in structures by path: "data/x"."""
    found: list[str] = []
    for name, each in held.items():
        inside = getattr(each, "dtype", np.dtype(float)).names
        if inside is None:
            found.append(name)
        elif each.size:
            first = np.ravel(each)[0]
            found += [f"{name}/{below}" for below in _fields({key: first[key] for key in inside})]
    return found


def _field(held: Any, path: list[str], where: str) -> Any:
    """Take an array out of structures; of an array of structures the field of each: (n, points) where each holds a row."""
    found = held[path[0]]
    for i, key in enumerate(path[1:], start=1):
        if found.size != 1:
            parts = [np.squeeze(_field(each, path[i:], where)) for each in np.ravel(found)]
            shapes = {each.shape for each in parts}
            if len(shapes) > 1:
                raise Mistake(f"{where}: its rows have {len(shapes)} shapes", hint="rows of one length: (n, points)")
            return np.stack(parts)
        found = np.ravel(found)[0][key]
    return found


def _plain(values: Any, where: str) -> NDArray[Any]:
    """Bring what a file holds to numbers or text: vectors (1, n) and (n, 1) are (n,), cells of text (n,) text."""
    found = np.asarray(values) if not isinstance(values, list) else np.array([_text(each) for each in values])
    if found.dtype.kind == "O":
        found = np.array([_text(each) for each in np.ravel(found)])
    if found.dtype.kind == "S":
        found = np.char.decode(found, "utf-8", "replace")
    if found.dtype.kind not in "biufU":
        raise Mistake(f"{where}: {found.dtype} holds neither numbers nor text", hint="save plain arrays")
    if found.dtype.kind == "U":
        return np.char.strip(np.ravel(found))
    if found.ndim == 2 and 1 in found.shape:
        return np.ravel(found)
    return found


def _text(cell: Any) -> str:
    """Give the text in a cell, which MATLAB wraps in arrays."""
    while isinstance(cell, np.ndarray) and cell.size == 1:
        cell = cell.ravel()[0]
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return str(cell)
