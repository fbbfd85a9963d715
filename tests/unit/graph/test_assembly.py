"""A graph comes apart at its named tensors, and goes together again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_job

from edgespec.evaluation import reject_score
from edgespec.graph import assembly, onnx_file

VARIANTS = pytest.mark.parametrize("variant", ["float32", "cpu-int8"])


def saved(model: onnx.ModelProto | None, path: Path) -> Path:
    assert model is not None
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


@VARIANTS
def test_front_and_network_one_after_the_other_are_the_whole(variant: str, tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    whole, x = made.int8.path(variant), made.job.spectra.x[:70]
    model = onnx.load(whole)
    front = saved(assembly.front(model), tmp_path / "front.onnx")
    network = saved(assembly.network(model), tmp_path / "network.onnx")
    between = onnx_file.run(front, x)
    np.testing.assert_allclose(between, reject_score.prepared(made.job, x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(onnx_file.run(network, between), onnx_file.run(whole, x), rtol=1e-5, atol=1e-5)
    again = saved(assembly.joined(assembly.front(model), assembly.network(model)), tmp_path / "again.onnx")
    assert np.array_equal(onnx_file.run(again, x), onnx_file.run(whole, x))


def test_a_network_without_a_front_takes_the_spectrum_itself(tmp_path: Path) -> None:
    network = assembly.network(onnx.load(tiny_job.line("cnn").float32.path("float32")))
    alone = assembly.joined(None, network)
    assert assembly.front(alone) is None
    assert alone.graph.input[0].name == "spectrum"
    saved(alone, tmp_path / "alone.onnx")


def test_preprocessing_is_float_in_the_int8_file() -> None:
    model = onnx.load(tiny_job.line("cnn").int8.path("cpu-int8"))
    front = assembly.front(model)
    assert front is not None
    assert not {"QuantizeLinear", "DequantizeLinear"} & {node.op_type for node in front.graph.node}
    assert "QuantizeLinear" in {node.op_type for node in model.graph.node}
    source = assembly.front(onnx.load(tiny_job.line("cnn").int8.path("float32")))
    assert source is not None
    assert [node.op_type for node in source.graph.node] == [node.op_type for node in front.graph.node]
