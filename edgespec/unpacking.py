"""Strangers' bytes unpacked: JSON, arrays and zips, each with a limit, each with one kind of error."""

from __future__ import annotations

import errno
import json
import lzma
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from edgespec.errors import EdgespecError, Mistake, StorageError

DAMAGED_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError, KeyError, IndexError,
    struct.error, OverflowError, MemoryError, tokenize.TokenError, SyntaxError,
)  # fmt: skip
"""What a damaged zip, or a damaged array in it, raises when it is opened or read, whatever its bytes claim: also .npz and .xlsx are zips."""
LARGEST_UNPACKED, LEAST_UNPACKED, RATIO = 4_000_000_000, 256_000_000, 100
"""Bytes to which all members of one zip may unpack: so many times its own size, but not less than the second and not more than the first."""
LAST_LETTER = 0x10FFFF
MOST_MEMBERS = 100_000
OF_DISK = {
    errno.EIO,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ESTALE,
    errno.ENOSPC,
    errno.EMFILE,
}


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that may come from a stranger. Raises ValueError where it is none, nested too deeply, or holds NaN or infinity."""
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@contextmanager
def foreign(path: Path, where: str, hint: str) -> Iterator[None]:
    """Run a library on a stranger's file. Whatever the library raises becomes a Mistake; StorageError where the disk is at fault."""
    try:
        yield
    except EdgespecError:
        raise
    except MemoryError:
        raise Mistake(f"{where}: needs more memory than there is", hint="a smaller file") from None
    except Exception as problem:  # another's code on a stranger's bytes may raise anything
        if isinstance(problem, OSError) and problem.errno in OF_DISK:
            told = f"{path} cannot be read: {problem.strerror}"
            raise StorageError(told, hint="check its permissions and its disk") from None
        said = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise Mistake(f"{where}: not a whole file ({said})", hint) from problem


def check_zip(archive: zipfile.ZipFile, size: int) -> None:
    """Raise BadZipFile where a zip of `size` bytes claims more members, or more bytes, than any honest one unpacks to, or a member has no name."""
    members = archive.infolist()
    if not all(each.filename for each in members):
        raise zipfile.BadZipFile("one of its members has no name")
    most = min(LARGEST_UNPACKED, max(LEAST_UNPACKED, RATIO * size))
    total = sum(each.file_size for each in members)
    if len(members) > MOST_MEMBERS or total > most:
        claimed = f"{len(members)} members of {total / 1e6:.0f} MB in all"
        raise zipfile.BadZipFile(
            f"it claims {claimed}: more than {MOST_MEMBERS} or {most / 1e6:.0f} MB is not a data set"
        )


def array(file: IO[bytes], size: int) -> Any:
    """Read an array of numpy's format from a stream of `size` bytes.

    Raises ValueError where its header is damaged, tells of another size than there is, or of Python objects (a pickle).
    """
    import numpy as np

    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its format is of version {version[0]}.{version[1]}")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, in_columns, kind = read_header(file)
    if kind.hasobject:
        raise ValueError("Object arrays cannot be loaded")
    count = math.prod(shape)
    held = size - file.tell()
    if min(shape, default=0) < 0 or count * kind.itemsize != held:
        raise ValueError(f"its header tells of {count * kind.itemsize} bytes, and there are {held}")
    flat = np.frombuffer(bytearray(file.read(held)), dtype=kind, count=count)
    if kind.kind == "U" and count and flat.view(np.uint32).max(initial=0) > LAST_LETTER:
        raise ValueError("its text holds numbers that are no letters")
    return flat.reshape(shape, order="F" if in_columns else "C")


def arrays(path: Path, only: str | None = None) -> dict[str, Any]:
    """Read the arrays of an .npz file by name, or one of them. Raises what DAMAGED_ZIP lists, KeyError where it has no such array."""
    with open(path, "rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        if raw.read(2) != b"PK":
            raise ValueError("not an .npz file")
        with zipfile.ZipFile(raw) as archive:
            check_zip(archive, size)
            known = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = known if only is None else {only: known[only]}
            found = {}
            for name, info in wanted.items():
                with archive.open(info) as file:
                    found[name] = array(file, info.file_size)
            return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number that JSON knows")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number
