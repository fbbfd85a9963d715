"""What C code cannot be made of is refused, by name."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgespec.errors import Mistake
from edgespec.graph.c import read


def linear(points: int = 4, kind: type = np.float32) -> tuple[list[onnx.NodeProto], dict[str, object]]:
    return [helper.make_node("MatMul", ["spectrum", "w"], ["logits"])], {"w": np.ones((points, 2), kind)}


def test_a_graph_is_read_with_its_shapes_and_constants(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["spectrum"], ["size"]),
        helper.make_node("Reshape", ["spectrum", "size"], ["same"]),
        helper.make_node("MatMul", ["same", "w"], ["logits"]),
    ]
    found = read.read(c_code.graph(tmp_path, nodes, 4, 2, {"w": np.ones((4, 2), np.float32)}))
    assert [node.kind for node in found.nodes] == ["Reshape", "MatMul"], "a shape is known here"
    assert found.constants["size"].tolist() == [1, 4]
    assert (found.points, found.shapes["logits"], found.outputs) == (4, (1, 2), ("logits",))


def test_what_answers_nothing_is_left_out(tmp_path: Path) -> None:
    nodes, held = linear()
    nodes.append(helper.make_node("Relu", ["spectrum"], ["unused"]))
    assert len(read.read(c_code.graph(tmp_path, nodes, 4, 2, held)).nodes) == 1


def test_control_flow_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("o", TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("Identity", ["spectrum"], ["o"])], "b", [], [value])
    nodes = [helper.make_node("If", ["yes"], ["logits"], then_branch=branch, else_branch=branch)]
    with pytest.raises(Mistake, match="there is no C for operator If"):
        read.read(c_code.graph(tmp_path, nodes, 4, 4, {"yes": np.array(True)}))


@pytest.mark.parametrize(
    ("keys", "told"), [({"batch": 2}, r"not \(1, points\)"), ({"opset": 22}, "opset 11 to 21; this file has 22")]
)
def test_a_batch_and_a_new_opset_are_refused(tmp_path: Path, keys: dict[str, int], told: str) -> None:
    nodes, held = linear()
    with pytest.raises(Mistake, match=told):
        read.read(c_code.graph(tmp_path, nodes, 4, 2, held, **keys))  # type: ignore[arg-type]


def test_half_precision_is_refused_by_its_name(tmp_path: Path) -> None:
    nodes, held = linear(kind=np.float16)
    with pytest.raises(Mistake, match="there is no C for float16, only for float"):
        read.read(c_code.graph(tmp_path, nodes, 4, 2, held, kind=TensorProto.FLOAT16))


def test_operators_of_others_are_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("FusedMatMul", ["spectrum", "w"], ["logits"], domain="com.microsoft")]
    with pytest.raises(Mistake, match=r"FusedMatMul of com\.microsoft"):
        read.read(c_code.graph(tmp_path, nodes, 4, 2, {"w": np.ones((4, 2), np.float32)}))


def test_weights_in_8_bits_are_kept_as_they_are(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["w8", "scale"], ["w"]),
        helper.make_node("MatMul", ["spectrum", "w"], ["logits"]),
    ]
    held = {"w8": np.full((4, 2), 3, np.int8), "scale": np.array(0.5, np.float32)}
    found = read.read(c_code.graph(tmp_path, nodes, 4, 2, held))
    assert found.rounded["w"].numbers.dtype == np.int8
    assert found.constants["w"].ravel()[0] == 1.5
