"""Files that are whole or absent, one process at a time, and digests that say what a file holds."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgespec.errors import StorageError

LOCKLESS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
EVERY_S = 0.05  # how often a lock that another process holds is asked for again
BUSY_S = 2.0 if os.name == "nt" else 0.0
PLAIN_ONLY = getattr(os, "O_NOFOLLOW", 0) | getattr(
    os, "O_NONBLOCK", 0
)  # Windows has neither, and no named pipes in folders


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
        replace(Path(name), path)
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
    try:
        yield part
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    if path.exists():
        replace(path, old)  # moved first: whoever is killed while deleting must not leave half of it under its name
    replace(part, path)
    shutil.rmtree(old, ignore_errors=True)


def replace(source: Path, target: Path) -> None:
    """Move a file or folder to its final name.

    Windows refuses that while any program has the file open: a virus scanner, for a moment, or a spreadsheet. It is tried again for
    BUSY_S. Raises StorageError where the file stays open.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            os.replace(source, target)
        except PermissionError:
            if not BUSY_S:
                raise
            if time.monotonic() > until:
                what = f"{target} cannot be replaced: another program has it open, or it may not be written"
                raise StorageError(what, hint="close it there, then run the same command again") from None
            time.sleep(EVERY_S)
        else:
            return


def log(path: Path, text: str) -> None:
    """Add a line with the time to a log. Raises StorageError where the file is a link, also a hard one, or no plain file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(_plain_file(path, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_nlink > 1:
            raise StorageError(f"{path} has a second name elsewhere: its lines would go there too", hint="delete it")
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")


@contextmanager
def lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a run folder; a second process is told who has it, or waits until it is free.

    The holder's process id is in `.lock.pid`: Windows lets nobody read a locked file, and a file that `.lock` is a hard link of must not be
    written. Raises StorageError (exit 8) where another process holds the folder and nobody waits, where the file system has no locks, or
    where `.lock` is no plain file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / ".lock.pid"
    with _held(folder / ".lock") as take:
        if not take(wait):
            raise StorageError(
                f"{folder} is in use by another edgespec process (pid {_holder(told)})",
                hint="wait for it to end, or give this run another folder with --out",
            )
        write(told, str(os.getpid()))
        try:
            yield
        finally:
            told.unlink(missing_ok=True)


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process of this machine holds the file, then hold it; a process that dies gives its turn back.

    Raises StorageError (exit 8) where the file system has no locks, or where `path` is no plain file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _held(path) as take:
        take(True)
        yield


@contextmanager
def _held(path: Path) -> Iterator[Callable[[bool], bool]]:
    """Lend what takes the lock of a file (True: wait for it) and says whether it was taken; the lock ends with the block."""
    import portalocker  # 50 ms, which `edgespec --help` need not wait for

    file = _plain_file(path, os.O_RDWR)  # nothing in it is read or changed

    def take(wait: bool) -> bool:
        while True:
            try:
                portalocker.lock(file, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
                return True
            except portalocker.AlreadyLocked:
                if not wait:
                    return False
                time.sleep(EVERY_S)
            except portalocker.LockException as problem:
                raise _lockless(path, problem.__cause__ or problem) from None

    try:
        yield take
    finally:
        os.close(file)


def _plain_file(path: Path, how: int) -> int:
    """Open or make a file of our own, not through a link, and no pipe or device. Raises StorageError where it is one.

    A run folder that somebody sent may hold a link to any file of whoever opens it.
    """
    if _is_plain(path, absent=True):
        try:
            file = os.open(path, how | os.O_CREAT | PLAIN_ONLY, 0o644)
        except OSError as problem:
            if problem.errno != errno.ELOOP:
                raise
        else:
            if _is_plain(path) and os.path.samestat(
                os.lstat(path), os.fstat(file)
            ):  # nobody has put a link there meanwhile
                return file
            os.close(file)
    raise StorageError(
        f"{path} is not a plain file but a link, a folder or a pipe",
        hint=f"edgespec did not make it: look where it leads, then delete {path.name}",
    )


def _is_plain(path: Path, *, absent: bool = False) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except FileNotFoundError:
        return absent


def _holder(told: Path) -> str:
    """Give the process id that a lock's holder has left, "unknown" where the file holds anything else."""
    try:
        said = told.read_bytes()[:20] if _is_plain(told) and told.stat().st_size <= 20 else b""
    except OSError:  # the holder has just ended
        said = b""
    return said.decode() if said.isdigit() else "unknown"


def _lockless(path: Path, problem: BaseException) -> BaseException:
    """Word that a file system has no locks: without them two processes would spoil each other's work."""
    if not isinstance(problem, OSError) or problem.errno not in LOCKLESS:
        return problem
    return StorageError(
        f"{path.parent}: this file system has no locks ({problem.strerror}), so nothing keeps a second process out",
        hint="a folder on a local disk (--out); a network share has to be mounted with locks",
    )


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
    """Give the cache folder: `EDGESPEC_HOME`, else `~/.cache/edgespec`.

    What lies there is used as edgespec left it: spectra that were read, programs that an emulator runs. So raises StorageError where anybody may
    write there, or where the folder is another user's; also where this user has no home folder.
    """
    named = os.environ.get("EDGESPEC_HOME")
    place = Path(named) if named else user_home() / ".cache" / "edgespec"
    if why := _others_may_write(place):
        hint = f"chmod o-w {place}; or EDGESPEC_HOME=FOLDER names one of your own"
        raise StorageError(f"{place} is not used as a cache: {why}", hint)
    return place


def user_home() -> Path:
    """Give the user's home folder. Raises StorageError where the system knows none."""
    try:
        return Path.home()
    except RuntimeError:
        raise StorageError("this user has no home folder", hint="EDGESPEC_HOME=FOLDER names one for caches") from None


def _others_may_write(place: Path) -> str:
    if not hasattr(os, "getuid"):  # Windows: a user's profile is the user's own
        return ""
    try:
        found, me = place.stat(), os.getuid()
    except OSError:
        return ""
    if found.st_mode & stat.S_IWOTH:
        return "every user of this machine may write there"
    return "" if me in (0, found.st_uid) or found.st_uid == 0 else f"it belongs to another user (uid {found.st_uid})"
