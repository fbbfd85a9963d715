"""Answers whose calibration is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def drawn(n: int, classes: int = 5, *, sharpness: float = 1.0, seed: int = 0) -> tuple[Array, Array]:
    """Logits, and labels drawn from their very softmax: perfectly calibrated where the logits are divided by `sharpness`."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((n, classes))
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = (odds.cumsum(1) < rng.random((n, 1))).sum(1).clip(max=classes - 1)
    return sharpness * logits, y
