"""From torch to ONNX, and what every ONNX file of ours must stand: the right form, the right answers, the kernels it claims."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import math
import platform
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference
from torch import Tensor, nn

from edgespec import storage
from edgespec.errors import Mismatch, Mistake
from edgespec.models import Channels

OPSET = 18
BATCHES = (1, 2, 65, 100)  # one runtime was silently wrong above 64
TIE = 1e-3  # logits nearer than this (relative to the largest) may swap their order
Array = NDArray[Any]


class _Plane(nn.Module):
    """(n, points) -> (n, 1, 1, points)"""

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1).unsqueeze(1)


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
    if isinstance(layer, nn.AdaptiveAvgPool1d):
        return nn.AdaptiveAvgPool2d((1, layer.output_size))  # type: ignore[arg-type]
    if isinstance(layer, nn.MaxPool1d):
        return nn.MaxPool2d((1, layer.kernel_size), (1, layer.stride))  # type: ignore[arg-type]
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


def export(model: nn.Module, path: Path, *, points: int) -> None:
    """Write the float ONNX of a model: Conv2d form, opset 18, one file, batch dynamic, length fixed.

    Raises Mismatch where what was written is not of that form.
    """
    batch = torch.export.Dim("batch")
    onnx_model = _quietly(
        twin(model),
        points,
        opset_version=OPSET,
        dynamic_shapes=({0: batch},),
        input_names=["spectrum"],
        output_names=["logits"],
    )
    slim = slimmed(onnx_model)
    _check_form(slim, path)
    storage.write(path, slim.SerializeToString())


def export_default(model: nn.Module, path: Path, *, points: int) -> None:
    """Write what a plain `torch.onnx.export(model, x)` gives: the yardstick that ours must not be slower than."""
    storage.write(path, _quietly(copy.deepcopy(model).eval(), points).SerializeToString())


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


def _check_form(model: onnx.ModelProto, path: Path) -> None:
    opset = {each.domain: each.version for each in model.opset_import}.get("", 0)
    flat = [
        node.name for node in model.graph.node if node.op_type == "Conv" and len(_shapes(model)[node.input[1]]) != 4
    ]
    outside = [each.name for each in model.graph.initializer if each.data_location == onnx.TensorProto.EXTERNAL]
    if opset != OPSET or flat or outside:
        raise Mismatch(
            f"{path.name} is opset {opset} (wanted {OPSET}), one-dimensional: {flat or 'none'}, outside: {outside or 'none'}"
        )


def session(path: Path, *, optimised: Path | None = None, optimise: bool = True) -> onnxruntime.InferenceSession:
    """Open an ONNX file in ONNX Runtime on one CPU thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = 1, 1, 3
    if optimised:
        options.optimized_model_filepath = str(optimised)
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path: Path, x: Array, batch: int = 100, *, optimise: bool = True) -> Array:
    """(n, points) -> (n, classes), `batch` spectra at a time."""
    opened = session(path, optimise=optimise)
    name = opened.get_inputs()[0].name
    return np.concatenate([opened.run(None, {name: x[i : i + batch]})[0] for i in range(0, len(x), batch)])


@dataclass(frozen=True)
class Parity:
    """How well a file agrees with what it was made from, over the same spectra.

    agreement: share of spectra with the same label; ties (two logits nearer than the margin) count as the same
    largest: largest difference of two logits; relative: the same, as a share of the largest logit
    batches: the largest difference between one spectrum's answers in batches of 1, 2, 65 and 100
    """

    n: int
    agreement: float
    largest: float
    relative: float
    batches: float


def parity(
    path: Path, x: Array, source: Array, *, least: float, most: float, evidence: Path, sizes: tuple[int, ...] = BATCHES
) -> Parity:
    """Check a file against its source's answers, at batch 1, 2, 65 and 100.

    x: (n, points), n >= 64; source: (n, classes)
    least: smallest agreement of labels that is accepted; most: largest relative difference that is accepted
    Raises Mismatch (exit 4) beyond that, and leaves the spectra and both answers in `evidence`; Mistake for too few spectra.
    """
    if len(x) < 64:
        raise Mistake(f"{len(x)} spectra are too few to check {path.name}: 64 are needed", hint="more training spectra")
    answers = {size: run(path, x, size) for size in sizes}
    first = next(iter(answers.values()))
    scale = max(float(np.abs(source).max()), 1e-12)
    spread = max(float(np.abs(each - first).max()) for each in answers.values())
    same = _same(source, first, TIE * scale)
    found = Parity(
        len(x),
        float(same.mean()),
        float(np.abs(first - source).max()),
        float(np.abs(first - source).max()) / scale,
        spread,
    )
    if not np.isfinite(first).all() or found.agreement < least or found.relative > most or spread > TIE * scale:
        kept = io.BytesIO()
        np.savez(kept, x=x, source=source, answers=np.stack(list(answers.values())), disagree=np.flatnonzero(~same))
        storage.write(evidence, kept.getvalue())
        raise Mismatch(
            f"{path.name} and its source disagree on {int((~same).sum())} of {len(x)} spectra (largest difference {found.largest:.3g}; "
            f"between batch sizes {spread:.3g})",
            hint=f"the evidence is in {evidence}",
        )
    return found


