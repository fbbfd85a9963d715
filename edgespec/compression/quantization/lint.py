"""The lint of a quantised file: are its types, zero points and Q/DQ places those that its flavour promises?

What `portable` promises is what TensorRT 11 demands: it parses uint8 with a mere warning and then clips wrongly, and rejects every
zero point but 0 and every int32 bias.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgespec.errors import Mismatch
from edgespec.graph import assembly

Array = NDArray[Any]
LAYERS = ("Conv", "Gemm", "MatMul")


def check(flavour: str, model: onnx.ModelProto) -> dict[str, int]:
    """Check Q/DQ of a network against what its flavour promises: types, zero points, places. Gives how many layers and tensors are int8.

    Raises Mismatch, naming the node and what is wrong with it.
    """
    graph = model.graph
    nodes = [node for node in graph.node if not node.name.startswith((assembly.FRONT, assembly.ANSWER))]
    foreign = [node.op_type for node in graph.node if node.domain not in ("", "ai.onnx")]
    foreign += [node.op_type for node in nodes if node.op_type.startswith(("QLinear", "DynamicQuantize"))]
    if foreign:
        raise Mismatch(f"{flavour}: {foreign[0]} is not a standard operator", hint="Q/DQ only, opset 18")
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    makers = {name: node for node in nodes for name in node.output}
    for node in nodes:
        if node.op_type == "QuantizeLinear":
            _check_activation(flavour, node, constants)
        elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
            _check_constant(flavour, node, constants)
    backs = {name for name, node in makers.items() if node.op_type == "DequantizeLinear"}
    layers = [node for node in nodes if node.op_type in LAYERS and node.input[1] in backs]
    for node in layers:
        _check_layer(flavour, node, makers, backs)
    if flavour == "portable":
        _check_places(nodes, backs)
    rounded = sum(node.op_type == "QuantizeLinear" for node in nodes)
    return {"layers": len(layers), "activations": rounded}


def _check_activation(flavour: str, node: onnx.NodeProto, constants: Mapping[str, Array]) -> None:
    zero = constants.get(node.input[2]) if len(node.input) > 2 else None
    kind = np.int8 if flavour == "portable" else np.uint8
    if zero is None or zero.dtype != kind or zero.ndim or constants[node.input[1]].ndim:
        raise Mismatch(f"{flavour}: {node.name} is not one scale and one {np.dtype(kind).name} zero point")
    if flavour == "portable" and zero != 0:
        raise Mismatch(f"{flavour}: {node.name} has the zero point {int(zero)}", hint="TensorRT takes 0 only")


def _check_constant(flavour: str, node: onnx.NodeProto, constants: Mapping[str, Array]) -> None:
    whole = constants[node.input[0]]
    if flavour == "portable" and whole.dtype != np.int8:
        raise Mismatch(
            f"{flavour}: {node.name} brings {whole.dtype} back to float",
            hint="TensorRT takes int8 only: leave biases in float",
        )
    if whole.dtype not in (np.int8, np.int32):
        raise Mismatch(f"{flavour}: {node.name} holds a weight in {whole.dtype}, not in int8")
    if len(node.input) > 2 and constants[node.input[2]].any():
        raise Mismatch(f"{flavour}: {node.name} has a zero point other than 0, and it holds a weight")


def _check_layer(
    flavour: str, node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto], backs: Collection[str]
) -> None:
    if node.input[0] not in backs:
        raise Mismatch(f"{flavour}: {node.name} has an int8 weight, but its input stays float")
    scales = makers[node.input[1]]
    axis = next((each.i for each in scales.attribute if each.name == "axis"), 1)
    wide = node.op_type == "Conv" or any(each.name == "transB" and each.i for each in node.attribute)
    if axis != (0 if wide else 1):
        raise Mismatch(f"{flavour}: the scales of {node.name} lie along axis {axis}, not along its output channels")
    biased = len(node.input) > 2 and node.input[2] in backs
    if flavour == "portable" and biased:
        raise Mismatch(f"{flavour}: the bias of {node.name} is rounded", hint="TensorRT rejects int32 biases")


def _check_places(nodes: list[onnx.NodeProto], backs: Collection[str]) -> None:
    """Q/DQ pairs stand only before a layer or on one input of an addition."""
    whole = {node.output[0] for node in nodes if node.op_type == "QuantizeLinear"}
    for node in nodes:
        taken = [name for name in node.input if name in backs]
        if any(name in whole for name in node.input) and node.op_type != "DequantizeLinear":
            raise Mismatch(f"portable: {node.op_type} {node.name} reads integers")
        good = node.op_type in LAYERS or (node.op_type == "Add" and len(taken) == 1)
        if taken and not good:
            raise Mismatch(f"portable: Q/DQ before {node.op_type} {node.name}, which stays float")
