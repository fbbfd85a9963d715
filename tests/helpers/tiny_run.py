"""A recipe that runs in seconds and has every kind of step that a shipped one has, and its finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_once
import yaml

from edgespec import recipe
from edgespec.job import Silent
from edgespec.pipeline import compress
from edgespec.report import Report

TINY: dict[str, Any] = {
    "schema": 1,
    "seed": 0,
    "data": {
        "load": {"minerals": {"samples": 20, "spectra": 3, "minerals": ["Albite", "Beryl", "Diopside"], "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 128},
        "preprocess": [{"highpass": {"window": 62}}, "signed_sqrt", "rms"],
        "augment": {"instrument": {"drift": 0.3}},
        "split": {"parts": "given", "valid": 0.3},
    },
    "steps": [
        {
            "train": {
                "on": "library",
                "model": {"cnn": {"widths": [8, 16]}},
                "fit": {"epochs": 12, "batch": 32, "lr": 0.01},
            }
        },
        {
            "distill": {
                "on": "site",
                "student": {"cnn": {"widths": [4, 8]}},
                "alpha": 1,
                "labels": "1 per class",
                "views": 2,
                "fit": {"epochs": 20, "batch": 16, "lr": 0.01},
            }
        },
        "to_onnx",
        {"quantize": {"spectra": 64, "max_drop": 0.3, "min_agreement": 0.5}},
        "calibrate",
    ],
    "targets": ["local"],
    "gates": {"accuracy": 0.5, "size": "64 kB", "macs": 10, "latency_p90": {"local": "100 ms"}},
}


def write(path: Path, tree: dict[str, Any]) -> Path:
    """Write a recipe from plain values."""
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return path


def run(path: Path, folder: Path, *changes: str, stop: str | None = None) -> Report:
    """Run a recipe in this process."""
    return compress.compress(recipe.load(path, changes), folder, stop=stop, progress=Silent()).report


def undisturbed() -> Path:
    """Give the folder of a run that nothing disturbed; `tiny.yaml` lies beside it."""
    return made_once.folder("tiny-run", lambda part: run(write(part / "tiny.yaml", TINY), part / "run")) / "run"
