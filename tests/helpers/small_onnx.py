"""A classifier of one layer with its contract, made in milliseconds, and a bundle of it as one zip."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edgespec import contract

POINTS, LABELS = 32, ("Albite", "Beryl", "Quartz")


def said(**changes: Any) -> contract.Contract:
    """Give its contract."""
    axis = np.linspace(150, 1172, POINTS)
    plain: dict[str, Any] = {
        "axis": contract.axis(axis),
        "labels": LABELS,
        "preprocess": [],
        "data": "embedded",
        "digest": "0",
    }
    plain |= {
        "version": "1",
        "window": {"low": 150, "high": 1172, "points": POINTS},
        "technique": "Raman",
        "threshold": 0.01,
    }
    return contract.Contract(**{**plain, "score": "max", **changes})


@cache
def model() -> bytes:
    """Give a file that answers logits, probabilities and a score."""
    weight = np.random.default_rng(0).normal(size=(POINTS, len(LABELS))).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["spectrum", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ReduceMax", ["probabilities", "one"], ["score"], keepdims=1),
    ]
    return _file(nodes, {"w": weight, "one": np.array([1])}, ("logits", "probabilities", "score"))


@cache
def convolution() -> bytes:
    """Give a file with a convolution, opset 18, that answers logits alone."""
    rng = np.random.default_rng(1)
    nodes = [
        helper.make_node("Unsqueeze", ["spectrum", "one"], ["wide"]),
        helper.make_node("Conv", ["wide", "k"], ["bands"], kernel_shape=[5], strides=[2], pads=[2, 2]),
        helper.make_node("Relu", ["bands"], ["up"]),
        helper.make_node("Flatten", ["up"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "w"], ["logits"]),
    ]
    held = {"one": np.array([1]), "k": rng.normal(size=(2, 1, 5)), "w": rng.normal(size=(POINTS, len(LABELS)))}
    held = {name: each if each.dtype.kind == "i" else each.astype(np.float32) for name, each in held.items()}
    return _file(nodes, held, ("logits",))


def endless() -> bytes:
    """Give a file whose loop never ends, with the contract of a good one."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["still"]), helper.make_node("Identity", ["inner"], ["next"])],
        "body",
        [helper.make_tensor_value_info(*each) for each in (("i", TensorProto.INT64, []), ("on", TensorProto.BOOL, []))]
        + [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    weight = np.ones((POINTS, len(LABELS)), np.float32)
    nodes = [
        helper.make_node("MatMul", ["spectrum", "w"], ["begin"]),
        helper.make_node("Loop", ["", "true", "begin"], ["logits"], body=body),
    ]
    return _file(nodes, {"w": weight, "true": np.array(True)}, ("logits",))


@cache
def files() -> dict[str, bytes]:
    """Give the files of a bundle but for the program, checksums last."""
    rng = np.random.default_rng(2)
    x = rng.random((4, POINTS)).astype(np.float32)
    session = onnxruntime.InferenceSession(model(), providers=["CPUExecutionProvider"])
    logits, probabilities, score = session.run(None, {"spectrum": x})
    packed = io.BytesIO()
    named = np.array([LABELS[i] for i in logits.argmax(1)])
    np.savez(packed, spectra=x, logits=logits, probabilities=probabilities, score=score, label=named)
    found = {
        "model.onnx": model(),
        "contract.json": json.dumps(said().plain()).encode(),
        "test_vectors.npz": packed.getvalue(),
    }
    found["MODEL_CARD.md"] = b"# A small model\n"
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in found.items())
    return {**found, "SHA256SUMS": sums.encode()}


def bundle() -> bytes:
    """Give these files as a zip."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        for name, content in files().items():
            packed.writestr(zipfile.ZipInfo(name), content)
    return held.getvalue()


def _file(nodes: list[Any], weights: dict[str, Any], answers: tuple[str, ...]) -> bytes:
    given = helper.make_tensor_value_info("spectrum", TensorProto.FLOAT, ["n", POINTS])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in answers]
    held = [numpy_helper.from_array(each, name) for name, each in weights.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "g", [given], ends, held), opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )
    onnx.checker.check_model(made)
    contract.stamp(made, said() if len(answers) > 1 else said(threshold=None, score=""))
    return bytes(made.SerializeToString())
