"""A search made by hand: trials, their front, what its judge said."""

from __future__ import annotations

from typing import Any

from edgespec.search import pareto

DRAWN = {
    "steps.1.train.model.cnn.widths": "[8, 16]",
    "steps.1.train.label_smoothing": 0.25,
    "steps.1.train.fit.epochs": 5,
}


def one(number: int, accuracy: float, ratio: float, size: int, **more: Any) -> dict[str, Any]:
    latency = {"ratio": ratio, "ms": ratio / 10, "target": "local", "host": "x", "reference_ms": 0.1}
    told = {"accuracy": accuracy, "low": accuracy - 0.1, "high": accuracy, "size": size, "params": size, "macs": size}
    values = [accuracy, ratio, float(size)]
    shared = {"number": number, "state": "complete", "params_drawn": DRAWN, "variant": "float32", "values": values}
    return {**shared, **told, "latency": latency, "folder": f"trials/{number:04d}", **more}


TRIALS = [
    one(0, 0.90, 1.0, 40_000),
    one(1, 0.95, 2.0, 60_000),
    one(2, 0.90, 1.1, 41_000),
    one(3, 0.80, 0.5, 10_000),
    one(4, 0.95, 2.0, 60_000, same_as=1),
    {"number": 5, "state": "failed", "why": "no network", "params_drawn": DRAWN},
]


OBJECTIVES = ["accuracy", "latency", "size"]


FOUND: pareto.Found = {
    "schema": 1,
    "recipe": "open",
    "objectives": OBJECTIVES,
    "target": "local",
    "asked": 6,
    "storage": "sqlite:///x",
    "reference_ms": 0.1,
    "judged": {"spectra": 40, "samples": 20, "digest": ""},
    "trials": TRIALS,
    "front": [1, 0, 3],
    "test": {"1": {"n": 50, "accuracy": 0.91, "low": 0.8, "high": 0.97, "ece": 0.1}},
}
