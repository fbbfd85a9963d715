"""A model with all its answers, and a small bundle of it, as they leave the workstation."""

from __future__ import annotations

import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tiny_job
from device_runner import carry
from numpy.typing import NDArray
from onnx import helper

from edgespec import contract, storage
from edgespec.graph import assembly, onnx_file
from edgespec.steps import calibrate

THRESHOLD = 0.6


@functools.cache
def model(variant: str = "float32") -> Path:
    """A calibrated tiny model that answers logits, probabilities and a reject score: its largest probability."""
    line = tiny_job.line("cnn")
    source = {"float32": line.float32, "cpu-int8": line.int8}[variant]
    made = calibrate.run(tiny_job.inside(line.job, f"calibrated-{variant}"), source)
    score = helper.make_node("ReduceMax", ["probabilities", "answer/axes"], ["score"], name="answer/max", keepdims=1)
    axes = onnx.numpy_helper.from_array(np.array([1]), "answer/axes")
    whole = assembly.answered(onnx.load(made.path(variant)), [score], [axes])
    contract.stamp(whole, replace(contract.load(made.path(variant)), score="max", threshold=THRESHOLD))
    path = Path(tempfile.mkdtemp(prefix="edgespec-model-")) / "model.onnx"
    return storage.write(path, whole.SerializeToString())


@functools.cache
def known() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A test spectrum that the model knows well: its axis and intensities."""
    job = tiny_job.line("cnn").job
    x = job.spectra.x[job.splits.test]
    best = onnx_file.run(model(), x).max(1).argmax()
    return tiny_job.AXIS.values(), x[best].astype(np.float64)


def write(folder: Path, variant: str = "float32") -> Path:
    """Write a bundle: model, contract, test vectors, card, program, checksums."""
    carry(folder, "onnxruntime")
    path = storage.write(folder / "model.onnx", model(variant).read_bytes())
    told = contract.load(path)
    storage.write_json(folder / "contract.json", told.plain())
    storage.write(folder / "MODEL_CARD.md", "# A tiny model\n")
    job = tiny_job.line("cnn").job
    x = job.spectra.x[job.splits.test[:20]]
    logits, probabilities, score = onnx_file.session(path).run(None, {"spectrum": x})
    vectors(folder, spectra=x, logits=logits, probabilities=probabilities, score=score,
            label=np.array([told.labels[i] for i in logits.argmax(1)]))  # fmt: skip
    return sums(folder)


def vectors(folder: Path, **arrays: Any) -> None:
    """Write the test vectors, some of them new."""
    path = folder / "test_vectors.npz"
    held = dict(np.load(path)) if path.exists() else {}
    np.savez(path, **{**held, **arrays})


def restamp(folder: Path, **changes: Any) -> None:
    """Change the contract, in the model and beside it alike."""
    loaded = onnx.load(folder / "model.onnx")
    told = replace(contract.load(folder / "model.onnx"), **changes)
    contract.stamp(loaded, told)
    onnx.save(loaded, folder / "model.onnx")
    (folder / "contract.json").write_text(json.dumps(told.plain()))


def sums(folder: Path) -> Path:
    """Write the checksums of all files as they are now."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{storage.file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    storage.write(folder / "SHA256SUMS", "".join(lines))
    return folder
