"""Classifiers as other programs save them: a torch network, Keras by tf2onnx's conventions, MATLAB's shapes, scikit-learn.

The convolutions are random and their last layer is fitted by least squares, so that each names the tiny job's minerals rightly and
is made in milliseconds.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from edgespec.job import Job

LABELS = ["Albite", "Beryl", "Diopside"]
SHAPES: dict[str, tuple[int, ...]] = {
    "(n, points)": (),
    "(n, 1, points)": (1,),
    "(n, points, 1)": (2,),
    "(n, 1, 1, points)": (1, 2),
    "(n, 1, points, 1)": (1, 3),
    "(n, points, 1, 1)": (2, 3),
}
"""Where a length of one stands in the input, by its shape."""


class Net(nn.Module):
    """Two convolutions, and a linear layer fitted to a job's training spectra."""

    def __init__(self, job: Job, *, softmax: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 7, 2, 3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 16, 5, 2, 2), nn.ReLU(), nn.AdaptiveAvgPool1d(8),
        )  # fmt: skip
        self.head, self.softmax = nn.Linear(128, 3), softmax
        x, y = training(job)
        self.body(torch.from_numpy(x[:, None]))
        self.eval()
        with torch.no_grad():
            weight, bias = fitted(self.body(torch.from_numpy(x[:, None])).flatten(1).numpy(), y)
            self.head.weight.copy_(torch.from_numpy(weight.T))
            self.head.bias.copy_(torch.from_numpy(bias))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1, points) -> (n, 3)"""
        found = self.head(self.body(x).flatten(1))
        return found.softmax(1) if self.softmax else found


def training(job: Job) -> tuple[Any, Any]:
    """The training spectra as the network sees them, and their classes."""
    rows = job.splits.rows(None)
    with torch.no_grad():
        return job.front()(torch.from_numpy(job.spectra.x[rows])).numpy(), job.spectra.y[rows]


def fitted(features: Any, y: Any, classes: int = 3) -> tuple[Any, Any]:
    """Weight (features, classes) and bias of a ridge regression onto 10 for the right class and 0 for the others."""
    wide = np.concatenate([features, np.ones((len(features), 1))], axis=1).astype(np.float64)
    solved = np.linalg.solve(
        wide.T @ wide + 1e-4 * np.trace(wide.T @ wide) / wide.shape[1] * np.eye(wide.shape[1]),
        wide.T @ (10 * np.eye(classes)[y]),
    )
    return solved[:-1].astype(np.float32), solved[-1].astype(np.float32)


def torch_net(job: Job, path: Path, *, batch: int = 0, opset: int = 17, softmax: bool = True) -> Path:
    """A network as torch.onnx.export writes it, the batch free or fixed."""
    free = {} if batch else {"dynamic_axes": {"in": {0: "n"}, "out": {0: "n"}}}
    names: dict[str, Any] = {"input_names": ["in"], "output_names": ["out"], "opset_version": opset, **free}
    given = torch.zeros(batch or 2, 1, job.front().points)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Net(job, softmax=softmax), (given,), str(path), dynamo=False, **names)
    return path


def linear(
    job: Job, path: Path, shape: str = "(n, points)", *, kind: int = TensorProto.FLOAT, opset: int = 18, **more: Any
) -> Path:
    """A linear classifier that takes a spectrum in one of SHAPES and answers logits; `more` are fields of the model."""
    weight, bias = fitted(*training(job))
    axes, points = SHAPES[shape], weight.shape[0]
    sizes: list[Any] = ["n", points]
    for axis in axes:
        sizes.insert(axis, 1)
    kinds = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["rows"]),
        helper.make_node("Gemm", ["rows", "weight", "bias"], ["y"]),
    ]
    weights = {"flat": np.array([-1, points]), "weight": weight.astype(kinds), "bias": bias.astype(kinds)}
    return graph(path, nodes, weights, ("x", kind, sizes), [("y", kind, ["n", 3])], opset=opset, **more)


def keras(job: Job, path: Path, *, opset: int = 13, channels: int = 16) -> Path:
    """A Keras network as tf2onnx writes it: (n, points, 1), transposes around each convolution, MatMul and Add, a softmax."""
    rng, points = np.random.default_rng(0), job.front().points
    weights = {
        "plane": np.array([1], np.int64),
        "first": rng.normal(size=(channels, 1, 1, 7)).astype(np.float32) / 3,
        "first_bias": rng.normal(size=channels).astype(np.float32) / 3,
        "second": rng.normal(size=(channels, channels, 1, 5)).astype(np.float32) / 9,
        "rows": np.array([-1, channels * (points // 8)], np.int64),
    }
    pads = {"kernel_shape": [1, 7], "pads": [0, 3, 0, 3], "strides": [1, 2]}
    nodes = [
        helper.make_node("Unsqueeze", ["input_1", "plane"], ["nhwc0"]),
        helper.make_node("Transpose", ["nhwc0"], ["nchw0"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw0", "first", "first_bias"], ["nchw1"], **pads),
        helper.make_node("Transpose", ["nchw1"], ["nhwc1"], perm=[0, 2, 3, 1]),
        helper.make_node("Relu", ["nhwc1"], ["nhwc2"]),
        helper.make_node("Transpose", ["nhwc2"], ["nchw2"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Conv", ["nchw2", "second"], ["nchw3"], kernel_shape=[1, 5], pads=[0, 2, 0, 2], strides=[1, 2]
        ),
        helper.make_node("Transpose", ["nchw3"], ["nhwc3"], perm=[0, 2, 3, 1]),
        helper.make_node("Relu", ["nhwc3"], ["nhwc4"]),
        helper.make_node("Transpose", ["nhwc4"], ["nchw4"], perm=[0, 3, 1, 2]),
        helper.make_node("MaxPool", ["nchw4"], ["nchw5"], kernel_shape=[1, 2], strides=[1, 2]),
        helper.make_node("Transpose", ["nchw5"], ["nhwc5"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["nhwc5", "rows"], ["flat"]),
    ]
    given: tuple[str, int, list[Any]] = ("input_1", TensorProto.FLOAT, ["unk__1", points, 1])
    x, y = training(job)
    body = graph(path, nodes, weights, given, [("flat", TensorProto.FLOAT, None)], opset=opset)
    opened = onnxruntime.InferenceSession(str(body), providers=["CPUExecutionProvider"])
    weights["head"], weights["head_bias"] = fitted(opened.run(None, {"input_1": x[:, :, None]})[0], y)
    nodes += [
        helper.make_node("MatMul", ["flat", "head"], ["dense"]),
        helper.make_node("Add", ["dense", "head_bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["dense_1"]),
    ]
    return graph(
        path,
        nodes,
        weights,
        given,
        [("dense_1", TensorProto.FLOAT, ["unk__2", 3])],
        opset=opset,
        producer_name="tf2onnx",
    )


def sklearn(job: Job, path: Path, name: str, **options: Any) -> Path:
    """A pipeline of scikit-learn as skl2onnx writes it: pls_da, pca_lda, svm, svm_scores, forest; `options` of its classifier."""
    to_onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed: pip install 'edgespec[dev]'").to_onnx
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, y = training(job)
    target: Any = np.array(LABELS)[y]
    if name == "pls_da":
        model, target = PLSRegression(8), np.eye(3)[y]
    elif name == "pca_lda":
        model = make_pipeline(StandardScaler(), PCA(8), LinearDiscriminantAnalysis())
    elif name == "svm":
        model = make_pipeline(StandardScaler(), SVC(C=10, probability=True, random_state=0))
    elif name == "svm_scores":
        model, target = SVC(C=10), y
    else:
        model = RandomForestClassifier(20, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, target)
        made = to_onnx(model, x[:1], **({"options": {id(model): options}} if options else {}))
    path.write_bytes(made.SerializeToString())
    return path


def graph(
    path: Path,
    nodes: list[Any],
    weights: dict[str, Any],
    given: tuple[str, int, Any],
    answers: list[Any],
    *,
    opset: int = 18,
    **more: Any,
) -> Path:
    """Write a graph of these nodes; each end is (name, type, shape)."""
    constants = [numpy_helper.from_array(each, name) for name, each in weights.items()]
    ends = [[helper.make_tensor_value_info(*each) for each in some] for some in ([given], answers)]
    model = helper.make_model(
        helper.make_graph(nodes, "g", *ends, constants), opset_imports=[helper.make_opsetid("", opset)], **more
    )
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


def changed(path: Path, change: Any) -> Path:
    """Let `change` alter the model in a file."""
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path
