"""float16: half the bytes, the same labels, and no intensity lost that float16 could not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_job
from onnx import TensorProto, numpy_helper

from edgespec.errors import Mismatch, Mistake
from edgespec.graph import arithmetic, assembly, onnx_file
from edgespec.steps import calibrate, halve


@pytest.mark.parametrize("name", ["cnn", "drsn"])
def test_float16_names_what_float32_names_in_half_the_bytes(name: str, tmp_path: Path) -> None:
    made = tiny_job.line(name)
    found = halve.run(made.job.inside(tmp_path), made.int8)
    assert list(found.variants) == ["float32", "default", "cpu-int8", "fp16"]
    assert (found.variants["fp16"].role, found.variants["fp16"].sibling) == ("candidate", "float32")
    x = made.job.spectra.x[made.job.splits.test]
    float32, half = (onnx_file.run(found.path(each), x) for each in ("float32", "fp16"))
    assert 0 < np.abs(float32 - half).max() <= 0.01 * np.abs(float32).max(), "rounded, and hardly"
    assert (float32.argmax(1) == half.argmax(1)).all()
    assert np.allclose(onnx_file.run(found.path("fp16"), 1000 * x), half, atol=1e-2 * np.abs(half).max()), (
        "the front is float32"
    )
    model = onnx.load(found.path("fp16"))
    network = {each.name: each for each in assembly.network(model).graph.initializer}
    assert not [each.name for each in network.values() if each.data_type == TensorProto.FLOAT]
    before = sum(4 * np.prod(each.dims) for each in network.values() if each.data_type == TensorProto.FLOAT16)
    saved = found.path("float32").stat().st_size - found.path("fp16").stat().st_size
    assert 0.4 * before < saved <= 0.5 * before
    assert arithmetic.weigh(found.path("fp16")) == arithmetic.weigh(found.path("float32"))


def test_a_calibrated_one_stays_float16(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    for name in ("half", "calibrated"):
        (tmp_path / name).mkdir()
    found = halve.run(made.job.inside(tmp_path / "half"), made.float32)
    fitted = calibrate.run(made.job.inside(tmp_path / "calibrated"), found)
    assert fitted.variants["fp16"].temperature != 1.0
    x = made.job.spectra.x[made.job.splits.test]
    before, after = onnx_file.run(found.path("fp16"), x), onnx_file.run(fitted.path("fp16"), x)
    assert np.allclose(after * fitted.variants["fp16"].temperature, before, atol=0.01 * np.abs(before).max())
    held = {each.name: each.data_type for each in onnx.load(fitted.path("fp16")).graph.initializer}
    (head,) = [node for node in onnx.load(fitted.path("fp16")).graph.node if node.op_type == "Gemm"]
    assert [held[name] for name in head.input[1:]] == [TensorProto.FLOAT16] * 2


def test_what_float16_cannot_hold_is_refused() -> None:
    network = assembly.network(onnx.load(tiny_job.line("cnn").float32.path("float32")))
    weight = next(each for each in network.graph.initializer if each.data_type == TensorProto.FLOAT)
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] = 7e4
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    with pytest.raises(Mistake, match="70000: float16 holds at most 65504"):
        halve.halved(network)


def test_a_conversion_that_changes_labels_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, before = tiny_job.line("cnn"), halve.halved

    def negated(network: onnx.ModelProto) -> onnx.ModelProto:
        found = before(network)
        for each in found.graph.initializer:
            if len(each.dims) == 4:
                each.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(each), each.name))
        return found

    monkeypatch.setattr(halve, "halved", negated)
    (tmp_path / "half").mkdir()
    with pytest.raises(Mismatch, match=r"fp16\.onnx and its source disagree"):
        halve.run(made.job.inside(tmp_path / "half"), made.float32)
