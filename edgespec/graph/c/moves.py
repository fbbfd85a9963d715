"""Operators that move numbers: most are another view of the same ones and cost nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgespec.graph.c import elementwise
from edgespec.graph.c.making import Making
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Value, c_float, row_major


def reshape(making: Making, node: Node) -> None:
    """Translate Reshape, Flatten, Squeeze and Unsqueeze."""
    name, shape = node.outputs[0], making.shape(node.outputs[0])
    x = making.as_it_is(node.inputs[0])
    if x.order is None and (view := _viewed(x, shape)) is not None:
        making.lay(name, view)
        return
    flat = [size for size in shape if size > 1]
    if x.order is None and len(flat) <= 1 and x.count == x.buffer.count and x.start == 0:
        places = np.zeros(x.shape, np.int64)
        for size, stride, axis in zip(x.shape, x.strides, range(len(x.shape)), strict=True):
            places += (np.arange(size) * stride).reshape([-1 if i == axis else 1 for i in range(len(x.shape))])
        making.lay(name, Value(x.buffer, shape, row_major(shape), 0, x.rounding, places.ravel()))
        return
    making.lay(name, plain(making, making.in_order(x)).seen(shape, row_major(shape)))


def plain(making: Making, x: Value) -> Value:
    """Give the same tensor with its numbers in the order of its axes."""
    if x.plain:
        return x
    made = making.program.value(x.shape, rounding=x.rounding)
    making.program.say(*elementwise.over(made, [x], "{y} = {x0};\n"))
    return made


def _viewed(x: Value, shape: Sequence[int]) -> Value | None:
    """Give a view under another shape where the strides allow that."""
    if x.plain:
        return x.seen(shape, row_major(shape))
    old = [(size, stride) for size, stride in zip(x.shape, x.strides, strict=True) if size > 1]
    if [size for size, _ in old] != [size for size in shape if size > 1]:
        return None
    steps = iter([stride for _, stride in old])
    return x.seen(shape, [next(steps) if size > 1 else 1 for size in shape])


def transpose(making: Making, node: Node) -> None:
    """Translate Transpose: the axes in another order."""
    x = making.in_order(making.as_it_is(node.inputs[0]))
    order = node.has.get("perm", list(reversed(range(len(x.shape)))))
    making.lay(node.outputs[0], x.seen([x.shape[i] for i in order], [x.strides[i] for i in order]))


def take(making: Making, node: Node) -> None:
    """Translate Slice, Split, and Gather of constant places."""
    x = making.in_order(making.as_it_is(node.inputs[0]))
    if node.kind == "Split":
        axis, at = node.has.get("axis", 0) % len(x.shape), 0
        for name in node.outputs:
            shape = making.shape(name)
            making.lay(name, x.seen(shape, x.strides, x.start + at * x.strides[axis]))
            at += shape[axis]
        return
    if node.kind == "Gather":
        _gather(making, node, x)
        return
    begins, axes, steps = (making.optional(node, i) for i in (1, 3, 4))
    if begins is None:
        raise making.refuse(node, "its ends are attributes")
    axes = np.arange(len(begins)) if axes is None else axes
    steps = np.ones(len(begins), np.int64) if steps is None else steps
    start, strides = x.start, list(x.strides)
    for begin, axis, step in zip(begins, axes, steps, strict=True):
        size = x.shape[axis]
        first = int(np.clip(begin + size if begin < 0 else begin, 0, size - (1 if step < 0 else 0)))
        start += first * x.strides[axis]
        strides[axis] *= int(step)
    making.lay(node.outputs[0], x.seen(making.shape(node.outputs[0]), strides, start))


def _gather(making: Making, node: Node, x: Value) -> None:
    places, axis = making.constant(node.inputs[1]), node.has.get("axis", 0) % len(x.shape)
    places = np.where(places < 0, places + x.shape[axis], places)
    shape, name = making.shape(node.outputs[0]), node.outputs[0]
    steps = np.diff(places.ravel())
    if places.size and (steps.size == 0 or (steps == steps[0]).all()):
        step = int(steps[0]) if steps.size else 1
        strides = [*x.strides[:axis], *[s * step for s in row_major(places.shape)], *x.strides[axis + 1 :]]
        making.lay(name, x.seen(shape, [s * x.strides[axis] if axis <= i < axis + places.ndim else s for i, s in enumerate(strides)],
                                x.start + int(places.ravel()[0]) * x.strides[axis]))  # fmt: skip
        return
    made = making.program.value(shape, rounding=x.rounding)
    many = places.ndim
    own = row_major(shape)
    for number, place in enumerate(places.ravel()):  # few places: each is a copy of what stands behind it
        index = np.unravel_index(number, places.shape) if many else ()
        at = sum(int(i) * own[axis + j] for j, i in enumerate(index))
        rest_shape = [*shape[:axis], *shape[axis + many :]]
        rest = [*own[:axis], *own[axis + many :]]
        into = made.seen(rest_shape, rest, at)
        given = x.seen(
            rest_shape, [s for i, s in enumerate(x.strides) if i != axis], x.start + int(place) * x.strides[axis]
        )
        making.program.say(*elementwise.over(into, [given], "{y} = {x0};\n"))
    making.lay(name, made)


def join(making: Making, node: Node) -> None:
    """Translate Concat, Pad and Expand: parts that are copied into a larger tensor."""
    name, shape = node.outputs[0], making.shape(node.outputs[0])
    if node.kind == "Expand":
        x = making.flat(node.inputs[0])
        made = making.program.value(shape)
        making.program.say(*elementwise.over(made, [x], "{y} = {x0};\n"))
        making.lay(name, made)
        return
    if node.kind == "Pad":
        _pad(making, node, shape)
        return
    axis, at = node.has["axis"] % len(shape), 0
    parts = [making.expression(each) for each in node.inputs if math.prod(making.shape(each))]
    lines = making.flat(node.inputs[0]) if node.inputs[0] in making.values else None
    strides = (
        elementwise.dense(shape, lines.strides) if lines is not None and lines.shape[axis] > 1 else row_major(shape)
    )
    made = making.program.value(shape, strides)
    for each in parts:
        elementwise.keep(making.program, each, made.seen(each.shape, made.strides, at * made.strides[axis]))
        at += each.shape[axis]
    making.lay(name, made)


def _pad(making: Making, node: Node, shape: tuple[int, ...]) -> None:
    pads, filled, axes = (making.optional(node, i) for i in (1, 2, 3))
    mode = node.has.get("mode", b"constant")
    if pads is None or axes is not None or mode != b"constant" or (pads < 0).any():
        if pads is not None and axes is None and mode in (b"edge", b"reflect") and not (pads < 0).any():
            _mirrored(making, node, shape, pads, mode)
            return
        raise making.refuse(node, "only padding with a constant, the edge or a mirror, by axes in order")
    x = making.expression(node.inputs[0])
    leaf = x.leaf
    strides = elementwise.dense(shape, leaf.strides) if leaf is not None and leaf.order is None else row_major(shape)
    made = making.program.value(shape, strides)
    number = 0.0 if filled is None else float(np.ravel(filled)[0])
    making.program.say(*elementwise.over(made, [], f"{{y}} = {c_float(number)};\n"))
    start = sum(int(pad) * stride for pad, stride in zip(pads, made.strides, strict=False))
    elementwise.keep(making.program, x, made.seen(x.shape, made.strides, start))
    making.lay(node.outputs[0], made)


def _mirrored(making: Making, node: Node, shape: tuple[int, ...], pads: np.ndarray, mode: bytes) -> None:
    """Pad with the edge's number or with a mirror, along one axis at a time."""
    x = making.flat(node.inputs[0])
    made = making.program.value(shape)
    start = sum(int(pad) * stride for pad, stride in zip(pads, made.strides, strict=False))
    making.program.say(*elementwise.over(made.seen(x.shape, made.strides, start), [x], "{y} = {x0};\n"))
    own = list(x.shape)
    for axis in range(len(shape)):
        before, behind = int(pads[axis]), int(pads[len(shape) + axis])
        for far in range(1, before + 1):
            _copied(making, made, own, pads, axis, before - far, before + (far if mode == b"reflect" else 0))
        end = before + x.shape[axis] - 1
        for far in range(1, behind + 1):
            _copied(making, made, own, pads, axis, end + far, end - (far if mode == b"reflect" else 0))
        own[axis] = shape[axis]
    making.lay(node.outputs[0], made)


def _copied(making: Making, made: Value, own: list[int], pads: np.ndarray, axis: int, to: int, source: int) -> None:
    size = [1 if i == axis else n for i, n in enumerate(own)]
    base = sum(int(pads[i]) * made.strides[i] for i in range(len(own)) if i != axis and own[i] != made.shape[i])
    into = made.seen(size, made.strides, base + to * made.strides[axis])
    given = made.seen(size, made.strides, base + source * made.strides[axis])
    text, reads, writes = elementwise.over(into, [given], "{y} = {x0};\n")
    making.program.say(text.replace("*restrict y", "*y"), reads, writes)
