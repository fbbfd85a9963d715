"""Pooling: the mean or the largest number of a window that moves along the positions."""

from __future__ import annotations

import numpy as np

from edgespec.graph.c import elementwise
from edgespec.graph.c.making import Making
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Value
from edgespec.graph.c.window import Window

LONG = 8  # taps from which sums are doubled, not added one by one


def pool(making: Making, node: Node) -> None:
    """Translate MaxPool and AveragePool along one axis."""
    has = dict(node.has)
    if has.get("ceil_mode", 0):
        raise making.refuse(node, "ceil_mode")
    own = making.shape(node.inputs[0])
    sizes = has["kernel_shape"]
    found = Window(making, node, (own[1], 1, *sizes))
    largest = node.kind == "MaxPool"
    if largest and len(node.outputs) > 1:
        raise making.refuse(node, "it gives the places of what is largest")
    x = making.as_it_is(node.inputs[0])
    rounded = largest and x.rounding is not None
    x = making.lined_up(
        node.inputs[0], found.axis, found.before, found.behind, -np.inf if largest else 0.0, keep=rounded
    )
    name, shape = node.outputs[0], making.shape(node.outputs[0])
    strides = tuple(1 if i == 1 else shape[1] for i in range(len(shape)))
    y = making.program.value(shape, strides, x.rounding if rounded else None)
    begin = x.start - found.before * found.channels
    given = f"{{b{x.buffer.number}}} + {begin}, {found.stride}, {found.dilation}, {found.taps}, {found.channels}, {found.rows}"
    if largest:
        kernel = f"largest_{x.buffer.kind}"
        making.program.say(f"{kernel}({given}, {{b{y.buffer.number}}});\n", [x.buffer], [y.buffer])
    elif found.stride == 1 and found.dilation == 1 and found.taps >= LONG:
        kernel = "running_sums"
        room = making.program.value((2 * (found.rows + found.taps) * found.channels,))
        making.program.say(
            f"running_sums({{b{x.buffer.number}}} + {begin}, {found.taps}, {found.channels}, {found.rows}, {{b{room.buffer.number}}}, "
            f"{{b{y.buffer.number}}});\n", [x.buffer], [room.buffer, y.buffer],
        )  # fmt: skip
    else:
        kernel = "window_sums"
        making.program.say(f"window_sums({given}, {{b{y.buffer.number}}});\n", [x.buffer], [y.buffer])
    making.program.kernels.add(kernel)
    if largest:
        making.lay(name, y)
    else:
        making.pending[name] = _mean(making, node, found, y)


def _mean(making: Making, node: Node, found: Window, sums: Value) -> elementwise.Expression:
    """Divide the sums by how many numbers count: fewer at the ends, where what lies around does not."""
    counts = np.full(found.rows, found.taps, np.float32)
    if not node.has.get("count_include_pad", 0) and (found.before or found.behind):
        length = making.shape(node.inputs[0])[found.axis]
        for row in range(found.rows):
            places = row * found.stride - found.before + np.arange(found.taps) * found.dilation
            counts[row] = ((places >= 0) & (places < length)).sum()
    shape = [1] * len(sums.shape)
    shape[found.axis] = found.rows
    share = elementwise.of_constant(making.program, (1 / counts).reshape(shape))
    return elementwise.Expression(sums.shape, "{0} * {1}", (elementwise.of_value(sums), share), depth=1)


def global_mean(making: Making, node: Node) -> None:
    """Translate GlobalAveragePool and GlobalMaxPool."""
    from edgespec.graph.c.reductions import reduced

    own = making.shape(node.inputs[0])
    kept = (*own[:2], *[1] * (len(own) - 2))
    kind = "ReduceMean" if node.kind == "GlobalAveragePool" else "ReduceMax"
    making.lay(node.outputs[0], reduced(making, kind, making.expression(node.inputs[0]), kept, set(range(2, len(own)))))
