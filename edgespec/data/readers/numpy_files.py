"""Arrays from .npy and .npz files, told by name what is wrong with them; pickles are never loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import storage
from edgespec.errors import Mistake, StorageError
from edgespec.plugins import did_you_mean

_STARTS = {".npy": b"\x93NUMPY", ".npz": b"PK"}
_WRITERS = {".npy": "np.save", ".npz": "np.savez"}


def names(path: Path) -> list[str]:
    """List the arrays of an .npz file."""
    with _opened(path, ".npz", path.name) as file:
        return sorted(file.files)


def member(path: Path, name: str) -> NDArray[Any]:
    """Read one array of an .npz file."""
    known = names(path)
    if name not in known:
        raise Mistake(f"{path.name}: holds no array {name!r}", hint=did_you_mean(name, known))
    with _opened(path, ".npz", f"{path.name}!{name}") as file:
        array: NDArray[Any] = file[name]
        return array


def whole(path: Path) -> NDArray[Any]:
    """Read an .npy file."""
    with _opened(path, ".npy", path.name) as array:
        found: NDArray[Any] = array
        return found


@contextmanager
def _opened(path: Path, ending: str, where: str) -> Iterator[Any]:
    """Lend what numpy makes of a file, after a look at its first bytes: numpy takes any unknown file for a pickle."""
    try:
        with open(path, "rb") as file:
            start = file.read(6)
            file.seek(0)
            if not start.startswith(_STARTS[ending]):
                raise _other(path, ending, start)
            yield np.load(file, allow_pickle=False)
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise _damaged(where, error) from error
        hint = "save plain numbers or text: np.save(file, np.array(values, dtype=float))"
        raise Mistake(f"{where}: holds Python objects (a pickle), which are never loaded", hint) from error
    except (PermissionError, IsADirectoryError) as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error
    except (*storage.DAMAGED_ZIP, MemoryError) as error:
        raise _damaged(where, error) from error


def _other(path: Path, ending: str, start: bytes) -> Mistake:
    inside = start.startswith(_STARTS[".npz"])
    hint = "`npz: <file>` reads the arrays inside it" if inside else f"write it with {_WRITERS[ending]}(file, ...)"
    return Mistake(f"{path.name}: is not a numpy {ending} file", hint)


def _damaged(where: str, error: Exception) -> Mistake:
    return Mistake(f"{where}: not a whole file ({error})", hint="fetch or write it again")
