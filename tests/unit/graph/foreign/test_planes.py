"""One-dimensional convolutions work on planes afterwards and answer as before."""

from __future__ import annotations

import platform
from collections import Counter
from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgespec.graph import onnx_file
from edgespec.graph.foreign import planes

X = np.random.default_rng(0).normal(size=(5, 32)).astype(np.float32)
RNG = np.random.default_rng(1)
WEIGHTS = {
    "plane": np.array([1]),
    "w": RNG.normal(size=(16, 1, 5)).astype(np.float32),
    "b": RNG.normal(size=16).astype(np.float32),
}
FIRST = [
    helper.make_node("Unsqueeze", ["prepared", "plane"], ["x"]),
    helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[2, 2], strides=[2], dilations=[1], kernel_shape=[5]),
]
CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "pooled": ([("Relu", ["c"], {}), ("MaxPool", ["r0"], {"kernel_shape": [3], "strides": [2], "pads": [1, 1]})], {}),
    "averaged": ([("AveragePool", ["c"], {"kernel_shape": [4]}), ("GlobalAveragePool", ["r0"], {})], {}),
    "automatic": ([("Conv", ["c", "w2"], {"auto_pad": "SAME_UPPER"})], {"w2": RNG.normal(size=(4, 16, 3)).astype(np.float32)}),
    "grouped": ([("Conv", ["c", "w2"], {"group": 16})], {"w2": RNG.normal(size=(16, 1, 3)).astype(np.float32)}),
    "residual": ([("Sigmoid", ["c"], {}), ("Mul", ["c", "r0"], {}), ("Add", ["r1", "k"], {})], {"k": RNG.normal(size=(1, 16, 1)).astype(np.float32)}),
    "along": ([("Add", ["c", "k"], {})], {"k": RNG.normal(size=16).astype(np.float32)}),
    "joined": ([("Relu", ["c"], {}), ("Concat", ["c", "r0"], {"axis": 1}), ("Concat", ["r1", "r1"], {"axis": 2})], {}),
    "normal": ([("BatchNormalization", ["c", "b", "b", "b", "v"], {})], {"v": np.full(16, 2, np.float32)}),
    "turned": ([("Transpose", ["c"], {"perm": [0, 2, 1]}), ("Softmax", ["r0"], {"axis": -1})], {}),
    "summed": ([("ReduceMean", ["c", "two"], {"keepdims": 0})], {"two": np.array([2])}),
    "through a plane": (
        [
            ("Unsqueeze", ["c", "two"], {}),
            ("AveragePool", ["r0"], {"kernel_shape": [1, 2], "strides": [1, 2]}),
            ("Squeeze", ["r1", "two"], {}),
            ("Relu", ["r2"], {}),
        ],
        {"two": np.array([2])},
    ),
}  # fmt: skip


def network(tmp_path: Path, title: str) -> onnx.ModelProto:
    chain, more = CASES[title]
    nodes = [helper.make_node(kind, names, [f"r{i}"], **keys) for i, (kind, names, keys) in enumerate(chain)]
    nodes.append(helper.make_node("Flatten", [f"r{len(chain) - 1}"], ["logits"]))
    ends = ("prepared", TensorProto.FLOAT, ["n", 32]), [("logits", TensorProto.FLOAT, None)]
    return onnx.load(foreign_models.graph(tmp_path / "m.onnx", [*FIRST, *nodes], {**WEIGHTS, **more}, *ends))


@pytest.mark.parametrize("title", CASES)
def test_it_answers_as_before_on_planes(title: str, tmp_path: Path) -> None:
    before = network(tmp_path, title)
    after = planes.widened(before)
    given, made = (onnx_file.ask(onnx_file.session(each.SerializeToString()), X) for each in (before, after))
    np.testing.assert_allclose(made, given, rtol=1e-5, atol=1e-5)
    weights = {each.name: len(each.dims) for each in after.graph.initializer}
    convolutions = [node for node in after.graph.node if node.op_type == "Conv"]
    assert {weights[node.input[1]] for node in convolutions} == {4}
    counts = Counter(node.op_type for node in after.graph.node)
    assert counts["Unsqueeze"] == 1, "planes from the first operator on"
    assert counts["Squeeze"] <= 1


def test_the_fast_layout_takes_them(tmp_path: Path) -> None:
    onnx.save(planes.widened(network(tmp_path, "pooled")), tmp_path / "after.onnx")
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("ONNX Runtime has the fast layout on x86 only")
    assert onnx_file.kernels(tmp_path / "after.onnx").get("nchwc.Conv") == 1


def test_a_graph_without_such_convolutions_stays_as_it_is_and_a_larger_one_is_not_taken(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["prepared"], ["logits"])]
    ends = ("prepared", TensorProto.FLOAT, ["n", 32]), [("logits", TensorProto.FLOAT, ["n", 32])]
    plain = onnx.load(foreign_models.graph(tmp_path / "m.onnx", nodes, {}, *ends))
    assert planes.widened(plain) is plain
    large = onnx.load(foreign_models.graph(tmp_path / "l.onnx", nodes, {"w": np.zeros(10**5, np.float32)}, *ends))
    assert planes.slimmer(plain, large) is plain
    assert planes.slimmer(large, plain) is plain
