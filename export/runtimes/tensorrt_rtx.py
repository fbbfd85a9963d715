"""TensorRT-RTX as a checker: it parses and builds what TensorRT would, without a GPU; what it builds is thrown away.

The one warning that counts as an error: TensorRT takes uint8 for int8 and clips at 127, so such an engine would answer wrongly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorrt_rtx as trt

ANSWERS = False
BATCHES = (1, 1, 128)
HARMLESS = (
    "cudaError 35",
    "error: 35",
    "CUDA initialization failure",
    "GPU memory",
)  # there is no driver; building needs none


def version() -> str:
    """Give the runtime's version."""
    return str(trt.__version__)


class _Log(trt.ILogger):  # type: ignore[misc]
    """Keeps errors and warnings."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.kept: list[str] = []

    def log(self, severity: Any, message: str) -> None:
        """Hear what the parser and the builder say."""
        loud = (trt.ILogger.Severity.WARNING, trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)
        if severity in loud and not any(each in message for each in HARMLESS):
            self.kept.append(message)


def prepare(onnx: str, folder: str, precision: str) -> str:
    """Parse the file and build an engine for one to 128 spectra.

    Raises ValueError with what it complains of, warnings too.
    """
    log = _Log()
    builder = trt.Builder(log)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(onnx):
        raise ValueError(_first(log.kept + [parser.get_error(i).desc() for i in range(parser.num_errors)]))
    taken = network.get_input(0)
    settings, profile = builder.create_builder_config(), builder.create_optimization_profile()
    if taken.shape[0] < 0:
        profile.set_shape(taken.name, *[(n, taken.shape[1]) for n in BATCHES])
        settings.add_optimization_profile(profile)
    engine = builder.build_serialized_network(network, settings)
    if not engine or log.kept:
        raise ValueError(_first([*log.kept, "no engine came out"]))
    return onnx


def load(path: str, threads: int) -> tuple[Callable[[Any], list[Any]], dict[str, Any]]:
    """Refuse: an engine runs on a GPU. Raises ValueError."""
    raise ValueError("TensorRT-RTX parses and builds here; its engines run on a GPU")


def _first(said: list[str]) -> str:
    return said[0].strip().splitlines()[0]
