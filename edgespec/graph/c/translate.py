"""From an ONNX file to the statements of a C function, operator by operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onnx import TensorProto

from edgespec.errors import Mistake
from edgespec.graph.c import elementwise, layers, moves, pools, read, recurrent, reductions
from edgespec.graph.c.making import HINT, Making, rounding_of
from edgespec.graph.c.read import Graph, Node
from edgespec.graph.c.values import Program, Value, row_major


@dataclass(frozen=True)
class Translated:
    """A graph as C: its program, and the bytes of workspace that it needs."""

    graph: Graph
    program: Program
    workspace: int


def translate(path: Path) -> Translated:
    """Translate a file. Raises Mistake that names the operator which has no C."""
    graph = read.read(path)
    making = Making(graph, Program(), path.name)
    shape = graph.shapes[graph.spectrum]
    spectrum = making.program.buffer("float", graph.points, outside="spectrum")
    making.values[graph.spectrum] = Value(spectrum, shape, row_major(shape))
    for node in graph.nodes:
        if node.outputs[0] not in making.done:
            _rule(making, node)(making, node)
    for name in graph.outputs:
        _answer(making, name)
    return Translated(graph, making.program, making.program.place())


def _rule(making: Making, node: Node) -> Callable[[Making, Node], None]:
    for kinds, rule in RULES:
        if node.kind in kinds:
            return rule
    raise Mistake(f"{making.where}: there is no C for operator {node.kind} ({node.name})", hint=HINT)


def _elementwise(making: Making, node: Node) -> None:
    parts = [making.expression(name) for name in node.inputs if name]
    if node.kind == "Clip":
        limits = [making.optional(node, i) for i in (1, 2)]
        low, high = (elementwise.of_constant(making.program, each) if each is not None else None for each in limits)
        ends = (low or _number("-FLT_MAX"), high or _number("FLT_MAX"))
        parts = [parts[0], *ends]
    if node.kind == "Dropout":
        parts = parts[:1]
    if node.kind == "Cast" and node.has["to"] not in (TensorProto.FLOAT, TensorProto.BOOL):
        raise making.refuse(node, "numbers that depend on the spectrum are float")
    found = elementwise.joined(node, parts, making.shape(node.outputs[0]))
    making.program.kernels.add("arithmetic")
    making.pending[node.outputs[0]] = found


def _number(text: str) -> elementwise.Expression:
    return elementwise.Expression((), text=text)


def _round(making: Making, node: Node) -> None:
    """Translate QuantizeLinear: nothing is done where the tensor is held so already."""
    rounding = rounding_of(making, node)
    if rounding is None:
        raise making.refuse(node, "each channel of an activation is rounded by itself")
    name = node.inputs[0]
    held = making.values.get(name)
    if held is not None and held.rounding == rounding:
        making.lay(node.outputs[0], held)
        return
    found = making.expression(name)
    making.lay(node.outputs[0], elementwise.keep(making.program, found, rounding=rounding))


def _real(making: Making, node: Node) -> None:
    """Translate DequantizeLinear of a tensor: whoever reads it multiplies."""
    held = making.as_it_is(node.inputs[0])
    if held.rounding is None or held.rounding != rounding_of(making, node):
        raise making.refuse(node, "it reads 8-bit numbers by another scale than they were written with")
    making.lay(node.outputs[0], held)


def _product(making: Making, node: Node) -> None:
    if node.inputs[1] in making.graph.constants and making.constant(node.inputs[1]).ndim == 2:
        layers.linear(making, node)
    else:
        reductions.product(making, node)


def _answer(making: Making, name: str) -> None:
    """Copy an output to where the caller wants it."""
    found = making.expression(name)
    own = making.program.buffer("float", _count(found.shape), outside=f"answer->{name}")
    into = Value(own, found.shape, row_major(found.shape))
    elementwise.keep(making.program, found, into)


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


RULES: list[tuple[frozenset[str], Callable[[Making, Node], None]]] = [
    (frozenset(("Conv",)), layers.convolution),
    (frozenset(("Gemm",)), layers.linear),
    (frozenset(("MatMul",)), _product),
    (frozenset(("QuantizeLinear",)), _round),
    (frozenset(("DequantizeLinear",)), _real),
    (frozenset(("MaxPool", "AveragePool")), pools.pool),
    (frozenset(("GlobalAveragePool", "GlobalMaxPool")), pools.global_mean),
    (frozenset(("Reshape", "Flatten", "Squeeze", "Unsqueeze")), moves.reshape),
    (frozenset(("Transpose",)), moves.transpose),
    (frozenset(("Slice", "Split", "Gather")), moves.take),
    (frozenset(("Concat", "Pad", "Expand")), moves.join),
    (frozenset(("Softmax", "LogSoftmax")), reductions.softmax),
    (frozenset(("BatchNormalization",)), reductions.normalise),
    (frozenset(("LayerNormalization",)), reductions.layer_normalise),
    (frozenset(("LSTM",)), recurrent.lstm),
    (reductions.KINDS, reductions.reduce),
    (elementwise.KINDS, _elementwise),
]
"""Which operators have C, and by which rule."""
