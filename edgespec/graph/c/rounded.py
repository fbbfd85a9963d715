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
    sums = numbers.reshape(len(numbers), -1).astype(np.int64).sum(1)
    end = _End(making, node, x, weights.scale, sums, None if found.depthwise else found.axis)
    y = window.outcome(making, end.name, end.rounding)
    begin, step = x.start - found.before * found.channels, found.stride * found.channels
    if found.depthwise:
        w = making.program.table("int8_t", np.ascontiguousarray(numbers[:, 0].T), "w")
        text = (
            f"depthwise_bytes({{b{x.buffer.number}}} + {begin}, {found.stride}, {found.dilation}, {found.taps}, {w}, {end.tables()}, "
            f"{found.channels}, {found.rows}, {end.limits}, {end.into(y)});\n"
        )
        making.program.kernels |= {"depthwise_bytes", "rounded"}
    else:
        by_tap = numbers.transpose(2, 1, 0)  # (taps, channels, outputs)
        rows = found.rows // end.pool * end.pool
        many = window.folds(found, len(numbers), end.pool) if found.stretch else 1
        if found.stretch:
            by_tap = by_tap.reshape(1, -1, len(numbers))

        def call(many: int, when: str) -> str:
            shifted = window.folded(by_tap[0], many, end.pool * step)[None] if found.stretch else by_tap
            steps = (step, many * end.pool * step, found.dilation * found.channels)
            return _dense(making, x, begin, steps, shifted, rows // many, end, y, many, when)

        both = many > 1
        text = window.either(call(many, "MODEL_VECTORS"), call(1, "!MODEL_VECTORS")) if both else call(1, "")
    making.program.say(text, [x.buffer], [y.buffer])
    end.lay(y)


def linear(making: Making, node: Node) -> None:
    """Translate Gemm and MatMul of 8-bit numbers."""
    weights = making.graph.rounded[node.inputs[1]]
    numbers = weights.numbers.T if node.has.get("transB", 0) else weights.numbers
    numbers, x = window.in_order(making, node, numbers, making.as_it_is(node.inputs[0]))
    end = _End(making, node, x, weights.scale, numbers.astype(np.int64).sum(0))
    y = making.program.value(making.shape(node.outputs[0]), rounding=end.rounding)
    count = len(numbers)
    text = _dense(making, x, x.start, (count, count, 0), numbers[None], x.count // count, end, y)
    making.program.say(text, [x.buffer], [y.buffer])
    end.lay(y)


class _End:
    """What follows a layer's sums: factors, bounds, and whether the result is rounded again."""

    def __init__(
        self, making: Making, node: Node, x: Value, scale: Array, sums: Array, axis: int | None = None
    ) -> None:
        assert x.rounding is not None
        self.making, outputs = making, len(sums)
        bias = making.optional(node, 2) if node.kind in ("Conv", "Gemm") else None
        add = np.zeros(outputs) if bias is None else np.broadcast_to(bias.reshape(-1).astype(np.float64), (outputs,))
        factor = np.broadcast_to(scale.astype(np.float64) * x.rounding.scale, (outputs,))
        self.name, low, high = making.bounds(node.outputs[0])
        self.rounding, self.pool = self._later(), 1
        if axis is not None and (factor > 0).all():  # the largest sum is then the largest number
            self.name, self.pool = self._pool(axis)
        if self.rounding is not None:
            add, factor = add / self.rounding.scale + self.rounding.zero, factor / self.rounding.scale
            low = max(low / self.rounding.scale + self.rounding.zero, 0)
            high = min(high / self.rounding.scale + self.rounding.zero, 255)
        self.limits = f"{window.bound(low)}, {window.bound(high)}"
        self.outputs = outputs
        self.add, self.factor, self.sums, self.zero = add, factor, sums, x.rounding.zero

    def tables(self, many: int = 1, when: str = "") -> str:
        """Keep what follows the sums of so many rows that are computed as one; give the tables' names."""
        table, starts = self.making.program.table, np.tile(self.sums, many)
        start = [f"(Q_SHIFT - {self.zero}) * ({int(each)})" for each in _filled(starts)]
        return ", ".join((
            self.making.program.text_table("int32_t", start, "s", when),
            table("float", _filled(np.tile(self.factor, many)).astype(np.float32), "f", when),
            table("float", _filled(np.tile(self.add, many)).astype(np.float32), "b", when),
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

    def _pool(self, axis: int) -> tuple[str, int]:
        """Give the pool behind this tensor, or behind the same tensor once it is rounded: the largest number stays the largest one."""
        making, node = self.making, self.making.only_reader(self.name)
        if node is None or node.kind != "QuantizeLinear":
            return making.pool_behind(self.name, axis)
        back = making.only_reader(node.outputs[0])
        if back is None or back.kind != "DequantizeLinear" or rounding_of(making, back) != self.rounding:
            return self.name, 1
        name, pool = making.pool_behind(back.outputs[0], axis)
        if pool == 1:
            return self.name, 1
        making.done |= {node.outputs[0], back.outputs[0]}
        return name, pool

    def into(self, y: Value) -> str:
        """Write where the results go: 8-bit numbers, floats."""
        place = f"{{b{y.buffer.number}}}"
        return f"NULL, {place}" if y.rounding is None else f"{place}, NULL"

    def lay(self, y: Value) -> None:
        """Say where the results lie."""
        self.making.lay(self.name, y)


def _dense(
    making: Making, x: Value, begin: int, steps: tuple[int, int, int], by_tap: Array, rows: int, end: _End, y: Value, many: int = 1,
    when: str = "",
) -> str:  # fmt: skip
    """Write a call of the kernel.

    steps: how far the next row's numbers are, those of the next group of rows, those of the next tap
    by_tap: (taps, count, outputs) weights, each tap a stretch of its own; many: rows that are computed as one
    """
    narrow, count = pack(by_tap)
    step, far, jump = steps
    w = making.program.byte_weights(narrow, by_two(narrow), when)
    outputs = many * end.outputs
    making.program.kernels |= {"dense_bytes", "rounded"}
    text = (
        f"{{\n    const struct layer l = {{WEIGHTS({w}), {end.tables(many, when)}, {outputs}, {end.limits}}};\n"
        f"    dense_bytes({{b{x.buffer.number}}} + {begin}, {step}, {far}, {end.pool}, {len(by_tap)}, {count}, {jump}, &l, {rows}, "
        f"{end.into(y)}, {outputs});\n}}\n"
    )
    return text.replace(" + 0,", ",")


def pack(by_tap: Array) -> tuple[Array, int]:
    """(taps, count, outputs) -> (blocks, taps * steps, 16, 4), and how many steps a tap has; what is missing is 0."""
    taps, count, outputs = by_tap.shape
    steps, blocks = -(-count // 4), -(-outputs // window.BLOCK)
    whole = np.zeros((taps, steps * 4, blocks * window.BLOCK), np.int8)
    whole[:, :count, :outputs] = by_tap
    parts = whole.reshape(taps * steps, 4, blocks, window.BLOCK).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(parts), steps


def by_two(packed: Array) -> Array:
    """(blocks, steps, 16, 4) -> (blocks, 2 * steps, 16, 2): for processors that add two products a step."""
    blocks, steps = packed.shape[:2]
    found = packed.reshape(blocks, steps, window.BLOCK, 2, 2).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(found.reshape(blocks, 2 * steps, window.BLOCK, 2))


def _filled(values: Array) -> Array:
    found = np.zeros(-(-len(values) // window.BLOCK) * window.BLOCK, np.asarray(values).dtype)
    found[: len(values)] = values
    return found
