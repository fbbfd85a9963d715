"""The preprocessing as ONNX: the same answers in every runtime, made of operators that all of them take."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import other_runtimes
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from edgespec.data import preprocess
from edgespec.data.preprocess import Front
from edgespec.errors import Mismatch
from edgespec.graph import exporter, onnx_file
from edgespec.recipe import Call, schema

AXIS = np.linspace(150.0, 1172.0, 512)
INSTRUMENT = np.linspace(120.0, 1100.0, 701)
BATCHES = (1, 2, 65)
FRONTS: dict[str, list[Call]] = {
    **{name: [Call(name)] for name in schema.names("preprocess")},
    "crop": [Call("crop", {"low": 200.0, "high": 1000.0})],
    "resample": [Call("resample", {"points": 300})],
    "onto": [Call("onto", {"places": [200.0 + 2 * i + 0.5 * (i % 2) for i in range(200)]})],
    "slope": [Call("savgol", {"window": 18.0, "derivative": 1})],
    "snip": [Call("snip", {"half_width": 12.0})],  # torch takes its time over many passes
    "snip_smooth": [Call("snip", {"half_width": 8.0, "smooth": 4.0})],
    "root_l2": [Call("signed_sqrt"), Call("l2")],
    "usual": [Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms")],
    "instrument": [Call("highpass")],
}
NAMES = pytest.mark.parametrize("name", sorted(FRONTS))
Array = NDArray[np.float32]


def front(name: str) -> Front:
    return preprocess.build(FRONTS[name], AXIS, INSTRUMENT if name.startswith("instrument") else None)


def spectra(n: int, points: int) -> Array:
    """(n, points): bands on a strong background with noise, in counts; an even one, an empty one and one below zero."""
    random = np.random.default_rng(n)
    place = np.linspace(0, 1, points)
    bands = np.exp(-0.5 * ((place - random.uniform(size=(n, 8, 1))) / 0.006) ** 2) * random.uniform(size=(n, 8, 1))
    x = 4000 * bands.sum(axis=1) + 9000 * np.exp(-2 * place) + 30 * random.normal(size=(n, points))
    if n > 3:
        x[1], x[2], x[3] = 500, 0, -x[3]
        x[4, 100:110] = 0
    return x.astype(np.float32)


def expected(name: str, x: Array) -> Array:
    with torch.inference_mode():
        return front(name)(torch.from_numpy(x)).numpy()


def same(name: str, found: Array, x: Array) -> None:
    """Within 1e-5 of the largest of each answer; what is left of a flat spectrum is rounding, and need only be a number."""
    wanted = expected(name, x)
    assert found.shape == wanted.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    seen = (np.ptp(x, axis=1) > 0) | (x[:, 0] == 0)
    assert (np.abs(found - wanted).max(axis=1) <= 1e-5 * np.abs(wanted).max(axis=1))[seen].all()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every front as NAME.onnx, its batches as NAME.npz."""
    folder = tmp_path_factory.mktemp("fronts")
    made = {name: exporter.of_front(front(name)) for name in FRONTS}
    for name, model in made.items():
        assert model is not None
        onnx.save(model, folder / f"{name}.onnx")
        np.savez(folder / f"{name}.npz", **{str(n): spectra(n, front(name).source) for n in BATCHES})
    return folder


@pytest.fixture(scope="session")
def openvino(files: Path) -> Path:
    """What OpenVINO answers, as NAME.out.npz."""
    tools = other_runtimes.installed("openvino", "--no-deps")  # numpy is here
    ended = other_runtimes.run("openvino_answers.py", tools, str(files))
    assert ended.returncode == 0, ended.stderr
    return files


@pytest.fixture(scope="session")
def checker() -> Path:
    return other_runtimes.installed("trt-check")


def complaints(checker: Path, files: Path) -> dict[str, list[str]]:
    ended = other_runtimes.run("tensorrt_builds.py", checker, str(files))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    return {each["name"]: each["complaints"] for each in told}


@pytest.fixture(scope="session")
def tensorrt(files: Path, checker: Path) -> dict[str, list[str]]:
    """What TensorRT complains of, by front."""
    return complaints(checker, files)


@NAMES
def test_onnx_runtime_answers_as_torch_does(name: str, files: Path) -> None:
    for n in BATCHES:
        x = spectra(n, front(name).source)
        for optimise in (True, False):
            same(name, onnx_file.run(files / f"{name}.onnx", x, n, optimise=optimise), x)


@NAMES
def test_only_the_batch_is_open_and_every_operator_is_one_that_all_runtimes_take(name: str, files: Path) -> None:
    model = onnx.load(files / f"{name}.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in model.graph.node} <= exporter.PORTABLE
    for tensor, points in ((model.graph.input[0], front(name).source), (model.graph.output[0], front(name).points)):
        batch, length = tensor.type.tensor_type.shape.dim
        assert (batch.dim_param, length.dim_value) == ("batch", points)
    for node in model.graph.node:
        shapes = [tensor.dims for tensor in model.graph.initializer if tensor.name in node.input[1:2]]
        assert node.op_type != "Conv" or len(shapes[0]) == 4


@NAMES
def test_a_front_is_small(name: str, files: Path) -> None:
    assert (files / f"{name}.onnx").stat().st_size < 50_000  # one dense matrix of 512 x 512 would be 1 MB


@NAMES
def test_openvino_answers_as_torch_does(name: str, openvino: Path) -> None:
    with np.load(openvino / f"{name}.out.npz") as answers:
        for n in BATCHES:
            same(name, answers[str(n)], spectra(n, front(name).source))


@NAMES
def test_tensorrt_parses_and_builds_it(name: str, tensorrt: dict[str, list[str]]) -> None:
    assert tensorrt[name] == []


def test_the_check_by_tensorrt_can_fail(tmp_path: Path, checker: Path) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["spectrum", "scale", "zero"], ["small"]),
        helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["prepared"]),
    ]
    weights = [numpy_helper.from_array(np.float32(0.1), "scale"), numpy_helper.from_array(np.uint8(0), "zero")]
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["batch", 64]) for each in ("spectrum", "prepared")]
    sums = [helper.make_node("CumSum", ["spectrum", "zero"], ["prepared"])]
    for name, first in (("bytes", nodes), ("sums", sums)):
        made = helper.make_graph(first, name, ends[:1], ends[1:], weights)
        onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)]), tmp_path / f"{name}.onnx")
    found = complaints(checker, tmp_path)
    assert "UINT8" in found["bytes"][0]
    assert found["sums"]


def test_a_preprocessing_of_operators_that_few_runtimes_have_is_refused() -> None:
    class Sorted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sort(x, dim=1).values

    with pytest.raises(Mismatch, match="TopK") as found:
        exporter.of_front(Front(AXIS, AXIS, [Sorted()]))
    assert "AveragePool" in found.value.hint
