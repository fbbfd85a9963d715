"""The state of a translation: which tensor of the graph lies where, and which is still an expression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.errors import Mistake
from edgespec.graph.c import elementwise
from edgespec.graph.c.elementwise import Expression
from edgespec.graph.c.read import Graph, Node
from edgespec.graph.c.values import Buffer, Program, Rounding, Value, c_float

HINT = "docs/c.md lists the operators that have C; another network, or a target with a runtime"
DEEPEST = 24  # operators in one loop
POOLS = (2, 4)  # neighbours whose largest one a layer finds by itself


@dataclass
class Making:
    """A program in the making.

    values: tensors that are computed; pending: those that are an expression yet
    powers: of a tensor along an axis its largest number, the powers of e less that, and their sum
    done: nodes whose work another one has taken over; where: the file, for messages
    """

    graph: Graph
    program: Program
    where: str
    values: dict[str, Value] = field(default_factory=dict)
    pending: dict[str, Expression] = field(default_factory=dict)
    floats: dict[str, Value] = field(default_factory=dict)
    powers: dict[tuple[Any, ...], tuple[Value, Value, Value]] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def as_it_is(self, name: str) -> Value:
        """Give a computed tensor, in 8 bits where it is held so."""
        if name not in self.values:
            if name in self.pending:
                found = self.pending[name]
                self.values[name] = found.leaf or elementwise.keep(self.program, found)
            else:
                made = elementwise.of_constant(self.program, self.constant(name))
                self.values[name] = made.leaf or elementwise.keep(self.program, made)
        return self.values[name]

    def value(self, name: str) -> Value:
        """Give a computed tensor in float."""
        found = self.as_it_is(name)
        if found.rounding is None:
            return found
        if name not in self.floats:
            self.floats[name] = elementwise.keep(self.program, elementwise.of_value(self.in_order(found)))
        return self.floats[name]

    def flat(self, name: str) -> Value:
        """Give a computed tensor in float whose numbers can be reached by strides."""
        return self.in_order(self.value(name))

    def lay(self, name: str, value: Value) -> None:
        """Say where a tensor lies."""
        self.values[name] = value

    def expression(self, name: str) -> Expression:
        """Give a tensor as part of an expression."""
        if name in self.graph.constants:
            return elementwise.of_constant(self.program, self.graph.constants[name])
        if name in self.values:
            return elementwise.of_value(self.in_order(self.values[name]))
        found = self.pending[name]
        if (self.graph.readers[name] > 1 and not found.cheap) or found.depth > DEEPEST:
            return elementwise.of_value(self.as_it_is(name))
        return found

    def in_order(self, found: Value) -> Value:
        """Copy a tensor whose numbers lie in an order that no strides tell."""
        if found.order is None:
            return found
        made = self.program.value(found.shape, rounding=found.rounding)
        table = self.program.table("int", found.order, "order")
        kind = found.buffer.kind
        text = (
            f"{{\n    const {kind} *x = {{b{found.buffer.number}}} + {found.start};\n"
            f"    {kind} *restrict y = {{b{made.buffer.number}}};\n"
            f"    for (int i = 0; i < {found.count}; i++)\n        y[i] = x[{table}[i]];\n}}\n"
        )
        self.program.say(text, [found.buffer], [made.buffer])
        return made

    def constant(self, name: str) -> NDArray[Any]:
        """Give a constant. Raises Mistake where the tensor depends on the spectrum."""
        if name not in self.graph.constants:
            raise Mistake(
                f"{self.where}: there is no C for an operator that takes {name!r} from the spectrum", hint=HINT
            )
        return self.graph.constants[name]

    def optional(self, node: Node, place: int) -> NDArray[Any] | None:
        """Give a constant input, None where the node has none there."""
        if place >= len(node.inputs) or not node.inputs[place]:
            return None
        return self.constant(node.inputs[place])

    def shape(self, name: str) -> tuple[int, ...]:
        """Give a tensor's shape."""
        return self.graph.shapes[name]

    def refuse(self, node: Node, why: str) -> Mistake:
        """Make the error that names an operator."""
        return Mistake(f"{self.where}: there is no C for {node.kind} ({node.name}): {why}", hint=HINT)

    def only_reader(self, name: str) -> Node | None:
        """Give the one node that reads a tensor; None where several do, or the graph answers with it."""
        if self.graph.readers[name] != 1 or name in self.graph.outputs:
            return None
        return next(node for node in self.graph.nodes if name in node.inputs)

    def bounds(self, name: str) -> tuple[str, float, float]:
        """Follow Relu and Clip behind a tensor that nothing else reads: give the last one's output, and the bounds."""
        low, high = -np.inf, np.inf
        while (node := self.only_reader(name)) is not None:
            if node.kind == "Relu":
                low = max(low, 0.0)
            elif node.kind == "Clip" and node.inputs[0] == name:
                limits = [self.optional(node, 1), self.optional(node, 2)]
                low = max(low, float(np.ravel(limits[0])[0]) if limits[0] is not None else -np.inf)
                high = min(high, float(np.ravel(limits[1])[0]) if limits[1] is not None else np.inf)
            else:
                break
            self.done.add(node.outputs[0])
            name = node.outputs[0]
        return name, low, high

    def pool_behind(self, name: str, axis: int) -> tuple[str, int]:
        """Give of how many neighbours the largest is all that is wanted of a tensor, and that pool's output; 1 and the name where there is none."""
        node = self.only_reader(name)
        if node is None or node.kind != "MaxPool" or len(node.outputs) > 1 or node.has.get("ceil_mode", 0):
            return name, 1
        sizes, many = list(node.has["kernel_shape"]), len(node.has["kernel_shape"])
        own = sizes[axis - 2]
        good = own in POOLS and sizes == list(node.has.get("strides", [1] * many)) and math.prod(sizes) == own
        plain = not any(node.has.get("pads", ())) and node.has.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
        if not (good and plain and set(node.has.get("dilations", (1,))) == {1} and self.shape(node.outputs[0])[axis]):
            return name, 1
        self.done.add(node.outputs[0])
        return node.outputs[0], own

    def rounding_behind(self, name: str) -> tuple[str, Rounding | None]:
        """Give the rounding of a tensor that only a QuantizeLinear reads, and that node's output."""
        node = self.only_reader(name)
        found = rounding_of(self, node) if node is not None and node.kind == "QuantizeLinear" else None
        return (node.outputs[0], found) if node is not None and found is not None else (name, None)

    def lined_up(self, name: str, axis: int, before: int, behind: int, filled: float, keep: bool = False) -> Value:
        """Give a tensor whose channels (axis 1) lie together, position after position along `axis`, with room around it.

        before, behind: positions beyond its ends, which are filled with this number; keep: in 8 bits where it is held so
        """
        found = self.in_order(self.as_it_is(name)) if keep else self.flat(name)
        channels, positions = found.shape[1], found.shape[axis]
        good = (channels == 1 or found.strides[1] == 1) and (positions == 1 or found.strides[axis] == channels)
        room = before or behind or found.rounding is not None
        if not good or (room and (found.buffer.outside or not _whole(found))):
            strides = tuple(1 if i == 1 else channels for i in range(len(found.shape)))
            made = self.program.value(found.shape, strides, found.rounding)
            self.program.say(*elementwise.over(made, [found], "{y} = {x0};\n"))
            found = made
            (self.values if keep or name not in self.floats else self.floats)[name] = found
        self.surround(found, before * channels, behind * channels, filled)
        return found

    def surround(self, found: Value, before: int, behind: int, filled: float) -> None:
        """Fill what lies around a tensor."""
        if not before and not behind:
            return
        own = found.buffer
        own.before, own.behind = max(own.before, before), max(own.behind, behind)
        text = f"surround_{own.kind}({{b{own.number}}}, {own.count}, {before}, {behind}, {_number(filled, found)});\n"
        self.program.kernels.add("surround_float" if own.kind == "float" else "rounded")
        self.program.say(text, [own], [own])


