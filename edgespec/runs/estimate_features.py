"""What a file costs, counted on its graph: kernels, multiply-accumulates of each kind, and bytes moved.

Counted behind that part of ONNX Runtime's optimisation that does not depend on the processor: what is fused counts once.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

import onnx
import onnxruntime
from onnx import TensorProto
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    NotImplemented,
)

from edgespec.errors import Mistake
from edgespec.graph import onnx_file

FLOAT, INT8 = "float32", "cpu-int8"
REFUSALS = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, NotImplemented)
CONVOLUTIONS = ("Conv", "FusedConv", "QLinearConv")
DENSE = ("Gemm", "FusedGemm", "MatMul", "FusedMatMul", "QGemm", "QLinearMatMul")
POOLS = ("AveragePool", "MaxPool", "QLinearAveragePool")
SLOW = (
    "Erf",
    "Gelu",
    "BiasGelu",
    "FastGelu",
    "QuickGelu",
    "Sigmoid",
    "QLinearSigmoid",
    "Tanh",
    "Exp",
    "Softmax",
    "Log",
)
VIEWS = ("Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity")
BYTE_LAYERS = ("QLinearConv", "QGemm", "QLinearMatMul")
TO_BYTES = ("QuantizeLinear", "QLinear", "QGemm")
WIDTHS = {
    TensorProto.FLOAT16: 2,
    TensorProto.INT8: 1,
    TensorProto.UINT8: 1,
    TensorProto.INT64: 8,
    TensorProto.DOUBLE: 8,
}


@dataclass(frozen=True)
class Features:
    """What one answer at batch 1 takes.

    layers: convolutions and linear layers; kernels: all other operators that run, but those that only give a tensor another shape
    standard, depthwise: MACs of convolutions over channels and points, and over points only
    dense: MACs over channels only: of convolutions of width 1 and of linear layers
    pooled: values under all pooling windows; slow: values through erf, sigmoid and their like
    bytes: of the tensors and weights that the kernels read and write
    kind: the arithmetic, FLOAT, INT8 (uint8 activations), "portable-int8" or "float16"; one is never estimated from another
    """

    layers: int = 0
    kernels: int = 0
    standard: int = 0
    depthwise: int = 0
    dense: int = 0
    pooled: int = 0
    slow: int = 0
    bytes: int = 0
    kind: str = FLOAT

    def row(self) -> list[float]:
        """Give the counts in the order of COUNTS, behind a 1 for what every call costs."""
        return [1.0, *(float(getattr(self, name)) for name in COUNTS[1:])]

    @property
    def macs(self) -> int:
        """All multiply-accumulates."""
        return self.standard + self.depthwise + self.dense


COUNTS = ("call", *(each.name for each in fields(Features) if each.name != "kind"))


def of(path: Path) -> Features:
    """Count a file. Raises Mistake where it is no ONNX that ONNX Runtime takes."""
    try:
        model = _optimised(path)  # first: it names what is wrong with a file
    except REFUSALS as problem:
        first = str(problem).strip().splitlines()[0]
        raise Mistake(f"{path} can't be counted: {first}", hint="is it an ONNX file, and whole?") from problem
    shapes = {
        **onnx_file.shapes(model),
        **onnx_file.shapes(onnx.load(path)),
    }  # what is fused keeps the name of its last tensor
    widths = {each.name: WIDTHS.get(each.data_type, 4) for each in model.graph.initializer}
    found = dict.fromkeys(COUNTS[1:], 0)
    for node in model.graph.node:
        if not shapes.get(node.output[0]):  # a name that ONNX Runtime gave: nobody has inferred its shape
            shapes[node.output[0]] = _shape(node, shapes)
        narrow = node.op_type.startswith(TO_BYTES) or (
            node.op_type in (*POOLS, *VIEWS) and widths.get(node.input[0]) == 1
        )
        widths |= dict.fromkeys(node.output, 1 if narrow else 4)
        if node.op_type in VIEWS:
            continue
        found["layers" if node.op_type in (*CONVOLUTIONS, *DENSE) else "kernels"] += 1
        kind, count = _work(node, shapes)
        if kind:
            found[kind] += count
        touched = {*node.input, *node.output} - {""}
        found["bytes"] += sum(math.prod(shapes.get(name, [])) * widths.get(name, 4) for name in touched)
    return Features(**found, kind=_kind(model))


def _optimised(path: Path) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def _shape(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> list[int]:
    """Give the shape of an output as the operator makes it: windows shorten the axes, all else is as long as what comes in."""
    inward = shapes.get(node.input[0], [])
    if node.op_type not in (*CONVOLUTIONS, *POOLS) or len(inward) < 3:
        return inward
    said = {each.name: list(each.ints) for each in node.attribute}
    weight = shapes[node.input[_weight(node)]] if node.op_type in CONVOLUTIONS else []
    window, axes = said.get("kernel_shape") or weight[2:], len(inward) - 2
    ones, pads = [1] * axes, said.get("pads") or [0] * 2 * axes
    steps, gaps = said.get("strides") or ones, said.get("dilations") or ones
    along = [
        (inward[2 + i] + pads[i] + pads[axes + i] - gaps[i] * (window[i] - 1) - 1) // steps[i] + 1 for i in range(axes)
    ]
    return [inward[0], weight[0] if weight else inward[1], *along]


def _weight(node: onnx.NodeProto) -> int:
    return 3 if node.op_type == "QLinearConv" else 1


def _kind(model: onnx.ModelProto) -> str:
    types = {each.name: each.data_type for each in model.graph.initializer}
    if TensorProto.FLOAT16 in types.values():
        return "float16"
    zeros = {types.get(node.input[2]) for node in model.graph.node if node.op_type in BYTE_LAYERS}
    if zeros == {TensorProto.UINT8}:
        return INT8
    rounds = any(
        node.op_type == "QuantizeLinear" for node in model.graph.node
    )  # portable layers may run in float between Q/DQ
    return "portable-int8" if zeros or rounds else FLOAT


def _work(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> tuple[str, int]:
    """Give the kind of work of a kernel and how much of it."""
    out, operator = math.prod(shapes.get(node.output[0], [])), node.op_type
    if operator in CONVOLUTIONS:
        weight = shapes[node.input[_weight(node)]]
        along = math.prod(weight[2:])
        kind = "depthwise" if weight[1] == 1 else "dense" if along == 1 else "standard"
        return kind, out * weight[1] * along
    if operator in DENSE:
        inner = shapes[node.input[0]]
        turned = any(each.name == "transA" and each.i for each in node.attribute)
        return "dense", out * inner[-2 if turned else -1]
    if operator in POOLS:
        window: list[int] = next((list(each.ints) for each in node.attribute if each.name == "kernel_shape"), [1])
        return "pooled", out * math.prod(window)
    return ("slow", out) if operator in SLOW else ("", 0)
