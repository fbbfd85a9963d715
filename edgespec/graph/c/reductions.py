"""Operators that make few numbers of many: sums, means, largest ones, softmax, products of two tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgespec.graph.c import elementwise, loops, moves
from edgespec.graph.c.elementwise import Expression
from edgespec.graph.c.making import Making
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Value, c_float, row_major

START = {"ReduceMax": "-FLT_MAX", "ReduceMin": "FLT_MAX", "ReduceProd": "1.0f"}
STEP = {"ReduceMax": "larger({s}, {v})", "ReduceMin": "smaller({s}, {v})", "ReduceProd": "{s} * {v}"}
OF_EACH = {
    "ReduceL1": "fabsf({0})",
    "ReduceL2": "{0} * {0}",
    "ReduceSumSquare": "{0} * {0}",
    "ReduceLogSumExp": "raised({0} - most)",
}
KINDS = frozenset((*START, *OF_EACH, "ReduceSum", "ReduceMean", "ReduceLogSum", "ReduceLogSumExp"))
PARTS = 16  # sums that run side by side


def reduce(making: Making, node: Node) -> None:
    """Translate Reduce*."""
    name, shape = node.outputs[0], making.shape(node.outputs[0])
    own = making.shape(node.inputs[0])
    axes = making.optional(node, 1)
    given = node.has.get("axes") if axes is None else axes
    if given is None and node.has.get("noop_with_empty_axes", 0):
        making.pending[name] = making.expression(node.inputs[0])
        return
    gone = {int(i) % len(own) for i in (range(len(own)) if given is None or not len(given) else given)}
    kept = tuple(1 if i in gone else size for i, size in enumerate(own))
    x = making.expression(node.inputs[0])
    making.program.kernels.add("arithmetic")
    if node.kind == "ReduceLogSumExp" and len(gone) == 1:
        most, _, sums = _powers(making, elementwise.keep(making.program, x) if x.leaf is None else x.leaf, *gone)
        found = Expression(kept, "logf({0}) + {1}", (elementwise.of_value(sums), elementwise.of_value(most)))
        making.lay(name, elementwise.keep(making.program, found).seen(shape, row_major(shape)))
        return
    if node.kind == "ReduceLogSumExp":
        raise making.refuse(node, "over several axes")
    if node.kind in OF_EACH:
        x = Expression(own, OF_EACH[node.kind], (x,))
    made = reduced(making, node.kind, x, kept, gone)
    if node.kind in ("ReduceL2", "ReduceLogSum"):
        text = "root({0})" if node.kind == "ReduceL2" else "logf({0})"
        made = elementwise.keep(making.program, Expression(kept, text, (elementwise.of_value(made),)))
    view = moves._viewed(made, shape)
    making.lay(name, view if view is not None else moves.plain(making, made).seen(shape, row_major(shape)))


def reduced(making: Making, kind: str, x: Expression, kept: tuple[int, ...], gone: set[int]) -> Value:
    """Reduce an expression over axes; the result has length 1 there."""
    lines, leaves, last = elementwise.written(x)
    first = next((each for each in leaves if each.shape == x.shape), None)
    order = elementwise.dense(kept, first.strides) if first is not None else row_major(kept)
    made = making.program.value(kept, order)
    whole = [loops.spread(each.shape, each.strides, x.shape) for each in leaves]
    inner = [size if i in gone else 1 for i, size in enumerate(x.shape)]
    guide = whole[leaves.index(first)] if first is not None else row_major(x.shape)
    sizes, strides = loops.merged(inner, [guide, *whole])
    outer, ordered = loops.merged(kept, [made.strides, *whole])
    across = (
        bool(outer)
        and bool(sizes)
        and ordered[0][-1] == 1
        and min(strides[0]) > max([s[-1] for s in ordered[1:]], default=0)
    )
    body = "".join(f"const float {n} = {t};\n" for n, t in lines)
    say = STEP.get(kind, "{s} + {v}")
    start, scale = START.get(kind, "0.0f"), math.prod(inner) if kind == "ReduceMean" else 0
    opening = [f"float *restrict y = {{b{made.buffer.number}}};"]
    opening += [
        f"const {each.buffer.kind} *x{i} = {{b{each.buffer.number}}} + {each.start};" for i, each in enumerate(leaves)
    ]
    if across:
        text = _across(outer, ordered, sizes, strides, body, say.format(s="{y}", v=last), start, scale)
    else:
        text = _along(outer, ordered, sizes, strides, body, say, last, start, scale)
    whole_text = "{\n" + "".join(f"    {line}\n" for line in [*opening, *text.rstrip("\n").split("\n")]) + "}\n"
    making.program.say(whole_text.replace(" + 0;", ";"), [each.buffer for each in leaves], [made.buffer])
    return made


def _across(outer: Any, ordered: Any, sizes: Any, strides: Any, body: str, step: str, start: str, scale: int) -> str:
    """Walk over memory once, with all results side by side."""
    y = f"y[{loops.index(ordered[0])}]"
    text = loops.nest(outer, f"{y} = {start};\n")
    n = len(sizes)
    own = f"y[{loops.index(ordered[0], n)}]"
    inside = body + f"{own} = {step.replace('{y}', own)};\n"
    for i, (a, b) in enumerate(zip(strides[1:], ordered[1:], strict=True)):
        inside = inside.replace(f"{{x{i}}}", f"x{i}[{loops.index(a)} + {loops.index(b, n)}]")
    text += loops.nest([*sizes, *outer], inside)
    if scale:
        text += loops.nest(outer, f"{y} = {y} * {c_float(1 / scale)};\n")
    return text


def _along(
    outer: Any, ordered: Any, sizes: Any, strides: Any, body: str, say: str, last: str, start: str, scale: int
) -> str:
    """Finish one result after the other, with several running ones where they lie together."""
    n, y = len(outer), f"y[{loops.index(ordered[0])}]"

    def inside(far: int) -> str:
        """Write the body for one number, `far` numbers behind the index."""
        text = body + f"s = {say.format(s='s', v=last)};\n"
        for i, (a, b) in enumerate(zip(ordered[1:], strides[1:], strict=True)):
            place = f"{loops.index(a)} + {loops.index(b, n)}" + (f" + {far * b[0]}" if far and b[0] else "")
            text = text.replace(f"{{x{i}}}", f"x{i}[{place}]")
        return text

    finish = f"{y} = s * {c_float(1 / scale)};\n" if scale else f"{y} = s;\n"
    side_by_side = len(sizes) == 1 and sizes[0] >= 2 * PARTS and all(s[0] in (0, 1) for s in strides)
    if side_by_side:
        whole = sizes[0] // PARTS
        index = [s[0] for s in strides[1:]]
        text = f"float s = {start}, part[{PARTS}];\nfor (int k = 0; k < {PARTS}; k++)\n    part[k] = {start};\n"
        inner = body + f"part[k] = {say.format(s='part[k]', v=last)};\n"
        for i, (a, stride) in enumerate(zip(ordered[1:], index, strict=True)):
            place = f"{loops.index(a)} + {f'i{n} * {PARTS} + k' if stride else '0'}"
            inner = inner.replace(f"{{x{i}}}", f"x{i}[{place}]")
        text += f"for (int i{n} = 0; i{n} < {whole}; i{n}++)\n    for (int k = 0; k < {PARTS}; k++) {{\n"
        text += loops.indented(inner, "        ") + "    }\n"
        text += f"for (int k = 0; k < {PARTS}; k++)\n    s = {say.format(s='s', v='part[k]')};\n"
        if rest := sizes[0] - whole * PARTS:
            text += (
                f"for (int i{n} = 0; i{n} < {rest}; i{n}++) {{\n"
                + loops.indented(inside(whole * PARTS), "    ")
                + "}\n"
            )
        return loops.nest(outer, text + finish)
    text = f"float s = {start};\n" + loops.nest(sizes, inside(0), n)
    return loops.nest(outer, text + finish)


def softmax(making: Making, node: Node) -> None:
    """Translate Softmax and LogSoftmax."""
    own = making.shape(node.inputs[0])
    axis = node.has.get("axis", -1) % len(own)
    kept = tuple(1 if i == axis else size for i, size in enumerate(own))
    x = elementwise.of_value(making.flat(node.inputs[0]))
    most, powers, total = _powers(making, making.flat(node.inputs[0]), axis)
    apart = Expression(own, "{0} - {1}", (x, elementwise.of_value(most)))
    sums = elementwise.of_value(total)
    if node.kind == "LogSoftmax":
        making.pending[node.outputs[0]] = Expression(own, "{0} - logf({1})", (apart, sums), cheap=False, depth=2)
        return
    share = elementwise.keep(making.program, Expression(kept, "1.0f / {0}", (sums,)))
    found = Expression(own, "{0} * {1}", (elementwise.of_value(powers), elementwise.of_value(share)), cheap=False)
    making.pending[node.outputs[0]] = found


def _powers(making: Making, x: Value, axis: int) -> tuple[Value, Value, Value]:
    """Give the largest number along an axis, e to the power of each number less that, and their sum: what softmax and logsumexp share."""
    key = (x.buffer.number, x.start, x.shape, x.strides, axis)
    if key not in making.powers:
        kept = tuple(1 if i == axis else size for i, size in enumerate(x.shape))
        most = reduced(making, "ReduceMax", elementwise.of_value(x), kept, {axis})
        making.program.kernels.add("arithmetic")
        apart = Expression(x.shape, "{0} - {1}", (elementwise.of_value(x), elementwise.of_value(most)))
        powers = elementwise.keep(making.program, Expression(x.shape, "raised({0})", (apart,)))
        making.powers[key] = most, powers, reduced(making, "ReduceSum", elementwise.of_value(powers), kept, {axis})
    return making.powers[key]


def product(making: Making, node: Node) -> None:
    """Translate MatMul of two tensors that both depend on the spectrum."""
    a, b = (making.flat(each) for each in node.inputs)
    shape = making.shape(node.outputs[0])
    if len(a.shape) < 2 or len(b.shape) < 2:
        raise making.refuse(node, "one of its inputs is a vector")
    made = making.program.value(shape)
    ahead = shape[:-2]
    left = loops.spread(a.shape[:-2], a.strides[:-2], ahead)
    right = loops.spread(b.shape[:-2], b.strides[:-2], ahead)
    rows, inner, columns = shape[-2], a.shape[-1], shape[-1]
    sizes, orders = loops.merged(ahead, [made.strides[:-2], left, right])
    n = len(sizes)
    text = (
        f"product(x + {loops.index(orders[1])}, {a.strides[-2]}, {a.strides[-1]}, z + {loops.index(orders[2])}, {b.strides[-2]}, "
        f"{b.strides[-1]}, {rows}, {inner}, {columns}, y + {loops.index(orders[0])});\n"
    )
    del n
    opening = (
        f"    float *y = {{b{made.buffer.number}}};\n    const float *x = {{b{a.buffer.number}}} + {a.start};\n"
        f"    const float *z = {{b{b.buffer.number}}} + {b.start};\n"
    )
    whole = "{\n" + opening + loops.indented(loops.nest(sizes, text), "    ") + "}\n"
    making.program.kernels.add("product")
    making.program.say(whole, [a.buffer, b.buffer], [made.buffer])
    making.lay(node.outputs[0], made)


def normalise(making: Making, node: Node) -> None:
    """Translate BatchNormalization: a factor and a number added, for each channel."""
    scale, shift, mean, variance = (making.constant(each).astype(np.float64) for each in node.inputs[1:5])
    factor = scale / np.sqrt(variance + node.has.get("epsilon", 1e-5))
    own = making.shape(node.inputs[0])
    wide = tuple(own[1] if i == 1 else 1 for i in range(len(own)))
    parts = [elementwise.of_constant(making.program, each.reshape(wide)) for each in (factor, shift - mean * factor)]
    x = making.expression(node.inputs[0])
    making.pending[node.outputs[0]] = Expression(own, "{0} * {1} + {2}", (x, *parts), depth=x.depth + 1, cheap=False)


def layer_normalise(making: Making, node: Node) -> None:
    """Translate LayerNormalization over the last axes."""
    own = making.shape(node.inputs[0])
    axis = node.has.get("axis", -1) % len(own)
    gone = set(range(axis, len(own)))
    kept = tuple(1 if i in gone else size for i, size in enumerate(own))
    x = elementwise.of_value(making.flat(node.inputs[0]))
    mean = elementwise.of_value(reduced(making, "ReduceMean", x, kept, gone))
    apart = elementwise.of_value(elementwise.keep(making.program, Expression(own, "{0} - {1}", (x, mean))))
    square = reduced(making, "ReduceMean", Expression(own, "{0} * {0}", (apart,)), kept, gone)
    epsilon = c_float(node.has.get("epsilon", 1e-5))
    root = Expression(kept, f"1.0f / root({{0}} + {epsilon})", (elementwise.of_value(square),))
    share = elementwise.of_value(elementwise.keep(making.program, root))
    parts = [elementwise.of_constant(making.program, making.constant(each)) for each in node.inputs[1:] if each]
    text = "{0} * {1} * {2}" + (" + {3}" if len(parts) > 1 else "")
    making.pending[node.outputs[0]] = Expression(own, text, (apart, share, *parts), cheap=False, depth=1)
