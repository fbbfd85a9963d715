"""What an ONNX file weighs: learnt parameters, and multiply-accumulates of one spectrum."""

from __future__ import annotations

import math
from pathlib import Path

import onnx

from edgespec.graph import assembly
from edgespec.graph.foreign import cost
from edgespec.graph.onnx_file import shapes
from edgespec.models import MEANS

WEIGHED = ("Conv", "Gemm", "MatMul", "LSTM", "LayerNormalization")  # operators whose constants are weights


def weigh(path: Path) -> tuple[int, int]:
    """Count parameters and multiply-accumulates of the network's convolutions, linear, recurrent and attention layers, batch 1.

    What is not learnt (preprocessing, pooling by a matrix, reject score) is left out; it counts in bytes and latency.
    """
    model = onnx.load(path)
    sizes, learnt = shapes(model), {each.name for each in model.graph.initializer}
    learnt |= {
        node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in learnt
    }
    linear: set[str] = set()  # what comes out of a MatMul, whose bias is an Add behind it
    for node in model.graph.node:
        if node.op_type == "MatMul" or (
            node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.input[0] in linear
        ):
            linear.add(node.output[0])
    params = macs = 0
    for node in model.graph.node:
        held, products = cost.of(node)
        params, macs = params + held, macs + products
        if node.name.startswith((assembly.FRONT, assembly.ANSWER)) or any(
            each.endswith(f".{MEANS}") for each in node.input
        ):
            continue
        if node.op_type in WEIGHED or (node.op_type == "Add" and linear & set(node.input)):
            params += sum(math.prod(sizes.get(each, [0])) for each in node.input if each in learnt)
        macs += _products(node, sizes)
    return params, macs


def _products(node: onnx.NodeProto, sizes: dict[str, list[int]]) -> int:
    """Count a node's multiply-accumulates; none where the sizes of its tensors are not known."""
    if node.op_type in WEIGHED and any(each not in sizes for each in (*node.input[:2], node.output[0])):
        return 0
    if node.op_type == "Conv":
        return math.prod(sizes[node.input[1]]) * math.prod(sizes[node.output[0]][2:])
    if node.op_type == "Gemm":
        return math.prod(sizes[node.input[1]])
    if node.op_type == "MatMul":
        return (
            math.prod(sizes[node.input[1]])
            * math.prod(sizes[node.output[0]][:-1])
            // math.prod(sizes[node.input[1]][:-2])
        )
    if node.op_type == "LSTM":
        return sizes[node.input[0]][0] * (math.prod(sizes[node.input[1]]) + math.prod(sizes[node.input[2]]))
    return 0
