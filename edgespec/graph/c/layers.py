"""Convolutions and linear layers in float: weights packed for blocks of 16 outputs, a window as one contiguous stretch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.graph.c import rounded
from edgespec.graph.c.making import Making
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Value
from edgespec.graph.c.window import BLOCK, Window, bound, either, folded, folds, in_order, outcome, window

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
    pool = 1
    if not found.depthwise:
        name, pool = making.pool_behind(name, found.axis)
    y = outcome(making, name)
    making.values[name] = y
    weight = weight.reshape(weight.shape[0], weight.shape[1], -1)
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    limits = f"{bound(low)}, {bound(high)}"
    begin = x.start - found.before * found.channels
    if found.depthwise:
        tables = _tables(making, weight[:, 0].T, bias)
        call = (
            f"depthwise({{b{x.buffer.number}}} + {begin}, {found.stride}, {found.dilation}, {found.taps}, "
            f"{tables}, {found.channels}, {found.rows}, {limits}, {{b{y.buffer.number}}});\n"
        )
        making.program.kernels.add("depthwise")
        making.program.say(call, [x.buffer], [y.buffer])
        return
    text = "".join(_group(making, found, x, weight, bias, y, limits, pool, group) for group in range(found.groups))
    making.program.say(text, [x.buffer], [y.buffer])


def _group(
    making: Making, found: Window, x: Value, weight: Array, bias: Array, y: Value, limits: str, pool: int, group: int
) -> str:  # fmt: skip
    """Call the kernel for the outputs of a group."""
    own, given = len(weight) // found.groups, found.channels // found.groups
    part, add = weight[group * own : (group + 1) * own], bias[group * own : (group + 1) * own]
    taps = 1 if found.stretch else found.taps
    packed = part.transpose(2, 1, 0).reshape(-1, own)
    begin, step = x.start - found.before * found.channels + group * given, found.stride * found.channels
    rows = found.rows // pool * pool
    many = folds(found, own, pool) if found.stretch else 1

    def call(many: int, when: str) -> str:
        shifted = folded(packed, many, pool * step)
        reach = (taps, len(shifted) // taps, found.dilation * found.channels)
        return dense(making, x, begin, (step, many * pool * step, pool), reach, pack(shifted), np.tile(add, many), rows // many, limits, y,
                     group * own, many * len(weight), when)  # fmt: skip

    return either(call(many, "MODEL_VECTORS"), call(1, "!MODEL_VECTORS")) if many > 1 else call(1, "")


def linear(making: Making, node: Node) -> None:
    """Translate Gemm, and MatMul with constant weights."""
    if rounded.takes(making, node):
        rounded.linear(making, node)
        return
    weight, bias = linear_weight(making, node)
    x = making.value(node.inputs[0])
    weight, x = in_order(making, node, weight, x)
    name, low, high = making.bounds(node.outputs[0])
    y = making.program.value(making.shape(node.outputs[0]))
    making.values[name] = y
    matrix(making, x, weight, bias, f"{bound(low)}, {bound(high)}", y)


def matrix(making: Making, x: Value, weight: Array, bias: Array, limits: str, y: Value) -> None:
    """Call the kernel for rows of numbers that follow one another. weight: (inputs, outputs)."""
    count, own = weight.shape
    text = dense(
        making, x, x.start, (count, count, 1), (1, count, 0), pack(weight), bias, x.count // count, limits, y, 0, own
    )
    making.program.say(text, [x.buffer], [y.buffer])


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
    making: Making, x: Value, begin: int, steps: tuple[int, int, int], reach: tuple[int, int, int], packed: Array, bias: Array, rows: int,
    limits: str, y: Value, at: int, pitch: int, when: str = "",
) -> str:  # fmt: skip
    """Write a call of the kernel of all dense layers.

    begin, steps: where the first row's numbers begin; how far the next row's are, how far those of the next group of rows, and rows in a group,
                  of which the largest results are kept
    reach: stretches of a row's window, numbers in each, and from one to the next
    packed: as `pack` gives it; at, pitch: where a row's outputs begin, and how far the next row's are; when: condition of the preprocessor
    """
    tables = _tables(making, packed, padded(bias), when)
    step, far, pool = steps
    taps, count, jump = reach
    call = (
        f"dense({{b{x.buffer.number}}} + {begin}, {step}, {far}, {pool}, {taps}, {count}, {jump}, {tables}, {len(bias)}, {rows}, {limits}, "
        f"{{b{y.buffer.number}}} + {at}, {pitch});\n"
    )
    making.program.kernels.add("dense")
    return call.replace(" + 0,", ",")


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


def _tables(making: Making, weight: Array, bias: Array, when: str = "") -> str:
    table = making.program.table
    return (
        f"{table('float', weight.astype(np.float32), 'w', when)}, {table('float', bias.astype(np.float32), 'b', when)}"
    )
