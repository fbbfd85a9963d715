"""Libraries of the field that read a vendor's files: asked for where such a file comes, and kept from stopping the program."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from refusal import RefusalError

EXTRA = 'pip install "edgespec[formats]"'
SHOWN = 120  # characters of a library's own words


def needed(name: str, where: str, part: str = "") -> ModuleType:
    """Import a library, or a part of it. Raises RefusalError with code 3 where the library is not installed, or does not load."""
    try:
        whole = importlib.import_module(name)
        return importlib.import_module(f"{name}.{part}") if part else whole
    except ModuleNotFoundError as error:
        if error.name != name:
            raise _broken(name, where, error) from error
        raise RefusalError(3, f"{where}: {name} is needed to read it, and is not installed", EXTRA) from None
    except ImportError as error:
        raise _broken(name, where, error) from error


@contextlib.contextmanager
def guarded(name: str, where: str) -> Iterator[None]:
    """Run a library on a file whose sizes are checked already.

    What the library prints is not shown, for standard output is the answers'. Whatever it raises becomes a RefusalError.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except RefusalError:
        raise
    except Exception as error:  # noqa: BLE001  (another's code on a stranger's bytes may raise anything)
        said = f"{type(error).__name__}: {error}"[:SHOWN].replace("\n", " ")
        told = f"{where}: {name} cannot read it ({said}): it is damaged, or of a kind that {name} does not know"
        raise RefusalError(2, told, "export the spectrum as text, JCAMP-DX or SPC") from None


@contextlib.contextmanager
def as_file(parts: Sequence[Any], where: str) -> Iterator[str]:
    """Give the path of a temporary file for a library that opens files by path; it is removed at the end.

    parts: bytes, or views of bytes, which are written one behind the other
    """
    try:
        handle, path = tempfile.mkstemp(prefix="edgespec-")
    except OSError as error:
        raise _no_room(where, error) from error
    try:
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(parts)
        except OSError as error:
            raise _no_room(where, error) from error
        yield path
    finally:
        os.unlink(path)


def _broken(name: str, where: str, error: ImportError) -> RefusalError:
    told = f"{where}: {name} is needed to read it; it is installed, and does not load: {error}"
    return RefusalError(3, told, EXTRA)


def _no_room(where: str, error: OSError) -> RefusalError:
    told = f"{where}: a temporary copy of it cannot be written: {error.strerror or error}"
    return RefusalError(2, told, "make room, or set TMPDIR to a folder that can be written")
