"""Answer so many times and nothing else: the loop whose instructions valgrind counts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from measure.bench import read_spectra
from model import find_runtime, open_model
from refusal import RefusalError


def loop(request: dict[str, Any], name: str, calls: int) -> dict[str, Any]:
    """Load a model and answer `calls` spectra, one at a time: what two lengths of this loop differ in, inference alone has done."""
    found = [each for each in request["models"] if each["name"] == name]
    if not found:
        known = ", ".join(each["name"] for each in request["models"])
        raise RefusalError(2, f"the request has no model {name!r}", "there is: " + known)
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    rows = [x[i : i + 1] for i in range(len(x))]
    infer = open_model(find_runtime(request["runtime"]), found[0], request["threads"], x.shape[1]).infer
    infer(rows[0])
    for row in itertools.islice(itertools.cycle(rows), calls):
        infer(row)
    return {"calls": calls}
