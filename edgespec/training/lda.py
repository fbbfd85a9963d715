"""Shrinkage linear discriminant analysis in float64, as scikit-learn's `lsqr` solver gives it, on thousands of features.

scikit-learn makes a covariance matrix a class and solves by singular values: minutes at 2,000 features and 192 classes. The
pooled covariance is the same sum in one product, and a class's Ledoit-Wolf coefficient needs only the products of its own spectra.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from edgespec.spectra import Ints

Array = NDArray[np.float64]
Shrinkage = Literal["auto"] | float
Head = tuple[NDArray[Any], NDArray[Any]]
UNSEEN = 20.0


def fit(x: Array, y: Ints, shrinkage: Shrinkage, classes: int) -> tuple[Array, Array]:
    """Give weight (classes, features) and bias (classes,) whose softmax is what scikit-learn's `predict_proba` says.

    The rows' mean is zero, which changes no probability and keeps numbers small; two classes come out as [-w, w] / 2. A class
    without spectra answers UNSEEN below the mean of the others, so that it never wins.

    x: (n, features); y: (n,); shrinkage: "auto" (Ledoit, Wolf 2004, J. Multivar. Anal. 88, 365, one coefficient a class on
    standardised features, as scikit-learn) or a share above 0 of the mean variance.
    """
    known, member = np.unique(y, return_inverse=True)
    count = np.bincount(member).astype(np.float64)
    means = _sums(x, member, len(known)) / count[:, None]
    shared = _covariance(x - means[member], means, member, count, shrinkage)  # a dead feature stays exactly zero
    middle = x.mean(0)
    means = means - middle
    solved = _solve(shared, means.T).T
    bias = -0.5 * (means * solved).sum(1) + np.log(count / len(y))
    solved, bias = solved - solved.mean(0), bias - bias.mean()
    weight, shift = np.zeros((classes, x.shape[1])), np.full(classes, -UNSEEN)
    weight[known], shift[known] = solved, bias
    return weight, shift - weight @ middle


def blended(own: Head, other: Head, share: float, x: NDArray[Any]) -> tuple[Array, Array]:
    """Give (1 - share) own + share s other, one linear layer, where s brings both logits on `x` to the spread of the first.

    A softmax head and LDA err on different spectra; being linear in the same features, their mean costs nothing.
    own, other: weight (classes, features) and bias (classes,); x: (n, features)
    """
    first, second = (_spread(x @ weight.T + bias) for weight, bias in (own, other))
    scale = share * first / second if second > 0 else 0.0
    return (1 - share) * own[0] + scale * other[0], (1 - share) * own[1] + scale * other[1]


def varying(x: NDArray[Any]) -> NDArray[np.bool_]:
    """(features,): which features are more than one value and its rounding; x: (n, features)"""
    return np.asarray(np.ptp(x, axis=0) > 1e-6 * np.abs(x).max(axis=0))


def scatters(x: NDArray[Any], y: Ints) -> bool:
    """Tell whether any feature differs within any class: without that there is nothing to weigh a difference by."""
    return any(bool(varying(x[y == label]).any()) for label in np.unique(y))


def _covariance(x: Array, means: Array, member: Ints, count: Array, shrinkage: Shrinkage) -> Array:
    """(features, features): the shrunk covariance within classes, weighted by their share of the spectra.

    x: (n, features), each spectrum less the mean of its class; means: (known classes, features)
    """
    n, features = x.shape
    if shrinkage != "auto":
        shared = (1 - shrinkage) / n * (x.T @ x)
        shared[np.diag_indices(features)] += shrinkage * (x**2).sum() / n / features
        return np.asarray(shared)
    share, added = np.zeros(len(count)), np.zeros(features)
    for label, each in enumerate(count):
        own = x[member == label]
        variance = (own**2).mean(0)
        tiny = np.finfo(np.float64).eps * each
        still = variance <= tiny * variance + (tiny * means[label]) ** 2  # as StandardScaler tells a constant feature
        scale = np.where(still, 1.0, variance)
        share[label], level = _ledoit_wolf(own / np.sqrt(scale))
        added += each / n * share[label] * level * scale
    weighted = x * np.sqrt((1 - share) / n)[member][:, None]
    shared = weighted.T @ weighted
    shared[np.diag_indices(features)] += added
    return np.asarray(shared)


def _ledoit_wolf(x: Array) -> tuple[float, float]:
    """Give the shrinkage coefficient and the mean variance of centred spectra (n, features)."""
    n, features = x.shape
    squares = (x**2).sum(1)
    level = squares.sum() / n / features
    total = float(((x @ x.T) ** 2).sum()) / n**2  # of the squared covariances, by the smaller of the two products
    distance = (total - features * level**2) / features
    error = min((float((squares**2).sum()) / n - total) / features / n, distance)
    return (0.0 if error == 0 else error / distance), float(level)


def _solve(matrix: Array, wanted: Array) -> Array:
    """Solve for each column; where the matrix is (nearly) singular, with the smallest weights, as scikit-learn does."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", linalg.LinAlgWarning)
        try:
            return np.asarray(linalg.solve(matrix, wanted, assume_a="pos"))
        except (linalg.LinAlgError, linalg.LinAlgWarning):
            return np.asarray(linalg.lstsq(matrix, wanted)[0])


def _spread(logits: NDArray[Any]) -> float:
    """Give the standard deviation of logits about their mean over the classes, which no probability depends on."""
    return float((logits - logits.mean(1, keepdims=True)).std())


def _sums(x: Array, member: Ints, classes: int) -> Array:
    """(classes, features): the sum of each class's spectra."""
    found = np.zeros((classes, x.shape[1]))
    for label in range(classes):
        found[label] = x[member == label].sum(0)
    return found
