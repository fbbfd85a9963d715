"""What an operator of ai.onnx.ml holds and computes: parameters and multiply-accumulates of one spectrum."""

from __future__ import annotations

from onnx import NodeProto

LEARNT = {
    "LinearClassifier": ("coefficients", "intercepts"),
    "LinearRegressor": ("coefficients", "intercepts"),
    "SVMClassifier": ("support_vectors", "coefficients", "rho", "prob_a", "prob_b"),
    "SVMRegressor": ("support_vectors", "coefficients", "rho"),
    "TreeEnsembleClassifier": ("nodes_values", "class_weights"),
    "TreeEnsembleRegressor": ("nodes_values", "target_weights"),
    "Scaler": ("offset", "scale"),
}
MULTIPLIED = (
    "coefficients",
    "support_vectors",
    "scale",
)  # a number once a spectrum; trees compare, they do not multiply


def of(node: NodeProto) -> tuple[int, int]:
    """Count a node's parameters and multiply-accumulates; (0, 0) for an operator that holds nothing learnt."""
    names = LEARNT.get(node.op_type, ()) if node.domain == "ai.onnx.ml" else ()
    sizes = {each.name: len(each.floats) for each in node.attribute if each.name in names}
    return sum(sizes.values()), sum(size for name, size in sizes.items() if name in MULTIPLIED)
