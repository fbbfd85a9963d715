"""From a file to statements: activations join the layers before them, tensors that are read twice are computed once."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import TensorProto, helper

from edgespec.errors import Mistake
from edgespec.graph.c.translate import translate


def test_an_activation_joins_its_layer(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["spectrum", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Clip", ["b", "", "six"], ["logits"]),
    ]
    held = {"w": np.ones((4, 3), np.float32), "six": np.float32(6)}
    made = translate(c_code.graph(tmp_path, nodes, 4, 3, held))
    (layer, _answer) = made.program.statements
    assert "0.0f, 6.0f" in layer.text


@c_code.needs_compiler
def test_a_tensor_that_is_read_twice_is_computed_once(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Exp", ["spectrum"], ["a"]),
        helper.make_node("ReduceSum", ["a", "one"], ["s"]),
        helper.make_node("Div", ["a", "s"], ["logits"]),
    ]
    text = c_code.check(c_code.graph(tmp_path, nodes, 40, 40, {"one": np.array([1])}))
    assert c_code.statements(text).count("raised(") == 1


def test_numbers_that_are_read_by_another_scale_are_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["spectrum", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "t", "z"], ["logits"]),
    ]
    held = {"s": np.float32(0.1), "t": np.float32(0.2), "z": np.array(0, np.uint8)}
    with pytest.raises(Mistake, match="another scale"):
        translate(c_code.graph(tmp_path, nodes, 4, 4, held))


def test_whole_numbers_of_a_spectrum_are_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["spectrum"], ["a"], to=TensorProto.INT32),
        helper.make_node("Cast", ["a"], ["logits"], to=TensorProto.FLOAT),
    ]
    with pytest.raises(Mistake, match="there is no C for Cast"):
        translate(c_code.graph(tmp_path, nodes, 4, 4))
