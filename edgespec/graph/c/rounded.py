"""Layers of 8-bit numbers and weights: exact sums of products, as every runtime's int8 kernels make them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.graph.c import window
from edgespec.graph.c.making import Making, rounding_of
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Rounding, Value

Array = NDArray[Any]
MOVES = ("MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
"""What leaves numbers as they are, so that they may be rounded before it."""


def takes(making: Making, node: Node) -> bool:
    """Tell whether a layer's input and weights are held in 8 bits, in a form that has a kernel."""
    held, weights = making.values.get(node.inputs[0]), making.graph.rounded.get(node.inputs[1])
    if (
        held is None
        or held.rounding is None
        or weights is None
        or weights.numbers.dtype != np.int8
        or weights.zero.any()
    ):
        return False
    if node.kind == "Conv":
        groups, own = node.has.get("group", 1), weights.numbers.shape
        return weights.axis == 0 and (groups == 1 or (own[1] == 1 and own[0] == groups))
    if (
        weights.numbers.ndim != 2
        or node.has.get("alpha", 1.0) != 1
        or node.has.get("beta", 1.0) != 1
        or node.has.get("transA", 0)
    ):
        return False
    outputs = 0 if node.has.get("transB", 0) else 1
    return weights.scale.size == 1 or weights.axis % 2 == outputs


def convolution(making: Making, node: Node) -> None:
    """Translate Conv of 8-bit numbers along one axis."""
    weights = making.graph.rounded[node.inputs[1]]
    numbers = weights.numbers.reshape(*weights.numbers.shape[:2], -1)
    found = window.window(making, node, weights.numbers)
    x = making.lined_up(node.inputs[0], found.axis, found.before, found.behind, 0.0, keep=True)
    end = _End(making, node, x, weights.scale, len(numbers), numbers.reshape(len(numbers), -1).astype(np.int64).sum(1))
    y = window.outcome(making, node, found, end.rounding)
    begin = x.start - found.before * found.channels
    if found.depthwise:
        w = making.program.table("int8_t", np.ascontiguousarray(numbers[:, 0].T), "w")
        call = (
            f"depthwise_bytes({{b{x.buffer.number}}} + {begin}, {found.stride}, {found.dilation}, {found.taps}, {w}, {end.tables}, "
            f"{found.channels}, {found.rows}, {end.limits}, {end.into(y)});\n"
        )
        making.program.kernels |= {"depthwise_bytes", "rounded"}
        making.program.say(call, [x.buffer], [y.buffer])
    else:
        stretch = found.dilation == 1
        by_tap = numbers.transpose(2, 1, 0)  # (taps, channels, outputs)
        by_tap = by_tap.reshape(1, -1, len(numbers)) if stretch else by_tap
        _dense(
            making, x, begin, found.stride * found.channels, found.dilation * found.channels, by_tap, found.rows, end, y
        )
    end.lay(y)


def linear(making: Making, node: Node) -> None:
    """Translate Gemm and MatMul of 8-bit numbers."""
    weights = making.graph.rounded[node.inputs[1]]
    numbers = weights.numbers.T if node.has.get("transB", 0) else weights.numbers
    numbers, x = window.in_order(making, node, numbers, making.as_it_is(node.inputs[0]))
    end = _End(making, node, x, weights.scale, numbers.shape[1], numbers.astype(np.int64).sum(0))
    y = making.program.value(making.shape(node.outputs[0]), rounding=end.rounding)
    if len(numbers) % 4 and x.count > len(
        numbers
    ):  # rows that begin anywhere: each reads into the next one, by weights of 0
        pass
    _dense(making, x, x.start, len(numbers), 0, numbers[None], x.count // len(numbers), end, y)
    end.lay(y)


class _End:
    """What follows a layer's sums: factors, bounds, and whether the result is rounded again."""

    def __init__(self, making: Making, node: Node, x: Value, scale: Array, outputs: int, sums: Array) -> None:
        assert x.rounding is not None
        self.making = making
        bias = making.optional(node, 2) if node.kind in ("Conv", "Gemm") else None
        add = np.zeros(outputs) if bias is None else np.broadcast_to(bias.reshape(-1).astype(np.float64), (outputs,))
        factor = np.broadcast_to(scale.astype(np.float64) * x.rounding.scale, (outputs,))
        self.name, low, high = making.bounds(node.outputs[0])
        self.rounding = self._later()
        if self.rounding is not None:
            add, factor = add / self.rounding.scale + self.rounding.zero, factor / self.rounding.scale
            low = max(low / self.rounding.scale + self.rounding.zero, 0)
            high = min(high / self.rounding.scale + self.rounding.zero, 255)
        self.limits = f"{window.bound(low)}, {window.bound(high)}"
        self.outputs = outputs
        start = f"{x.rounding.zero}"
        self.tables = ", ".join((
            making.program.text_table("int32_t", [f"(Q_SHIFT - {start}) * ({int(each)})" for each in _filled(sums)], "s"),
            making.program.table("float", _filled(factor).astype(np.float32), "f"),
            making.program.table("float", _filled(add).astype(np.float32), "b"),
        ))  # fmt: skip

    def _later(self) -> Rounding | None:
        """Give the rounding that comes behind this tensor, where only moves of numbers lie between."""
        name = self.name
        while (node := self.making.only_reader(name)) is not None:
            if node.kind == "QuantizeLinear":
                return rounding_of(self.making, node)
            if node.kind not in MOVES:
                return None
            name = node.outputs[0]
        return None

    def into(self, y: Value) -> str:
        """Write where the results go: 8-bit numbers, floats."""
        place = f"{{b{y.buffer.number}}}"
        return f"NULL, {place}" if y.rounding is None else f"{place}, NULL"

    def lay(self, y: Value) -> None:
        """Say where the results lie."""
        self.making.lay(self.name, y)


def _dense(
    making: Making, x: Value, begin: int, step: int, jump: int, by_tap: Array, rows: int, end: _End, y: Value
) -> None:
    """Call the kernel. by_tap: (taps, count, outputs) weights, each tap a stretch of its own."""
    packed, steps = pack(by_tap)
    w = making.program.table("int8_t", packed, "w")
    program = making.program
    text = (
        f"{{\n    const struct layer l = {{{w}, {end.tables}, {end.outputs}, {end.limits}}};\n"
        f"    dense_bytes({{b{x.buffer.number}}} + {begin}, {step}, {len(by_tap)}, {steps}, {jump}, &l, {rows}, {end.into(y)}, {end.outputs});\n}}\n"
    )
    program.kernels |= {"dense_bytes", "rounded"}
    program.say(text.replace(" + 0,", ","), [x.buffer], [y.buffer])


def pack(by_tap: Array) -> tuple[Array, int]:
    """(taps, count, outputs) -> (blocks, taps * steps, 16, 4), and how many steps a tap has; what is missing is 0."""
    taps, count, outputs = by_tap.shape
    steps, blocks = -(-count // 4), -(-outputs // window.BLOCK)
    whole = np.zeros((taps, steps * 4, blocks * window.BLOCK), np.int8)
    whole[:, :count, :outputs] = by_tap
    parts = whole.reshape(taps * steps, 4, blocks, window.BLOCK).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(parts), steps


def _filled(values: Array) -> Array:
    found = np.zeros(-(-len(values) // window.BLOCK) * window.BLOCK, np.asarray(values).dtype)
    found[: len(values)] = values
    return found
