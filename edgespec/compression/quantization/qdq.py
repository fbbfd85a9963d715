"""Explicit Q/DQ in one file for every runtime: int8 symmetric, zero point 0, per-channel weights, bias in float.

QuantizeLinear and DequantizeLinear stand on the inputs of convolutions and linear layers and on the identity branch of residual
additions, where TensorRT's documentation wants them; a convolution's own output stays float up to the next layer's input.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgespec.compression.quantization.ranges import Range
from edgespec.graph import onnx_file
from edgespec.models import MEANS

SMALLEST = 1e-12  # scale of a tensor or channel that is zero everywhere
LARGEST = {8: 127, 7: 64, 4: 7}  # of the integers, by bits of a weight
CLIPS = np.linspace(1.0, 0.3, 29)  # of the largest weight that are tried
PACKED_OPSET = 21  # the first with 4-bit integers
ONLY_FLOAT = frozenset(
    ("Abs", "BatchNormalization", "Erf", "Gelu", "Max", "Min", "Sub")
)  # no CPU runtime has int8 kernels for them


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer: its node's name, operator, weight, and the weight's axis of output channels."""

    name: str
    operator: str
    weight: str
    axis: int


def layers(network: onnx.ModelProto) -> list[Layer]:
    """Name what can be int8, in the order of the graph: Conv, Gemm and MatMul with constant weights; pooling by a matrix is none.

    Where what lies between convolutions stays float (`sparing`), so do linear layers of one vector a spectrum (Gemm): DRSN's thresholds.
    The last one does not, nor do those of many vectors (MatMul), in which a transformer's weights are.
    """
    last, spared = network.graph.output[0].name, sparing(network)
    constants = {each.name for each in network.graph.initializer}
    found = []
    for node in network.graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or node.input[1] not in constants:
            continue
        if node.input[1].endswith(f".{MEANS}") or (spared and node.op_type == "Gemm" and last not in node.output):
            continue
        wide = node.op_type == "Conv" or any(each.name == "transB" and each.i for each in node.attribute)
        found.append(Layer(node.name, node.op_type, node.input[1], 0 if wide else 1))
    return found


def sparing(network: onnx.ModelProto) -> bool:
    """Tell a network with operators that know no int8 (GELU, soft thresholds): there only `layers` are rounded, nothing between them."""
    return any(node.op_type in ONLY_FLOAT for node in network.graph.node)


def portable(
    network: onnx.ModelProto, ranges: Mapping[str, Range], *, floats: Collection[str] = (), bits: int = 8
) -> onnx.ModelProto:
    """Insert Q/DQ into a float network, all but the layers named in `floats`.

    ranges: of every activation; bits: of the weights, 7 where the CPU's int8 kernels saturate with 8
    """
    found = copy.deepcopy(network)
    chosen = {each.name: each for each in layers(found) if each.name not in floats}
    identities = _identities(found, chosen)
    weights = {each.name: numpy_helper.to_array(each) for each in found.graph.initializer}
    pairs: dict[str, list[onnx.NodeProto]] = {}
    front: list[onnx.NodeProto] = []
    extra = [numpy_helper.from_array(np.zeros((), np.int8), "zero_int8")]
    for node in found.graph.node:
        if layer := chosen.get(node.name):
            if (name := f"{layer.weight}_int8") not in {each.name for each in extra}:
                extra += _rounded(weights[layer.weight], layer, bits)
                scaled = helper.make_node(
                    "DequantizeLinear", [name, f"{layer.weight}_scale"], [f"{layer.weight}_back"], name=f"{name}_back",
                    axis=layer.axis,
                )  # fmt: skip
                front.append(scaled)
            node.input[1] = f"{layer.weight}_back"
        for place in [0] if node.name in chosen else [identities[node.name]] if node.name in identities else []:
            tensor = node.input[place]
            if tensor not in pairs:
                pairs[tensor], scale = _pair(tensor, ranges[tensor])
                extra.append(scale)
            node.input[place] = f"{tensor}_back"
    _rebuild(found, front, pairs, extra)
    return found


