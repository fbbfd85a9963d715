"""Operators that work number by number, joined into one loop as far as their shapes allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgespec.graph.c import loops
from edgespec.graph.c.read import Node
from edgespec.graph.c.values import Program, Rounding, Value, c_float

ONE: dict[str, str] = {
    "Abs": "fabsf({0})",
    "Neg": "-{0}",
    "Relu": "larger({0}, 0.0f)",
    "Sqrt": "root({0})",
    "Exp": "raised({0})",
    "Log": "logf({0})",
    "Sigmoid": "sigmoid({0})",
    "Tanh": "hyperbolic({0})",
    "Erf": "error_function({0})",
    "Reciprocal": "1.0f / {0}",
    "Floor": "floorf({0})",
    "Ceil": "ceilf({0})",
    "Round": "rintf({0})",
    "Identity": "{0}",
    "Dropout": "{0}",
    "Softplus": "softplus({0})",
    "HardSwish": "{0} * between({0} / 6.0f + 0.5f, 0.0f, 1.0f)",
    "Sign": "(float)(({0} > 0.0f) - ({0} < 0.0f))",
    "Not": "{0} != 0.0f ? 0.0f : 1.0f",
    "Softsign": "{0} / (1.0f + fabsf({0}))",
}
TWO: dict[str, str] = {
    "Add": "{0} + {1}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "Div": "{0} / {1}",
    "Min": "smaller({0}, {1})",
    "Max": "larger({0}, {1})",
    "Greater": "(float)({0} > {1})",
    "Less": "(float)({0} < {1})",
    "GreaterOrEqual": "(float)({0} >= {1})",
    "LessOrEqual": "(float)({0} <= {1})",
    "Equal": "(float)({0} == {1})",
    "And": "(float)(({0} != 0.0f) & ({1} != 0.0f))",
    "Or": "(float)(({0} != 0.0f) | ({1} != 0.0f))",
    "PRelu": "{0} > 0.0f ? {0} : {0} * {1}",
}
LEAST = 9e-37
"""Of what a root may be found by Newton's method: half of a smaller number has fewer digits."""
CHEAP = frozenset(("Abs", "Neg", "Relu", "Add", "Sub", "Mul", "Identity", "Dropout", "Min", "Max"))
KINDS = frozenset(
    (*ONE, *TWO, "Clip", "LeakyRelu", "Elu", "Selu", "HardSigmoid", "Gelu", "Pow", "Where", "Cast", "Sum", "Mean")
)


@dataclass(frozen=True, eq=False)
class Expression:
    """A number of a tensor, as C: a text whose {0}, {1}, ... are the parts, or a tensor's own number where `leaf` is set.

    depth: operators in it; cheap: may be computed twice rather than kept
    """

    shape: tuple[int, ...]
    text: str = ""
    parts: tuple[Expression, ...] = ()
    leaf: Value | None = None
    depth: int = 0
    cheap: bool = True


def of_value(value: Value) -> Expression:
    """Read a tensor."""
    return Expression(value.shape, leaf=value)


def of_constant(program: Program, values: Any) -> Expression:
    """Read a constant: a number in the text, or a table."""
    array = np.asarray(values, np.float32)
    if array.size == 1 or (array.size and (array == array.ravel()[0]).all()):
        return Expression(tuple(np.shape(array)), text=c_float(array.ravel()[0]))
    name = program.table("float", array)
    return of_value(_table(program, name, array.shape))


def _table(program: Program, name: str, shape: Sequence[int]) -> Value:
    made = program.value(shape)
    made.buffer.outside = name
    return made


def joined(node: Node, parts: Sequence[Expression], shape: tuple[int, ...]) -> Expression:
    """Join an operator with what it works on."""
    if node.kind == "Div" and parts[1].text == ONE["Sqrt"] and _surely_above(parts[1].parts[0]):
        parts = [parts[0], *parts[1].parts]
        text = "over_root({0}, {1})"
    else:
        text = _text(node, parts)
    depth = 1 + max((each.depth for each in parts), default=0)
    cheap = node.kind in CHEAP and depth <= 2 and all(each.cheap for each in parts)
    return Expression(shape, text, tuple(parts), depth=depth, cheap=cheap)


def _text(node: Node, parts: Sequence[Expression]) -> str:
    has = node.has
    if node.kind in ("Sum", "Mean"):
        whole = " + ".join(f"{{{i}}}" for i in range(len(parts)))
        return whole if node.kind == "Sum" else f"({whole}) / {len(parts)}.0f"
    if node.kind in ("Min", "Max") and len(parts) != 2:
        text = "{0}"
        for i in range(1, len(parts)):
            text = TWO[node.kind].format(text, f"{{{i}}}")
        return text
    if node.kind == "Div" and _is_number(parts[1]):  # a product takes a tenth of a division's time
        return f"{{0}} * {c_float(1 / float(parts[1].text.removesuffix('f')))}"
    if node.kind in TWO:
        return TWO[node.kind]
    if node.kind in ONE:
        return ONE[node.kind]
    alpha = c_float(has.get("alpha", {"LeakyRelu": 0.01, "Selu": 1.67326319, "HardSigmoid": 0.2}.get(node.kind, 1.0)))
    if node.kind == "Pow":
        return _power(parts[1])
    beta, gamma = c_float(has.get("beta", 0.5)), c_float(has.get("gamma", 1.05070102))
    return {
        "Clip": "between({0}, {1}, {2})",
        "LeakyRelu": f"{{0}} > 0.0f ? {{0}} : {{0}} * {alpha}",
        "Elu": f"{{0}} > 0.0f ? {{0}} : {alpha} * (raised({{0}}) - 1.0f)",
        "Selu": f"{gamma} * ({{0}} > 0.0f ? {{0}} : {alpha} * (raised({{0}}) - 1.0f))",
        "HardSigmoid": f"between({{0}} * {alpha} + {beta}, 0.0f, 1.0f)",
        "Gelu": "gelu_by_tanh({0})" if has.get("approximate") == b"tanh" else "gelu({0})",
        "Where": "{0} != 0.0f ? {1} : {2}",
        "Cast": "{0}",
    }[node.kind]


