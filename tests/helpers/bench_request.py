"""A request for two models of one layer, as the runner takes it, and the runner run on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from device_runner import RUNNER
from onnx import TensorProto, helper, numpy_helper

POINTS, CLASSES = 32, 4
QUICK = {"warmup_ms": 2, "warmup_max_ms": 100, "seconds": 0.01, "min_samples": 20, "slot_ms": 0.5}


def gemm(path: Path, weight: Any, *, points: Any = None) -> Path:
    """Write a model of one layer: (n, points) @ weight."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", points or weight.shape[0]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", weight.shape[1]])
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [x], [y], [numpy_helper.from_array(weight.astype(np.float32), "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def ask(folder: Path, **changes: Any) -> None:
    models = [{"name": "first", "file": "a.onnx"}, {"name": "second", "file": "b.onnx"}]
    request = {"runtime": "onnxruntime", "threads": 1, "spectra": "x.npy", "models": models, **QUICK, **changes}
    (folder / "request.json").write_text(json.dumps({k: v for k, v in request.items() if v is not None}))


def run(folder: Path, *arguments: str, runner: Path = RUNNER) -> tuple[int, dict[str, Any], str]:
    ended = subprocess.run(
        [sys.executable, str(runner.resolve()), *arguments], cwd=folder, capture_output=True, text=True
    )
    return ended.returncode, json.loads(ended.stdout), ended.stderr
