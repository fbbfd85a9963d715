"""The answer part of a graph: probabilities by softmax, and the reject score, as operators that every runtime has."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgespec.assembly import ANSWER, LOGITS, PREPARED, PROBABILITIES, SCORE, SPECTRUM, answered
from edgespec.reject import TINY, Score


def add(model: onnx.ModelProto, score: Score) -> onnx.ModelProto:
    """Give the model with the outputs `probabilities` (n, classes) and `score` (n, 1) behind its logits."""
    has_front = any(PREPARED in node.output for node in model.graph.node)
    make = {"energy": _energy, "confidence": _confidence, "likeness": _likeness}[score.kind]
    nodes, weights = make(score, PREPARED if has_front else SPECTRUM)
    return answered(model, nodes, weights)


Parts = tuple[list[NodeProto], list[TensorProto]]


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


def _node(kind: str, inputs: list[str], output: str, **attributes: object) -> NodeProto:
    shared = (LOGITS, PREPARED, PROBABILITIES, SCORE, SPECTRUM)
    names = [name if name in shared else ANSWER + name for name in [*inputs, output]]
    return helper.make_node(kind, names[:-1], names[-1:], name=f"{ANSWER}{output}", **attributes)


def _weight(name: str, value: np.ndarray) -> TensorProto:
    return numpy_helper.from_array(value, ANSWER + name)
