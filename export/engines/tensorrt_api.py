"""TensorRT's Python package as a runtime: the engine runs in this process, on memory of the GPU that is taken once a batch size."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.onnx_outline import Outline
from engines.trtexec import AT_ONCE, reason

RUNTIMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0")
TO_DEVICE, TO_HOST = 1, 2


def usable(trt: Any) -> str:
    """Say why the package cannot build here, "" where it can: without a driver its builder is a null pointer."""
    try:
        trt.Builder(trt.Logger(trt.Logger.ERROR))
    except TypeError:
        return f"TensorRT {trt.__version__} is installed but no NVIDIA driver answered (CUDA error 35)"
    return ""


def build(trt: Any, onnx: str, engine: Path, outline: Outline, major: int) -> None:
    """Build an engine for 1 to 64 spectra, tuned for one, in the file's own precision.

    major: of TensorRT's version; from 11 on all networks are strongly typed, before 10 the builder is told what it may use
    Raises ValueError with TensorRT's first complaint.
    """
    said: list[str] = []
    log = _log(trt, said)
    builder = trt.Builder(log)
    flags = 0
    if major < 10:
        flags |= 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    elif major == 10:
        flags |= 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(onnx):
        raise ValueError(
            reason("\n".join([*said, *("[E] " + parser.get_error(i).desc() for i in range(parser.num_errors))]))
        )
    settings, profile = builder.create_builder_config(), builder.create_optimization_profile()
    if hasattr(trt.BuilderFlag, "TF32"):
        settings.clear_flag(trt.BuilderFlag.TF32)  # float32 is what was asked for
    if major < 10 and outline.precision != "float32":
        settings.set_flag({"int8": trt.BuilderFlag.INT8, "fp16": trt.BuilderFlag.FP16}[outline.precision])
    if not outline.batch:
        profile.set_shape(outline.input, *[(n, outline.points) for n in (1, 1, AT_ONCE)])
        settings.add_optimization_profile(profile)
    made = builder.build_serialized_network(network, settings)
    if not made or any("UINT8 zero_point" in line for line in said):
        raise ValueError(reason("\n".join(said) or "no engine came out"))
    engine.write_bytes(bytes(made))


def load(trt: Any, engine: str, outline: Outline, cuda: Any = None) -> Callable[[Any], list[Any]]:
    """Give a function from (n, points), n at most 64, to every output; the arrays hold until its next call. Raises ValueError.

    cuda: CUDA's runtime library; found where it is if not given
    """
    cuda = cuda or _cudart()
    said: list[str] = []
    runtime = trt.Runtime(_log(trt, said))
    made = runtime.deserialize_cuda_engine(Path(engine).read_bytes())
    if made is None:
        raise ValueError(reason("\n".join(said) or "the engine is of another TensorRT or GPU"))
    context, stream = made.create_execution_context(), ctypes.c_void_p()
    _check(cuda.cudaStreamCreate(ctypes.byref(stream)))
    bound: dict[int, list[tuple[Any, Any]]] = {}

    def infer(x: Any) -> list[Any]:
        if len(x) not in bound:
            bound[len(x)] = _bound(cuda, made, context, outline, len(x))
        tensors = bound[len(x)]
        tensors[0][0][...] = x
        if bound.get(0) is not tensors:  # another batch size was asked last
            context.set_input_shape(outline.input, x.shape)
            for name, (_, place) in zip([outline.input, *outline.outputs], tensors):
                context.set_tensor_address(name, place.value)
            bound[0] = tensors
        _copy(cuda, tensors[:1], TO_DEVICE, stream)
        if not context.execute_async_v3(stream.value):
            raise ValueError("TensorRT did not run the engine: " + reason("\n".join(said)))
        _copy(cuda, tensors[1:], TO_HOST, stream)
        _check(cuda.cudaStreamSynchronize(stream))
        return [array for array, _ in tensors[1:]]

    return infer


def _bound(cuda: Any, engine: Any, context: Any, outline: Outline, n: int) -> list[tuple[Any, Any]]:
    """Give an array here and its room on the GPU for the input and each output."""
    context.set_input_shape(outline.input, (n, outline.points))
    found = []
    for name in [outline.input, *outline.outputs]:
        array = np.zeros(tuple(context.get_tensor_shape(name)), np.float32)
        place = ctypes.c_void_p()
        _check(cuda.cudaMalloc(ctypes.byref(place), ctypes.c_size_t(array.nbytes)))
        found.append((array, place))
    return found


def _copy(cuda: Any, tensors: Sequence[tuple[Any, Any]], way: int, stream: Any) -> None:
    for array, place in tensors:
        here = ctypes.c_void_p(array.ctypes.data)
        to, source = (place, here) if way == TO_DEVICE else (here, place)
        _check(cuda.cudaMemcpyAsync(to, source, ctypes.c_size_t(array.nbytes), ctypes.c_int(way), stream))


def _check(code: int) -> None:
    if code:
        raise ValueError(f"CUDA error {code}")


def _cudart() -> Any:
    for name in RUNTIMES:
        with contextlib.suppress(OSError):
            return ctypes.CDLL(name)
    raise ValueError("CUDA's runtime library libcudart.so is not found: LD_LIBRARY_PATH wants its folder")


def _log(trt: Any, said: list[str]) -> Any:
    class Log(trt.ILogger):  # type: ignore[misc]
        """Keeps errors and warnings, worded as trtexec words them."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            """Hear what TensorRT says."""
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                said.append("[E] " + message)
            elif severity == trt.ILogger.Severity.WARNING:
                said.append("[W] " + message)

    return Log()
