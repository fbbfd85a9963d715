"""Damaged copies of a file: cut, with bytes flipped, with numbers that are too large or negative, with a part twice or left out."""

from __future__ import annotations

import signal
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from device_reader import contract
from device_runner import module

EXTREMES = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\0\0\0\0",
    b"\xf8\xff\xff\xff",
    b"\xfc\xff",
    b"\0\0\xc0\x7f",
]
LONG_S = 60  # no file here takes a tenth of a second; one that takes a minute hangs


class HangError(BaseException):
    """A file is not answered; no library catches it, as it would an Exception."""


def copies(raw: bytes, count: int, seed: int = 0, head: int = 2048) -> Iterator[bytes]:
    """Give `count` damaged copies; every second one is damaged in its first `head` bytes, where the sizes stand."""
    random = np.random.default_rng(seed)
    for k in range(count):
        hurt = bytearray(raw)
        for _ in range(int(random.integers(1, 4))):
            at = int(random.integers(0, min(len(hurt), head) if k % 2 else len(hurt)))
            kind = int(random.integers(0, 5))
            if kind == 0:
                hurt[at] = int(random.integers(0, 256))
            elif kind == 1:
                extreme = EXTREMES[int(random.integers(0, len(EXTREMES)))]
                at -= at % 4
                hurt[at : at + len(extreme)] = extreme
            elif kind == 2:
                hurt = hurt[: max(at, 5)]
            elif kind == 3:
                hurt[at:at] = hurt[at : at + int(random.integers(1, 64))]
            else:
                del hurt[at : at + int(random.integers(1, 64))]
        yield bytes(hurt)


def read_all(
    raw: bytes, path: Path, count: int, seed: int = 0, head: int = 2048
) -> tuple[int, list[tuple[int, str, str]]]:
    """Read every damaged copy as `predict` does; give how many spectra were ready, and code, error and hint of the others.

    Whatever is raised that is no refusal goes on to the test, a file that is not answered within a minute too.
    """
    files, checks, wanted = module("spectra.files"), module("spectra.checks"), module("spectra.axes").Wanted()
    refusal = module("refusal").RefusalError
    ready = 0
    told: list[tuple[int, str, str]] = []
    for hurt in copies(raw, count, seed, head):
        path.write_bytes(hurt)
        with _limit():
            try:
                for track in files.read(str(path), wanted):
                    checks.ready(track, contract(technique="", min_coverage=0.0), wanted)
                    ready += 1
            except refusal as error:
                told.append((error.code, error.answer["error"], error.answer["hint"]))
    return ready, told


@contextmanager
def _limit() -> Iterator[None]:
    def late(number: int, frame: types.FrameType | None) -> None:
        raise HangError("it hangs")

    if not hasattr(signal, "SIGALRM"):  # Windows: a hang is the job's, not told apart
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