def clipped(network: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """Clip the weights of each output channel where that leaves them the least squared error when rounded to so few bits."""
    found = copy.deepcopy(network)
    axes = {each.weight: each.axis for each in layers(found)}
    for each in found.graph.initializer:
        if each.name not in axes:
            continue
        weight = numpy_helper.to_array(each)
        others = tuple(i for i in range(weight.ndim) if i != axes[each.name])
        largest = np.maximum(np.abs(weight).max(axis=others, keepdims=True), SMALLEST)
        best, least = weight, np.full(largest.shape, np.inf)
        for share in CLIPS:
            limit = share * largest
            cut = weight.clip(-limit, limit)
            step = limit / LARGEST[bits]
            error = ((np.round(cut / step) * step - weight) ** 2).sum(axis=others, keepdims=True)
            best, least = np.where(error < least, cut, best), np.minimum(error, least)
        each.CopyFrom(numpy_helper.from_array(best.astype(np.float32), each.name))
    return found


def packed(network: onnx.ModelProto) -> onnx.ModelProto:
    """Give a float network with weights of 4 bits, one scale an output channel; what is computed stays float: for size alone.

    Opset 21, as 4-bit integers need. Operators of our networks mean the same there as in 18.
    """
    found = copy.deepcopy(network)
    weights = {each.name: numpy_helper.to_array(each) for each in found.graph.initializer}
    extra: list[onnx.TensorProto] = []
    front = []
    chosen = {each.name: each for each in layers(found)}
    for node in found.graph.node:
        if layer := chosen.get(node.name):
            whole, scale = _rounded(weights[layer.weight], layer, 4)
            values = numpy_helper.to_array(whole)
            small = helper.make_tensor(whole.name, TensorProto.INT4, values.shape, _nibbles(values), raw=True)
            extra += [small, scale]
            inputs, output = [whole.name, scale.name], f"{layer.weight}_back"
            front.append(
                helper.make_node("DequantizeLinear", inputs, [output], name=f"{whole.name}_back", axis=layer.axis)
            )
            node.input[1] = output
    _rebuild(found, front, {}, extra)
    for each in found.opset_import:
        each.version = PACKED_OPSET if each.domain == "" else each.version
    return found


def _nibbles(values: NDArray[np.int8]) -> bytes:
    """Pack 4-bit integers, two a byte, the first in its lower half; the format's other form takes a byte each or more."""
    flat = values.ravel().view(np.uint8) & 0x0F
    flat = np.append(flat, np.zeros(len(flat) % 2, np.uint8))
    return (flat[::2] | flat[1::2] << 4).tobytes()


def _rounded(weight: NDArray[Any], layer: Layer, bits: int) -> list[onnx.TensorProto]:
    """Round a weight to integers, each output channel with a scale of its own."""
    others = tuple(i for i in range(weight.ndim) if i != layer.axis)
    largest = np.abs(weight).max(axis=others)
    scale = np.maximum(largest / LARGEST[bits], SMALLEST).astype(np.float32)
    shaped = scale.reshape([-1 if i == layer.axis else 1 for i in range(weight.ndim)])
    whole = np.round(weight / shaped).clip(-LARGEST[bits], LARGEST[bits]).astype(np.int8)
    return [
        numpy_helper.from_array(whole, f"{layer.weight}_int8"),
        numpy_helper.from_array(scale, f"{layer.weight}_scale"),
    ]


def _pair(tensor: str, ends: Range) -> tuple[list[onnx.NodeProto], onnx.TensorProto]:
    scale = np.float32(max(abs(ends[0]), abs(ends[1]), SMALLEST * 127) / 127)
    made = [
        helper.make_node(kind, [one, f"{tensor}_scale", "zero_int8"], [other], name=f"{tensor}_{kind}")
        for kind, one, other in (
            ("QuantizeLinear", tensor, f"{tensor}_whole"),
            ("DequantizeLinear", f"{tensor}_whole", f"{tensor}_back"),
        )
    ]
    return made, numpy_helper.from_array(scale, f"{tensor}_scale")


def _rebuild(
    model: onnx.ModelProto,
    front: list[onnx.NodeProto],
    pairs: dict[str, list[onnx.NodeProto]],
    extra: list[onnx.TensorProto],
) -> None:
    """Put each pair behind the node that makes its tensor, in place; drop what nobody reads any more."""
    nodes = [*front, *pairs.get(model.graph.input[0].name, [])]
    for node in model.graph.node:
        nodes += [node, *(each for name in node.output for each in pairs.get(name, []))]
    kept = copy.deepcopy(nodes)
    model.graph.ClearField("node")
    model.graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    constants = [each for each in [*model.graph.initializer, *extra] if each.name in used]
    constants = copy.deepcopy(constants)
    model.graph.ClearField("initializer")
    model.graph.initializer.extend(constants)
    model.graph.ClearField("value_info")


def _identities(network: onnx.ModelProto, chosen: Mapping[str, Layer]) -> dict[str, int]:
    """Give, for each residual addition around an int8 layer, which of its inputs is the identity: the one made earlier."""
    depth, above = {network.graph.input[0].name: 0}, {network.graph.input[0].name: frozenset[str]()}
    sizes, found = onnx_file.shapes(network), {}
    for node in network.graph.node:
        inputs = [name for name in node.input if name in depth]
        if node.op_type == "Add" and len(inputs) == 2 and sizes.get(inputs[0]) == sizes.get(inputs[1]):
            identity = 0 if depth[inputs[0]] <= depth[inputs[1]] else 1
            if (above[inputs[1 - identity]] - above[inputs[identity]]) & set(chosen):
                found[node.name] = identity
        for name in node.output:
            depth[name] = 1 + max((depth[each] for each in inputs), default=0)
            above[name] = frozenset({node.name}).union(*(above[each] for each in inputs))
    return found
