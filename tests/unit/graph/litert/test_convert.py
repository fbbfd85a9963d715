"""The program that converts: what it says where the converter is not here, and that a file which answers otherwise is not kept."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgespec.errors import Mismatch
from edgespec.graph.litert import convert, network

TINY = Path(__file__).parents[2] / "export" / "runtimes" / "tiny.onnx"
needs_litert = pytest.mark.skipif(
    importlib.util.find_spec("ai_edge_litert") is None, reason="no LiteRT here: pip install 'edgespec[litert]'"
)


@pytest.mark.skipif(
    importlib.util.find_spec("litert_torch") is not None, reason="the converter is installed beside edgespec"
)
def test_without_the_converter_it_says_what_fetches_it_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgespec.graph.litert.convert", str(TINY), str(tmp_path / "out.tflite")]
    environment = {**os.environ, "EDGESPEC_LITERT": str(tmp_path / "none")}
    ended = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=120)
    told = json.loads(ended.stdout)
    assert (ended.returncode, "is not here" in told["error"]) == (3, True)
    assert "edgespec setup litert | sh" in told["hint"]
    assert not list(tmp_path.iterdir())


@needs_litert
def test_the_digest_that_is_stamped_into_a_file_is_found_and_the_file_still_answers(tmp_path: Path) -> None:
    raw = TINY.with_suffix(".tflite").read_bytes()
    stamped = convert._stamped(raw, "f" * 64)
    assert b"f" * 64 in stamped
    (tmp_path / "again.tflite").write_bytes(stamped)
    convert._check(TINY, tmp_path / "again.tflite", network.read(TINY))


@needs_litert
def test_a_file_that_answers_otherwise_is_a_mismatch(tmp_path: Path) -> None:
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.load(TINY)
    (weight,) = (each for each in model.graph.initializer if each.name == "gb")
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) + np.float32(0.5), "gb"))
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(Mismatch, match=r"output 'logits' of the \.tflite is 0\.5 off"):
        convert._check(tmp_path / "other.onnx", TINY.with_suffix(".tflite"), network.read(tmp_path / "other.onnx"))
