"""Build, save and load models: a model is its keys plus its weights, nothing is pickled."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from edgespec import own_code, plugins, storage
from edgespec.artifact import WEIGHTS, Checkpoint
from edgespec.errors import Mistake
from edgespec.models import _own
from edgespec.recipe import Call

SOURCE = "network.py"  # of a recipe's own, beside its weights
MEANS = "means"  # name of the constant matrix: it is not learnt, so nobody counts it as weights or quantises it


class Model(Protocol):
    """What every file of this folder builds.

    One that can be left early has `stages`, their number, and `until(stage, positions)`, the keys of the network that ends there
    and whose weights have the same names; `behind` names a normalisation that stands behind the last stage. One that trains with branches
    has `reparameterised()`: the network with each sum of branches as one convolution, None where nothing is left to fold. One whose first
    weights follow from the training spectra has `begin(x)`, which takes them, (n, points) as the network sees them.
    """

    head: nn.Linear

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, width)"""

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again, read from the live layers."""


class Channels(nn.Module):
    """(n, points) -> (n, 1, points): a spectrum is one channel. Exporters replace it by its two-dimensional twin."""

    def forward(self, x: Tensor) -> Tensor:
        """Add the channel dimension."""
        return x.unsqueeze(1)


def build(call: Call, *, points: int, classes: int, seed: int) -> nn.Module:
    """Build a model with seeded first weights, in training mode.

    Raises Mistake where the keys do not fit the axis or make no network.
    """
    torch.manual_seed(seed)
    if own_code.is_own(call.name):
        return _own.built(own_code.load(call.name, "build"), call, points, classes)
    try:
        found = plugins.find("models", call.name).build(points=points, classes=classes, **call.keys)
    except (RuntimeError, ValueError) as problem:
        raise Mistake(
            f"model {call.name!r} can't be built for {points} points: {problem}", hint="see: edgespec ls models"
        ) from None
    return found  # type: ignore[no-any-return]


def needs(network: Any, name: str, step: str, *parts: str) -> None:
    """Raise Mistake where a network lacks what a step works with: a linear `head`, `features` in front of it."""
    lacking = [part for part in parts if not hasattr(network, part)]
    if lacking:
        told = f"step {step!r} works with a network's {' and '.join(parts)}, {name} has no {' and no '.join(lacking)}"
        raise Mistake(
            told,
            hint="head: an nn.Linear; features(x): (n, points) -> (n, width) in front of it; or leave the step out",
        )


def save(model: nn.Module, name: str, folder: Path, *, points: int, classes: int, **more: Any) -> Checkpoint:
    """Write the weights of a model and give its checkpoint; `more` are a Checkpoint's further fields."""
    weights = {key: value.detach().contiguous().cpu() for key, value in model.state_dict().items()}
    storage.write(folder / WEIGHTS, to_bytes(weights))
    if own_code.is_own(name):
        storage.write(folder / SOURCE, own_code.source(name))  # to be read; nothing runs it from there
    return Checkpoint(folder, name, model.keys(), points, classes, **more)  # type: ignore[operator]


def load(checkpoint: Checkpoint) -> nn.Module:
    """Rebuild a model from its keys and weights, in evaluation mode.

    Raises Mistake where the weights are damaged or belong to another network.
    """
    model = build(Call(checkpoint.model, checkpoint.keys), points=checkpoint.points, classes=checkpoint.classes, seed=0)
    try:
        model.load_state_dict(load_file(checkpoint.weights))
    except (SafetensorError, RuntimeError, FileNotFoundError) as problem:
        reason = str(problem).splitlines()[0]
        raise Mistake(f"{checkpoint.weights} does not hold the weights of this {checkpoint.model}: {reason}") from None
    return model.eval()


class Dense(nn.Module):
    """(n, inward) -> (n, out): linear, batch normalisation; one linear layer for the exporter."""

    def __init__(self, inward: int, out: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(inward, out), nn.BatchNorm1d(out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward) -> (n, out)"""
        return self.norm(self.linear(x))  # type: ignore[no-any-return]

    def twin(self) -> nn.Linear:
        """Give the linear layer with the normalisation folded in."""
        norm, found = self.norm, copy.deepcopy(self.linear)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).data
        found.weight.data = self.linear.weight.data * scale[:, None]
        found.bias.data = (self.linear.bias.data - norm.running_mean) * scale + norm.bias.data
        return found


class Pool(nn.Module):
    """(..., length) -> (..., places): means over windows floor(i L / P) to ceil((i + 1) L / P), as AdaptiveAvgPool1d takes them.

    Where the places divide the length it is plain average pooling. Else the windows repeat after L / g points, g the greatest common
    divisor of both: cut into g pieces, the spectrum is multiplied by one small constant matrix. Exporters know no other form of it
    that has a fixed opset; from 900 points to 256 the small matrix takes 0.38 of the time of a whole one and a sixteenth of its room.
    """

    means: Tensor

    def __init__(self, length: int, places: int) -> None:
        super().__init__()
        self.places, self.pieces = places, math.gcd(length, places)
        self.plain = nn.AvgPool1d(length // places) if length % places == 0 else None
        if self.plain is None:
            self.register_buffer(MEANS, means(length // self.pieces, places // self.pieces), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., length) -> (..., places)"""
        if self.plain is not None:
            return self.plain(x)  # type: ignore[no-any-return]
        if self.pieces == 1:
            return x @ self.means
        return (x.reshape(*x.shape[:-1], self.pieces, -1) @ self.means).flatten(-2)


def means(length: int, places: int) -> Tensor:
    """Give the matrix (length, places) whose column i averages the window of place i."""
    found = torch.zeros(length, places)
    for i in range(places):
        start, end = i * length // places, -(-(i + 1) * length // places)
        found[start:end, i] = 1 / (end - start)
    return found
