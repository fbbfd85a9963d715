"""A device that tells something else than its file says, or latencies that no clock gives, is found out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec.bench import plausibility
from edgespec.bench.plausibility import HERE, Array
from edgespec.errors import Mismatch
from edgespec.targets.card import Target

FAR = Target("pi", "onnxruntime", reach="ssh")


def net(path: Path, weight: Array, *, quantised: bool) -> Path:
    """Write one Gemm, behind rounding to steps of 1/16 where it is quantised."""
    nodes = [helper.make_node("Gemm", ["rounded" if quantised else "x", "w"], ["y"])]
    rounding = [
        helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "step", "zero"], ["rounded"]),
    ]
    x, y = (
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", k]) for n, k in zip("xy", weight.shape, strict=True)
    )
    constants = [numpy_helper.from_array(np.float32(1 / 16), "step"), numpy_helper.from_array(np.int8(0), "zero")]
    constants = [numpy_helper.from_array(weight, "w"), *(constants if quantised else [])]
    graph = helper.make_graph([*(rounding if quantised else []), *nodes], "g", [x], [y], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], Array, dict[str, Array]]:
    """Two files, spectra, and what the files answer to them."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("files")
    weight = rng.normal(size=(16, 5)).astype(np.float32)
    x = rng.uniform(-4, 4, (40, 16)).astype(np.float32)
    models = {name: net(folder / f"{name}.onnx", weight, quantised="8" in name) for name in ("float32", "cpu-int8")}
    return models, x, {"float32": x @ weight, "cpu-int8": np.round(x * 16) / 16 @ weight}


def test_the_files_own_answers_are_believed_with_the_noise_of_another_processor(
    files: tuple[dict[str, Path], Array, dict[str, Array]], tmp_path: Path
) -> None:
    models, x, said = files
    largest = np.abs(said["float32"]).max(axis=1, keepdims=True)
    noise = np.random.default_rng(0).uniform(-4e-3, 4e-3, said["float32"].shape) * largest
    plausibility.answers(models, x, {**said, "float32": said["float32"] + noise}, FAR, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lie", ["one label", "another scale", "nan", "classes", "another file's"])
def test_other_answers_are_found_out(
    files: tuple[dict[str, Path], Array, dict[str, Array]], tmp_path: Path, lie: str
) -> None:
    models, x, said = files
    wrong = said["cpu-int8"].copy()
    if lie == "one label":
        wrong[17] = np.roll(wrong[17], 1)
    elif lie == "another scale":
        wrong *= 1.5
    elif lie == "nan":
        wrong[3, 0] = np.nan
    elif lie == "classes":
        wrong = wrong[:, :2]
    else:
        wrong = said["float32"][::-1]
    with pytest.raises(Mismatch, match=r"target 'pi' answers.*cpu-int8") as caught:
        plausibility.answers(models, x, {**said, "cpu-int8": wrong}, FAR, tmp_path)
    assert caught.value.exit_code == 4
    assert list(tmp_path.iterdir()) == []


def test_onnx_runtime_on_this_machine_needs_no_witness(tmp_path: Path) -> None:
    plausibility.answers({"float32": tmp_path / "nowhere"}, np.ones((1, 2)), {}, HERE, tmp_path)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([[5, 0, 5]], "1 of 3 latencies of float32 that no clock gives"),
        ([[5, -1, -2]], "2 of 3"),
        ([[5, float("nan")]], "1 of 2"),
        ([[]], "no latency of float32"),
        ([[2e9, 2e9]], "tells 4.0 s of calls, and only 3.0 s have passed here"),
    ],
)
def test_latencies_that_can_not_be_are_refused(samples: list[list[float]], message: str) -> None:
    with pytest.raises(Mismatch, match=message):
        plausibility.latencies({"float32": np.array(samples)}, 3.0, FAR)


def test_latencies_that_can_be_are_believed() -> None:
    plausibility.latencies({"a": np.full((10, 10), 1_000_000), "b": np.full((10, 10), 9_000_000)}, 1.0, FAR)
