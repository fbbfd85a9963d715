"""Sets of labels that hold the right one with a chance that is stated: "Albite or Anorthite" in place of a coin toss between neighbours.

A label is in a spectrum's set where its probability reaches a threshold, and the likeliest label always is (Sadinle, Lei, Wasserman 2019,
arXiv:1609.00451: sets of least mean size). The threshold is the split-conformal quantile of the right labels' probabilities on validation
spectra, each physical sample counted once (`conformal.threshold`). The guarantee is for a spectrum of a new sample of the same kind as
those, on average over classes; it says nothing of one class, of other instruments or of unknown substances.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from edgespec.evaluation import conformal, scoring
from edgespec.evaluation.conformal import Acceptance
from edgespec.spectra import Ints, Words

Array = NDArray[Any]
BELOW = 1e-5  # share by which the threshold is lowered: runtimes round a probability otherwise


def fit(logits: Array, y: Ints, sample: Array | None, asked: float) -> tuple[float, Acceptance]:
    """Give the threshold on a label's probability, and the chance with which sets hold the right label.

    logits: (n, classes) of validation spectra, calibrated; y: (n,) their labels; sample: (n,) physical samples, None where each spectrum is one
    asked: the chance
    """
    right = softmax(logits.astype(np.float64), axis=1)[np.arange(len(y)), y]
    threshold, accepts = conformal.threshold(right, sample, asked)
    return threshold * (1 - BELOW), accepts


def members(logits: Array, threshold: float) -> NDArray[np.bool_]:
    """(n, classes) -> (n, classes): is the label in the spectrum's set?"""
    found: NDArray[np.bool_] = softmax(logits.astype(np.float64), axis=1) >= threshold
    found[np.arange(len(logits)), logits.argmax(1)] = True
    return found


def measure(logits: Array, y: Ints, threshold: float, group: Words | None) -> dict[str, Any]:
    """Judge sets on spectra whose labels are known.

    Gives coverage, the share of spectra whose set holds the right label, with its 95 % interval by physical sample (coverage_low,
    coverage_high); size, the mean number of labels, and alone, the share of sets of one label; classes, [class, spectra, spectra covered]
    of each class that occurs.
    """
    inside = members(logits, threshold)
    held = inside[np.arange(len(y)), y]
    low, high = scoring.interval(held, group)
    counts = inside.sum(1)
    classes = [[int(k), int((y == k).sum()), int(held[y == k].sum())] for k in np.unique(y)]
    found = {
        "coverage": float(held.mean()),
        "coverage_low": low,
        "coverage_high": high,
        "size": float(counts.mean()),
        "alone": float((counts == 1).mean()),
    }
    return {**{name: round(each, 5) for name, each in found.items()}, "classes": classes}


def coverage(logits: Array, y: Ints, threshold: float) -> float:
    """Give the share of spectra whose set holds the right label."""
    return float(members(logits, threshold)[np.arange(len(y)), y].mean())
