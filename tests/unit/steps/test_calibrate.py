"""Calibration: the temperature that makes the labels most likely, one a variant, and no label changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
from numpy.typing import NDArray
from scipy.special import log_softmax

from edgespec import models
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.graph import onnx_file
from edgespec.steps import calibrate, quantize, to_onnx
from edgespec.training import batches

BOTH = pytest.mark.parametrize("name", ["cnn", "efficientnet"])
Array = NDArray[Any]


def surprise(logits: Array, y: Array) -> float:
    """Mean negative log-likelihood."""
    return float(-log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(y)), y].mean())


@pytest.mark.parametrize("wanted", [0.2, 1.0, 3.5])
def test_a_known_temperature_is_recovered(wanted: float) -> None:
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((8000, 6))
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = (odds.cumsum(1) < rng.random((8000, 1))).sum(1)
    found = calibrate.temperature((wanted * logits).astype(np.float32), y)
    assert found == pytest.approx(wanted, rel=0.05)
    assert surprise(wanted * logits / found, y) <= surprise(wanted * logits / (1.1 * found), y)
    assert surprise(wanted * logits / found, y) <= surprise(wanted * logits / (0.9 * found), y)


def test_it_stays_finite_where_all_are_right_or_all_are_wrong() -> None:
    logits, y = 5 * np.eye(3)[np.arange(30) % 3], np.arange(30) % 3
    assert 2 * calibrate.LOW < calibrate.temperature(logits, y) < 0.9  # surer, but not boundlessly
    assert 1 < calibrate.temperature(logits, (y + 1) % 3) <= calibrate.HIGH
    assert np.isfinite(calibrate.temperature(1e6 * logits, y))


def calibrated(name: str, folder: Path) -> OnnxModel:
    made = calibrate.run(tiny_job.line(name).job.inside(folder), tiny_job.line(name).int8)
    assert isinstance(made, OnnxModel)
    return made


@BOTH
def test_each_variant_gets_its_own_and_keeps_its_labels(name: str, tmp_path: Path) -> None:
    before, after, job = tiny_job.line(name).int8, calibrated(name, tmp_path), tiny_job.line(name).job
    rows = job.splits.rows(None, valid=True)
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    everything = job.spectra.x
    for variant in ("float32", "cpu-int8"):
        old, new = onnx_file.run(before.path(variant), x), onnx_file.run(after.path(variant), x)
        stated = after.variants[variant].temperature
        assert stated == pytest.approx(calibrate.temperature(old, y))
        np.testing.assert_allclose(new * stated, old, rtol=1e-4, atol=1e-4)
        assert abs(np.log(calibrate.temperature(new, y))) < abs(np.log(stated))  # little is left to do
        labels = [onnx_file.run(each.path(variant), everything).argmax(1) for each in (before, after)]
        assert np.array_equal(*labels)
    assert after.variants["float32"].temperature != after.variants["cpu-int8"].temperature
    assert after.variants["default"].temperature == 1.0
    assert after.path("default").read_bytes() == before.path("default").read_bytes()
    learnt = after.variants["cpu-int8"].facts
    assert {name: learnt[name] for name in learnt if name != "reject"} == before.variants["cpu-int8"].facts
    assert onnx_file.check_kernels(after.path("cpu-int8"))["QLinearConv"] > 0


def test_a_second_calibration_finds_nothing_left_to_do(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    once = calibrated("efficientnet", tmp_path / "a")
    twice = calibrate.run(tiny_job.line("efficientnet").job.inside(tmp_path / "b"), once)
    assert isinstance(twice, OnnxModel)
    job = tiny_job.line("efficientnet").job
    x = job.spectra.x[job.splits.rows(None, valid=True)]
    for variant in ("float32", "cpu-int8"):
        first = onnx_file.run(tiny_job.line("efficientnet").int8.path(variant), x)
        stated = twice.variants[variant].temperature
        np.testing.assert_allclose(onnx_file.run(twice.path(variant), x) * stated, first, rtol=1e-3, atol=1e-3)


@BOTH
def test_a_checkpoint_is_calibrated_too(name: str, tmp_path: Path) -> None:
    made = tiny_job.line(name)
    after = calibrate.run(made.job.inside(tmp_path), made.checkpoint)
    x = batches.prepared(made.job, made.job.splits.rows(None, valid=True))
    old, new = (batches.logits(models.load(each), x).numpy() for each in (made.checkpoint, after))  # type: ignore[arg-type]
    stated = after.facts["temperature"]
    np.testing.assert_allclose(new * stated, old, rtol=1e-4, atol=1e-5)
    assert stated == pytest.approx(
        calibrate.temperature(old, made.job.spectra.y[made.job.splits.rows(None, valid=True)])
    )
    assert after.facts["history"] == made.checkpoint.facts["history"]


def test_what_is_made_of_calibrated_models_knows_its_temperature(tmp_path: Path) -> None:
    job, folders = tiny_job.line("cnn").job, [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()
    once = calibrate.run(job.inside(folders[0]), tiny_job.line("cnn").checkpoint, on="site")
    twice = calibrate.run(job.inside(folders[1]), once)
    assert isinstance(twice, Checkpoint)
    rows = job.splits.rows(None)[:70]
    first = batches.logits(models.load(tiny_job.line("cnn").checkpoint), batches.prepared(job, rows)).numpy()
    exported = to_onnx.run(job.inside(folders[2]), twice, check=64)
    int8 = quantize.run(job.inside(folders[3]), exported, spectra=64)
    for variant, near in (("float32", 1e-3), ("default", 1e-3), ("cpu-int8", 0.5)):
        stated = int8.variants[variant].temperature
        np.testing.assert_allclose(
            onnx_file.run(int8.path(variant), job.spectra.x[rows], batch=1) * stated, first, atol=near
        )
        assert stated != 1


def test_only_validation_spectra_are_used(tmp_path: Path) -> None:
    job, model = tiny_job.line("cnn").job, tiny_job.line("cnn").int8
    (tmp_path / "site").mkdir()
    by_site = calibrate.run(job.inside(tmp_path / "site"), model, on="site")
    rows = job.splits.rows("site", valid=True)
    logits = onnx_file.run(model.path("float32"), job.spectra.x[rows])
    assert isinstance(by_site, OnnxModel)
    assert by_site.variants["float32"].temperature == pytest.approx(calibrate.temperature(logits, job.spectra.y[rows]))