def _same(source: Array, other: Array, margin: float) -> NDArray[np.bool_]:
    """Tell where two answers name the same label, or one that `source` holds for as good within the margin."""
    named = np.take_along_axis(source, other.argmax(1)[:, None], 1)[:, 0]
    return source.max(1) - named <= margin  # type: ignore[no-any-return]


def kernels(path: Path) -> dict[str, int]:
    """Count the operators that ONNX Runtime really runs after its own optimisation, fast-layout ones as `nchwc.Conv`."""
    with tempfile.TemporaryDirectory() as folder:
        optimised = Path(folder) / "optimised.onnx"
        session(path, optimised=optimised)
        nodes = onnx.load(optimised).graph.node
    return dict(Counter(f"nchwc.{n.op_type}" if "nchwc" in n.domain else n.op_type for n in nodes))


def check_kernels(path: Path) -> dict[str, int]:
    """Assert that the optimised graph holds what the file claims: int8 kernels where it quantises, the fast layout where it does not.

    Raises Mismatch where a quantised convolution still runs in float, or no convolution reaches the fast layout that could.
    """
    found, model = kernels(path), onnx.load(path)
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    shapes = _shapes(model)
    if any(node.op_type == "DequantizeLinear" for node in model.graph.node):
        left = found.get("Conv", 0) + found.get("nchwc.Conv", 0) + found.get("FusedConv", 0)
        if left or found.get("QLinearConv", 0) != len(convs):
            raise Mismatch(
                f"{path.name}: {left or len(convs)} of {len(convs)} convolutions are not run in int8 by ONNX Runtime"
            )
    elif platform.machine() in ("x86_64", "AMD64"):
        able = [node for node in convs if shapes[node.input[1]][0] % 16 == 0]
        if able and not found.get("nchwc.Conv", 0):
            raise Mismatch(f"{path.name}: none of its {len(able)} convolutions is run in ONNX Runtime's fast layout")
    return found


def weigh(path: Path) -> tuple[int, int]:
    """Count parameters (weights, biases) and multiply-accumulates of convolutions and linear layers, batch 1."""
    model = onnx.load(path)
    shapes = _shapes(model)
    params = macs = 0
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        weight = shapes[node.input[1]]
        params += math.prod(weight) + (math.prod(shapes[node.input[2]]) if len(node.input) > 2 else 0)
        places = math.prod(shapes[node.output[0]][2:]) if node.op_type == "Conv" else 1
        macs += math.prod(weight) * places
    return params, macs


def fold_temperature(path: Path, temperature: float) -> None:
    """Divide the logits of a float or Q/DQ file by a temperature, at no cost: in the last linear layer's weights or their scales.

    Logits that are themselves quantised keep their integers: the scales behind the layer are divided too.
    """
    model = onnx.load(path)
    last = [node for node in model.graph.node if node.op_type in ("Gemm", "MatMul")][-1]
    makers = {name: node for node in model.graph.node for name in node.output}
    chain, answer = [makers[name] for name in last.input[1:] if name in makers], last.output[0]
    while follower := next((node for node in model.graph.node if answer in node.input), None):
        chain, answer = [*chain, follower], follower.output[0]
    if odd := [node.op_type for node in chain if node.op_type not in ("QuantizeLinear", "DequantizeLinear")]:
        raise Mismatch(f"{path.name}: its last layer is tied to {odd[0]}: no temperature can be folded in")
    names = [name for name in last.input[1:] if name not in makers] + [node.input[1] for node in chain]
    for name in dict.fromkeys(names):
        found = next(each for each in model.graph.initializer if each.name == name)
        scaled = numpy_helper.to_array(found) * np.float32(1 / temperature)
        found.CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), name))
    storage.write(path, model.SerializeToString())


def _shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Give the shape of every tensor for batch 1, weights included."""
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    found = {each.name: list(each.dims) for each in model.graph.initializer}
    for each in [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]:
        found[each.name] = [d.dim_value or 1 for d in each.type.tensor_type.shape.dim]
    return found
