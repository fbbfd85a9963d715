"""Arrays from .npy and .npz files, told by name what is wrong with them; pickles are never loaded."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from edgespec import unpacking
from edgespec.errors import Mistake, StorageError
from edgespec.plugins import did_you_mean

_STARTS = {".npy": b"\x93NUMPY", ".npz": b"PK"}
_WRITERS = {".npy": "np.save", ".npz": "np.savez"}


def names(path: Path) -> list[str]:
    """List the arrays of an .npz file."""
    with _opened(path, ".npz", path.name) as file, zipfile.ZipFile(file) as archive:
        unpacking.check_zip(archive, os.fstat(file.fileno()).st_size)
        return sorted(name.removesuffix(".npy") for name in archive.namelist())


def member(path: Path, name: str) -> NDArray[Any]:
    """Read one array of an .npz file."""
    known = names(path)
    if name not in known:
        raise Mistake(f"{path.name}: holds no array {name!r}", hint=did_you_mean(name, known))
    with _opened(path, ".npz", f"{path.name}!{name}"):
        found: NDArray[Any] = unpacking.arrays(path, name)[name]
        return found


def whole(path: Path) -> NDArray[Any]:
    """Read an .npy file."""
    with _opened(path, ".npy", path.name) as file:
        found: NDArray[Any] = unpacking.array(file, os.fstat(file.fileno()).st_size)
        return found


@contextmanager
def _opened(path: Path, ending: str, where: str) -> Iterator[IO[bytes]]:
    """Lend a file after a look at its first bytes, and word what is wrong with it."""
    if not path.is_file() and path.exists():
        raise StorageError(f"{path} cannot be read: it is not a file", hint="name the file itself")
    with unpacking.foreign(path, where, "fetch or write it again"), open(path, "rb") as file:
        start = file.read(6)
        file.seek(0)
        if not start.startswith(_STARTS[ending]):
            raise _other(path, ending, start)
        try:
            yield file
        except ValueError as error:
            if "Object arrays" not in str(error):
                raise
            hint = "save plain numbers or text: np.save(file, np.array(values, dtype=float))"
            raise Mistake(f"{where}: holds Python objects (a pickle), which are never loaded", hint) from error


def _other(path: Path, ending: str, start: bytes) -> Mistake:
    inside = start.startswith(_STARTS[".npz"])
    hint = "`npz: <file>` reads the arrays inside it" if inside else f"write it with {_WRITERS[ending]}(file, ...)"
    return Mistake(f"{path.name}: is not a numpy {ending} file", hint)
