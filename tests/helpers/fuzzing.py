"""Feed hostile bytes to one reader, with limits: what is no error of the house, takes more than 5 s or 4 GiB is a finding."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import device_runner
import mutations
import numpy as np

from edgespec import device_program
from edgespec.errors import EdgespecError

FOLDER = Path(__file__).parents[1] / "attacks"
CORPUS = FOLDER / "corpus"
SECONDS, MEMORY = 5.0, 4 * 2**30


class HangError(BaseException):
    """A case took too long; no library catches it, as it would an Exception."""


class Finding(NamedTuple):
    """What was wrong: where it came from, such as "ValueError at edgespec/units.py:124", and the traceback."""

    place: str
    told: str


def names() -> list[str]:
    """List the harnesses."""
    return sorted(path.stem.removeprefix("harness_") for path in FOLDER.glob("harness_*.py"))


@cache
def harness(name: str) -> ModuleType:
    """Load a harness: READER, KIND, `seeds()`, `feed(raw)`."""
    spec = importlib.util.spec_from_file_location(f"harness_{name}", FOLDER / f"harness_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@cache
def seeds(name: str) -> list[bytes]:
    """Give the valid files that a harness begins with."""
    found: list[bytes] = harness(name).seeds()
    return found


@cache
def scratch() -> Path:
    """Give a folder of this process for the files that readers want to open by path; in memory where the system has such a place."""
    fast = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="edgespec-fuzz-", dir=fast))
    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def written(name: str, raw: bytes) -> Path:
    """Write a case to a file of this process and give its path."""
    path = scratch() / name
    path.write_bytes(raw)
    return path


def made(make: Callable[[Path], Any], name: str = "seed") -> bytes:
    """Give the bytes of a file that `make` writes under a path."""
    path = scratch() / name
    make(path)
    return path.read_bytes()


def cases(name: str, seed: int) -> Iterator[bytes]:
    """Give hostile files for a harness, without end; the same seed gives the same ones."""
    rng, known = random.Random(f"{name} {seed}"), seeds(name)
    kind = getattr(harness(name), "KIND", "bytes")
    while True:
        yield mutations.hostile(rng.choice(known), rng, kind, known)


def finding(name: str, raw: bytes) -> Finding | None:
    """Feed one case; None where the reader took it or refused it as the house does."""
    refusal = device_program.module("refusal").RefusalError
    feed, began = harness(name).feed, time.process_time()
    try:
        with _limits(), _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            feed(raw)
    except (EdgespecError, refusal, device_runner.module("refusal").RefusalError) as problem:
        if not str(problem).strip():
            return Finding("an error without words", repr(problem))
    except HangError:
        return Finding("hangs", traceback.format_exc())
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # noqa: BLE001  (whatever it is, it is what is looked for)
        return Finding(f"{type(problem).__name__} at {_place(problem)}", traceback.format_exc())
    took = time.process_time() - began
    return Finding("takes too long", f"{took:.1f} s") if took > SECONDS else None


def smallest(name: str, raw: bytes, place: str, tries: int = 300) -> bytes:
    """Cut away what a finding does not need."""
    size = max(len(raw) // 2, 1)
    while size >= 1 and tries > 0:
        at, shorter = 0, False
        while at < len(raw) and tries > 0:
            tries -= 1
            cut = raw[:at] + raw[at + size :]
            found = finding(name, cut)
            if found is not None and found.place == place:
                raw, shorter = cut, True
            else:
                at += size
        size = size if shorter and size > 1 else size // 2
    return raw


def corpus(name: str) -> list[Path]:
    """List what was found for a harness before."""
    return sorted((CORPUS / name).glob("*")) if (CORPUS / name).is_dir() else []


def _place(problem: BaseException) -> str:
    """Name the last line of ours that an exception came through."""
    here = str(FOLDER.parents[1])
    frames = traceback.extract_tb(problem.__traceback__)
    ours = [
        each
        for each in frames
        if each.filename.startswith(here) and "/tests/" not in each.filename and "/.venv/" not in each.filename
    ]
    last = ours[-1] if ours else frames[-1]
    return f"{last.filename.removeprefix(here).lstrip('/')}:{last.lineno}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Interrupt a case after SECONDS of processor time, and refuse it more than MEMORY beyond what the process has."""

    def late(number: int, frame: FrameType | None) -> None:
        raise HangError

    before = signal.signal(signal.SIGPROF, late)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, hard))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def spectra(raw: bytes, name: str) -> None:
    """Read a file of spectra and check each one, as `predict` does."""
    wanted = device_program.module("spectra.axes").Wanted()
    window = np.linspace(150, 1172, 32)
    contract = device_program.module("contract").Contract(window, window, ["a", "b"], 0.0, None, "", {})
    for track in device_program.module("spectra.files").read(str(written(name, raw)), wanted):
        device_program.module("spectra.checks").ready(track, contract, wanted)
