"""What each JetPack's TensorRT takes: opset, operators, Q/DQ. Read from the release tags of onnx-tensorrt; judged before anything is sent.

TensorRT-RTX, which parses here, is newer than any JetPack and cannot see these limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

NEVER = frozenset(("QLinearConv", "QLinearMatMul", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DFT"))
OLD = frozenset(("Gelu", "LayerNormalization", "HardSwish", "GroupNormalization", "STFT", "Swish"))
PORTABLE = "take the file 'portable-int8': a recipe with quantize: {flavours: [portable]}"


@dataclass(frozen=True)
class Release:
    """A JetPack's TensorRT.

    opset: the newest that its parser reads rightly; lacks: operators that our exports could hold and it does not know
    majors: of trtexec's flags that a device of this JetPack may have
    """

    tensorrt: str
    opset: int
    lacks: frozenset[str]
    majors: tuple[int, ...]


RELEASES = {
    "5.1": Release("8.5", 17, OLD, (8,)),
    "6.0": Release("8.6", 17, frozenset(("Gelu", "STFT", "Swish")), (8,)),
    "6.2": Release("10.3", 20, frozenset(("STFT", "Swish")), (10,)),
    "7": Release("10.13", 24, frozenset(("Swish",)), (10, 11)),
}


def lint(model: onnx.ModelProto, jetpack: str) -> list[str]:
    """Tell what this JetPack's TensorRT would reject, or take for something else: node, reason and what mends it; [] for a good file."""
    release, found = RELEASES[jetpack], []
    if opset(model) > release.opset:
        told = f"JetPack {jetpack} has TensorRT {release.tensorrt}, which reads opset {release.opset} and older; this file is opset {opset(model)}"
        found.append(f"{told}: write it with edgespec export --target and a card of that JetPack")
    constants = {each.name: each for each in model.graph.initializer}
    for node in model.graph.node:
        if reason := _reason(node, constants, release):
            found.append(
                f"TensorRT {release.tensorrt} will reject node {node.name or node.output[0]} ({node.op_type}): {reason}"
            )
    return found


def opset(model: onnx.ModelProto) -> int:
    """Give the opset of a file's standard operators."""
    return int(next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx")))


def precision(model: onnx.ModelProto) -> str:
    """Tell what a file computes in, as `export/engines/onnx_outline.py` does on the device: int8, fp16 or float32."""
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        return "int8"
    return "fp16" if any(each.data_type == onnx.TensorProto.FLOAT16 for each in model.graph.initializer) else "float32"


def flags(major: int, release: str, made_in: str, name: str, points: int, most: int = 64) -> list[str]:
    """Give trtexec's flags that build an engine for 1 to `most` spectra: those that `export/engines/trtexec.py` gives on the device.

    release: TensorRT's version; made_in: the file's precision; name, points: of its input
    """
    own = (
        {"int8": ["--int8"], "fp16": ["--fp16"]}.get(made_in, [])
        if major < 10
        else ["--stronglyTyped"]
        if major == 10
        else []
    )
    quiet = "--buildOnly" if release.startswith("8.5") else "--skipInference"
    shapes = [f"--{end}Shapes={name}:{n}x{points}" for end, n in (("min", 1), ("opt", 1), ("max", most))]
    return ["--noTF32", *own, quiet, *shapes]


def _reason(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto], release: Release) -> str:
    if node.domain not in ("", "ai.onnx"):
        return f"it is of {node.domain}; TensorRT takes standard operators"
    if node.op_type in NEVER:
        return "it is not Q/DQ; export Q/DQ"
    if node.op_type in release.lacks:
        return "this TensorRT does not know it; write it in other operators"
    if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
        return ""
    whole: Any = constants.get(node.input[0])
    if whole is not None and whole.data_type == onnx.TensorProto.INT32:
        return f"its bias is rounded to int32; {PORTABLE}"
    if whole is not None and whole.data_type == onnx.TensorProto.INT4:
        return "weights of 4 bits are kept for size alone; take the float file"
    zero = constants.get(node.input[2]) if len(node.input) > 2 else None
    values = None if zero is None else numpy_helper.to_array(zero)
    if values is not None and values.any():
        return f"its zero point is not 0; {PORTABLE}"
    if values is not None and values.dtype == np.uint8:
        return f"it would take uint8 for int8 and clip at 127; {PORTABLE}"
    return ""
