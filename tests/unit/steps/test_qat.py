"""Training with rounding: never below rounding alone, the same files, and weights of 4 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_job
from onnx import TensorProto

from edgespec.compression.quantization import sensitivity
from edgespec.errors import BrokenPromise
from edgespec.graph import arithmetic, onnx_file
from edgespec.job import Fit
from edgespec.steps import calibrate, qat

SHORT = Fit(epochs=3, batch=32, lr=1e-3, weight_decay=0.0)


def test_trained_flavours_are_as_good_as_untrained_ones_and_as_checked(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    found = qat.run(made.job.inside(tmp_path), made.float32, spectra=64, flavours=["cpu", "portable"], fit=SHORT)
    assert list(found.variants) == ["float32", "default", "cpu-int8", "portable-int8"]
    told = found.variants["cpu-int8"].facts
    before, after = (told["training"][key] for key in ("untrained", "trained"))
    assert told["validation"]["divergence"] <= before["divergence"] * 1.001
    assert before != after
    assert found.path("float32").read_bytes() == made.float32.path("float32").read_bytes(), "float32 stays what it was"
    assert onnx_file.check_kernels(found.path("cpu-int8"))["QLinearConv"] == 2
    x = made.job.spectra.x[made.job.splits.test]
    float32 = onnx_file.run(found.path("float32"), x).argmax(1)
    for name in ("cpu-int8", "portable-int8"):
        assert (onnx_file.run(found.path(name), x).argmax(1) == float32).mean() >= 0.95


@pytest.mark.parametrize(("lr", "kept"), [(1e-3, "trained"), (3.0, "untrained")])
def test_what_training_did_not_help_is_left_as_it_was(lr: float, kept: str, tmp_path: Path) -> None:
    """At the lower rate 4 bits gain; at the higher one the network is ruined."""
    made = tiny_job.line("cnn")
    fit = Fit(epochs=20, batch=32, lr=lr, weight_decay=0.0)
    found = qat.run(
        made.job.inside(tmp_path), made.float32, spectra=64, weight_bits=4, min_agreement=0, max_drop=1, fit=fit
    )
    told = found.variants["int4"].facts
    assert told["validation"] == told["training"][kept]
    assert (
        told["training"]["trained"]["divergence"] < told["training"]["untrained"]["divergence"] or kept == "untrained"
    )


def test_four_bits_take_half_of_eight_and_survive_calibration(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    for name in ("int4", "done"):
        (tmp_path / name).mkdir()
    found = qat.run(
        made.job.inside(tmp_path / "int4"),
        made.int8,
        spectra=64,
        weight_bits=4,
        min_agreement=0.9,
        max_drop=0.1,
        fit=SHORT,
    )
    assert list(found.variants) == ["float32", "default", "cpu-int8", "int4"]
    model = onnx.load(found.path("int4"))
    onnx.checker.check_model(model)
    small = [each for each in model.graph.initializer if each.data_type == TensorProto.INT4]
    assert len(small) == 3
    assert {each.version for each in model.opset_import if each.domain == ""} == {21}
    assert all(2 * len(each.raw_data) - np.prod(each.dims) in (0, 1) for each in small), "two weights a byte"
    assert all(each.ByteSize() < len(each.raw_data) + 60 for each in small)
    x = made.job.spectra.x[made.job.splits.test]
    float32, four = (onnx_file.run(found.path(each), x) for each in ("float32", "int4"))
    assert (float32.argmax(1) == four.argmax(1)).mean() >= 0.9
    done = calibrate.run(made.job.inside(tmp_path / "done"), found)
    fitted = onnx_file.run(done.path("int4"), x) * done.variants["int4"].temperature
    assert np.allclose(fitted, four, atol=1e-3 * np.abs(four).max())
    assert arithmetic.weigh(found.path("int4")) == arithmetic.weigh(found.path("float32"))


def test_four_bits_that_lose_too_much_break_their_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tiny_job.line("cnn")
    monkeypatch.setattr(sensitivity.Loss, "broken", lambda *_: "loses 0.5")
    with pytest.raises(BrokenPromise, match=r"int4 loses 0\.5") as caught:
        qat.run(
            made.job.inside(tmp_path), made.float32, spectra=64, weight_bits=4, max_drop=0, min_agreement=1, fit=SHORT
        )
    assert "weight_bits: 8" in caught.value.hint
