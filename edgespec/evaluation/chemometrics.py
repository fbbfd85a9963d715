"""The two classifiers of chemometrics that a reviewer asks for, PLS-DA and an RBF support vector machine, their settings chosen fairly.

Settings are chosen by folds inside the training spectra that share no physical sample; the test part is never looked at. PLS-DA: Barker,
Rayens (2003), J. Chemometrics 17, 166-173, doi:10.1002/cem.785; SVM: Cortes, Vapnik (1995), doi:10.1007/BF00994018.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.data.splits import occurrence
from edgespec.spectra import Ints, Words

Array = NDArray[Any]
FOLDS = 4
CHOSEN_ON = (
    800  # spectra that settings are chosen on, at most: nine support vector machines a fold take seconds with more
)
FITTED_ON = 4000  # spectra that a support vector machine is fitted on, at most: its kernel holds their square
COMPONENTS = (2, 4, 8, 12, 16, 24, 32, 48, 64)
COSTS, WIDTHS = (1.0, 10.0, 100.0), (0.25, 1.0, 4.0)  # C; gamma as a multiple of 1 / (points x variance)


@dataclass(frozen=True)
class PlsDa:
    """A fitted PLS-DA, linear: classes_ (known,), coef_ (known, points), intercept_ (known,); settings: what was chosen, and how."""

    classes_: Ints
    coef_: Array
    intercept_: Array
    settings: dict[str, Any]

    def decision_function(self, x: Array) -> Array:
        """Prepared spectra (n, points) -> (n, known): the regression's estimates of the one-hot rows."""
        return x @ self.coef_.T + self.intercept_


@dataclass(frozen=True)
class Svm:
    """A fitted support vector machine on an RBF kernel: classes_ (known,); machine: scikit-learn's, on the kernel; known: its support vectors."""

    classes_: Ints
    machine: Any
    known: Array
    settings: dict[str, Any]

    def decision_function(self, x: Array) -> Array:
        """Prepared spectra (n, points) -> (n, known): votes of the pairs, ties by their margins; two classes: (n,), as scikit-learn has both."""
        support = self.machine.support_
        kernel = np.zeros((len(x), self.machine.shape_fit_[0]))
        kernel[:, support] = rbf(x.astype(np.float64), self.known, self.settings["gamma"])
        return self.machine.decision_function(kernel)  # type: ignore[no-any-return]

    def cost(self) -> dict[str, int]:
        """Give what it would weigh on a device: its support vectors and their weights in every pair, in float32."""
        params = self.known.size + self.machine.dual_coef_.size + self.machine.intercept_.size
        products = self.known.size + self.machine.dual_coef_.size
        return {"params": params, "macs": products, "flops": 2 * products, "bytes": 4 * params}


def pls_da(x: Array, y: Ints, group: Words | None, seed: int) -> PlsDa:
    """Fit PLS regression on one-hot rows, as many components as name most held-out spectra rightly (fewest of equals).

    x: (n, points) prepared; y: (n,) of two classes or more; group: (n,) physical samples, None where each spectrum is its own.
    """
    x = x.astype(np.float64)
    settings, rows = _chosen_on(x, y, group, seed)
    choices = [each for each in COMPONENTS if each < min(len(rows), x.shape[1])] or [1]
    right = np.zeros(len(choices))
    for learnt, held in _folds(y, group, rows, seed):
        right += _right_by_components(x, y, learnt, held, choices)
    components = choices[int(right.argmax())] if settings["folds"] else min(16, choices[-1])
    rotations, loadings = _pls(x, y, components)
    weight = loadings @ rotations.T
    bias = (y[:, None] == np.unique(y)[None]).mean(0) - weight @ x.mean(0)
    return PlsDa(np.unique(y), weight, bias, {"components": rotations.shape[1], **settings})


def svm(x: Array, y: Ints, group: Words | None, seed: int) -> Svm:
    """Fit an RBF support vector machine with the C and gamma that name most held-out spectra rightly (smallest of equals).

    x, y, group: as for `pls_da`. More than FITTED_ON spectra are drawn from evenly over the classes, which `settings` tells.
    """
    x = x.astype(np.float64)
    settings, rows = _chosen_on(x, y, group, seed)
    unit = 1.0 / (x.shape[1] * float(x.var()) or 1.0)
    pairs, right = list(itertools.product(WIDTHS, COSTS)), np.zeros(len(WIDTHS) * len(COSTS))
    folds = list(_folds(y, group, rows, seed))
    for i, (width, cost) in enumerate(pairs if folds else []):
        kernel = rbf(x[rows], x[rows], width * unit)
        place = np.full(len(y), -1)
        place[rows] = np.arange(len(rows))
        for learnt, held in folds:
            machine = _machine(kernel[np.ix_(place[learnt], place[learnt])], y[learnt], cost)
            right[i] += (machine.predict(kernel[np.ix_(place[held], place[learnt])]) == y[held]).sum()
    width, cost = pairs[int(right.argmax())] if folds else (1.0, 10.0)
    used = _even(y, FITTED_ON, seed)
    machine = _machine(rbf(x[used], x[used], width * unit), y[used], cost)
    more = {"C": cost, "gamma": width * unit, "spectra": len(used), **settings}
    return Svm(machine.classes_, machine, x[used][machine.support_], more)


