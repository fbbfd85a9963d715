"""A model of eight minerals that answers for what a file holds: trained in seconds on the embedded spectra, once for all processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import made_once
import tiny_run

MINERALS = ["Albite", "Beryl", "Diopside", "Fluorapatite", "Forsterite", "Grossular", "Pyrope", "Tremolite"]
RECIPE: dict[str, Any] = {
    "schema": 1,
    "seed": 0,
    "data": {
        "load": {"minerals": {"samples": 20, "spectra": 3, "minerals": MINERALS, "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 256},
        "preprocess": [{"highpass": {"window": 62}}, "signed_sqrt", "rms"],
        "augment": {"instrument": {"shift": 4, "blur": 3, "drift": 0.5, "noise": 0.05}},
        "split": {"parts": "given", "valid": 0.3},
    },
    "steps": [
        {
            "train": {
                "on": "library",
                "model": {"cnn": {"widths": [8, 16, 32]}},
                "fit": {"epochs": 30, "batch": 32, "lr": 0.01},
            }
        },
        "to_onnx",
    ],
    "targets": ["local"],
}


def path() -> Path:
    """Give the ONNX file, its contract inside: Raman, 150 to 1172 cm-1."""
    return made_once.folder("mineral-model", _make) / "run" / "2-to_onnx" / "model.onnx"


def _make(part: Path) -> None:
    tiny_run.run(tiny_run.write(part / "minerals.yaml", RECIPE), part / "run")
