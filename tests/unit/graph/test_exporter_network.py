"""The two papers' networks as ONNX, float and int8: operators that every runtime takes, the same answers wherever they run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import other_runtimes
import pytest
import tiny_job

from edgespec import models
from edgespec.graph import arithmetic, assembly, exporter, onnx_file
from edgespec.recipe import Call

NETWORKS = exporter.PORTABLE | {"Max", "Erf", "Sigmoid", "Gemm", "BatchNormalization"}
BATCHES = (1, 2, 65)
FILES = ["pace", "drsn", "pace-int8", "drsn-int8", "pace-900", "drsn-cs"]
NAMES = pytest.mark.parametrize("name", FILES)
OTHERS = {
    "pace-900": ("pace", {"dim": 16, "depth": 1, "positions": 3}, 900),
    "drsn-cs": ("drsn", {"kind": "cs", "widths": [4, 9], "depths": [1, 1], "fold": 2}, 250),
}


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every network as NAME.onnx, without its front, and its batches as NAME.npz."""
    folder = tmp_path_factory.mktemp("networks")
    for name in ("pace", "drsn"):
        made = tiny_job.line(name)
        for variant, ending in (("float32", ""), ("cpu-int8", "-int8")):
            onnx.save(assembly.network(onnx.load(made.int8.path(variant))), folder / f"{name}{ending}.onnx")
    for name, (model, keys, points) in OTHERS.items():
        network = models.build(Call(model, keys), points=points, classes=5, seed=0).eval()
        onnx.save(exporter._dynamic(exporter.twin(network), points, assembly.LOGITS), folder / f"{name}.onnx")
    for path in folder.glob("*.onnx"):
        points = onnx.load(path).graph.input[0].type.tensor_type.shape.dim[1].dim_value
        random = np.random.default_rng(points)
        np.savez(path.with_suffix(".npz"), **{str(n): random.normal(size=(n, points)).astype("f") for n in BATCHES})
    return folder


@pytest.fixture(scope="session")
def openvino(files: Path) -> Path:
    tools = other_runtimes.installed("openvino", "--no-deps")  # numpy is here
    ended = other_runtimes.run("openvino_answers.py", tools, str(files))
    assert ended.returncode == 0, ended.stderr
    return files


@NAMES
def test_every_operator_is_one_that_all_runtimes_take(name: str, files: Path) -> None:
    model = onnx.load(files / f"{name}.onnx")
    found = {node.op_type for node in model.graph.node}
    assert found <= NETWORKS | ({"QuantizeLinear", "DequantizeLinear", "Gelu"} if "int8" in name else set())


@NAMES
def test_openvino_answers_as_onnx_runtime_does(name: str, openvino: Path) -> None:
    with np.load(openvino / f"{name}.out.npz") as answers, np.load(openvino / f"{name}.npz") as batches:
        for n in map(str, BATCHES):
            wanted = onnx_file.run(openvino / f"{name}.onnx", batches[n], int(n), optimise=False)
            scale = np.abs(wanted).max()
            assert np.abs(answers[n] - wanted).max() <= (0.05 if "int8" in name else 1e-5) * scale


def test_tensorrt_parses_and_builds_the_float_ones(files: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    checker = other_runtimes.installed("trt-check")
    place = tmp_path_factory.mktemp("float")
    for name in FILES:
        if "int8" not in name:  # uint8 is for CPUs
            (place / f"{name}.onnx").write_bytes((files / f"{name}.onnx").read_bytes())
    ended = other_runtimes.run("tensorrt_builds.py", checker, str(place))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [each for line in ended.stdout.splitlines() if (each := json.loads(line))["complaints"]] == []


def test_gelu_is_one_kernel_and_a_threshold_no_convolution(files: Path) -> None:
    pace, drsn = onnx_file.kernels(files / "pace.onnx"), onnx.load(files / "drsn.onnx").graph.node
    assert pace["Gelu"] == 5, "one behind the patches, two a block"
    assert "Erf" not in pace
    assert pace.get("Conv", 0) + pace["nchwc.Conv"] == 5
    kinds = [node.op_type for node in drsn]
    assert (kinds.count("Conv"), kinds.count("Gemm")) == (1 + 2 * 3, 2 * 3 + 1)


def test_a_pooling_matrix_counts_as_no_weight(files: Path) -> None:
    network = models.build(Call("pace", OTHERS["pace-900"][1]), points=900, classes=5, seed=0)
    norms = sum(each.numel() for name, each in network.named_parameters() if "norm" in name)
    params, _ = arithmetic.weigh(files / "pace-900.onnx")
    assert params == sum(each.numel() for each in network.parameters()) - norms
