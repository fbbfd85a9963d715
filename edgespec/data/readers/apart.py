"""A library of others reads a stranger's file in a process of its own: a damaged file may crash such a library, or make it loop.

The process is a copy of this one (`fork`), so that a file takes milliseconds more; on Windows, which has no such copies, the library
runs here. What comes back is JSON or an array, never a pickle: the copy has read what a stranger wrote.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import select
import signal
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from edgespec import errors, unpacking
from edgespec.errors import EdgespecError, Mistake

SECONDS, BYTES_A_SECOND = 60.0, 2_000_000  # so long for any file, and so much more for each byte of it
MEMORY, TIMES = 4 * 2**30, 20  # bytes beyond those of this process, and so many times the file's size more
HINT = "fetch or write the file again; export it as .npz or .csv"
TOLD = {each.__name__: each for each in (errors.Mistake, errors.Missing, errors.StorageError)}


def run(read: Callable[[], Any], path: Path, where: str) -> Any:
    """Give what `read` gives: plain values as JSON holds them, or an array without Python objects.

    Raises what `read` raises of the house's errors; Mistake where the library crashes, takes too long or too much memory.
    """
    if not hasattr(os, "fork"):
        return read()
    size = path.stat().st_size if path.is_file() else 0
    with tempfile.TemporaryFile() as kept:
        ready, done = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the copy only reads, and ends
            child = os.fork()
        if child == 0:
            os.close(ready)
            _be_the_copy(read, kept, size)
        os.close(done)
        try:
            late = not _ended(ready, SECONDS + size / BYTES_A_SECOND)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        finally:
            os.close(ready)
        if late:
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if late:
            raise Mistake(f"{where}: takes longer than {SECONDS + size / BYTES_A_SECOND:.0f} s to read", HINT)
        if code != 0:
            raise Mistake(f"{where}: not a whole file (the library that reads it crashed on it)", HINT)
        return _brought(kept, where)


def _ended(ready: int, seconds: float) -> bool:
    """Wait until the copy has ended: its end of the pipe closes with it."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([ready], [], [], left)[0]:
            return True
    return False


def _brought(kept: IO[bytes], where: str) -> Any:
    kept.seek(0)
    try:
        head = unpacking.parse_json(kept.readline())
        if "error" in head:
            raise TOLD[head["error"]](str(head["message"]), hint=str(head["hint"]))
        if "plain" in head:
            return head["plain"]
        raw = kept.read()
        return unpacking.array(io.BytesIO(raw), len(raw))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Mistake(f"{where}: not a whole file ({problem})", HINT) from problem


def _be_the_copy(read: Callable[[], Any], kept: IO[bytes], size: int) -> NoReturn:
    """Read, leave what came of it in the file, and end without anything that this process would do at its end."""
    code = 1
    try:
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a library's last words are not the user's
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _limit(size)
        head, found = _answer(read)
        kept.write(json.dumps(head).encode() + b"\n")
        if found is not None:
            np.save(kept, found, allow_pickle=False)
        kept.flush()
        code = 0
    finally:
        os._exit(code)


def _answer(read: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    try:
        found = read()
        return ({"array": True}, found) if isinstance(found, np.ndarray) else ({"plain": found}, None)
    except EdgespecError as problem:
        kind = next(name for name, each in TOLD.items() if isinstance(problem, each))
        return {"error": kind, "message": problem.message, "hint": problem.hint}, None


def _limit(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):  # not Linux, or a smaller limit holds already
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + MEMORY + TIMES * size
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard == resource.RLIM_INFINITY or hard >= most:
            resource.setrlimit(resource.RLIMIT_AS, (most, hard))
