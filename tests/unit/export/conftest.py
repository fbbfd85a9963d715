"""What tests of the device's program share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_request import CLASSES, POINTS, ask, gemm


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A request for two models on seven spectra."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(2, POINTS, CLASSES)).astype(np.float32)
    gemm(tmp_path / "a.onnx", weights[0])
    gemm(tmp_path / "b.onnx", weights[1])
    np.save(tmp_path / "weights.npy", weights)
    np.save(tmp_path / "x.npy", rng.normal(size=(7, POINTS)).astype(np.float32))
    ask(tmp_path)
    return tmp_path
