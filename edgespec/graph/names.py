"""Short names in the files that are kept: what a runtime never reads, and what would tell where a file was made, costs bytes for nothing.

A third of a small int8 file were names: three a node and one a constant. What later steps and the report look for keeps its name:
inputs and outputs, the two parts' prefixes, the constants of the reject score, pooling matrices, and each layer under its name in the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import onnx
from onnx import defs, helper

from edgespec.graph import assembly
from edgespec.graph.onnx_file import SCALE
from edgespec.models import MEANS

LAYERS = ("Conv", "Gemm", "MatMul", "LSTM")
TORCH = "node_"  # how torch's exporter begins the names that it makes up
WEIGHT = ".weight"
NAMELESS = ("QuantizeLinear", "DequantizeLinear")  # nobody asks for one of them by name
ONES = ("dilations", "strides")  # of a convolution or pool: all 1 where they are not said
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def shortened(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the same model with short names, without attributes that say the default, and without traces of where it was made.

    What it gives is the same to the bit. Names that stay: see the module.
    """
    found = traceless(model)
    found.graph.ClearField("value_info")
    if made := [each for each in model.graph.value_info if each.name == assembly.PREPARED]:
        found.graph.value_info.extend(made)  # where it can be taken apart again
    found.graph.name = "spectrum"
    _nodes(found)
    _tensors(found)
    for node in found.graph.node:
        kept = [each for each in node.attribute if not _default(node, each)]
        del node.attribute[:]
        node.attribute.extend(kept)
    return found


def traceless(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the same model without what an exporter wrote down beside it: stack traces with local paths, doc strings, unused operator sets."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    found.graph.ClearField("metadata_props")
    found.graph.ClearField("doc_string")
    found.ClearField("doc_string")
    for each in [*found.graph.node, *found.graph.initializer, *found.graph.input, *found.graph.output]:
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    for each in found.graph.value_info:
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    for function in found.functions:
        function.ClearField("metadata_props")
        function.ClearField("doc_string")
        for node in function.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")
    used = {node.domain for part in (found.graph, *found.functions) for node in part.node} | {""}
    kept = [each for each in found.opset_import if each.domain in used or each.domain == "ai.onnx.ml"]
    del found.opset_import[:]
    found.opset_import.extend(kept)
    return found


def _nodes(model: onnx.ModelProto) -> None:
    """Give nodes short names, in place; a layer is called as in the model that it was exported from, or as it was."""
    constants, makers = (
        {each.name for each in model.graph.initializer},
        {name: node for node in model.graph.node for name in node.output},
    )
    called: dict[int, str] = {}
    for i, node in enumerate(model.graph.node):
        if node.op_type in LAYERS and not _part(node.name):
            called[i] = _layer(node, constants, makers)
        elif node.name in (SCALE, f"{assembly.ANSWER}pooled"):
            called[i] = node.name
    short, seen = _unused(called.values()), set[str]()
    for i, node in enumerate(model.graph.node):
        if called.get(i) and called[i] not in seen:
            node.name = called[i]
            seen.add(node.name)
        elif node.op_type in NAMELESS and not _part(node.name):
            node.name = ""
        else:
            node.name = _part(node.name) + next(short)


def _layer(node: onnx.NodeProto, constants: set[str], makers: dict[str, onnx.NodeProto]) -> str:
    """Name a layer as its module, where torch's exporter made its name up and the weight tells; else as it is called."""
    weight = node.input[1]
    if weight not in constants and weight in makers and makers[weight].op_type == "DequantizeLinear":
        weight = makers[weight].input[0]
    if node.name.startswith(TORCH) and weight.endswith(WEIGHT):
        return str(weight[: -len(WEIGHT)])
    return str(node.name)


def _tensors(model: onnx.ModelProto) -> None:
    """Give tensors short names, in place, those of a part with its prefix."""
    graph = model.graph
    fixed = {each.name for each in (*graph.input, *graph.output)} | {assembly.PREPARED, ""}
    fixed |= {each.name for each in graph.initializer if each.name.startswith(assembly.ANSWER)}
    short = _unused({name.rsplit("/", 1)[-1].split(".")[0] for name in fixed})
    new: dict[str, str] = {}

    def called(name: str) -> str:
        if name in fixed:
            return name
        if name not in new:
            new[name] = _part(name) + next(short) + (f".{MEANS}" if name.endswith(f".{MEANS}") else "")
        return new[name]

    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = called(name)
    for each in graph.initializer:
        each.name = called(each.name)


def _part(name: str) -> str:
    return next((prefix for prefix in (assembly.FRONT, assembly.ANSWER) if name.startswith(prefix)), "")


def _unused(taken: Iterable[str]) -> Iterator[str]:
    number, names = 0, set(taken)
    while True:
        rest, name = number, ""
        while rest or not name:
            rest, digit = divmod(rest, len(DIGITS))
            name = DIGITS[digit] + name
        number += 1
        if name not in names:
            yield name


def _default(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> bool:
    """Tell an attribute that says what would be without it."""
    value = helper.get_attribute_value(attribute)
    if node.domain not in ("", "ai.onnx"):
        return False
    if attribute.name in ONES and node.op_type in ("Conv", "MaxPool", "AveragePool"):
        return set(value) == {1}
    if attribute.name == "pads" and node.op_type in ("Conv", "MaxPool", "AveragePool"):
        return set(value) == {0}
    said = defs.get_schema(node.op_type).attributes.get(attribute.name)
    if said is None or said.default_value.type != attribute.type:
        return False
    return bool(helper.get_attribute_value(said.default_value) == value)
