"""Differences between models over folds whose training sets overlap."""

from __future__ import annotations

import numpy as np
import pytest

from edgespec.search import folds_table


def test_an_interval_is_widened_for_training_sets_that_overlap() -> None:
    mine, other = np.array([0.9, 0.8, 0.9, 0.8]), np.array([0.8, 0.8, 0.8, 0.8])
    gap = folds_table.difference(mine, other, {"folds": [{"n": 25, "learnt": 75}] * 4})
    plain = 3.1824 * np.std([0.1, 0, 0.1, 0], ddof=1) / 2  # t of three degrees of freedom; the mean of four
    assert gap.mean == pytest.approx(0.05)
    assert gap.high is not None
    assert gap.high - gap.mean == pytest.approx(plain * np.sqrt((1 / 4 + 1 / 3) / (1 / 4)), rel=1e-4)
