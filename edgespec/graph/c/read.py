"""What an ONNX file holds, for one spectrum: its nodes with their constants and shapes, or the name of what has no C."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgespec.errors import Mistake
from edgespec.graph import onnx_file

Array = NDArray[Any]
WHOLE = "export the ONNX file with static shapes, float32 or Q/DQ in 8 bits, opset 13 to 21"
OLDEST, NEWEST = 11, 21
KINDS = ("float32", "int8", "uint8", "int32", "int64", "bool")
"""Of numbers in a graph; those of whole numbers only where no spectrum has a say, or between Q and DQ."""


@dataclass(frozen=True)
class Node:
    """An operator: its inputs by name ("" where one is left out), the outputs that it has, its attributes, and its outputs by place."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    has: dict[str, Any]
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """Constants in 8 bits: real = (numbers - zero) * scale, along an axis or for all at once."""

    numbers: Array
    scale: Array
    zero: Array
    axis: int


@dataclass(frozen=True)
class Graph:
    """The nodes that work on a spectrum, in order.

    shapes: of every tensor at batch 1; constants: what depends on no spectrum; readers: how many nodes read a tensor
    rounded: constants that the file holds in 8 bits, by the name of their real numbers
    """

    nodes: tuple[Node, ...]
    spectrum: str
    outputs: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    constants: dict[str, Array]
    readers: Counter[str]
    makers: dict[str, Node]
    rounded: dict[str, Weights]

    @property
    def points(self) -> int:
        """Of a spectrum."""
        return self.shapes[self.spectrum][-1]


def read(path: Path) -> Graph:
    """Read a file. Raises Mistake for what C code cannot be made of: control flow, shapes that depend on the spectrum, other kinds of number."""
    model = onnx.load(path)
    where = path.name
    _check(model, where)
    seen = _everything(model, where)
    given = model.graph.input[0].name
    live = {given}
    nodes = []
    for node in model.graph.node:
        if live & set(node.input):
            live |= set(node.output)
            nodes.append(
                Node(
                    node.op_type,
                    node.name or node.output[0],
                    tuple(node.input),
                    tuple(each for each in node.output if each),
                    {each.name: helper.get_attribute_value(each) for each in node.attribute},
                    tuple(node.output),
                )
            )
    nodes = [node for node in nodes if node.kind not in ("Shape", "Size")]
    constants = {name: each for name, each in seen.items() if name not in live}
    # what tells of a tensor's shape depends on no spectrum, as shapes are fixed here
    for node in model.graph.node:
        if node.op_type in ("Shape", "Size") or (node.input and all(i in constants for i in node.input if i)):
            constants |= {name: seen[name] for name in node.output if name}
    nodes = [node for node in nodes if not all(name in constants for name in node.outputs)]
    needed = {each.name for each in model.graph.output}
    kept = []
    for node in reversed(nodes):
        if needed & set(node.outputs):
            needed |= set(node.inputs)
            kept.append(node)
    kept.reverse()
    readers = Counter(name for node in kept for name in set(node.inputs))
    readers.update(each.name for each in model.graph.output)
    return Graph(
        tuple(kept),
        given,
        tuple(each.name for each in model.graph.output),
        {name: tuple(each.shape) for name, each in seen.items()},
        constants,
        readers,
        {name: node for node in kept for name in node.outputs},
        _rounded(model, constants),
    )


def _rounded(model: onnx.ModelProto, constants: dict[str, Array]) -> dict[str, Weights]:
    found = {}
    for node in model.graph.node:
        if node.op_type != "DequantizeLinear" or not all(name in constants for name in node.input):
            continue
        numbers, scale = (constants[name] for name in node.input[:2])
        zero = constants[node.input[2]] if len(node.input) > 2 and node.input[2] else np.zeros_like(scale, np.int8)
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
        found[node.output[0]] = Weights(numbers, np.ravel(scale), np.ravel(zero), axis)
    return found


def _check(model: onnx.ModelProto, where: str) -> None:
    version = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
    if not OLDEST <= version <= NEWEST:
        raise Mistake(f"{where}: C code is made of opset {OLDEST} to {NEWEST}; this file has {version}", hint=WHOLE)
    if len(model.graph.input) != 1:
        raise Mistake(f"{where}: it has {len(model.graph.input)} inputs, not one spectrum", hint=WHOLE)
    kind = model.graph.input[0].type.tensor_type.elem_type
    if kind != TensorProto.FLOAT:
        raise Mistake(
            f"{where}: there is no C for {TensorProto.DataType.Name(kind).lower()}, only for float", hint=WHOLE
        )
    shape = model.graph.input[0].type.tensor_type.shape.dim
    if len(shape) != 2 or not shape[1].dim_value or shape[0].dim_value > 1:
        raise Mistake(f"{where}: its input is not (1, points) of fixed length", hint=WHOLE)
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise Mistake(f"{where}: there is no C for operator {node.op_type} of {node.domain}", hint=WHOLE)
        if any(each.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for each in node.attribute):
            raise Mistake(f"{where}: there is no C for operator {node.op_type}: it chooses what runs", hint=WHOLE)


def _everything(model: onnx.ModelProto, where: str) -> dict[str, Array]:
    """Give every tensor as one spectrum makes it: whose shape, and where no spectrum has a say, whose value counts."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    dims = whole.graph.input[0].type.tensor_type.shape.dim
    dims[0].ClearField("dim_param")
    dims[0].dim_value = 1
    known = {each.name for each in whole.graph.output}
    whole.graph.ClearField("value_info")
    for node in whole.graph.node:
        for name in node.output:
            if name and name not in known:
                whole.graph.output.append(helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None))
                whole.graph.output[-1].ClearField("type")
    try:
        opened = onnx_file.session(whole.SerializeToString(), optimise=False)
        x = np.linspace(1, 2, dims[1].dim_value, dtype=np.float32)[None]
        told = opened.run(None, {whole.graph.input[0].name: x})
    except onnx_file.REFUSALS as problem:
        raise Mistake(f"{where}: ONNX Runtime refuses it: {str(problem)[:200]}", hint=WHOLE) from None
    found = {each.name: np.asarray(value) for each, value in zip(opened.get_outputs(), told, strict=True)}
    found |= {each.name: numpy_helper.to_array(each) for each in whole.graph.initializer}
    found[whole.graph.input[0].name] = x
    for name, each in found.items():
        if each.dtype.name not in KINDS:
            raise Mistake(f"{where}: there is no C for {each.dtype.name} ({name})", hint=WHOLE)
    return found
