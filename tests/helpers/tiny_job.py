"""A job small enough for a test: generated spectra of three minerals on 128 points, and nets that train in a second."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import made_once
import torch
from torch import nn

from edgespec import artifact, datasets
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.data.splits import divide
from edgespec.job import Fit, Job
from edgespec.recipe import Call, Split
from edgespec.spectra import Axis, Spectra
from edgespec.steps import quantize, to_onnx, train

AXIS = Axis(150, 1172, 128)
CNN = Call("cnn", {"widths": [8, 16], "kernel": 5, "positions": 8})
PACE = Call("pace", {"dim": 32, "depth": 2, "kernel": 5, "patch": 4, "pool": 96, "positions": 4})
DRSN = Call("drsn", {"widths": [8, 16], "depths": [1, 2], "positions": 8})
EFFICIENT = Call("efficientnet", {"layout": [8, [8, 16, 4, 8, 3, 1], [8, 16, 4, 16, 5, 2], 16], "dropout": 0.1})
PREPROCESS = (Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms"))
AUGMENT = Call("instrument", {"drift": 0.3})
SHORT = Fit(epochs=4, batch=32, lr=1e-2)


@functools.cache
def spectra(seed: int = 0, minerals: tuple[str, ...] = ("Albite", "Beryl", "Diopside"), samples: int = 20) -> Spectra:
    """60 samples of three spectra; the parts are library, site and test."""
    keys = {"minerals": list(minerals), "samples": samples, "spectra": 3, "drift": 0.1}
    return datasets.load(Call("minerals", keys), axis=AXIS, seed=seed)


def job(folder: Path, *, seed: int = 0, found: Spectra | None = None, **more: Any) -> Job:
    """A job in `folder`, divided into library, site and test; `more` are fields of Job."""
    folder.mkdir(parents=True, exist_ok=True)
    given = spectra() if found is None else found
    splits = divide(given, Split(parts="given", valid=0.3), seed)
    fields = {"preprocess": PREPROCESS, "augment": AUGMENT, **more}
    return Job(given, splits, fields["preprocess"], fields["augment"], folder, seed)


class Line(NamedTuple):
    """A trained net and what became of it; nobody writes into it."""

    job: Job
    checkpoint: Checkpoint
    float32: OnnxModel
    int8: OnnxModel


@functools.cache
def line(name: str) -> Line:
    """Train, export and quantise the tiny net of that name, once for all processes; the folder is this process's own."""
    folder = Path(tempfile.mkdtemp(prefix=f"edgespec-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made_once.copy(f"line-{name}", lambda part: _train(name, part), folder / "line")
    read = [artifact.read(folder / "line" / step)[0] for step in ("1-train", "2-to_onnx", "3-quantize")]
    for path in (folder / "line").glob("*/artifact.json"):
        path.unlink()  # as a step leaves its folder: unsealed
    return Line(job(folder / "line" / "1-train"), *read)  # type: ignore[arg-type]


def _train(name: str, folder: Path) -> None:
    given = job(folder / "1-train")
    model = {"cnn": CNN, "efficientnet": EFFICIENT, "pace": PACE, "drsn": DRSN}[name]
    checkpoint = train.run(given, model=model, fit=Fit(epochs=15, batch=32, lr=1e-2))
    exported = to_onnx.run(inside(given, "2-to_onnx"), checkpoint)
    for each in (checkpoint, exported, quantize.run(inside(given, "3-quantize"), exported, spectra=64)):
        artifact.seal(each, {})


def inside(given: Job, name: str) -> Job:
    """The same job in a fresh folder beside its own."""
    folder = given.folder.parent / name
    folder.mkdir(parents=True, exist_ok=True)
    return given.inside(folder)


def lived_in(network: Any, points: int) -> Any:
    """The network, its normalisations as if they had seen spectra and scaling each channel otherwise."""
    generator = torch.Generator().manual_seed(2)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = None
            layer.weight.data = torch.randn(layer.num_features, generator=generator)
            layer.bias.data = torch.randn(layer.num_features, generator=generator)
    with torch.no_grad():
        network(torch.randn(64, points, generator=generator) * 2 + 1)
    return network.eval()
