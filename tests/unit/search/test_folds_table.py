"""Differences between models over folds whose training sets overlap."""

from __future__ import annotations

from typing import Any

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


def test_what_was_judged_on_perturbed_spectra_has_a_column_and_a_difference_of_its_own() -> None:
    def result(perturbed: list[float]) -> dict[str, Any]:
        folds = [
            {
                "repeat": 0,
                "fold": k,
                "n": 10,
                "learnt": 30,
                "right": {"baseline lda": 8, "1 train": 9},
                "robust": {"baseline lda": 0.5, "1 train": one},
            }
            for k, one in enumerate(perturbed)
        ]
        about = {
            "recipe": "r",
            "change": [],
            "spectra": 40,
            "source": "measured",
            "left_out": 0,
            "samples": 9,
            "valid": 0.1,
            "notes": [],
        }
        return {**about, "folds": folds}

    found = folds_table.table(result([0.7, 0.8]), result([0.6, 0.7]))
    assert "| model | mean | sd over folds | right | perturbed |" in found
    assert "| 1 train | 0.9000 | 0.0000 | 18 of 20 (0.9000) | 0.7500 |" in found
    assert "'1 train' against 'baseline lda', perturbed: +0.2500" in found
    assert "'1 train' against '1 train' of r , perturbed: +0.1000" in found
    plain = {**result([0.7]), "folds": [{k: v for k, v in result([0.7])["folds"][0].items() if k != "robust"}]}
    assert "perturbed" not in folds_table.table(plain)
