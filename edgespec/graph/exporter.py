"""From torch to ONNX: the one form that every float file of ours has, its front and its network joined."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import math
import tempfile
import warnings
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import onnx
import torch
from torch import Tensor, nn

from edgespec import storage
from edgespec.contract import Contract, stamp
from edgespec.data.preprocess import Front
from edgespec.errors import Mismatch, Mistake
from edgespec.graph import assembly, names
from edgespec.graph.foreign import planes
from edgespec.graph.onnx_file import OPSET, fold, shapes
from edgespec.models import Channels

# fmt: off
PORTABLE = frozenset((
    "Abs", "Add", "Clip", "Div", "Greater", "Min", "Mul", "Neg", "Relu", "Sqrt", "Sub", "Where",
    "AveragePool", "Conv", "MatMul", "MaxPool", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum",
    "Concat", "Gather", "Pad", "Reshape", "Slice", "Unsqueeze",
))
# fmt: on
"""What a front may be made of: operators that ONNX Runtime, OpenVINO and TensorRT all take."""
EXPORTED: WeakKeyDictionary[Front, bytes] = WeakKeyDictionary()
"""Fronts that were exported, with their files: baselines and networks of a run stand behind the same one, and each export takes seconds."""


class _Plane(nn.Module):
    """(n, points) -> (n, 1, 1, points)"""

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1).unsqueeze(1)


class _Gelu(nn.Module):
    """GELU with its half last: the one order of these operators that ONNX Runtime knows as a single kernel (PACE 2.3 times faster)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.erf(x / math.sqrt(2)) + 1) * 0.5


def twin(model: nn.Module) -> nn.Module:
    """Give the same network with each layer along the axis as its 1 x K twin, which ONNX Runtime's fast layout wants.

    Same weights, same answers; Conv1d stays out of that layout and is up to 1.8 times slower (depthwise 9 times).
    """
    found = copy.deepcopy(model)
    for parent in list(found.modules()):
        for name, layer in list(parent.named_children()):
            setattr(parent, name, _twin(layer))
    return found.eval()


def _twin(layer: nn.Module) -> nn.Module:
    if isinstance(layer, Channels):
        return _Plane()
    if hasattr(layer, "twin"):
        return layer.twin()  # type: ignore[no-any-return,operator]
    if isinstance(layer, nn.GELU):
        return _Gelu()
    if isinstance(layer, nn.AdaptiveAvgPool1d):
        return nn.AdaptiveAvgPool2d((1, layer.output_size))  # type: ignore[arg-type]
    if isinstance(layer, nn.AvgPool1d):
        return nn.AvgPool2d((1, *layer.kernel_size), (1, *layer.stride))  # type: ignore[misc]
    if isinstance(layer, nn.MaxPool1d):
        return nn.MaxPool2d((1, layer.kernel_size), (1, layer.stride), (0, layer.padding))  # type: ignore[arg-type]
    if isinstance(layer, nn.BatchNorm1d):
        flat = nn.BatchNorm2d(layer.num_features, layer.eps)
        flat.load_state_dict(layer.state_dict())
        return flat
    if not isinstance(layer, nn.Conv1d):
        return layer
    k, s, p, d = layer.kernel_size[0], layer.stride[0], layer.padding[0], layer.dilation[0]
    conv = nn.Conv2d(
        layer.in_channels, layer.out_channels, (1, k), (1, s), (0, int(p)), (1, d), layer.groups, layer.bias is not None
    )
    conv.weight.data = layer.weight.data.unsqueeze(2)
    if layer.bias is not None and conv.bias is not None:
        conv.bias.data = layer.bias.data
    return conv


def export(model: nn.Module, path: Path, *, front: Front, contract: Contract | None = None) -> None:
    """Write the float ONNX of a model behind its front: Conv2d form, opset 18, one file, batch dynamic, length fixed.

    Raises Mismatch where what was written is not of that form.
    """
    if getattr(model, "own", False):
        network = planes.widened(_of_others(model, front.points))
    else:
        network = _dynamic(twin(model), front.points, assembly.LOGITS)
    whole = assembly.joined(of_front(front), network)
    if contract is not None:
        stamp(whole, contract)
    whole = names.shortened(whole)
    _check_form(whole, path)
    storage.write(path, whole.SerializeToString())


def _of_others(model: nn.Module, points: int) -> onnx.ModelProto:
    """Export a network whose layers nobody here knows. Raises Mistake where torch cannot."""
    try:
        return _dynamic(copy.deepcopy(model).eval(), points, assembly.LOGITS)
    except torch.onnx.OnnxExporterError as problem:
        told = next((line for line in str(problem).splitlines() if line.startswith("<class")), type(problem).__name__)
        hint = "no Python decisions on the batch's size or values in `forward`; torch.onnx.export(..., dynamo=True) shows where"
        raise Mistake(f"the network cannot be exported to ONNX: {told}", hint) from None


