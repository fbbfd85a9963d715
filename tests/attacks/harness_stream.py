"""Spectra on standard input, one a line, as `edgespec predict - --stream` reads them."""

from __future__ import annotations

import io
import json

import numpy as np
from spectrum_files import peaks

from edgespec.device_program import module

READER = "export/spectra/lines.tracks"
KIND = "json"
AXIS = np.linspace(150, 1172, 40)


def seeds() -> list[bytes]:
    x = peaks(AXIS).tolist()
    line = {"x": x, "axis": AXIS.tolist(), "unit": "cm-1", "laser": 785, "name": "tablet 7"}
    numbers = "\n".join(",".join(map(str, each)) for each in (AXIS.tolist(), x, x))
    return [json.dumps(line).encode(), numbers.encode(), ("nm," + numbers).encode()]


def feed(raw: bytes) -> None:
    refusal = module("refusal").RefusalError
    wanted = module("spectra.axes").Wanted()
    contract = module("contract").Contract(AXIS, AXIS, ["a", "b"], 0.0, None, "", {})
    for _, found in module("spectra.lines").tracks(io.BytesIO(raw), AXIS):
        try:
            if not isinstance(found, refusal):
                module("spectra.checks").ready(found, contract, wanted)
        except refusal:
            continue
