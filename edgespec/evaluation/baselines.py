"""The rows that keep everybody honest: shrinkage LDA, logistic regression, PLS-DA, a support vector machine and the nearest neighbour.

All learn from the same spectra as the networks. The linear ones are exported as one Gemm each and measured like any candidate.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgespec import storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.contract import stamp
from edgespec.evaluation import chemometrics
from edgespec.evaluation.chemometrics import Svm
from edgespec.graph import assembly, exporter, names, onnx_file
from edgespec.job import Job
from edgespec.spectra import Ints, Words
from edgespec.training import batches

Array = NDArray[Any]
Answer = Callable[[Array], Array]
UNSEEN = 20.0
CHECKED = 256  # spectra that a baseline's file is checked on


def fit(job: Job, rows: Ints) -> OnnxModel:
    """Fit the linear baselines on some training rows and export them, checked against scikit-learn's own answers.

    A baseline that can't be fitted on so few spectra is left out; `facts` says why.
    """
    x, y = batches.prepared(job, rows).numpy(), job.spectra.y[rows]
    classes, group = len(job.spectra.labels), _group(job, rows)
    variants, skipped = {}, {}
    front, raw = exporter.of_front(job.front()), job.checked(CHECKED)
    check = batches.through(job.front(), torch.from_numpy(raw)).numpy()
    for name in MAKE:
        fitted = _fitted(name, x, y, group, job.seed)
        if isinstance(fitted, str):
            skipped[name] = fitted
            continue
        file = f"{name}.onnx"
        alone = _gemm(*_spread(fitted.coef_, fitted.intercept_, y, classes))
        whole = assembly.joined(front, alone)
        stamp(whole, job.contract())
        storage.write(job.folder / file, names.shortened(whole).SerializeToString())
        source = _answers(fitted, check, classes)
        evidence = job.folder.parent / f"{name}-mismatch.npz"
        found = onnx_file.parity(job.folder / file, raw, source, least=1.0, most=1e-3, evidence=evidence)
        facts = {"parity": vars(found), "settings": getattr(fitted, "settings", {})}
        variants[name] = Variant(file, role="baseline", facts=facts)
    return OnnxModel(
        job.folder, "linear", x.shape[1], classes, variants, facts={"spectra_used": len(rows), "skipped": skipped}
    )


def linear(job: Job, rows: Ints) -> dict[str, Answer]:
    """Give prepared spectra (n, points) -> (n, classes) of each baseline that `fit` would export, for where no file is wanted."""
    x, y, classes = batches.prepared(job, rows).numpy(), job.spectra.y[rows], len(job.spectra.labels)
    found = {name: _fitted(name, x, y, _group(job, rows), job.seed) for name in MAKE}
    return {name: partial(_answers, each, classes=classes) for name, each in found.items() if not isinstance(each, str)}


def network(path: Path) -> Answer:
    """Give what a file answers behind its preprocessing: prepared spectra (n, points) -> (n, classes)."""
    opened = onnx_file.session(assembly.network(onnx.load(path)).SerializeToString())
    return lambda prepared: onnx_file.ask(opened, prepared)


def nearest(job: Job, rows: Ints) -> Answer:
    """Give prepared spectra (n, points) -> (n, classes): the largest cosine between each and the training spectra of each class."""
    known, y, classes = _unit(batches.prepared(job, rows).numpy()), job.spectra.y[rows], len(job.spectra.labels)

    def answer(x: Array) -> Array:
        cosine = _unit(x) @ known.T
        out = np.full((len(x), classes), -1.0, dtype=np.float32)
        for label in np.unique(y):
            out[:, label] = cosine[:, y == label].max(1)
        return out

    return answer


def svm(job: Job, rows: Ints) -> tuple[Svm, Answer] | None:
    """Give the support vector machine fitted on some rows, and prepared spectra (n, points) -> (n, classes); None for rows of one class."""
    x, y, classes = batches.prepared(job, rows).numpy(), job.spectra.y[rows], len(job.spectra.labels)
    if _unfit("svm", y):
        return None
    fitted = chemometrics.svm(x, y, _group(job, rows), job.seed)
    return fitted, lambda prepared: _answers(fitted, prepared, classes)


def _group(job: Job, rows: Ints) -> Words | None:
    return None if job.spectra.group is None else job.spectra.group[rows]


def _fitted(name: str, x: Array, y: Array, group: Words | None, seed: int) -> Any:
    """Give a fitted linear classifier, or in words why it can't be fitted."""
    if why := _unfit(name, y):
        return why
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class with one spectrum, a solver at its limit: the score tells
        return MAKE[name](x, y, group, seed)


def _unfit(name: str, y: Array) -> str:
    if len(np.unique(y)) < 2:
        return "one class is nothing to tell apart"
    return "one spectrum a class has no scatter within classes" if name == "lda" and len(y) <= len(np.unique(y)) else ""


def _lda(x: Array, y: Array, *_: Any) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x.astype(np.float64), y)


def _logistic(x: Array, y: Array, *_: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=10.0, max_iter=200, tol=1e-3).fit(x.astype(np.float64), y)


MAKE: dict[str, Callable[..., Any]] = {"lda": _lda, "logistic": _logistic, "pls_da": chemometrics.pls_da}


def _spread(weight: Array, bias: Array, y: Array, classes: int) -> tuple[Array, Array]:
    """Put the rows where their classes stand. Two classes: one row becomes [-w, w] / 2.

    A class that was not learnt answers UNSEEN below the mean of the others, so it never wins and the scale stays theirs.
    """
    known = np.unique(y)
    if len(known) == 2 and len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    full, shift = np.tile(weight.mean(0), (classes, 1)), np.full(classes, bias.mean() - UNSEEN)
    full[known], shift[known] = weight, bias
    return full.astype(np.float32), shift.astype(np.float32)


def _answers(fitted: Any, x: Array, classes: int) -> Array:
    """(n, classes): a classifier's own decision function, laid out as the file answers."""
    decided = fitted.decision_function(x.astype(np.float64))
    decided = np.stack([-decided, decided], axis=1) / 2 if decided.ndim == 1 else decided
    full = np.repeat(decided.mean(axis=1, keepdims=True) - UNSEEN, classes, axis=1)
    full[:, fitted.classes_] = decided
    return full


def _gemm(weight: Array, bias: Array) -> onnx.ModelProto:
    node = helper.make_node("Gemm", ["spectrum", "weight", "bias"], ["logits"], transB=1)
    x = helper.make_tensor_value_info("spectrum", TensorProto.FLOAT, ["batch", weight.shape[1]])
    y = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", weight.shape[0]])
    parts = [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")]
    model = helper.make_model(
        helper.make_graph([node], "linear", [x], [y], parts), opset_imports=[helper.make_opsetid("", onnx_file.OPSET)]
    )
    model.ir_version = 10
    return model


def _unit(x: Array) -> Array:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)  # type: ignore[no-any-return]
