"""The lint for each JetPack's TensorRT: what it lacks, what it takes for something else, what is fine."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec.graph import jetpack


def model(nodes: list[onnx.NodeProto], opset: int = 17, **constants: Any) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "y"))
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    made = helper.make_graph(nodes, "g", [x], [y], held)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)])


def rounded(zero: Any) -> onnx.ModelProto:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="round"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], name="back"),
    ]
    return model(nodes, s=np.float32(0.1), z=zero)


@pytest.mark.parametrize("name", list(jetpack.RELEASES))
def test_what_every_release_takes_is_not_complained_of(name: str) -> None:
    assert jetpack.lint(model([helper.make_node("Relu", ["x"], ["y"])]), name) == []
    assert jetpack.lint(rounded(np.int8(0)), name) == []


def test_opset_and_operators_are_those_of_the_release() -> None:
    gelu = model([helper.make_node("Gelu", ["x"], ["y"], name="act")], 20)
    assert jetpack.lint(gelu, "6.2") == []
    opset, operator = jetpack.lint(gelu, "6.0")
    assert opset.startswith("JetPack 6.0 has TensorRT 8.6, which reads opset 17 and older; this file is opset 20")
    assert operator.startswith("TensorRT 8.6 will reject node act (Gelu): this TensorRT does not know it")
    norm = model([helper.make_node("LayerNormalization", ["x", "s"], ["y"])], s=np.ones(4, np.float32))
    assert jetpack.lint(norm, "6.0") == []
    assert len(jetpack.lint(norm, "5.1")) == 1


@pytest.mark.parametrize(
    ("zero", "told"),
    [
        (np.uint8(0), r"would take uint8 for int8 and clip at 127; .*portable-int8"),
        (np.int8(3), r"its zero point is not 0; .*portable-int8"),
    ],
)
def test_zero_points_that_tensorrt_misreads_are_found(zero: Any, told: str) -> None:
    found = jetpack.lint(rounded(zero), "6.2")
    assert len(found) == 2
    assert found[0].startswith("TensorRT 10.3 will reject node round (QuantizeLinear): ")
    assert re.search(told, found[0])


def test_constants_of_other_integers_and_foreign_operators_are_found() -> None:
    bias = helper.make_node("DequantizeLinear", ["b", "s"], ["y"], name="bias")
    (found,) = jetpack.lint(model([bias], b=np.zeros(4, np.int32), s=np.float32(1)), "7")
    assert "rounded to int32" in found
    (found,) = jetpack.lint(model([helper.make_node("QLinearConv", ["x"], ["y"])]), "7")
    assert "export Q/DQ" in found
    (found,) = jetpack.lint(model([helper.make_node("FusedConv", ["x"], ["y"], domain="com.microsoft")]), "7")
    assert "standard operators" in found


def test_a_file_says_what_it_computes_in() -> None:
    assert jetpack.precision(rounded(np.int8(0))) == "int8"
    nodes = [helper.make_node("Add", ["x", "c"], ["y"])]
    assert jetpack.precision(model(nodes, c=np.zeros(4, np.float16))) == "fp16"
    assert jetpack.precision(model(nodes, c=np.zeros(4, np.float32))) == "float32"
