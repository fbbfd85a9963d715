"""What every model must do as files: agree with torch, become int8 or say why not, and be measured like any candidate."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
import torch
from torch import nn

from edgespec import models, plugins
from edgespec.artifact import OnnxModel, Variant
from edgespec.bench import measure
from edgespec.errors import Mistake
from edgespec.graph import exporter, onnx_file
from edgespec.job import Job
from edgespec.recipe import Call
from edgespec.steps import quantize
from edgespec.targets import card as cards
from edgespec.training import batches

NAMES = plugins.names("models")
FLOAT = {"lstm": "LSTM"}
"""Models that int8 refuses, with the operator that it names."""
SMALL: dict[str, dict[str, Any]] = {
    "deepcnn": {"hidden": 32},
    "drsn": {"widths": [16, 16], "depths": [1, 1]},
    "efficientnet": {"depth": 0.1},
    "pace": {"dim": 32, "depth": 1},
    "repdwnet": {"widths": [16, 16], "depths": [1, 2]},
    "resnet": {"width": 4},
    "sanet": {"widths": [8, 16]},
    "vit": {"depth": 1},
}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return tiny_job.job(tmp_path_factory.mktemp("files") / "job")


@cache
def network(name: str) -> Any:
    """A network whose normalisations have seen prepared spectra."""
    found = models.build(Call(name, SMALL.get(name, {})), points=128, classes=3, seed=0)
    for layer in found.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = None
    with torch.no_grad():
        found(torch.randn(32, 128, generator=torch.Generator().manual_seed(1)) * 2)
    return found.eval()


def exported(name: str, job: Job) -> OnnxModel:
    """Its float file, written once."""
    folder = job.folder.parent / name
    if not folder.exists():
        folder.mkdir()
        exporter.export(network(name), folder / "model.onnx", front=job.front(), contract=job.contract())
    return OnnxModel(folder, name, 128, 3, {"float32": Variant("model.onnx")})


@pytest.mark.parametrize("name", NAMES)
def test_it_exports_and_the_file_agrees_with_torch(name: str, job: Job) -> None:
    path, x = exported(name, job).path("float32"), job.checked(128)
    source = batches.logits(network(name), batches.through(job.front(), torch.from_numpy(x))).numpy()
    onnx_file.parity(path, x, source, least=1.0, most=1e-3, evidence=job.folder / "evidence.npz")
    onnx_file.check_kernels(path)


@pytest.mark.parametrize("name", NAMES)
def test_it_becomes_int8_or_says_why_not(name: str, job: Job) -> None:
    model, own = exported(name, job), tiny_job.inside(job, f"{name}-int8")
    keys: dict[str, Any] = {"spectra": 64, "calibration": "minmax", "max_drop": 1.0, "min_agreement": 0.0}
    if operator := FLOAT.get(name):
        with pytest.raises(Mistake, match=f"no flavour of int8 can hold the .* weights of {operator}"):
            quantize.run(own, model, **keys)
        return
    made = quantize.run(own, model, flavours=("cpu", "portable"), **keys)
    x = job.spectra.x[job.splits.test]
    source = onnx_file.run(model.path("float32"), x)
    for variant in ("cpu-int8", "portable-int8"):
        answers = onnx_file.run(made.path(variant), x)
        assert np.abs(answers - source).mean() < 0.3 * np.abs(source).mean(), variant  # untrained, in 7 bits
        assert made.variants[variant].facts["float_layers"] == []
    kernels = onnx_file.check_kernels(made.path("cpu-int8"))
    assert any(each.startswith(("QLinear", "QGemm")) for each in kernels)


def test_each_is_measured_and_scored_on_what_it_answered(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "WARMUP_MAX_S", 0.05)
    files: dict[str, Path] = {name: exported(name, job).path("float32") for name in NAMES}
    test = job.splits.test
    x, y = job.spectra.x[test], job.spectra.y[test]
    found = measure.measure(
        files, x, y, cards.load("local"), job.folder / "bench", reference="cnn", float_of={}, seconds=0.02
    )
    assert [each.variant for each in found] == list(files)
    for each in found:
        right = (onnx_file.run(files[each.variant], x).argmax(1) == y).mean()
        assert each.accuracy == pytest.approx(right, abs=0.06)
        assert each.p50_ms > 0
