"""A report made by hand: one of everything that a finished and measured run holds."""

from __future__ import annotations

import copy
from typing import Any

from edgespec.report import Report, Row

SCORES = {"n": 60, "low": 0.8, "high": 0.97, "sensitivity": 0.91, "specificity": 0.99, "macro_f1": 0.9}
SCORES |= {"ece": 0.04, "ece_low": 0.01, "ece_high": 0.08}


def row(step: int, name: str, kind: str, accuracy: float, **more: Any) -> Row:
    scores = {**SCORES, "accuracy": accuracy, **more.pop("scores", {})}
    return Row(step=step, name=name, kind=kind, model=more.pop("model", "cnn 8-16"), scores=scores, **more)


def measured(variant: str, p50: float, **more: Any) -> dict[str, Any]:
    """What a target said of one file; `p50` in ms."""
    found = {
        "target": "local", "variant": variant, "runtime": "onnxruntime", "runtime_version": "1.31", "provider": "CPU",
        "threads": 1, "digest": "0", "n": 1000, "rounds": 10, "p50_ms": p50, "p50_interval_ms": (p50, p50 * 1.1),
        "p90_ms": p50 * 1.2, "p90_interval_ms": (p50, p50 * 1.3), "p99_ms": p50 * 2, "reference": "default",
        "ratio": p50 / 0.04, "ratio_interval": (p50 / 0.05, p50 / 0.03), "noise": 0.01, "cold_load_ms": 20.0,
        "cold_first_ms": 3.0, "peak_memory_bytes": 60_000_000, "model_memory_bytes": 1_000_000, "size_bytes": 30_000,
        "scored": 60, "accuracy": 0.9, "agreement": 0.98, "source": "measured", "warnings": ["busy machine: indeed"],
        "host": {"cpu": "A CPU", "flags": ["avx2"], "cores": 2},
    }  # fmt: skip
    return {**found, **more}


KNOWN = {
    "sets": {"threshold": 0.1, "asked": 0.95, "mean": 0.95, "low": 0.87, "samples": 20, "coverage": 0.96, "coverage_low": 0.9,
             "coverage_high": 0.98, "size": 1.25, "alone": 0.8, "classes": [[0, 10, 9]]},
    "kind": "likeness", "threshold": 0.6, "accepted": 0.94, "auroc_displaced": 0.98, "auroc_unknown": 0.97,
    "unknown_refused": 0.8, "unknown": {"data": "others", "spectra": 40, "classes": 5},
    "coverage": [0.5, 0.8, 1.0], "risk": [0.0, 0.05, 0.1], "mean_risk": 0.03,
}  # fmt: skip


def robust(mean: float, drop: float | None = None, drop_float: float | None = None) -> dict[str, Any]:
    """What a row says of robustness: two perturbations, the second of which costs more."""
    found = {"accuracy": {"shift +3": round(mean + 0.05, 3), "drift 5": round(mean - 0.05, 3)}, "mean": mean}
    at = {"drop": "drift 5", "drop_float": "shift +3"}
    for key, value in (("drop", drop), ("drop_float", drop_float)):
        found |= {key: value, key.replace("drop", "at"): None if value is None else at[key]}
    return found


ROUNDING = {
    "flavour": "cpu", "method": "mse", "drop": 0.012, "agreement": 0.98, "divergence": 0.003, "float_layers": ["head"],
    "tried": {"minmax": {"divergence": 0.004, "agreement": 0.97}, "mse": {"divergence": 0.003, "agreement": 0.98}},
    "layers": [
        {"layer": "first", "operator": "Conv", "weights": 0.4, "agreement": 0.99, "drop": 0.0, "divergence": 0.001},
        {"layer": "head", "operator": "Gemm", "weights": 0.6, "agreement": 0.9, "drop": 0.05, "divergence": 0.2},
    ],
}  # fmt: skip


def report(source: str = "embedded") -> Report:
    """Teacher 0.95, control 0.80, student 0.92 (float32, 40 kB) and 0.90 (int8, 25 kB), int8 recommended at 20 us."""
    data = {
        "name": "minerals", "source": source, "digest": "d1", "classes": 3, "labels": ["a", "b", "c"], "samples": 40,
        "axis": {"low": 150.0, "high": 1172.0, "points": 128}, "train": {"train": 150}, "valid": {"train": 30},
        "test": 60, "notes": ["a note of the data"],
    }  # fmt: skip
    rows = [
        row(0, "shrinkage LDA", "baseline", 0.85, model="linear", variant="lda", file="0/lda.onnx", bytes=1200),
        row(0, "1-NN cosine", "baseline", 0.8, scores={"ece": None}),
        row(1, "train", "step", 0.95, params=100_000, macs=2_000_000, flops=4_000_000, bytes=400_000, seconds=3.0,
            robustness=robust(0.92)),
        row(2, "distill", "step", 0.93, params=9_000, bytes=41_000, seconds=2.0, robustness=robust(0.88, 0.02)),
        row(2, "control", "control", 0.80, params=9_000, bytes=41_000, labels="1 per class"),
        row(3, "to_onnx", "variant", 0.92, variant="float32", bytes=40_000, params=9_000, agreement=0.97, drop=0.03,
            robustness=robust(0.87, 0.03)),
        row(4, "quantize", "variant", 0.92, variant="float32", bytes=40_000, params=9_000, agreement=0.97, drop=0.03,
            robustness=robust(0.87, 0.03)),
        row(4, "quantize", "variant", 0.90, variant="cpu-int8", bytes=25_000, params=9_000, agreement=0.95, drop=0.05,
            robustness=robust(0.83, 0.06, 0.035), reject=KNOWN, rounding=ROUNDING),
    ]  # fmt: skip
    counted = {"counted": {"valgrind": "3.19"}, "files": {"cpu-int8": 900_000, "float32": 700_000}}
    made = Report(
        recipe="hand", seed=0, data=data, rows=rows, instructions=counted, notes=["a note of the run", "on local something is faster"],
        environment={"versions": {"edgespec": "0.1.0", "torch": "2.13"}, "platform": "Linux", "cores": 2},
        steps=[{"number": n, "name": s, "folder": f"{n}-{s}", "seconds": 1.0, "kept": False}
               for n, s in enumerate(("train", "distill", "to_onnx", "quantize"), start=1)],
        bench={"local": {"format": 1, "measurements": [
            measured("default", 0.04), measured("float32", 0.03), measured("cpu-int8", 0.02)]}},
        advice={"local": {"variant": "cpu-int8", "why": "cpu-int8 is recommended for target 'local'", "refused": {}}},
        finished="f1",
    )  # fmt: skip
    return copy.deepcopy(made)  # tests change theirs
