"""The answer part of a graph: probabilities by softmax, and the reject score, as operators that every runtime has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from scipy.special import logsumexp

from edgespec.errors import Mismatch
from edgespec.graph.assembly import ANSWER, LOGITS, PREPARED, PROBABILITIES, SCORE, SPECTRUM, answered

AXES_INPUT = 18  # the first opset in which ReduceMax, ReduceL2 and ReduceLogSumExp take their axes as an input
Parts = tuple[list[NodeProto], list[TensorProto]]
TINY = 1e-6
Array = NDArray[Any]


def add(model: onnx.ModelProto, score: Score) -> onnx.ModelProto:
    """Give the model with the outputs `probabilities` (n, classes) and `score` (n, 1) behind its logits, in the model's own opset."""
    has_front = any(PREPARED in node.output for node in model.graph.node)
    make = {"energy": _energy, "confidence": _confidence, "likeness": _likeness}[score.kind]
    nodes, weights = make(score, PREPARED if has_front else SPECTRUM)
    if next(each.version for each in model.opset_import if each.domain == "") < AXES_INPUT:
        nodes, weights = _older(nodes, weights, score)
    return answered(model, nodes, weights)


def read(model: onnx.ModelProto, kind: str) -> Score:
    """Give back the score that `add` put into a model; kind: as its contract says. Raises Mismatch where it is not there."""
    held = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer if each.name.startswith(ANSWER)}
    if kind != "likeness":
        return Score(kind, np.zeros((0, 0), np.int8), 1.0, 0)
    try:
        means, scale = held[f"{ANSWER}means"], float(held[f"{ANSWER}scale"])
        pool = next(node for node in model.graph.node if node.name == f"{ANSWER}pooled")
    except (KeyError, StopIteration):
        raise Mismatch(f"the graph holds no reject score {kind!r}, which its contract tells of") from None
    size = next(list(each.ints) for each in pool.attribute if each.name == "kernel_shape")[-1]
    return Score(kind, means, scale, size * len(means))


def _energy(score: Score, prepared: str) -> Parts:
    return [_node("ReduceLogSumExp", [LOGITS, "one"], SCORE, keepdims=1)], [_weight("one", np.array([1], np.int64))]


def _confidence(score: Score, prepared: str) -> Parts:
    return [_node("ReduceMax", [PROBABILITIES, "one"], SCORE, keepdims=1)], [_weight("one", np.array([1], np.int64))]


def _likeness(score: Score, prepared: str) -> Parts:
    """Pool to the places of the mean spectra, multiply by them, weight by the probabilities, divide by the length."""
    size = score.points // len(score.means)
    nodes = [
        _node("Unsqueeze", [prepared, "plane"], "wide"),
        _node("AveragePool", ["wide"], "pooled", kernel_shape=[1, size], strides=[1, size]),
        _node("Squeeze", ["pooled", "plane"], "short"),
        _node("DequantizeLinear", ["means", "unit", "zero"], "whole_means"),
        _node("Mul", ["whole_means", "scale"], "means_float"),  # in between, or ONNX Runtime multiplies in 8 bits
        _node("MatMul", ["short", "means_float"], "cosines"),
        _node("Mul", ["cosines", PROBABILITIES], "weighted"),
        _node("ReduceSum", ["weighted", "one"], "sum", keepdims=1),
        _node("ReduceL2", ["short", "one"], "length", keepdims=1),
        _node("Max", ["length", "tiny"], "some_length"),
        _node("Div", ["sum", "some_length"], SCORE),
    ]
    weights = [
        _weight("plane", np.array([1, 2], np.int64)),
        _weight("one", np.array([1], np.int64)),
        _weight("means", score.means),
        _weight("unit", np.array(1, np.float32)),
        _weight("scale", np.array(score.scale, np.float32)),
        _weight("zero", np.array(0, np.int8)),
        _weight("tiny", np.array([TINY], np.float32)),
    ]
    return nodes, weights


def _older(nodes: list[NodeProto], weights: list[TensorProto], score: Score) -> Parts:
    """Write the same with axes as attributes, and the mean spectra in float32: TensorRT 8 takes no int8 constant."""
    kept = [node for node in nodes if f"{ANSWER}means_float" not in node.output and node.op_type != "DequantizeLinear"]
    for node in kept:
        if node.op_type in ("ReduceLogSumExp", "ReduceMax", "ReduceL2"):
            del node.input[1]
            node.attribute.append(helper.make_attribute("axes", [1]))
    used = {name for node in kept for name in node.input}
    whole = score.means.astype(np.float32) * np.float32(score.scale)
    return kept, [each for each in [*weights, _weight("means_float", whole)] if each.name in used]


def _node(kind: str, inputs: list[str], output: str, **attributes: object) -> NodeProto:
    shared = (LOGITS, PREPARED, PROBABILITIES, SCORE, SPECTRUM)
    names = [name if name in shared else ANSWER + name for name in [*inputs, output]]
    return helper.make_node(kind, names[:-1], names[-1:], name=f"{ANSWER}{output}", **attributes)


def _weight(name: str, value: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(value, ANSWER + name)


@dataclass(frozen=True)
class Score:
    """A reject score of logits (n, classes) and prepared spectra (n, points); large where the model knows.

    means: (places, classes) int8, the mean spectra, each of length 1 / scale; empty unless `likeness`
    points: of a prepared spectrum
    """

    kind: str
    means: NDArray[np.int8]
    scale: float
    points: int

    def of(self, logits: Array, prepared: Array) -> Array:
        """(n,)"""
        if self.kind == "energy":
            return logsumexp(logits, axis=1)  # type: ignore[no-any-return]
        stated = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        if self.kind == "confidence":
            return stated.max(1)  # type: ignore[no-any-return]
        short = shortened(prepared, len(self.means))
        length = np.maximum(np.linalg.norm(short, axis=1), TINY)
        means = self.means.astype(np.float32) * np.float32(self.scale)
        return (stated * (short @ means)).sum(1) / length  # type: ignore[no-any-return]


def shortened(x: Array, places: int) -> Array:
    """(n, points) -> (n, places): means over equal stretches; what is left over at the end does not count."""
    size = x.shape[1] // places
    return x[:, : size * places].reshape(len(x), places, size).mean(2)  # type: ignore[no-any-return]
