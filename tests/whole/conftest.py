"""A whole run of a tiny recipe, made once; tests that change something take a copy."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgespec import recipe
from edgespec.job import Silent
from edgespec.pipeline import compress as pipeline
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


@pytest.fixture(scope="session")
def tiny_tree() -> dict[str, Any]:
    """The tiny recipe, to be changed at will."""
    return copy.deepcopy(TINY)


@pytest.fixture(scope="session")
def write_recipe() -> Callable[[Path, dict[str, Any]], Path]:
    """Write a recipe from plain values."""

    def write(path: Path, tree: dict[str, Any]) -> Path:
        path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def compress() -> Callable[..., Report]:
    """Run a recipe in this process."""

    def run(path: Path, folder: Path, *changes: str, stop: str | None = None) -> Report:
        return pipeline.compress(recipe.load(path, changes), folder, stop=stop, progress=Silent()).report

    return run


@pytest.fixture(scope="session")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
    write_recipe: Callable[[Path, dict[str, Any]], Path],
    compress: Callable[..., Report],
) -> Path:
    """The folder of a run that nothing disturbed; `tiny.yaml` lies beside it. Nobody writes into it."""
    place = tmp_path_factory.mktemp("undisturbed")
    compress(write_recipe(place / "tiny.yaml", TINY), place / "run")
    return place / "run"


@pytest.fixture
def run_copy(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of it, free to be harmed."""
    shutil.copytree(undisturbed, tmp_path / "run")
    shutil.copyfile(undisturbed.parent / "tiny.yaml", tmp_path / "tiny.yaml")
    return tmp_path / "run"
