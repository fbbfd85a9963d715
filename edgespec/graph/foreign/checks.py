"""Refuse what a foreign graph must not hold: unknown operators, odd opsets, broken weights, tensors too large to run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper, shape_inference

from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.graph.foreign import file, trial

DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
OLDEST, NEWEST = 9, 24
TREES = "nodes_values"  # a tree may split at infinity
LARGEST_TENSOR = 2**28  # numbers in one tensor of one spectrum


def check(model: onnx.ModelProto, path: Path) -> None:
    """Raise Mistake with the name of what cannot be adopted, and what to do."""
    _check_domains(model, path)
    _check_weights(model, path)
    shaped = onnx.ModelProto()
    shaped.CopyFrom(model)
    for each in shaped.graph.output:  # the rules want a shape there, no runtime does
        if each.type.HasField("tensor_type"):
            each.type.tensor_type.shape.SetInParent()
    try:
        onnx.checker.check_model(shaped)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as problem:  # a ValueError where a name is no text
        raise Mistake(f"{path} breaks the rules of ONNX: {first_line(problem)}", hint=file.WHOLE) from None
    _check_sizes(model, path)


def opset(model: onnx.ModelProto) -> int:
    """Give the opset of the standard operators; 0 where the model says none."""
    return next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)


def learned_domain(model: onnx.ModelProto) -> list[str]:
    """Name the operators of ai.onnx.ml that a graph holds, each once, in their order."""
    return list(dict.fromkeys(node.op_type for node in model.graph.node if node.domain == "ai.onnx.ml"))


def has_layers(model: onnx.ModelProto) -> bool:
    """Tell whether a graph holds convolutions or linear layers with constant weights, which int8 knows."""
    constants = {each.name for each in model.graph.initializer}
    constants |= {name for node in model.graph.node if node.op_type == "Constant" for name in node.output}
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    return any(node.input[1] in constants for node in layers)


def first_line(problem: Exception) -> str:
    """Give the start of another library's message, on one line and printable."""
    return trial.words(str(problem))


def opened(model: onnx.ModelProto, path: Path) -> onnx_file.Session:
    """Open a model in ONNX Runtime. Raises Mistake where the runtime refuses it."""
    try:
        return onnx_file.session(model.SerializeToString())
    except onnx_file.REFUSALS as problem:
        raise Mistake(
            f"{path}: ONNX Runtime refuses it: {first_line(problem)}",
            hint="export it with standard operators, opset 18",
        ) from None


def _check_domains(model: onnx.ModelProto, path: Path) -> None:
    for node in model.graph.node:
        if node.domain not in DOMAINS:
            ours = "save the model before ONNX Runtime optimises it" if node.domain == "com.microsoft" else ""
            raise Mistake(
                f"{path}: operator {node.op_type} is of the domain {node.domain!r}; supported are ai.onnx and ai.onnx.ml",
                hint=ours or "export it with standard operators: no library of custom operators is ever loaded",
            )
    found = opset(model)
    standard = any(node.domain in ("", "ai.onnx") for node in model.graph.node)
    if (found or standard) and not OLDEST <= found <= NEWEST:
        raise Mistake(f"{path} is of opset {found}; {OLDEST} to {NEWEST} are supported", hint="export it in opset 18")


def _check_weights(model: onnx.ModelProto, path: Path) -> None:
    for name, tensor in file.tensors(model):
        try:
            values = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as problem:
            raise Mistake(
                f"{path}: the weights of {name} are damaged: {first_line(problem)}", hint=file.WHOLE
            ) from None
        if values.dtype.kind == "f" and (bad := _broken(values)):
            raise Mistake(f"{path}: {bad} of {values.size} weights of {name} are not finite numbers", hint=_TRAIN)
    for node in model.graph.node:
        for each in node.attribute:
            if each.type == AttributeProto.FLOATS and each.name != TREES and (bad := _broken(np.array(each.floats))):
                told = f"{node.name or node.op_type}.{each.name}"
                raise Mistake(
                    f"{path}: {bad} of {len(each.floats)} weights of {told} are not finite numbers", hint=_TRAIN
                )


_TRAIN = "train and export it again: such a model answers NaN"


def _broken(values: np.ndarray) -> int:
    """Count what is no finite number; a single infinity is a limit, as that of a Clip."""
    wrong = np.isnan(values) if values.size == 1 else ~np.isfinite(values)
    return int(wrong.sum())


def _check_sizes(model: onnx.ModelProto, path: Path) -> None:
    """Refuse a tensor that would not fit into memory, as far as its shape is known before the graph runs."""
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True)
    except (shape_inference.InferenceError, ValueError, RuntimeError) as problem:
        raise Mistake(f"{path}: its shapes do not fit together: {first_line(problem)}", hint=file.WHOLE) from None
    for each in [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]:
        dims = [d.dim_value or 1 for d in each.type.tensor_type.shape.dim]
        if any(d < 0 for d in dims) or math.prod(dims) > LARGEST_TENSOR:
            raise Mistake(
                f"{path}: tensor {each.name} has the shape {dims}, too large for a spectrum",
                hint="is this a classifier of spectra?",
            )
    held = _constants(model)
    for node in model.graph.node:
        filled = held.get(node.input[0]) if node.op_type == "ConstantOfShape" else None
        if filled is not None and math.prod(max(int(each), 0) for each in filled.ravel()) > LARGEST_TENSOR:
            raise Mistake(f"{path}: operator ConstantOfShape ({node.name}) fills too large a tensor", hint=file.WHOLE)


def _constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    found = {each.name: each for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].type == AttributeProto.TENSOR:
            found[node.output[0]] = helper.get_attribute_value(node.attribute[0])
    return {
        name: numpy_helper.to_array(each) for name, each in found.items() if each.data_type == onnx.TensorProto.INT64
    }
