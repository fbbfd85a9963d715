"""Small networks that are measured once on a device, so that others can be estimated there.

Chains of one kind of layer, each at a small and a large size, and the blocks of our own models. Their weights are drawn from one seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from edgespec import models, storage
from edgespec.compression.quantization import int8, ranges
from edgespec.data import preprocess
from edgespec.data.preprocess import Front
from edgespec.graph import assembly, exporter, onnx_file
from edgespec.models import Channels
from edgespec.recipe import Call
from edgespec.spectra import Axis, Floats

AXIS = Axis(150, 1172, 512)
CLASSES, POSITIONS, SPECTRA = 16, 16, 64
USUAL = (Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms"))
BARE = ()


class Chain(NamedTuple):
    """A stem that shortens the axis `stride` times, `depth` layers of one kind, pooling to 16 places and a linear layer."""

    kind: str
    channels: int
    depth: int
    stride: int = 1
    kernel: int = 1


class Micro(NamedTuple):
    """A network and what prepares its spectra."""

    name: str
    body: Chain | Call
    front: tuple[Call, ...] = BARE


MICRO = (
    Micro("standard small", Chain("standard", 8, 6, 16, 3)),
    Micro("standard long", Chain("standard", 16, 2, 2, 7)),
    Micro("standard", Chain("standard", 32, 3, 4, 5)),
    Micro("standard wide", Chain("standard", 64, 3, 4, 3)),
    Micro("depthwise", Chain("depthwise", 16, 6, 2, 9)),
    Micro("depthwise wide", Chain("depthwise", 96, 6, 4, 5)),
    Micro("pointwise small", Chain("pointwise", 24, 6, 16)),
    Micro("pointwise wide", Chain("pointwise", 128, 3, 4)),
    Micro("separable", Chain("separable", 32, 4, 4, 7)),
    Micro("dense", Chain("dense", 256, 4)),
    Micro("front", Chain("dense", 16, 1), USUAL),
    Micro("cnn", Call("cnn", {"widths": [6, 12]}), USUAL),
    Micro("pace small", Call("pace", {"dim": 48, "depth": 2, "overlap": 16})),
    Micro("pace", Call("pace", {"dim": 160, "depth": 3}), USUAL),
    Micro("drsn small", Call("drsn", {"widths": [8], "depths": [3], "positions": 8}), USUAL),
    Micro("drsn", Call("drsn", {"widths": [24, 24], "depths": [2, 2]})),
    Micro(
        "efficientnet small",
        Call("efficientnet", {"layout": [8, [8, 16, 4, 8, 3, 2], [8, 16, 4, 16, 5, 2], 16]}),
        USUAL,
    ),
    Micro("efficientnet", Call("efficientnet", {"layout": [24, *[[24, 96, 6, 24, 5, 1]] * 2, 48]})),
)


class _Separable(nn.Module):
    """A residual of a convolution over points, one over channels, and GELU."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.along = nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.across, self.bend = nn.Conv1d(channels, channels, 1), nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bend(self.across(self.along(x)))  # type: ignore[no-any-return]


def write(folder: Path, chosen: tuple[Micro, ...] = MICRO) -> tuple[dict[str, Path], Floats]:
    """Write micro-models into a folder, each as float32 and as cpu-int8: name -> file, and spectra (64, 512) that they take."""
    spectra = np.random.default_rng(0).normal(size=(SPECTRA, AXIS.points)).astype(np.float32) ** 2
    found: dict[str, Path] = {}
    for each in chosen:
        found |= pair(network(each), front(each), folder, each.name, spectra)
    return found, spectra


def pair(built: nn.Module, before: Front, folder: Path, name: str, spectra: Floats) -> dict[str, Path]:
    """Write a network as float32 and as cpu-int8, its ranges as these spectra show them: name -> file."""
    path, rounded = folder / f"{name}.onnx", folder / f"{name} int8.onnx"
    exporter.export(built, path, front=before)
    storage.write(rounded, _rounded(path, spectra))
    return {name: path, f"{name} int8": rounded}


def front(micro: Micro) -> Front:
    """Build what prepares a micro-model's spectra."""
    return preprocess.build(micro.front, AXIS.values())


def network(micro: Micro) -> nn.Module:
    """Build a micro-model, in evaluation mode; the same weights each time."""
    with torch.random.fork_rng():
        if isinstance(micro.body, Call):
            return models.build(micro.body, points=AXIS.points, classes=CLASSES, seed=0).eval()
        torch.manual_seed(0)
        return _chain(micro.body).eval()


def _chain(chain: Chain) -> nn.Module:
    c, k = chain.channels, chain.kernel
    if chain.kind == "dense":
        inner = [each for _ in range(chain.depth - 1) for each in (nn.Linear(c, c), nn.ReLU())]
        return nn.Sequential(nn.Linear(AXIS.points, c), nn.ReLU(), *inner, nn.Linear(c, CLASSES))
    layers: list[nn.Module] = [Channels(), nn.Conv1d(1, c, 7, chain.stride, padding=3), nn.ReLU()]
    for _ in range(chain.depth):
        groups = c if chain.kind == "depthwise" else 1
        conv = nn.Conv1d(c, c, k, padding=k // 2, groups=groups)
        layers += [_Separable(c, k)] if chain.kind == "separable" else [conv, nn.ReLU()]
    pool = nn.MaxPool1d(AXIS.points // chain.stride // POSITIONS)
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(c * POSITIONS, CLASSES))


def _rounded(path: Path, x: Floats) -> bytes:
    whole = onnx.load(path)
    head, body = assembly.front(whole), int8.ready(assembly.network(whole))
    seen = ranges.observe(body, x if head is None else onnx_file.ask(onnx_file.session(head.SerializeToString()), x))
    made = assembly.joined(head, int8.make("cpu", body, ranges.cut(seen, "minmax"), bits=7))
    return made.SerializeToString()  # type: ignore[no-any-return]
