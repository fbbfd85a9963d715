"""The flavours of int8, each made of the same ranges and checked by a lint on the written file.

`cpu`: uint8 asymmetric activations, int32 biases, outputs rounded too: what ONNX Runtime's CPU kernels fuse. `portable`: int8
symmetric with zero point 0 and float biases (`qdq`): what TensorRT takes, and everything else too, if not as fast.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import load_model_with_shape_infer
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry
from onnxruntime.quantization.shape_inference import quant_pre_process

from edgespec.compression.quantization import float_ends, lint, qdq
from edgespec.compression.quantization.ranges import Range
from edgespec.graph import exporter

FLAVOURS = ("cpu", "portable")
GELU, GELU_OPSET = ("Div", "Erf", "Add", "Mul", "Mul"), 20  # as `exporter` writes it: x (erf(x / sqrt 2) + 1) / 2


def variant(flavour: str) -> str:
    """Name the file's variant."""
    return f"{flavour}-int8"


def ready(network: onnx.ModelProto) -> onnx.ModelProto:
    """Fold what can be folded before anything is rounded: batch normalisation, constants."""
    with _quiet(), tempfile.TemporaryDirectory() as name:
        before, after = Path(name) / "before.onnx", Path(name) / "after.onnx"
        onnx.save(network, before)
        quant_pre_process(str(before), str(after), skip_symbolic_shape=True)
        return load_model_with_shape_infer(after)


def make(
    flavour: str, network: onnx.ModelProto, ranges: Mapping[str, Range], *, floats: Collection[str] = (), bits: int = 8
) -> onnx.ModelProto:
    """Round a float network (`ready`) into a flavour, all but the layers named in `floats`. Raises Mismatch where `lint.check` does."""
    if flavour == "portable":
        made = exporter.slimmed(qdq.portable(network, ranges, floats=floats, bits=bits))
    else:
        made = exporter.slimmed(_without_zeros(_cpu(network, ranges, floats, bits)))
    lint.check(flavour, made)
    return made


def gelus(network: onnx.ModelProto) -> onnx.ModelProto:
    """Give a network with each GELU as one operator, in the opset that has it.

    ONNX Runtime finds the five that the float file has and runs them as one, but not behind a DequantizeLinear, which it gives each of
    its readers a copy of: PACE of dim 256 then takes 1.16 times as long.
    """
    found = onnx.ModelProto()
    found.CopyFrom(network)
    takers: dict[str, list[onnx.NodeProto]] = {}
    for node in found.graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    gone: list[onnx.NodeProto] = []
    for node in found.graph.node:
        chain = [node]
        while len(chain) < len(GELU) and len(after := takers.get(chain[-1].output[0], [])) == 1:
            chain.append(after[0])
        if tuple(each.op_type for each in chain) != GELU or node.input[0] not in chain[3].input:
            continue
        last = chain.pop()
        last.CopyFrom(helper.make_node("Gelu", [node.input[0]], [last.output[0]], name=last.name))
        gone += chain
    for node in gone:
        found.graph.node.remove(node)
    for each in found.opset_import:
        if gone and each.domain == "":
            each.version = max(each.version, GELU_OPSET)
    return found


def with_sources(network: onnx.ModelProto, floats: Collection[str]) -> list[str]:
    """Add to these layers those whose outputs they take, through whatever lies between."""
    inner = _between(network, floats, all_ends=True)
    return [each.name for each in qdq.layers(network) if each.name in {*floats, *inner}]


def _between(network: onnx.ModelProto, floats: Collection[str], *, all_ends: bool = False) -> set[str]:
    """Name what lies between these layers and the layers that they take from, where all of those are among them too.

    all_ends: whether the layers taken from are named instead
    """
    makers = {name: node for node in network.graph.node for name in node.output}
    layers = {each.name for each in qdq.layers(network)}
    found: set[str] = set()
    for node in network.graph.node:
        if node.name not in floats:
            continue
        inner, ends, open_ends = set[str](), set[str](), [node.input[0]]
        while open_ends:
            maker = makers.get(open_ends.pop())
            if maker is None or maker.name in inner | ends:
                continue
            (ends if maker.name in layers else inner).add(maker.name)
            open_ends += [] if maker.name in layers else list(maker.input)
        found |= ends if all_ends else inner if ends <= set(floats) else set()
    return found


def _cpu(network: onnx.ModelProto, ranges: Mapping[str, Range], floats: Collection[str], bits: int) -> onnx.ModelProto:
    """Round by ONNX Runtime's own quantiser, which knows what its kernels fuse, within our ranges."""
    seen = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    model = float_ends.pooled_first(gelus(network), floats)
    early = float_ends.before(model, floats) if floats else []
    excluded = [*dict.fromkeys([*_in_float(model), *floats, *_between(model, floats), *early])]
    with _quiet():
        rounding = QDQQuantizer(
            model, True, bits == 7, QuantType.QInt8, QuantType.QUInt8, TensorsData(CalibrationMethod.MinMax, seen), [],
            excluded, list({*QLinearOpsRegistry, *QDQRegistry}), {},
        )  # fmt: skip
        rounding.quantize_model()
        rounding.model.topological_sort()
    return float_ends.unrounded(_open_ended(rounding.model.model), set(excluded))


def _open_ended(model: onnx.ModelProto) -> onnx.ModelProto:
    """Take the last layer's Q/DQ away, in place: ONNX Runtime's int8 Gemm can answer in float, and logits beyond the range are not cut."""
    output = model.graph.output[0].name
    makers = {name: node for node in model.graph.node for name in node.output}
    back = makers[output]
    whole = makers.get(back.input[0]) if back.op_type == "DequantizeLinear" else None
    if whole is None or makers[whole.input[0]].op_type != "Gemm":
        return model
    makers[whole.input[0]].output[0] = output
    for node in (back, whole):
        model.graph.node.remove(node)
    return model


def _without_zeros(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the zero points of int32 biases, in place: they are zero by definition, as they are where none is given; 4 bytes a channel."""
    types = {each.name: each.data_type for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and types.get(node.input[0]) == TensorProto.INT32:
            del node.input[2:]
    used = {name for node in model.graph.node for name in node.input}
    kept = [each for each in model.graph.initializer if each.name in used]
    model.graph.ClearField("initializer")
    model.graph.initializer.extend(kept)
    return model


def _in_float(network: onnx.ModelProto) -> list[str]:
    """Name the nodes that stay in float32: in a network of operators that know no int8, all but its layers (`qdq.layers`).

    What lies between convolutions (DRSN's thresholds, GELU) would be brought to int8 and back around each operator: the 12-block
    DRSN took 1.6 of float's time so, and 1.0 with half of the error this way; OpenVINO did not compile it, or answered wrongly.
    """
    nodes = network.graph.node
    if not qdq.sparing(network):
        return []
    made_by = {name: node.op_type for node in nodes for name in node.output}
    last, rounded = network.graph.output[0].name, {each.name for each in qdq.layers(network)}
    return [node.name for node in nodes if not (node.name in rounded or _in_int8(node, made_by) or last in node.output)]


def _in_int8(node: onnx.NodeProto, made_by: dict[str, str]) -> bool:
    """Tell a convolution, or what a runtime does in one go with it."""
    return node.op_type == "Conv" or (
        node.op_type in ("Relu", "MaxPool") and made_by.get(node.input[0]) in ("Conv", "Relu")
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep ONNX Runtime's advice about pre-processing, which is done here, out of the root log."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
