"""OpenVINO on the CPU, in the precision asked for: left alone it takes bfloat16 where the processor has it and says nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from engines import cache, onnx_outline

PRECISIONS = {"": "f32", "float32": "f32", "bf16": "bf16"}
READ_BACK = {"f32": "float32", "bf16": "bfloat16"}


def version() -> str:
    """Give the runtime's version."""
    return str(openvino.__version__)


def prepare(onnx: str, folder: str, precision: str) -> str:
    """Write the model as OpenVINO's own IR into `folder`, an .xml and a .bin, numbers as they are, unless it is kept there.

    What a processor makes of it is compiled when it is loaded, in less time than reading that from a cache takes.
    Raises ValueError where OpenVINO does not read it.
    """

    def build(part: Path) -> None:
        try:
            openvino.save_model(openvino.Core().read_model(onnx), str(part), compress_to_fp16=False)
        except RuntimeError as error:
            raise ValueError(str(error)) from error

    return cache.kept(onnx, folder, ".xml", {"openvino": version()}, build)


def load(path: str, threads: int, precision: str = "") -> tuple[Callable[[Any], list[Any]], dict[str, Any]]:
    """Give a function from (n, points) float32 to the graph's outputs, and what really runs it.

    precision: of what the file leaves in float: float32 (as "" too) or bf16. Each batch size is compiled as such: a dynamic batch
    takes 5 to 30 % longer. The arrays that the function gives are bound: they hold until its next call.
    path: an ONNX file, whose IR is then written where `engines.cache` says, or an IR
    Raises ValueError where the file is no model of one float spectrum, the processor lacks the precision, or another one ran.
    """
    core = openvino.Core()
    if precision not in PRECISIONS:
        raise ValueError("OpenVINO has no precision " + repr(precision))
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ValueError("this processor has no bfloat16 arithmetic")
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": PRECISIONS[precision]}
    settings["INFERENCE_NUM_THREADS"] = threads
    metadata = {} if path.endswith(".xml") else onnx_outline.read(path).metadata
    path = path if path.endswith(".xml") else prepare(path, str(cache.place()), precision)
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    shape = model.input(0).partial_shape
    if len(model.inputs) != 1 or len(shape) != 2 or shape[1].is_dynamic:
        raise ValueError(f"its input is not one tensor(float) (n, points) of fixed length: {shape}")
    points = shape[1].get_length()
    names = [output.any_name for output in model.outputs]
    requests: dict[int, tuple[Any, Any, list[Any]]] = {}

    def infer(x: Any) -> list[Any]:
        if len(x) not in requests:
            requests[len(x)] = _compiled(core, path, (len(x), points), settings)
        request, buffer, answers = requests[len(x)]
        buffer[...] = x
        request.infer()
        return answers

    infer(np.zeros((1, points), np.float32))
    real = _read_back(requests[1][0].get_compiled_model(), settings)
    facts = {"providers": ["CPU " + real], "threads": threads, "points": points, "outputs": names}
    facts["metadata"] = metadata
    return infer, facts


def _read_back(compiled: Any, settings: dict[str, Any]) -> str:
    """Give the precision that really runs. Raises ValueError where it, the hint or the number of threads is not what was asked for."""
    real = str(compiled.get_property("INFERENCE_PRECISION_HINT")).strip("<>").split("'")[-2]
    asked = (READ_BACK[settings["INFERENCE_PRECISION_HINT"]], "LATENCY", settings["INFERENCE_NUM_THREADS"])
    found = (real, str(compiled.get_property("PERFORMANCE_HINT")), compiled.get_property("INFERENCE_NUM_THREADS"))
    if found != asked:
        raise ValueError(f"OpenVINO runs it with {found}, not with {asked}")
    return real


def _compiled(core: Any, path: str, shape: tuple[int, int], settings: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    """Compile for one batch size and bind its tensors once: the textbook call costs more than a small model takes."""
    try:
        model = core.read_model(path)
        model.reshape(list(shape))
        request = core.compile_model(model, "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise ValueError("OpenVINO does not compile it: " + str(error).strip().splitlines()[-1]) from error
    buffer = np.zeros(shape, np.float32)
    request.set_input_tensor(openvino.Tensor(buffer, shared_memory=True))
    request.infer()
    return request, buffer, [request.get_output_tensor(i).data for i in range(len(model.outputs))]
