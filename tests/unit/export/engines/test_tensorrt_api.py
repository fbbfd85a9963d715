"""TensorRT's Python package: what it builds (TensorRT-RTX, where that can be had), and an engine run on a GPU that is only played."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any

import numpy as np
import other_runtimes
import pytest
import tiny_job
from device_runner import RUNNER, module

from edgespec.steps import quantize

POINTS, CLASSES = 6, 2
WEIGHT = np.arange(POINTS * CLASSES, dtype=np.float32).reshape(POINTS, CLASSES)


class Cuda:
    """CUDA's runtime on the memory of this machine; `spent` counts what was taken."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.spent, self.kept = fails, 0, []

    def cudaMalloc(self, place: Any, size: Any) -> int:  # noqa: N802
        self.spent += 1
        room = ctypes.create_string_buffer(size.value)
        self.kept.append(room)
        place._obj.value = ctypes.addressof(room)
        return 2 if self.fails == "malloc" else 0

    def cudaMemcpyAsync(self, to: Any, source: Any, size: Any, way: Any, stream: Any) -> int:  # noqa: N802
        ctypes.memmove(to, source, size.value)
        return 0

    def cudaStreamCreate(self, stream: Any) -> int:  # noqa: N802
        return 0

    def cudaStreamSynchronize(self, stream: Any) -> int:  # noqa: N802
        return 0


class Context:
    """Multiplies what lies at the input's address, of the shape that was set."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()
        self.places: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def set_tensor_address(self, name: str, place: int) -> None:
        self.places[name] = place

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shape if name == "spectrum" else (self.shape[0], CLASSES)

    def execute_async_v3(self, stream: Any) -> bool:
        n = self.shape[0]
        x = np.ctypeslib.as_array((ctypes.c_float * (n * POINTS)).from_address(self.places["spectrum"]))
        y = np.ctypeslib.as_array((ctypes.c_float * (n * CLASSES)).from_address(self.places["logits"]))
        y[...] = (x.reshape(n, POINTS) @ WEIGHT).ravel()
        return True


class Package:
    """As much of the package as running an engine needs."""

    __version__ = "10.3.0"

    class ILogger:
        class Severity:
            ERROR, INTERNAL_ERROR, WARNING = 1, 2, 3

        def __init__(self) -> None:
            pass

    class Runtime:
        def __init__(self, log: Any) -> None:
            self.log = log

        def deserialize_cuda_engine(self, raw: bytes) -> Any:
            if raw == b"engine":
                return type("Engine", (), {"create_execution_context": staticmethod(Context)})
            self.log.log(1, "The engine plan file is not compatible with this version of TensorRT")
            return None


def outline(batch: int = 0) -> Any:
    return module("engines.onnx_outline").Outline(
        "spectrum", batch, POINTS, ["logits"], 18, 10, frozenset(), frozenset(), {}
    )


def test_an_engine_answers_other_batch_sizes_each_with_memory_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"engine")
    cuda = Cuda()
    infer = module("engines.tensorrt_api").load(Package, str(tmp_path / "e"), outline(), cuda)
    x = np.random.default_rng(0).normal(size=(5, POINTS)).astype(np.float32)
    for batch in (x[:1], x[1:2], x, x[3:4], x[:5]):
        np.testing.assert_allclose(infer(batch)[0], batch @ WEIGHT, rtol=1e-5)
    assert cuda.spent == 4, "an input and an output for each of two batch sizes"


def test_what_cuda_or_tensorrt_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b"engine")
    (tmp_path / "old").write_bytes(b"of another version")
    load = module("engines.tensorrt_api").load
    with pytest.raises(ValueError, match="not compatible with this version"):
        load(Package, str(tmp_path / "old"), outline(), Cuda())
    infer = load(Package, str(tmp_path / "e"), outline(), Cuda("malloc"))
    with pytest.raises(ValueError, match="CUDA error 2"):
        infer(np.zeros((1, POINTS), np.float32))


def test_a_package_without_a_driver_says_so() -> None:
    class NoDriver(Package):
        class Logger:
            ERROR = 1

            def __init__(self, level: int) -> None:
                pass

        @staticmethod
        def Builder(log: Any) -> None:  # noqa: N802
            raise TypeError("pybind11::init(): factory function returned nullptr")

    assert "no NVIDIA driver answered" in module("engines.tensorrt_api").usable(NoDriver)


def test_the_package_builds_portable_int8_and_refuses_cpu_int8(tmp_path: Path) -> None:
    tools = other_runtimes.installed("trt-check")
    line = tiny_job.line("cnn")
    made = quantize.run(line.job.inside(tmp_path), line.float32, spectra=64, flavours=["cpu", "portable"])
    files = [str(made.path(name)) for name in ("float32", "portable-int8", "cpu-int8", "default")]
    ended = other_runtimes.run("tensorrt_python.py", tools, str(RUNNER.parent), *files)
    assert ended.returncode == 0, ended.stderr
    plain, portable, cpu, default, loaded = map(json.loads, ended.stdout.splitlines())
    assert min(plain["bytes"], portable["bytes"], default["bytes"]) > 1000
    assert "'portable-int8', not 'cpu-int8'" in cpu["error"]
    assert loaded["error"], "no engine runs without a driver"
