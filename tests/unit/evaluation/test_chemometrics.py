"""PLS-DA and the support vector machine are scikit-learn's own answers; their settings come from folds that share no sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.svm import SVC

from edgespec.evaluation import chemometrics

POINTS, CLASSES = 40, 4


def spectra(samples: int = 6, repeats: int = 3, noise: float = 1.0, classes: int = CLASSES, seed: int = 0) -> Any:
    """(x, y, group): classes x samples x repeats spectra; a sample's repeats are nearly the same."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(classes, POINTS))
    y = np.repeat(np.arange(classes), samples * repeats)
    group = np.repeat(np.arange(classes * samples), repeats)
    own = noise * rng.normal(size=(classes * samples, POINTS))
    return means[y] + own[group] + 0.05 * rng.normal(size=(len(y), POINTS)) + 3, y, group.astype(str)


@pytest.mark.parametrize("components", [1, 3, 8])
def test_partial_least_squares_are_scikit_learns(components: int) -> None:
    x, y, _ = spectra()
    hot = (y[:, None] == np.arange(CLASSES)[None]).astype(float)
    theirs = PLSRegression(components, scale=False, max_iter=50_000, tol=1e-14).fit(x, hot)
    rotations, loadings = chemometrics._pls(x, y, components)
    np.testing.assert_allclose((x - x.mean(0)) @ rotations @ loadings.T + hot.mean(0), theirs.predict(x), atol=1e-6)
    first = [each[:, :components] for each in chemometrics._pls(x, y, 12)]
    np.testing.assert_allclose(first[0] @ first[1].T, rotations @ loadings.T, atol=1e-10)


def test_components_that_explain_nothing_are_not_made() -> None:
    x, y, group = spectra(classes=2, samples=2, repeats=1, noise=0)
    assert chemometrics._pls(x, y, 30)[0].shape[1] <= 4
    fitted = chemometrics.pls_da(np.repeat(x[:1], len(x), axis=0), y, group, 0)
    assert np.isfinite(fitted.decision_function(x)).all(), (
        "spectra that are all the same tell nothing, and break nothing"
    )


def test_the_number_of_components_is_the_best_of_held_out_samples() -> None:
    x, y, group = spectra(samples=8, noise=2.0)
    fitted = chemometrics.pls_da(x, y, group, 0)
    assert fitted.settings == {
        "components": fitted.settings["components"],
        "folds": 4,
        "chosen_on": len(y),
        "of": len(y),
    }
    choices = [each for each in chemometrics.COMPONENTS if each < POINTS]
    right = np.zeros(len(choices))
    for learnt, held in chemometrics._folds(y, group, np.arange(len(y)), 0):
        assert not set(group[learnt]) & set(group[held])
        hot = (y[learnt][:, None] == np.arange(CLASSES)[None]).astype(float)
        for i, each in enumerate(choices):
            theirs = PLSRegression(each, scale=False, max_iter=50_000, tol=1e-12).fit(x[learnt], hot)
            right[i] += (theirs.predict(x[held]).argmax(1) == y[held]).sum()
    assert right.max() > right.min()
    assert fitted.settings["components"] == choices[int(right.argmax())]


@pytest.mark.parametrize("classes", [2, 4])
def test_the_machine_answers_as_scikit_learns_does(classes: int) -> None:
    x, y, group = spectra(classes=classes, noise=2.0)
    asked = spectra(classes=classes, noise=2.0, seed=1)[0]
    fitted = chemometrics.svm(x, y, group, 0)
    theirs = SVC(C=fitted.settings["C"], gamma=fitted.settings["gamma"]).fit(x, y)
    np.testing.assert_allclose(fitted.decision_function(asked), theirs.decision_function(asked), atol=2e-3)
    ratio = fitted.settings["gamma"] * POINTS * x.var()
    assert any(ratio == pytest.approx(each) for each in chemometrics.WIDTHS)
    assert fitted.cost()["bytes"] == 4 * (
        theirs.support_vectors_.size + theirs.dual_coef_.size + theirs.intercept_.size
    )


def test_settings_are_chosen_on_and_machines_fitted_on_few_enough_spectra(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, group = spectra()
    monkeypatch.setattr(chemometrics, "CHOSEN_ON", 30)
    monkeypatch.setattr(chemometrics, "FITTED_ON", 50)
    told = chemometrics.svm(x, y, group, 0).settings
    assert (told["chosen_on"], told["spectra"], told["of"]) == (30, 50, len(y))
    drawn = chemometrics._even(y, 50, 0)
    assert sorted(np.bincount(y[drawn])) == [12, 12, 13, 13]
    assert chemometrics.pls_da(x, y, group, 0).settings["chosen_on"] == 30


def test_one_sample_a_class_leaves_nothing_to_choose_by() -> None:
    x, y, group = spectra(samples=1)
    for make in (chemometrics.pls_da, chemometrics.svm):
        fitted: Any = make(x, y, group, 0)
        assert (fitted.settings["folds"], fitted.settings["chosen_on"]) == (0, 0)
        assert (fitted.decision_function(x).argmax(1) == y).all()
    assert chemometrics.pls_da(x, y, None, 0).settings["folds"] == 3, "without samples each spectrum is its own"
