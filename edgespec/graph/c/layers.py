"""Convolutions and linear layers in float: weights packed for blocks of 16 outputs, a window as one contiguous stretch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.graph.c import rounded
from edgespec.graph.c.making import Making
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Value
from edgespec.graph.c.window import BLOCK, bound, in_order, outcome, window

Array = NDArray[Any]


def convolution(making: Making, node: Node) -> None:
    """Translate Conv along one axis: dense, in groups, or one channel at a time."""
    if rounded.takes(making, node):
        rounded.convolution(making, node)
        return
    weight, bias = making.constant(node.inputs[1]), making.optional(node, 2)
    found = window(making, node, weight)
    x = making.lined_up(node.inputs[0], found.axis, found.before, found.behind, 0.0)
    name, low, high = making.bounds(node.outputs[0])
    y = outcome(making, node, found)
    making.values[name] = y
    weight = weight.reshape(weight.shape[0], weight.shape[1], -1)
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    limits = f"{bound(low)}, {bound(high)}"
    if found.depthwise:
        tables = _tables(making, weight[:, 0].T, bias)
        call = (
            f"depthwise({{b{x.buffer.number}}} + {x.start - found.before * found.channels}, {found.stride}, {found.dilation}, {found.taps}, "
            f"{tables}, {found.channels}, {found.rows}, {limits}, {{b{y.buffer.number}}});\n"
        )
        making.program.kernels.add("depthwise")
        making.program.say(call, [x.buffer], [y.buffer])
        return
    own, given = len(weight) // found.groups, found.channels // found.groups
    for group in range(found.groups):
        part = weight[group * own : (group + 1) * own]
        stretch = found.dilation == 1 and found.groups == 1
        taps, count = (1, found.taps * given) if stretch else (found.taps, given)
        packed = pack(part.transpose(2, 1, 0).reshape(-1, own))
        begin = x.start - found.before * found.channels + group * given
        dense(
            making, x, begin, found.stride * found.channels, (taps, count, found.dilation * found.channels), packed,
            bias[group * own : (group + 1) * own], found.rows, limits, y, group * own, len(weight),
        )  # fmt: skip


def linear(making: Making, node: Node) -> None:
    """Translate Gemm, and MatMul with constant weights."""
    if rounded.takes(making, node):
        rounded.linear(making, node)
        return
    weight, bias = linear_weight(making, node)
    x = making.value(node.inputs[0])
    weight, x = in_order(making, node, weight, x)
    name, low, high = making.bounds(node.outputs[0])
    shape = making.shape(node.outputs[0])
    y = making.program.value(shape)
    making.values[name] = y
    count, own = weight.shape
    rows = x.count // count
    dense(making, x, x.start, count, (1, count, 0), pack(weight), bias, rows, f"{bound(low)}, {bound(high)}", y, 0, own)


def linear_weight(making: Making, node: Node) -> tuple[Array, Array]:
    """Give the weight (inputs, outputs) and the bias (outputs,) of a linear layer."""
    weight = making.constant(node.inputs[1]).astype(np.float32)
    bias = making.optional(node, 2) if node.kind == "Gemm" else None
    if node.kind == "Gemm":
        if node.has.get("transA", 0) or len(making.shape(node.inputs[0])) != 2:
            raise making.refuse(node, "it transposes its input")
        weight = (weight.T if node.has.get("transB", 0) else weight) * np.float32(node.has.get("alpha", 1.0))
        bias = None if bias is None else bias.astype(np.float32) * np.float32(node.has.get("beta", 1.0))
    if weight.ndim != 2:
        raise making.refuse(node, "its weight is not a matrix")
    return weight, np.broadcast_to(0 if bias is None else bias.reshape(-1), (weight.shape[1],)).astype(np.float32)


def dense(
    making: Making, x: Value, begin: int, step: int, reach: tuple[int, int, int], packed: Array, bias: Array, rows: int,
    limits: str, y: Value, at: int, pitch: int,
) -> None:  # fmt: skip
    """Call the kernel of all dense layers.

    begin, step: where the first row's numbers begin, and how far the next row's are
    reach: stretches of a row's window, numbers in each, and from one to the next
    packed: as `pack` gives it; at, pitch: where a row's outputs begin, and how far the next row's are
    """
    tables = _tables(making, packed, padded(bias))
    taps, count, jump = reach
    call = (
        f"dense({{b{x.buffer.number}}} + {begin}, {step}, {taps}, {count}, {jump}, {tables}, {len(bias)}, {rows}, {limits}, "
        f"{{b{y.buffer.number}}} + {at}, {pitch});\n"
    )
    making.program.kernels.add("dense")
    making.program.say(call.replace(" + 0,", ","), [x.buffer], [y.buffer])


def pack(weight: Array) -> Array:
    """(count, outputs) -> (blocks, count, 16): what a kernel reads in one go lies together; outputs that are missing are 0."""
    count, outputs = weight.shape
    blocks = -(-outputs // BLOCK)
    found = np.zeros((blocks, count, BLOCK), np.float32)
    for block in range(blocks):
        part = weight[:, block * BLOCK : (block + 1) * BLOCK]
        found[block, :, : part.shape[1]] = part
    return found


def padded(bias: Array) -> Array:
    """Fill a bias up to whole blocks."""
    found = np.zeros(-(-len(bias) // BLOCK) * BLOCK, np.float32)
    found[: len(bias)] = bias
    return found


def _tables(making: Making, weight: Array, bias: Array) -> str:
    program = making.program
    return f"{program.table('float', weight.astype(np.float32), 'w')}, {program.table('float', bias.astype(np.float32), 'b')}"
