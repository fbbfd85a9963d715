"""A foreign graph runs in a process of its own first: what eats memory, never ends or crashes is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgespec.errors import Mistake
from edgespec.graph.foreign import trial

PATH = Path("m.onnx")


def model(tmp_path: Path, *nodes: Any, **weights: Any) -> onnx.ModelProto:
    ends = ("x", TensorProto.FLOAT, ["n", 4]), [("y", TensorProto.FLOAT, None)]
    return onnx.load(foreign_models.graph(tmp_path / "m.onnx", list(nodes), weights, *ends))


def test_a_graph_that_answers_passes(tmp_path: Path) -> None:
    trial.run(model(tmp_path, helper.make_node("Relu", ["x"], ["y"])), [1, 4], "float32", PATH)


def test_a_graph_that_asks_for_a_terabyte_is_refused(tmp_path: Path) -> None:
    eats = model(tmp_path, helper.make_node("Expand", ["x", "shape"], ["y"]), shape=np.array([10**6, 10**6, 1, 4]))
    with pytest.raises(Mistake, match=r"m\.onnx") as caught:
        trial.run(eats, [1, 4], "float32", PATH)
    assert "\n" not in caught.value.message
    assert "GB" in caught.value.message or "memory" in caught.value.message or "alloc" in caught.value.message


def test_a_graph_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"does not answer one spectrum within 0\.01 s"):
        trial.run(model(tmp_path, helper.make_node("Relu", ["x"], ["y"])), [1, 4], "float32", PATH, seconds=0.01)


def test_the_shape_that_does_not_fit_is_told(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"cannot run it on a spectrum of shape \[1, 5\]"):
        trial.run(model(tmp_path, helper.make_node("Relu", ["x"], ["y"])), [1, 5], "float32", PATH)


def test_the_process_gives_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_limit", lambda memory: None)  # it would hold for the rest of the tests
    model(tmp_path, helper.make_node("Relu", ["x"], ["y"]))
    assert trial.main(str(tmp_path / "m.onnx"), '[[1, 4], "float32", 0]') == 0
    assert trial.main(str(tmp_path / "none.onnx"), '[[1, 4], "float32", 0]') == trial.REFUSED
    assert "none.onnx" in capsys.readouterr().out
