"""The lint of quantised files: what a flavour promises, and each way to break it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec.compression.quantization import int8, lint, qdq, ranges
from edgespec.errors import Mismatch

Change = Callable[[onnx.ModelProto], None]


def network() -> onnx.ModelProto:
    """Two convolutions, the second around an identity, and a linear layer."""
    random = np.random.default_rng(0)
    shapes = {"w1": (4, 1, 1, 3), "b1": (4,), "w2": (4, 4, 1, 3), "b2": (4,), "w3": (3, 32), "b3": (3,)}
    weights = [numpy_helper.from_array(random.normal(size=shape).astype("f"), name) for name, shape in shapes.items()]
    weights += [
        numpy_helper.from_array(np.array([1, 2]), "axes"),
        numpy_helper.from_array(np.array([-1, 32]), "flat"),
    ]
    nodes = [
        helper.make_node("Unsqueeze", ["spectrum", "axes"], ["plane"], name="plane"),
        helper.make_node("Conv", ["plane", "w1", "b1"], ["c1"], name="first", pads=[0, 1, 0, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], name="relu"),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], name="second", pads=[0, 1, 0, 1]),
        helper.make_node("Add", ["c2", "r1"], ["sum"], name="around"),
        helper.make_node("Reshape", ["sum", "flat"], ["row"], name="flatten"),
        helper.make_node("Gemm", ["row", "w3", "b3"], ["logits"], name="head", transB=1),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])
        for name, width in (("spectrum", 8), ("logits", 3))
    ]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def made(flavour: str, floats: tuple[str, ...] = ()) -> onnx.ModelProto:
    float32 = int8.ready(network())
    x = np.random.default_rng(1).normal(size=(64, 8)).astype("f")
    return int8.make(flavour, float32, ranges.cut(ranges.observe(float32, x), "minmax"), floats=floats)


def initializer(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(each for each in model.graph.initializer if each.name == name)


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(each for each in model.graph.node if each.name == name)


def test_portable_stands_before_layers_and_on_the_identity_alone() -> None:
    model = made("portable")
    assert lint.check("portable", model) == {"layers": 3, "activations": 3}, (
        "plane, r1 (shared by layer and identity), row"
    )
    assert list(node(model, "around").input) == ["c2", "r1_back"]
    for name in ("first", "second", "head"):
        assert [each.endswith("_back") for each in node(model, name).input] == [True, True, False], "bias in float"
    scale = numpy_helper.to_array(initializer(model, "w2_scale"))
    whole = numpy_helper.to_array(initializer(model, "w2_int8"))
    weight = numpy_helper.to_array(initializer(network(), "w2"))
    assert np.abs(whole * scale[:, None, None, None] - weight).max() <= 0.5 * scale.max() + 1e-7
    assert np.abs(whole).max(axis=(1, 2, 3)).tolist() == [127] * 4, "each channel uses its whole range"


def test_a_layer_left_in_float_has_no_pair_and_its_identity_none() -> None:
    model = made("portable", floats=("second",))
    assert lint.check("portable", model) == {"layers": 2, "activations": 2}
    assert list(node(model, "second").input) == ["r1", "w2", "b2"]
    assert list(node(model, "around").input) == ["c2", "r1"]
    assert lint.check("cpu", made("cpu", floats=("second",)))["layers"] == 2


def test_layers_know_the_axis_of_their_channels() -> None:
    assert [(each.name, each.axis) for each in qdq.layers(network())] == [("first", 0), ("second", 0), ("head", 0)]
    turned = network()
    node(turned, "head").ClearField("attribute")
    assert qdq.layers(turned)[-1].axis == 1


def _zero_point(model: onnx.ModelProto) -> None:
    initializer(model, "zero_int8").CopyFrom(numpy_helper.from_array(np.int8(3), "zero_int8"))


def _unsigned(model: onnx.ModelProto) -> None:
    initializer(model, "zero_int8").CopyFrom(numpy_helper.from_array(np.uint8(0), "zero_int8"))


def _no_zero_point(model: onnx.ModelProto) -> None:
    del node(model, "r1_QuantizeLinear").input[2:]


def _rounded_bias(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.ones(4, np.int32), "b1_int32"))
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", ["b1_int32", "w1_scale"], ["b1_back"], name="bias"))
    node(model, "first").input[2] = "b1_back"


def _float_input(model: onnx.ModelProto) -> None:
    node(model, "second").input[0] = "r1"


def _wrong_axis(model: onnx.ModelProto) -> None:
    node(model, "w2_int8_back").attribute[0].i = 1


def _before_relu(model: onnx.ModelProto) -> None:
    node(model, "relu").input[0] = "plane_back"


def _both_branches(model: onnx.ModelProto) -> None:
    node(model, "around").input[0] = "r1_back"


def _operator(model: onnx.ModelProto) -> None:
    node(model, "second").op_type = "QLinearConv"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_zero_point, "zero point 3"),
        (_unsigned, "int8 zero point"),
        (_no_zero_point, "r1_QuantizeLinear is not one scale"),
        (_rounded_bias, "bias brings int32 back to float"),
        (_float_input, "second has an int8 weight, but its input stays float"),
        (_wrong_axis, "scales of second lie along axis 1"),
        (_before_relu, "Q/DQ before Relu relu"),
        (_both_branches, "Q/DQ before Add around"),
        (_operator, "QLinearConv is not a standard operator"),
    ],
)
def test_each_broken_promise_of_portable_is_told(change: Change, told: str) -> None:
    model = made("portable")
    change(model)
    with pytest.raises(Mismatch, match=told):
        lint.check("portable", model)


def test_one_flavour_is_not_the_other() -> None:
    for flavour, other in (("cpu", "portable"), ("portable", "cpu")):
        with pytest.raises(Mismatch, match=f"^{other}: "):
            lint.check(other, made(flavour))
