"""Read somebody else's ONNX file: whole, of a bearable size, with nothing taken from outside its folder.

The file is only parsed here. No operator runs, no library of custom operators is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import AttributeProto, NodeProto, TensorProto, helper, inliner

from edgespec.errors import Mistake

LARGEST = 2**31 - 1  # bytes: what a protobuf message can hold
MOST_NODES = 100_000
WHOLE = "export the model again: one .onnx file, or with its external data beside it"


def read(path: Path) -> onnx.ModelProto:
    """Give the model with its external data inside and its local functions written out.

    Raises Mistake for a file that is absent, too large, damaged or no ONNX, for control flow, and for external data that are
    outside the file's folder or not as large as declared.
    """
    model = _parsed(path)
    for node in _all_nodes(model):
        if any(each.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for each in node.attribute):
            raise Mistake(
                f"{path}: operator {node.op_type} ({node.name or 'no name'}) holds a graph of its own: control flow is not supported",
                hint="export the network in evaluation mode, loops unrolled; an If over a constant goes with onnxsim",
            )
    if len(model.graph.sparse_initializer):
        raise Mistake(f"{path}: sparse weights are not supported", hint="save the weights as plain tensors")
    _embed(model, path)
    return _inlined(model, path)


def tensors(model: onnx.ModelProto) -> Iterator[tuple[str, TensorProto]]:
    """Give every constant tensor of a model with its name, or that of the node whose attribute holds it."""
    yield from ((each.name, each) for each in model.graph.initializer)
    for node in _all_nodes(model):
        for attribute in node.attribute:
            held = [attribute.t] if attribute.type == AttributeProto.TENSOR else attribute.tensors
            yield from ((f"{node.name or node.op_type}.{attribute.name}", each) for each in held)


def _all_nodes(model: onnx.ModelProto) -> Iterator[NodeProto]:
    yield from model.graph.node
    for function in model.functions:
        yield from function.node


def _parsed(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise Mistake(f"there is no model file {path}", hint="the path is as seen from where edgespec runs")
    size = path.stat().st_size
    if size > LARGEST:
        raise Mistake(
            f"{path} has {size / 1e9:.1f} GB: an ONNX file holds at most 2.1 GB",
            hint="a classifier of spectra has a few MB: is this the right file?",
        )
    try:
        model = onnx.ModelProto.FromString(path.read_bytes())
    except OSError as problem:
        raise Mistake(f"{path} cannot be read: {problem.strerror}", hint=WHOLE) from None
    except DecodeError:
        raise Mistake(f"{path} is not an ONNX file, or a damaged one", hint=WHOLE) from None
    if wrong := _undecoded(model):
        raise Mistake(f"{path} is a damaged ONNX file: its {wrong} is not text in UTF-8", hint=WHOLE)
    if not (model.graph.node and model.graph.output and model.opset_import):
        raise Mistake(
            f"{path} is not an ONNX file, or a damaged one: it holds no operators, outputs or opset", hint=WHOLE
        )
    return model


def _undecoded(message: Any) -> str:
    """Name a field that should hold text and holds bytes, "" where there is none: a name is compared, split and shown all over."""
    for field, value in message.ListFields():
        many = [value] if isinstance(value, str | bytes | int | float | Message) else value
        if field.type == field.TYPE_STRING and any(isinstance(each, bytes) for each in many):
            return str(field.name)
        if field.type == field.TYPE_MESSAGE:
            for each in many:
                if wrong := _undecoded(each):
                    return wrong
    return ""


def _embed(model: onnx.ModelProto, path: Path) -> None:
    """Read external data into the model, in place."""
    folder, total = path.parent.resolve(), 0
    for name, tensor in tensors(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        told = {each.key: each.value for each in tensor.external_data}
        outside = folder / told.get("location", "")
        if not told.get("location") or "\0" in told["location"] or not outside.resolve().is_relative_to(folder):
            raise Mistake(
                f"{path}: the data of {name} are said to be in {told.get('location', '')!r}, outside the model's folder",
                hint=WHOLE,
            )
        if not outside.is_file():
            raise Mistake(f"{path}: the data of {name} are not there: {told['location']}", hint=WHOLE)
        start, length = _span(told, outside.stat().st_size)
        wanted = _bytes(tensor)
        total += max(wanted, 0)
        if wanted != length or total > LARGEST:
            raise Mistake(
                f"{path}: the data of {name} do not fit: the tensor has {wanted} bytes, {told['location']} has {max(length, 0)} for it",
                hint=WHOLE,
            )
        with outside.open("rb") as file:
            file.seek(start)
            tensor.raw_data = file.read(length)
        tensor.ClearField("external_data")
        tensor.data_location = TensorProto.DEFAULT


def _span(told: dict[str, str], size: int) -> tuple[int, int]:
    """Give where a tensor's data begin and how long they are; a length of -1 where that goes beyond the file."""
    try:
        start = int(told.get("offset", "0"))
        length = int(told.get("length", str(size - start)))
    except ValueError:
        return 0, -1
    return (start, length) if start >= 0 and 0 <= length <= size - start else (0, -1)


def _bytes(tensor: TensorProto) -> int:
    """Give the bytes of a tensor by its type and shape; -1 for a type without a fixed size."""
    try:
        size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        return -1
    return size * math.prod(tensor.dims) if tensor.data_type != TensorProto.STRING else -1


def _inlined(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """Write local functions out. Raises Mistake where they call themselves or would become too many operators."""
    functions = {(each.domain, each.name): each for each in model.functions}
    counts: dict[tuple[str, str], int] = {}

    def count(key: tuple[str, str], above: frozenset[tuple[str, str]]) -> int:
        if key in above or len(above) > 50:
            raise Mistake(f"{path}: function {key[1]!r} calls itself", hint=WHOLE)
        if key not in counts:
            counts[key] = _size(functions[key].node, above | {key})
        return counts[key]

    def _size(nodes: Iterator[NodeProto], above: frozenset[tuple[str, str]]) -> int:
        named = ((each.domain, each.op_type) for each in nodes)
        return sum(count(key, above) if key in functions else 1 for key in named)

    size = _size(iter(model.graph.node), frozenset())
    if size > MOST_NODES:
        raise Mistake(
            f"{path} has {size} operators; {MOST_NODES} are supported", hint="is this a classifier of spectra?"
        )
    return inliner.inline_local_functions(model) if functions else model
