"""The linear rows are scikit-learn's own, as one Gemm; what can't be fitted is left out and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from edgespec.evaluation import baselines
from edgespec.graph import assembly, onnx_file
from edgespec.job import Job
from edgespec.training import batches

MAKE: dict[str, Any] = {
    "lda": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "logistic": lambda: LogisticRegression(C=10.0, max_iter=200, tol=1e-3),
}
FOUR = ("Albite", "Beryl", "Diopside", "Forsterite")


def sets(job: Job, rows: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What is learnt (x, y), and what is asked."""
    x, y = batches.prepared(job, rows).numpy().astype(np.float64), job.spectra.y[rows]
    return x, y, batches.prepared(job, job.splits.test).numpy()


@pytest.mark.parametrize("name", MAKE)
def test_the_file_answers_as_scikit_learn_does(name: str, tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "part")
    x, y, asked = sets(job, job.splits.rows("library"))
    made = baselines.fit(job, job.splits.rows("library"))
    expected = MAKE[name]().fit(x, y)
    answers = onnx_file.run(made.path(name), job.spectra.x[job.splits.test])
    np.testing.assert_allclose(answers, expected.decision_function(asked), rtol=1e-3, atol=1e-3)
    assert np.array_equal(answers.argmax(1), expected.predict(asked))
    assert (answers.argmax(1) == job.spectra.y[job.splits.test]).mean() > 0.8
    assert [node.op_type for node in assembly.network(onnx.load(made.path(name))).graph.node] == ["Gemm"]
    unsaved = baselines.linear(job, job.splits.rows("library"))[name](asked)
    np.testing.assert_allclose(unsaved, answers, rtol=1e-3, atol=1e-3)
    assert made.variants[name].role == "baseline"
    assert made.facts == {"spectra_used": len(y), "skipped": {}}


@pytest.mark.parametrize("name", MAKE)
def test_two_classes_are_one_row_and_its_opposite(name: str, tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "part", found=tiny_job.spectra(minerals=("Beryl", "Diopside"), samples=24))
    rows = job.splits.rows(None)
    x, y, asked = sets(job, rows)
    answers = onnx_file.run(baselines.fit(job, rows).path(name), job.spectra.x[job.splits.test])
    expected = MAKE[name]().fit(x, y)
    assert answers.shape == (len(asked), 2)
    np.testing.assert_allclose(answers[:, 1] - answers[:, 0], expected.decision_function(asked), rtol=1e-3, atol=1e-3)
    if name == "logistic":
        odds = np.exp(answers) / np.exp(answers).sum(1, keepdims=True)
        np.testing.assert_allclose(odds, expected.predict_proba(asked), atol=1e-4)


@pytest.mark.parametrize("seen", [(0, 3), (0, 1, 3), (3,)])
def test_a_class_that_was_not_learnt_never_wins(seen: tuple[int, ...], tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "part", found=tiny_job.spectra(minerals=FOUR))
    rows = job.splits.rows(None)
    rows = rows[np.isin(job.spectra.y[rows], seen)]
    made, tested = baselines.fit(job, rows), batches.prepared(job, job.splits.test).numpy()
    assert np.isin(baselines.nearest(job, rows)(tested).argmax(1), seen).all()
    if len(seen) == 1:
        assert set(made.facts["skipped"]) == {"lda", "logistic", "pls_da"}
        assert baselines.svm(job, rows) is None
        return
    _, answer = baselines.svm(job, rows) or pytest.fail("two classes are enough")
    assert np.isin(answer(tested).argmax(1), seen).all()
    asked = job.spectra.x[job.splits.test]
    wild = np.concatenate([asked, 1e3 * asked, -1e3 * asked, 0 * asked[:1]]).astype(np.float32)
    for name in made.variants:
        answers = onnx_file.run(made.path(name), wild)
        assert answers.shape[1] == 4
        assert np.isin(answers.argmax(1), seen).all()
        assert np.abs(onnx_file.run(made.path(name), asked)).max() < 500, "parity is judged relative to the largest"


def test_one_spectrum_a_class_leaves_lda_out_and_says_so(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "part")
    rows = batches.labelled(job, job.splits.rows("site"), 1)
    made = baselines.fit(job, rows)
    assert list(made.variants) == ["logistic", "pls_da"]
    assert "no scatter" in made.facts["skipped"]["lda"]
    one_more = np.sort(np.append(rows, np.setdiff1d(job.splits.rows("site"), rows)[0]))
    again = baselines.fit(job.inside(tmp_path / "again"), one_more)
    assert list(again.variants) == ["lda", "logistic", "pls_da"]
    assert np.isfinite(onnx_file.run(again.path("lda"), job.spectra.x[job.splits.test])).all()


def test_the_nearest_neighbour_is_the_one_with_the_largest_cosine(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path)
    rows = job.splits.rows("library")
    x, y, asked = sets(job, rows)
    expected = KNeighborsClassifier(1, metric="cosine", algorithm="brute").fit(x, y)
    found = baselines.nearest(job, rows)(asked)
    assert np.array_equal(found.argmax(1), expected.predict(asked))
    np.testing.assert_allclose(found.max(1), 1 - expected.kneighbors(asked)[0][:, 0], atol=1e-5)
    own = baselines.nearest(job, rows)(x)
    np.testing.assert_allclose(own[np.arange(len(rows)), y], 1, atol=1e-5)
    dark = replace(job, spectra=replace(job.spectra, x=0 * job.spectra.x))
    assert np.isfinite(baselines.nearest(dark, rows)(0 * asked)).all()
