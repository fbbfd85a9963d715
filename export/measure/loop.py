"""Answer so many times, part after part, and nothing else: the loop whose instructions valgrind counts."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np

from measure.bench import read_spectra
from model import find_runtime, open_model
from refusal import RefusalError

WARM_UP = 20  # answers before the first part: buffers are made, branches of the start are over


def loop(request: dict[str, Any], name: str, calls: int, parts: int) -> dict[str, Any]:
    """Load a model and answer `calls` spectra in each of `parts` parts, one spectrum at a time.

    Each part begins and ends with a call of getppid, which nothing else here calls: callgrind writes down its count there
    (`--dump-before=getppid`), so a part holds what inference alone has done.
    """
    found = [each for each in request["models"] if each["name"] == name]
    if not found:
        known = ", ".join(each["name"] for each in request["models"])
        raise RefusalError(2, f"the request has no model {name!r}", "there is: " + known)
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    rows = [x[i : i + 1] for i in range(len(x))]
    infer = open_model(find_runtime(request["runtime"]), found[0], request["threads"], x.shape[1]).infer
    for row in itertools.islice(itertools.cycle(rows), WARM_UP):
        infer(row)
    for _ in range(parts):
        os.getppid()
        for row in itertools.islice(itertools.cycle(rows), calls):
            infer(row)
    os.getppid()
    return {"calls": calls, "parts": parts}
