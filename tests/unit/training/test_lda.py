"""Shrinkage LDA gives scikit-learn's answers, for few and many classes, on features that never vary, at any size."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from edgespec.training import lda

Array = NDArray[Any]


def drawn(classes: int, features: int, each: int = 6, seed: int = 0) -> tuple[Array, Array]:
    """Features as behind a ReLU: correlated, not negative, of different scales, some rarely above zero; uneven classes."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes).repeat(each), np.arange(classes // 2).repeat(3)])
    x = rng.standard_normal((len(y), features)) @ rng.standard_normal((features, features)) / np.sqrt(features)
    x += rng.standard_normal((classes, features))[y] - np.linspace(0, 2, features)
    return np.maximum(x, 0) * 10 ** rng.uniform(-2, 2, features), y


def learnt(x: Array, y: Array, shrinkage: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(x, y)


@pytest.mark.parametrize("shrinkage", ["auto", 0.02, 0.5, 1.0])
@pytest.mark.parametrize("classes", [2, 3, 10, 192])
def test_it_answers_as_scikit_learn_does(classes: int, shrinkage: Any) -> None:
    x, y = drawn(classes, features=40)
    weight, bias = lda.fit(x, y, shrinkage, classes)
    new = np.concatenate([x, drawn(classes, 40, seed=1)[0]])
    theirs = learnt(x, y, shrinkage)
    ours = new @ weight.T + bias
    np.testing.assert_allclose(softmax(ours, axis=1), theirs.predict_proba(new), rtol=0, atol=1e-6)
    decided = theirs.decision_function(new)
    if classes == 2:
        decided = np.stack([-decided, decided], axis=1) / 2
        np.testing.assert_allclose(weight[0], -weight[1], rtol=1e-9)
    decided -= decided.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, decided, rtol=1e-6, atol=1e-6 * np.abs(decided).max())
    short = new.astype(np.float32) @ weight.astype(np.float32).T + bias.astype(np.float32)
    assert np.array_equal(short.argmax(1), theirs.predict(new))


def test_more_features_than_spectra_and_two_spectra_a_class_are_as_scikit_learn_has_them() -> None:
    x, y = drawn(5, features=30, each=2)  # two spectra: Ledoit-Wolf shrinks nothing, so the covariance has no inverse
    keep = np.concatenate([np.flatnonzero(y == label)[:2] for label in range(5)])
    weight, bias = lda.fit(x[keep], y[keep], "auto", 5)
    theirs = learnt(x[keep], y[keep], "auto")
    assert np.linalg.matrix_rank(theirs.covariance_) < 30
    np.testing.assert_allclose(softmax(x @ weight.T + bias, axis=1), theirs.predict_proba(x), atol=1e-6)


def test_a_class_without_spectra_never_wins_and_the_others_answer_as_without_it() -> None:
    x, y = drawn(4, features=12)
    y = np.array([0, 1, 3, 5])[y]
    weight, bias = lda.fit(x, y, 0.1, 7)
    far = 100 * drawn(4, features=12, seed=3)[0]
    assert set((far @ weight.T + bias).argmax(1)) <= {0, 1, 3, 5}
    out = (x @ weight.T + bias)[:, [0, 1, 3, 5]]
    np.testing.assert_allclose(softmax(out, axis=1), learnt(x, y, 0.1).predict_proba(x), atol=1e-6)


def test_shifted_features_change_nothing() -> None:
    x, y = drawn(6, features=10)
    (weight, bias), (same, moved) = (lda.fit(each, y, "auto", 6) for each in (x, x + 1e4))
    np.testing.assert_allclose(same, weight, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose((x + 1e4) @ same.T + moved, x @ weight.T + bias, rtol=1e-4, atol=1e-4)


def test_a_value_and_its_rounding_are_constant() -> None:
    x = np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 1.0 + 1e-7, 1.0, 1e-9], [0.0, 1.0, 2.0, 0.0]])
    assert lda.varying(x).tolist() == [False, False, True, True]


def test_spectra_that_are_all_alike_within_their_class_scatter_nowhere() -> None:
    x = np.repeat(np.arange(6.0).reshape(3, 2), 2, axis=0)
    y = np.array([0, 0, 1, 1, 2, 2])
    assert not lda.scatters(x, y)
    x[0, 0] += 1
    assert lda.scatters(x, y)
