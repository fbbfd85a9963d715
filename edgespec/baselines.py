"""The rows that keep everybody honest: shrinkage LDA, logistic regression and nearest neighbour on the same spectra.

The linear ones are exported as one Gemm each and measured like any candidate.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgespec import graph, storage, training
from edgespec.artifact import OnnxModel, Variant
from edgespec.job import Job
from edgespec.spectra import Ints

Array = NDArray[Any]


def fit(job: Job, rows: Ints) -> OnnxModel:
    """Fit the linear baselines on some training rows and export them, checked against scikit-learn's own answers.

    A baseline that can't be fitted on so few spectra is left out; `facts` says why.
    """
    x, y = training.prepared(job, rows).numpy(), job.spectra.y[rows]
    classes = len(job.spectra.labels)
    variants, skipped = {}, {}
    for name, make in (("lda", _lda), ("logistic", _logistic)):
        if name == "lda" and len(x) <= len(np.unique(y)):
            skipped[name] = "one spectrum a class has no scatter within classes"
            continue
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # classes with one spectrum, solvers that stop at their limit: the score tells
            weight, bias = _spread(*make(x, y), y, classes)
        file = f"{name}.onnx"
        storage.write(job.folder / file, _gemm(weight, bias).SerializeToString())
        check = training.prepared(job, job.splits.rows(None)[:256]).numpy()
        evidence = job.folder.parent / f"{name}-mismatch.npz"
        found = graph.parity(job.folder / file, check, check @ weight.T + bias, least=1.0, most=1e-3, evidence=evidence)
        variants[name] = Variant(file, role="baseline", facts={"parity": vars(found)})
    return OnnxModel(
        job.folder, "linear", x.shape[1], classes, variants, facts={"spectra_used": len(rows), "skipped": skipped}
    )


def nearest(job: Job, rows: Ints, test: Ints) -> Array:
    """(n, classes): the largest cosine between each test spectrum and the training spectra of each class."""
    known, x = training.prepared(job, rows).numpy(), training.prepared(job, test).numpy()
    cosine = _unit(x) @ _unit(known).T
    out = np.full((len(x), len(job.spectra.labels)), -1.0, dtype=np.float32)
    for label in np.unique(job.spectra.y[rows]):
        out[:, label] = cosine[:, job.spectra.y[rows] == label].max(1)
    return out


def _lda(x: Array, y: Array) -> tuple[Array, Array]:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x.astype(np.float64), y)
    return model.coef_, model.intercept_


def _logistic(x: Array, y: Array) -> tuple[Array, Array]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0, max_iter=200, tol=1e-3).fit(x.astype(np.float64), y)
    return model.coef_, model.intercept_


def _spread(weight: Array, bias: Array, y: Array, classes: int) -> tuple[Array, Array]:
    """Put the rows where their classes stand; a class that was not learnt can't win. Two classes: one row becomes [-w, w]."""
    known = np.unique(y)
    if len(known) == 2 and len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    full, shift = np.zeros((classes, weight.shape[1]), np.float32), np.full(classes, -1e4, np.float32)
    full[known], shift[known] = weight, bias
    return full, shift


def _gemm(weight: Array, bias: Array) -> onnx.ModelProto:
    node = helper.make_node("Gemm", ["spectrum", "weight", "bias"], ["logits"], transB=1)
    x = helper.make_tensor_value_info("spectrum", TensorProto.FLOAT, ["batch", weight.shape[1]])
    y = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", weight.shape[0]])
    parts = [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")]
    model = helper.make_model(
        helper.make_graph([node], "linear", [x], [y], parts), opset_imports=[helper.make_opsetid("", graph.OPSET)]
    )
    model.ir_version = 10
    return model


def _unit(x: Array) -> Array:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)  # type: ignore[no-any-return]
