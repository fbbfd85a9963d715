"""Answer so many times, part after part, and nothing else: the loop whose instructions valgrind counts."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np

from measure.bench import read_spectra
from model import find_runtime, open_model
from refusal import RefusalError

WARM_UP = 20  # answers before the first part: buffers are made, branches of the start are over
WARM_UP_S, LEAST_WARM_UP = 5.0, 3
SHARES = (
    1.0,
    0.5,
    0.2,
    0.1,
    0.05,
    0.025,
)  # of the calls asked for: a few fixed numbers, so that a count is the same the next time
PART_S = 5.0
READY, GO = "ready", "go"
WAIT_S = 300.0


def loop(request: dict[str, Any], name: str, calls: int, parts: int, wait: bool = False) -> dict[str, Any]:
    """Load a model and answer `calls` spectra, fewer of a slow model, in each of `parts` parts, one spectrum at a time.

    wait: after loading leave a file `ready` in this folder, and begin when there is a file `go`: whoever counts starts counting between them
    Each part begins and ends with a call of getppid, which nothing else here calls: callgrind writes down its count there
    (`--dump-before=getppid`), so a part holds what inference alone has done. Tells how many calls a part had.
    """
    found = [each for each in request["models"] if each["name"] == name]
    if not found:
        known = ", ".join(each["name"] for each in request["models"])
        raise RefusalError(2, f"the request has no model {name!r}", "there is: " + known)
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    rows = [x[i : i + 1] for i in range(len(x))]
    infer = open_model(find_runtime(request["runtime"]), found[0], request["threads"], x.shape[1]).infer
    if wait:
        _wait()
    calls = _few(calls, _warm(infer, rows))
    for _ in range(parts):
        os.getppid()
        for row in itertools.islice(itertools.cycle(rows), calls):
            infer(row)
    os.getppid()
    return {"calls": calls, "parts": parts}


def _wait() -> None:
    """Wait for the file `go`, busily: valgrind hears its debugger between two steps of a program, not in a call that sleeps."""
    Path(READY).touch()
    end = time.monotonic() + WAIT_S
    while not os.path.exists(GO):
        for _ in range(10000):
            pass
        if time.monotonic() > end:
            raise RefusalError(6, f"nobody left the file {GO!r} within {WAIT_S:.0f} s", "leave --wait out")


def _warm(infer: Callable[[Any], Any], rows: list[Any]) -> float:
    """Answer some spectra; give the seconds that the fastest took."""
    begun, fastest = time.monotonic(), float("inf")
    for number, row in enumerate(itertools.islice(itertools.cycle(rows), WARM_UP), start=1):
        before = time.monotonic()
        infer(row)
        now = time.monotonic()
        fastest = min(fastest, now - before)
        if number >= LEAST_WARM_UP and now - begun > WARM_UP_S:
            break
    return fastest


def _few(calls: int, seconds: float) -> int:
    """Give as many calls as take PART_S at most, one of a few shares of those asked for."""
    numbers = [max(int(calls * share), 1) for share in SHARES]
    return next((each for each in numbers if each * seconds <= PART_S), numbers[-1])
