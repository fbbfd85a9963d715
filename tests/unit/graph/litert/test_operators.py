"""Operators as torch computes them: each as ONNX Runtime does, in the forms that our files and others' have."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from edgespec.graph.litert import network, operators
from edgespec.graph.litert.operators import UnknownOperator

X = np.random.default_rng(0).normal(size=(1, 3, 2, 11)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(size=(4, 3, 1, 3)).astype(np.float32)
FOUR = np.array([0.5, -1.0, 2.0, 0.25], np.float32)
CASES: list[tuple[str, dict[str, Any], list[np.ndarray[Any, Any]]]] = [
    *((name, {}, []) for name in ("Abs", "Neg", "Exp", "Relu", "Tanh", "Sigmoid", "Erf", "Sign", "Floor", "HardSwish", "Softplus", "Identity")),
    ("Conv", {"kernel_shape": [1, 3], "pads": [0, 1, 0, 1], "strides": [1, 2]}, [WEIGHT, FOUR]),
    ("Conv", {"kernel_shape": [1, 3], "pads": [0, 2, 0, 1], "dilations": [1, 2]}, [WEIGHT]),
    ("Conv", {"kernel_shape": [1, 3], "group": 3}, [WEIGHT[:3, :1]]),
    ("MaxPool", {"kernel_shape": [1, 3], "strides": [1, 2], "pads": [0, 1, 0, 0]}, []),
    ("AveragePool", {"kernel_shape": [1, 3], "pads": [0, 1, 0, 1]}, []),
    ("AveragePool", {"kernel_shape": [1, 3], "pads": [0, 1, 0, 1], "count_include_pad": 1, "strides": [1, 3]}, []),
    ("GlobalAveragePool", {}, []), ("GlobalMaxPool", {}, []),
    ("ReduceMean", {"keepdims": 0}, [np.array([1, -1])]), ("ReduceMax", {}, [np.array([2])]), ("ReduceMin", {}, [np.array([2])]),
    ("ReduceSum", {"keepdims": 1}, [np.array([3])]), ("ReduceSum", {"keepdims": 0}, []), ("ReduceL2", {}, [np.array([1])]),
    ("ReduceLogSumExp", {"keepdims": 0}, [np.array([1, 3])]), ("ReduceLogSumExp", {"keepdims": 1}, [np.array([3])]),
    ("Reshape", {}, [np.array([0, -1])]), ("Flatten", {}, []), ("Unsqueeze", {}, [np.array([1, -1])]), ("Squeeze", {}, [np.array([0])]),
    ("Transpose", {"perm": [0, 3, 1, 2]}, []), ("Gather", {"axis": 3}, [np.array([[0, -1], [4, 2]])]),
    ("Slice", {}, [np.array([1]), np.array([100]), np.array([3]), np.array([2])]),
    ("Slice", {}, [np.array([-2, 0]), np.array([-100, 2]), np.array([3, 1]), np.array([-3, 1])]),
    ("Pad", {"mode": "constant"}, [np.array([0, 0, 0, 2, 0, 0, 0, 1]), np.array(1.5, np.float32)]),
    ("Pad", {"mode": "edge"}, [np.array([0, 0, 0, 2, 0, 0, 0, 1])]),
    ("Clip", {}, [np.array(-0.5, np.float32), np.array(0.25, np.float32)]), ("Clip", {}, [np.array(0.0, np.float32)]),
    ("Expand", {}, [np.array([2, 3, 2, 11])]), ("Softmax", {"axis": 3}, []), ("LogSoftmax", {"axis": 1}, []),
    ("LeakyRelu", {"alpha": 0.2}, []), ("Elu", {"alpha": 0.7}, []), ("PRelu", {}, [FOUR[:3].reshape(3, 1, 1)]), ("HardSigmoid", {}, []),
    ("BatchNormalization", {"epsilon": 1e-3}, [FOUR[:3], FOUR[1:], FOUR[:3], np.abs(FOUR[1:])]),
    ("LayerNormalization", {"axis": -1}, [np.linspace(1, 2, 11, dtype=np.float32), np.linspace(0, 1, 11, dtype=np.float32)]),
    ("Add", {}, [X * 2]), ("Mul", {}, [FOUR[:3].reshape(3, 1, 1)]), ("Sub", {}, [X[:, :1]]), ("Div", {}, [np.array(3.0, np.float32)]),
    ("Max", {}, [X * 2, -X]), ("Min", {}, [X * 2]), ("Pow", {}, [np.array(2.0, np.float32)]), ("Concat", {"axis": 1}, [X]),
    ("MatMul", {}, [np.eye(11, 5, dtype=np.float32)]), ("Cast", {"to": TensorProto.INT32}, []),
]  # fmt: skip


def one(name: str, keys: dict[str, Any], constants: list[np.ndarray[Any, Any]], opset: int = 20) -> onnx.ModelProto:
    names = [f"c{i}" for i in range(len(constants))]
    kind = TensorProto.INT32 if name == "Cast" else TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(name, ["x", *names], ["y"], **keys)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("y", kind, None)],
        [numpy_helper.from_array(each, own) for each, own in zip(constants, names, strict=True)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


@pytest.mark.parametrize(("name", "keys", "constants"), CASES, ids=lambda each: str(each)[:30])
def test_it_is_what_onnx_runtime_computes(name: str, keys: dict[str, Any], constants: list[Any]) -> None:
    model = one(name, keys, constants)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"x": X})
    found = network.Graph(model)(x=torch.from_numpy(X))["y"].numpy()
    assert found.shape == wanted.shape
    assert np.allclose(found, wanted, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "keys", "constants", "told"),
    [
        ("Det", {}, [], "operator Det is not translated"),
        ("Conv", {"kernel_shape": [1, 3], "auto_pad": "SAME_UPPER"}, [WEIGHT], "auto_pad"),
        ("MaxPool", {"kernel_shape": [1, 3], "ceil_mode": 1}, [], "ceil_mode"),
        ("AveragePool", {"kernel_shape": [1, 3], "pads": [0, 2, 0, 1]}, [], "uneven pads"),
        ("Pad", {"mode": "reflect"}, [np.array([0, 0, 0, 2, 0, 0, 0, 1])], "mode reflect"),
        ("Cast", {"to": TensorProto.FLOAT16}, [], "type 10"),
    ],
)
def test_what_is_not_covered_is_refused_by_name(
    name: str, keys: dict[str, Any], constants: list[Any], told: str
) -> None:
    with pytest.raises(UnknownOperator, match=told):
        network.Graph(one(name, keys, constants))(x=torch.from_numpy(X))


def test_a_shape_that_is_computed_and_an_operator_of_others_are_refused() -> None:
    with pytest.raises(UnknownOperator, match="computed from the spectrum"):
        operators.numbers(torch.zeros(1))
    with pytest.raises(UnknownOperator, match=r"com\.microsoft\.FusedConv"):
        operators.find("FusedConv", "com.microsoft")


def test_rounded_constants_are_read_with_their_scale() -> None:
    held, scale = torch.tensor([[1, 2], [-3, 4]], dtype=torch.int8), torch.tensor([0.5, 2.0])
    found = operators.find("DequantizeLinear", "")([held, scale, torch.tensor([1, 0], dtype=torch.int8)], {"axis": 1})
    assert found.tolist() == [[0.0, 4.0], [-2.0, 8.0]]
    assert operators.find("DequantizeLinear", "")([held, torch.tensor(0.5)], {}).tolist() == [[0.5, 1.0], [-1.5, 2.0]]