def of_front(front: Front) -> onnx.ModelProto | None:
    """Give the preprocessing as ONNX: spectrum (batch, points) -> prepared; None where there is none.

    Raises Mismatch where it needs an operator that not every runtime has.
    """
    if not len(front):
        return None
    if front in EXPORTED:
        return onnx.ModelProto.FromString(EXPORTED[front])
    found = _dynamic(front, front.source, assembly.PREPARED)
    if others := sorted({node.op_type for node in found.graph.node} - PORTABLE):
        raise Mismatch(
            f"the preprocessing becomes {', '.join(others)}, which not every runtime takes",
            hint=f"write it with: {', '.join(sorted(PORTABLE))}",
        )
    EXPORTED[front] = found.SerializeToString()
    return found


def export_default(model: nn.Module, path: Path, *, front: Front, contract: Contract | None = None) -> None:
    """Write what a plain `torch.onnx.export` of the same chain gives: the yardstick that ours must not be slower than."""
    chain = nn.Sequential(front, copy.deepcopy(model).eval())
    made = names.traceless(_quietly(chain, front.source))
    if contract is not None:
        stamp(made, contract)
    storage.write(path, made.SerializeToString())


def export_older(model: nn.Module, path: Path, *, front: Front, opset: int, contract: Contract | None = None) -> None:
    """Write the float ONNX of a model behind its front in an opset before 18, for a runtime that reads no newer one.

    By torch's older exporter, which still writes it: nothing is converted down. Raises Mismatch where another opset came out.
    """
    before = _scripted(front, front.source, opset, assembly.PREPARED) if len(front) else None
    own = getattr(model, "own", False)
    network = _scripted(copy.deepcopy(model) if own else twin(model), front.points, opset, assembly.LOGITS)
    whole = assembly.joined(before, planes.widened(network) if own else network)
    if contract is not None:
        stamp(whole, contract)
    whole = names.shortened(whole)
    _check_form(whole, path, opset)
    storage.write(path, whole.SerializeToString())


def _scripted(model: nn.Module, points: int, opset: int, output: str) -> onnx.ModelProto:
    """Trace a part, the batch free, and let ONNX Runtime fold what is constant: the older exporter leaves a padding's amounts to be computed."""
    ends: dict[str, Any] = {"input_names": [assembly.SPECTRUM], "output_names": [output]}
    ends["dynamic_axes"] = {assembly.SPECTRUM: {0: "batch"}, output: {0: "batch"}}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, folded = Path(folder) / "part.onnx", Path(folder) / "folded.onnx"
        inputs = (torch.zeros(2, points),)
        torch.onnx.export(model.eval(), inputs, str(path), dynamo=False, opset_version=opset, **ends)
        fold(path, folded)
        return slimmed(onnx.load(folded))


def _dynamic(model: nn.Module, points: int, output: str) -> onnx.ModelProto:
    found = _quietly(
        model,
        points,
        opset_version=OPSET,
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        input_names=[assembly.SPECTRUM],
        output_names=[output],
    )
    return slimmed(found)


def _quietly(model: nn.Module, points: int, **options: Any) -> onnx.ModelProto:
    """Call the exporter without its log lines and progress prints."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model, (torch.zeros(2 if options else 1, points),), dynamo=True, verbose=False, **options
            )
    finally:
        logger.setLevel(level)
    return program.model_proto  # type: ignore[union-attr]


def slimmed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop what no runtime reads: the exporter's stack traces, doc strings and intermediate shapes."""
    found = onnx.ModelProto()
    found.CopyFrom(model)
    found.graph.ClearField("value_info")
    found.graph.ClearField("metadata_props")
    del found.metadata_props[:]
    found.ClearField("functions")
    for node in found.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for tensor in [*found.graph.initializer, *found.graph.input, *found.graph.output]:
        tensor.ClearField("metadata_props")
    return found


def _check_form(model: onnx.ModelProto, path: Path, wanted: int = OPSET) -> None:
    opset = {each.domain: each.version for each in model.opset_import}.get("", 0)
    flat = [node.name for node in model.graph.node if node.op_type == "Conv" and len(shapes(model)[node.input[1]]) != 4]
    outside = [each.name for each in model.graph.initializer if each.data_location == onnx.TensorProto.EXTERNAL]
    if opset != wanted or flat or outside:
        raise Mismatch(
            f"{path.name} is opset {opset} (wanted {wanted}), one-dimensional: {flat or 'none'}, outside: {outside or 'none'}"
        )
