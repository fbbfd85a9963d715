"""How a layer reads its input: a window that moves along the positions, or numbers in the order in which they lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.graph.c import elementwise
from edgespec.graph.c.making import Making, positions
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Value, c_float

BLOCK = 16  # outputs whose weights lie together
Array = NDArray[Any]


class Window:
    """How a convolution's window moves: along which axis, how far, over how many channels."""

    def __init__(self, making: Making, node: Node, shape: tuple[int, ...]) -> None:
        sizes = shape[2:]
        self.axis = positions(making, node, node.inputs[0], sizes)
        i, many = self.axis - 2, len(sizes)
        pads = node.has.get("pads", [0] * 2 * many)
        if node.has.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
            raise making.refuse(node, "auto_pad")
        if any(pads[j] or pads[many + j] for j in range(many) if j != i):
            raise making.refuse(node, "it pads an axis of length 1")
        self.taps = sizes[i]
        self.stride = node.has.get("strides", [1] * many)[i]
        self.dilation = node.has.get("dilations", [1] * many)[i]
        self.groups = node.has.get("group", 1)
        self.channels = making.shape(node.inputs[0])[1]
        self.rows = making.shape(node.outputs[0])[self.axis]
        self.before = pads[i]
        reach = (self.rows - 1) * self.stride + (self.taps - 1) * self.dilation + 1
        self.behind = max(reach - self.before - making.shape(node.inputs[0])[self.axis], 0)
        self.stretch = self.dilation == 1 and self.groups == 1
        self.depthwise = self.groups > 1 and self.groups == self.channels == shape[0]


def window(making: Making, node: Node, weight: Array) -> Window:
    """Give how a convolution's window moves."""
    return Window(making, node, weight.shape)


def outcome(making: Making, name: str, rounding: Any = None) -> Value:
    """Make a convolution's output: channels together, position after position."""
    shape = making.shape(name)
    strides = tuple(1 if i == 1 else shape[1] for i in range(len(shape)))
    return making.program.value(shape, strides, rounding)


def in_order(making: Making, node: Node, weight: Array, x: Value) -> tuple[Array, Value]:
    """Give the weight's rows in the order in which the input lies in memory, and the input, whose numbers lie without gaps."""
    if x.order is not None and weight.shape[0] == x.count:
        found = np.empty_like(weight)
        found[x.order] = weight
        return found, x
    x = making.in_order(x)
    if not x.plain:
        made = making.program.value(x.shape, rounding=x.rounding)
        making.program.say(*elementwise.over(made, [x], "{y} = {x0};\n"))
        x = made
    return weight, x


def folds(found: Window, outputs: int, pool: int) -> int:
    """Tell how many rows a kernel had best compute as one, with weights that are shifted and 0 between, so that 16 outputs are full.

    found: a convolution whose window is one stretch; outputs: of a row; pool: neighbouring rows whose largest one is wanted
    """
    if pool > 2:  # kernels with few registers take such rows one after the other
        return 1
    many = found.rows // pool
    step, count = found.stride * found.channels * pool, found.taps * found.channels
    costs = {each: (count + (each - 1) * step) / each for each in range(1, BLOCK // outputs + 1) if many % each == 0}
    return min(costs, key=lambda each: (costs[each], each)) if costs else 1


def folded(weight: Array, many: int, step: int) -> Array:
    """(count, outputs) -> (count + (many - 1) * step, many * outputs): weights of so many rows, each `step` numbers behind the last."""
    count, outputs = weight.shape
    found = np.zeros((count + (many - 1) * step, many * outputs), weight.dtype)
    for each in range(many):
        found[each * step : each * step + count, each * outputs : (each + 1) * outputs] = weight
    return found


def either(vectors: str, plain: str) -> str:
    """Write one text for processors with vectors, another one for those without."""
    return f"#if MODEL_VECTORS\n{vectors}#else\n{plain}#endif\n"


def bound(value: float) -> str:
    """Write a bound of an activation."""
    return c_float(value) if np.isfinite(value) else ("FLT_MAX" if value > 0 else "-FLT_MAX")
