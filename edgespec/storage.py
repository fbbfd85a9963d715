"""Files that are whole or absent, one process at a time, and digests that say what a file holds."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from edgespec.errors import StorageError

DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError)
"""What a damaged zip raises when it is opened or read, whatever method its bytes claim: also .npz and .xlsx are zips."""

LOCKLESS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


def write(path: Path, content: bytes | str) -> Path:
    """Write a file so that it appears under its name only when it is whole and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def write_json(path: Path, content: Any) -> Path:
    """Write JSON, indented, keys in the order given; NaN is refused."""
    return write(path, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Lend a folder to fill; it takes its final name (and replaces what was there) only when the block ends well."""
    part, old = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.old")
    for left in (part, old):
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    if path.exists():
        os.replace(path, old)  # moved first: whoever is killed while deleting must not leave half of it under its name
    os.replace(part, path)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a run folder; a second process is told who has it, or waits until it is free.

    Raises StorageError (exit 8) where another process holds it and nobody waits, or where the file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+") as file:
        try:
            _flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StorageError(
                f"{folder} is in use by another edgespec process (pid {holder})",
                hint="wait for it to end, or give this run another folder with --out",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process of this machine holds the file, then hold it; one that dies gives its turn back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        _flock(file, fcntl.LOCK_EX)
        yield


def _flock(file: IO[str], how: int) -> None:
    """Lock an open file; without locks two processes would spoil each other's work, so a file system that has none is refused."""
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        raise
    except OSError as problem:
        if problem.errno not in LOCKLESS:
            raise
        place = Path(file.name).parent
        raise StorageError(
            f"{place}: this file system has no locks ({problem.strerror}), so nothing keeps a second process out",
            hint="a folder on a local disk (--out); a network share has to be mounted with locks",
        ) from None


def digest(*parts: Any) -> str:
    """Digest bytes, text, arrays or JSON-able values: the same content gives the same 16 hexadecimal digits."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, bytes):
            raw = part
        elif hasattr(part, "tobytes"):
            raw = f"{part.dtype.str}{part.shape}".encode() + part.tobytes()
        else:
            raw = json.dumps(part, sort_keys=True, default=str).encode()
        total.update(len(raw).to_bytes(8, "little"))
        total.update(raw)
    return total.hexdigest()[:16]


def file_digest(path: Path) -> str:
    """Give the SHA-256 of a file, in full."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def home() -> Path:
    """Give the cache folder: `EDGESPEC_HOME`, else `~/.cache/edgespec`."""
    return Path(os.environ.get("EDGESPEC_HOME") or Path.home() / ".cache" / "edgespec")
