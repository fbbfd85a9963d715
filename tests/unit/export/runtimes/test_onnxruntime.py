"""ONNX Runtime on the processor, as the program loads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_request import POINTS
from device_runner import module


def test_the_runtime_answers_other_batch_sizes_and_keeps_its_bindings_apart(folder: Path) -> None:
    runtime = module("model").find_runtime("onnxruntime")
    infer, facts = runtime.load(str(folder / "a.onnx"), 1)
    x, weight = np.load(folder / "x.npy"), np.load(folder / "weights.npy")[0]
    assert facts["points"] == POINTS
    for batch in (x[:1], x[1:2], x, x[3:4], x[:5]):
        for _ in range(2):
            np.testing.assert_allclose(infer(batch)[0], batch @ weight, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="nowhere"):
        runtime.load("nowhere.onnx", 1)