def rounding_of(making: Making, node: Node) -> Rounding | None:
    """Give the rounding of QuantizeLinear or DequantizeLinear of a whole tensor; None where each channel has its own."""
    scale = np.ravel(making.constant(node.inputs[1]))
    zero = making.optional(node, 2)
    if scale.size != 1:
        return None
    if zero is None:
        return Rounding(float(scale[0]), 0)
    if zero.dtype not in (np.uint8, np.int8):
        return None
    return Rounding(float(scale[0]), int(np.ravel(zero)[0]) + (128 if zero.dtype == np.int8 else 0))


def _whole(found: Value) -> bool:
    return found.start == 0 and found.count == found.buffer.count


def _number(filled: float, found: Value) -> str:
    if found.rounding is not None:
        shifted = found.rounding.zero if np.isfinite(filled) else 0
        return f"(q_t)({shifted} - Q_SHIFT)"
    return c_float(filled)


def positions(making: Making, node: Node, name: str, sizes: Sequence[int]) -> int:
    """Give the axis along which a window moves. Raises Mistake where it moves along two."""
    shape = making.shape(name)
    if len(shape) not in (3, 4) or len(sizes) != len(shape) - 2:
        raise making.refuse(node, f"its input is {len(shape)}-dimensional")
    wide = [i for i, size in enumerate(shape) if i > 1 and size > 1]
    wide += [i + 2 for i, size in enumerate(sizes) if size > 1]
    if len(set(wide)) > 1:
        raise making.refuse(node, "its window moves along two axes")
    return wide[0] if wide else len(shape) - 1


__all__ = ["Buffer", "Making", "positions", "rounding_of"]
