"""ONNX Runtime on an NVIDIA GPU: the answers of the processor, in the precision asked for. Skipped where CUDA does not load."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
from device_runner import ask

from edgespec.bench import measure
from edgespec.graph import onnx_file
from edgespec.steps import halve
from edgespec.targets import card as cards
from edgespec.targets import doctor

CUDA = "CUDAExecutionProvider"


@functools.cache
def why_not() -> str:
    """Say why there is no CUDA here, "" where there is."""
    found = {each.name: each for each in doctor._providers()}.get(CUDA)
    return "this ONNX Runtime has no CUDA" if found is None else "" if found.state == doctor.WORKS else found.about


@pytest.fixture
def cuda() -> None:
    """A machine on which ONNX Runtime loads CUDA."""
    if why_not():
        pytest.skip(why_not())


def answers(folder: Path, model: Path, x: Any, provider: str) -> tuple[np.ndarray, list[str]]:
    folder.mkdir()
    np.save(folder / "x.npy", x)
    models = [{"name": "m", "file": str(model), "runtime": "onnxruntime", "precision": ""}]
    told = {"runtime": "onnxruntime", "threads": 1, "spectra": "x.npy", "models": models, "batches": [1, 64]}
    (folder / "request.json").write_text(json.dumps(told))
    code, (said,) = ask(folder, "answers", "request.json", "--model", "m", EDGESPEC_PROVIDER=provider)
    assert code == 0, said
    with np.load(folder / "m.npz") as found:
        assert np.allclose(found["1"], found["64"], rtol=1e-3, atol=1e-4)
        return found["1"], said["providers"]


@pytest.mark.parametrize("network", ["cnn", "pace", "drsn", "efficientnet"])
def test_float32_on_the_gpu_is_float32(network: str, tmp_path: Path, cuda: None) -> None:
    made = tiny_job.line(network)
    x = made.job.spectra.x[made.job.splits.rows(None)[:64]]
    told, providers = answers(tmp_path / "gpu", made.float32.path("float32"), x, CUDA)
    wanted = onnx_file.run(made.float32.path("float32"), x)
    assert providers[0].startswith(CUDA)
    assert np.abs(told - wanted).max() <= 1e-4 * np.abs(wanted).max(), "rounded to TF32 it would be 1e-3"
    assert (told.argmax(1) == wanted.argmax(1)).all()


def test_half_precision_too(tmp_path: Path, cuda: None) -> None:
    made = tiny_job.line("cnn")
    half = halve.run(made.job.inside(tmp_path), made.float32)
    x = made.job.spectra.x[made.job.splits.rows(None)[:64]]
    told, _ = answers(tmp_path / "gpu", half.path("fp16"), x, CUDA)
    wanted = onnx_file.run(made.float32.path("float32"), x)
    assert onnx_file.same(wanted, told, 2e-2).all()


def test_bench_says_that_the_gpu_ran_it(tmp_path: Path, cuda: None) -> None:
    made = tiny_job.line("cnn")
    rows = made.job.splits.rows(None)[:64]
    x, y = made.job.spectra.x[rows], made.job.spectra.y[rows]
    files, card = {"float32": made.float32.path("float32")}, cards.load("local_gpu")
    (told,) = measure.measure(files, x, y, card, tmp_path, reference="float32", float_of={}, seconds=0.3)
    assert told.provider.startswith(CUDA)
    assert told.source == "measured"
    assert told.host["gpu"], "the card is named"