def _surely_above(part: Expression) -> bool:
    """Tell whether a number is never below LEAST, whatever the spectrum."""
    ends = part.parts[1:2] if part.text in ("between({0}, {1}, {2})", TWO["Max"]) else ()
    return any(_is_number(each) and float(each.text[:-1]) >= LEAST for each in ends)


def _is_number(part: Expression) -> bool:
    return not part.parts and part.leaf is None and part.text.endswith("f") and float(part.text[:-1]) != 0


def _power(exponent: Expression) -> str:
    by: dict[str, str] = {
        "2.0f": "{0} * {0}",
        "0.5f": "root({0})",
        "1.0f": "{0}",
        "3.0f": "{0} * {0} * {0}",
        "-1.0f": "1.0f / {0}",
    }
    return by.get(exponent.text, "powf({0}, {1})")


def keep(program: Program, found: Expression, into: Value | None = None, rounding: Rounding | None = None) -> Value:
    """Compute an expression into a tensor of its own, in the order of its largest part; rounded where asked."""
    into = into or program.value(found.shape, _order(found), rounding)
    lines, leaves, last = written(found, rounding=into.rounding)
    body = "".join(f"const float {name} = {text};\n" for name, text in lines)
    program.say(*over(into, leaves, body + "{y} = " + last + ";\n"))
    return into


def over(into: Value, leaves: Sequence[Value], body: str) -> tuple[str, list[Any], list[Any]]:
    """Write a body over all numbers of a tensor: `{y}` is its own, `{x0}`, `{x1}`, ... those of the leaves."""
    strides = [into.strides, *(loops.spread(each.shape, each.strides, into.shape) for each in leaves)]
    sizes, orders = loops.merged(into.shape, strides)
    names = {"y": f"y[{loops.index(orders[0])}]"}
    opening = [f"{into.buffer.kind} *restrict y = {{b{into.buffer.number}}} + {into.start};"]
    for i, each in enumerate(leaves):
        names[f"x{i}"] = f"x{i}[{loops.index(orders[i + 1])}]"
        opening.append(f"const {each.buffer.kind} *x{i} = {{b{each.buffer.number}}} + {each.start};")
    text = body
    for name, place in names.items():
        if sizes and name != "y" and not any(orders[1 + int(name[1:])]):  # read once, before the loop
            opening.append(f"const {leaves[int(name[1:])].buffer.kind} {name}_ = {name}[0];")
            place = f"{name}_"
        text = text.replace(f"{{{name}}}", place)
    whole = "{\n" + "".join(f"    {line}\n" for line in opening)
    whole += "".join(f"    {line}\n" for line in loops.nest(sizes, text).rstrip("\n").split("\n")) + "}\n"
    return whole.replace(" + 0;", ";"), [each.buffer for each in leaves], [into.buffer]


def written(found: Expression, rounding: Rounding | None = None) -> tuple[list[tuple[str, str]], list[Value], str]:
    """Give local variables with their texts, the tensors read (`{x0}`, ...), and the text of the result."""
    lines: list[tuple[str, str]] = []
    leaves: list[Value] = []
    known: dict[int, str] = {}

    def name(each: Expression) -> str:
        if id(each) in known:
            return known[id(each)]
        if each.leaf is not None:
            same = [i for i, leaf in enumerate(leaves) if _same(leaf, each.leaf)]
            if not same:
                leaves.append(each.leaf)
            text = read_number(each.leaf, f"{{x{same[0] if same else len(leaves) - 1}}}")
        elif not each.parts:
            return each.text
        else:
            text = each.text.format(*[name(part) for part in each.parts])
        known[id(each)] = f"t{len(lines)}"
        lines.append((known[id(each)], text))
        return known[id(each)]

    last = name(found)
    return lines, leaves, last if rounding is None else write_number(last, rounding)


def _same(one: Value, other: Value) -> bool:
    return one.buffer is other.buffer and (one.shape, one.strides, one.start) == (
        other.shape,
        other.strides,
        other.start,
    )


def read_number(value: Value, place: str) -> str:
    """Write how a tensor's number is read as a real one."""
    if value.rounding is None:
        return place
    return f"(float)({place} + (Q_SHIFT - {value.rounding.zero})) * {c_float(value.rounding.scale)}"


def write_number(text: str, rounding: Rounding) -> str:
    """Write how a real number is rounded to 8 bits."""
    return f"rounded({text} * {c_float(1 / rounding.scale)}, {rounding.zero})"


def _order(found: Expression) -> tuple[int, ...] | None:
    """Give the strides of the first part that has the whole shape: its order in memory is taken over where it has no gaps."""
    stack = [found]
    while stack:
        each = stack.pop()
        if each.leaf is not None and each.leaf.shape == found.shape and each.leaf.order is None:
            return dense(each.leaf.shape, each.leaf.strides)
        stack += reversed(each.parts)
    return None


def dense(shape: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Give strides without gaps in the same order of axes."""
    axes = sorted((i for i, size in enumerate(shape) if size > 1), key=lambda i: strides[i])
    found, step = [0] * len(shape), 1
    for i in axes:
        found[i] = step
        step *= shape[i]
    return tuple(each or 1 for each in found)
