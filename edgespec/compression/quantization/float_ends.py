"""Where a network goes from float to int8 and back: rounded once, at the place where ONNX Runtime loses least by it.

All of it is exact but for one thing: what a float operator read rounded, it reads as it is.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx

from edgespec.compression.quantization import qdq

SHAPES = ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze")


def before(network: onnx.ModelProto, floats: Collection[str]) -> list[str]:
    """Name the nodes that nothing rounded comes before, rounded layers left out: they stay in float up to the first of those.

    floats: the layers that stay in float
    """
    rounded = {each.name for each in qdq.layers(network)} - set(floats)
    behind, found = set[str](), list[str]()
    for node in network.graph.node:
        if node.name in rounded or behind & set(node.input):
            behind |= set(node.output)
        else:
            found.append(node.name)
    return found


def pooled_first(network: onnx.ModelProto, floats: Collection[str]) -> onnx.ModelProto:
    """Give a network whose last max-pool before the first rounded layer stands in front of its ReLU instead of behind it; what it gives is the same.

    ONNX Runtime draws the rounding in front of a pool that stands before it, where the pool has a slow kernel for integers; not so in front of a
    ReLU, which then goes into the rounding.
    """
    found = onnx.ModelProto()
    found.CopyFrom(network)
    makers = {name: node for node in found.graph.node for name in node.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in found.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    rounded, early = {each.name for each in qdq.layers(found)} - set(floats), set(before(found, floats))
    for pool in [node for node in found.graph.node if node.op_type == "MaxPool" and node.name in early]:
        relu = makers.get(pool.input[0])
        if relu is None or relu.op_type != "Relu" or len(readers[relu.output[0]]) > 1 or len(pool.output) > 1:
            continue
        after = readers.get(pool.output[0], [])
        while len(after) == 1 and after[0].op_type in SHAPES:
            after = readers.get(after[0].output[0], [])
        if len(after) == 1 and after[0].name in rounded:
            stale = next((each for each in found.graph.value_info if each.name == relu.output[0]), None)
            if stale is not None:  # the shape that it had
                found.graph.value_info.remove(stale)
            _swap(relu, pool)
    return found


def _swap(relu: onnx.NodeProto, pool: onnx.NodeProto) -> None:
    """Let the pool come first, in place: the two nodes change their contents, so that the order of the graph stays right."""
    taken, between, given = relu.input[0], relu.output[0], pool.output[0]
    first, second = onnx.NodeProto(), onnx.NodeProto()
    first.CopyFrom(pool)
    second.CopyFrom(relu)
    first.input[0], first.output[0] = taken, between
    second.input[0], second.output[0] = between, given
    relu.CopyFrom(first)
    pool.CopyFrom(second)


def unrounded(model: onnx.ModelProto, floats: Collection[str]) -> onnx.ModelProto:
    """Let a float node that reads a float node's result rounded and brought back read it as it is, in place: as the residual path of PACE.

    floats: the nodes that stay in float; their results are rounded for rounded layers alone
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.name not in floats:
            continue
        for i, name in enumerate(node.input):
            back = makers.get(name)
            whole = makers.get(back.input[0]) if back is not None and back.op_type == "DequantizeLinear" else None
            if whole is None or whole.op_type != "QuantizeLinear":
                continue
            source = makers.get(whole.input[0])
            if source is not None and source.name in floats:
                node.input[i] = whole.input[0]
    used = {name for node in model.graph.node for name in node.input} | {each.name for each in model.graph.output}
    for node in [
        node for node in model.graph.node if node.op_type == "DequantizeLinear" and node.output[0] not in used
    ]:
        model.graph.node.remove(node)
    return model
