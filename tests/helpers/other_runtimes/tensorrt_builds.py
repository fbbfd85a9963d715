"""Parse and build each ONNX file of a folder by TensorRT-RTX, without a GPU: one line of JSON a file, what it complains of.

The warning that uint8 is taken for int8 counts as a complaint: such an engine answers wrongly.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tensorrt_rtx as trt


class Log(trt.ILogger):
    """Keeps what is an error."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.kept: list[str] = []

    def log(self, severity: Any, message: str) -> None:
        bad = severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)
        if (bad or "UINT8" in message) and "cudaError 35" not in message and "error: 35" not in message:
            self.kept.append(message)  # 35: there is no driver, which building does not need


def complaints(path: Path) -> list[str]:
    """Build an engine for one to 65 spectra and throw it away."""
    log = Log()
    builder = trt.Builder(log)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(path)):
        return log.kept + [parser.get_error(i).desc() for i in range(parser.num_errors)]
    points = network.get_input(0).shape[1]
    settings, profile = builder.create_builder_config(), builder.create_optimization_profile()
    profile.set_shape(network.get_input(0).name, (1, points), (1, points), (65, points))
    settings.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, settings)
    return log.kept + ([] if engine else ["no engine came out"])


for each in sorted(Path(sys.argv[1]).glob("*.onnx")):
    print(json.dumps({"name": each.stem, "complaints": complaints(each)}), flush=True)
