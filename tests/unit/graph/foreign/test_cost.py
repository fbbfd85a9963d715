"""Parameters and multiply-accumulates of operators that hold their weights as attributes."""

from __future__ import annotations

from typing import Any

import pytest
from onnx import helper

from edgespec.graph.foreign import cost

CASES: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    (
        "LinearClassifier",
        {"coefficients": [1.0] * 12, "intercepts": [0.0] * 3, "classlabels_ints": [0, 1, 2]},
        (15, 12),
    ),
    ("SVMClassifier", {"support_vectors": [1.0] * 20, "coefficients": [1.0] * 5, "rho": [0.0] * 3}, (28, 25)),
    ("TreeEnsembleClassifier", {"nodes_values": [0.5] * 7, "class_weights": [1.0] * 4}, (11, 0)),
    ("Scaler", {"offset": [0.0] * 4, "scale": [1.0] * 4}, (8, 4)),
    ("ZipMap", {"classlabels_ints": [0, 1]}, (0, 0)),
]


@pytest.mark.parametrize(("operator", "attributes", "counted"), CASES)
def test_what_is_learnt_is_counted(operator: str, attributes: dict[str, Any], counted: tuple[int, int]) -> None:
    assert cost.of(helper.make_node(operator, ["x"], ["y"], domain="ai.onnx.ml", **attributes)) == counted


def test_an_operator_of_another_domain_of_that_name_counts_nothing() -> None:
    assert cost.of(helper.make_node("Scaler", ["x"], ["y"], offset=[0.0], scale=[1.0])) == (0, 0)
