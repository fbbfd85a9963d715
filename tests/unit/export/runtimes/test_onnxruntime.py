"""ONNX Runtime on the processor, as the program loads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
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


def test_a_call_that_is_timed_cannot_be_stopped_and_costs_nothing_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime takes tens of microseconds longer for a call with options: only an answer that may never come has them."""
    given: list[int] = []

    class Session(onnxruntime.InferenceSession):
        def run_with_iobinding(self, binding: object, *options: object) -> None:
            given.append(len(options))
            super().run_with_iobinding(binding, *options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    model = module("model").open_model(
        module("model").find_runtime("onnxruntime"), {"name": "a", "file": str(folder / "a.onnx")}, 1
    )
    x = np.load(folder / "x.npy")[:1]
    for _ in range(3):
        model.infer(x)
    assert given == [0, 0]  # the first one binds
    module("contract").answer(model, x)
    model.infer(x)
    assert given == [0, 0, 1, 0]