def rbf(x: Array, known: Array, gamma: float) -> Array:
    """(n, points), (m, points) -> (n, m): exp(-gamma |x - known|^2)"""
    square = (x**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * x @ known.T
    return np.exp(-gamma * np.maximum(square, 0))  # type: ignore[no-any-return]


def _machine(kernel: Array, y: Ints, cost: float) -> Any:
    from sklearn.svm import SVC

    return SVC(C=cost, kernel="precomputed", decision_function_shape="ovr").fit(kernel, y)


def _pls(x: Array, y: Ints, components: int) -> tuple[Array, Array]:
    """Give rotations (points, components) and loadings (classes, components) of PLS regression on centred spectra and one-hot rows.

    The improved kernel algorithm of Dayal, MacGregor (1997), J. Chemometrics 11, 73-85: what NIPALS converges to, without its thousands
    of iterations. The first k columns are the fit with k components. Fewer come out where nothing is left to be explained.
    """
    x, hot = x - x.mean(0), (y[:, None] == np.unique(y)[None]).astype(np.float64)
    product, square = x.T @ (hot - hot.mean(0)), x.T @ x
    least = 1e-10 * float(np.linalg.norm(product))
    rotations, loadings, spread = np.zeros((x.shape[1], 0)), np.zeros((hot.shape[1], 0)), np.zeros((x.shape[1], 0))
    for _ in range(components):
        weight = product @ np.linalg.eigh(product.T @ product)[1][:, -1]
        if (length := float(np.linalg.norm(weight))) <= least:
            break
        weight /= length
        rotation = weight - rotations @ (spread.T @ weight)
        own = square @ rotation
        if (size := float(rotation @ own)) <= 0:
            break
        loading, own = product.T @ rotation / size, own / size
        product = product - size * np.outer(own, loading)
        rotations, loadings, spread = (
            np.column_stack(pair) for pair in ((rotations, rotation), (loadings, loading), (spread, own))
        )
    return rotations, loadings


def _right_by_components(x: Array, y: Ints, learnt: Ints, held: Ints, choices: list[int]) -> Array:
    """Count the held-out spectra named rightly for each number of components; those too many for so few spectra count as the most possible."""
    classes = np.unique(y[learnt])
    rotations, loadings = _pls(x[learnt], y[learnt], min(choices[-1], len(learnt) - 1))
    scores, mean = (x[held] - x[learnt].mean(0)) @ rotations, (y[learnt][:, None] == classes[None]).mean(0)
    named = [classes[(scores[:, :k] @ loadings[:, :k].T + mean).argmax(1)] for k in choices]
    return np.array([(each == y[held]).sum() for each in named], dtype=float)


def _chosen_on(x: Array, y: Ints, group: Words | None, seed: int) -> tuple[dict[str, Any], Ints]:
    """Draw the rows that settings are chosen on, and put in words how they are."""
    rows = _even(y, CHOSEN_ON, seed)
    folds = sum(1 for _ in _folds(y, group, rows, seed))
    return {"folds": folds, "chosen_on": len(rows) if folds else 0, "of": len(x)}, rows


def _even(y: Ints, most: int, seed: int) -> Ints:
    """Draw at most so many rows, as evenly over the classes as they allow."""
    order = np.random.default_rng([seed, 29]).permutation(len(y))
    return np.sort(order[np.argsort(occurrence(y[order]), kind="stable")][:most])


def _folds(y: Ints, group: Words | None, rows: Ints, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """Give (rows learnt from, rows held out) of each fold, a physical sample in one only; none where no class has two samples."""
    from sklearn.model_selection import StratifiedGroupKFold

    samples = rows.astype(str) if group is None else group[rows]
    pairs = set(zip(y[rows].tolist(), samples.tolist(), strict=True))
    most = int(np.unique([label for label, _ in pairs], return_counts=True)[1].max())
    if most < 2:
        return
    parts = StratifiedGroupKFold(min(FOLDS, most), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that have fewer samples than there are folds
        divided = list(parts.split(rows, y[rows], samples))
    for learnt, held in divided:
        if len(held) and len(np.unique(y[rows[learnt]])) > 1:
            yield rows[learnt], rows[held]
