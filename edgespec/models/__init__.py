"""Build, save and load models: a model is its keys plus its weights, nothing is pickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from edgespec import plugins, storage
from edgespec.artifact import WEIGHTS, Checkpoint
from edgespec.errors import Mistake
from edgespec.recipe import Call


class Model(Protocol):
    """What every file of this folder builds.

    One that can be left early has `stages`, their number, and `until(stage, positions)`, the keys of the network that ends there
    and whose weights have the same names; `behind` names a normalisation that stands behind the last stage.
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
    try:
        found = plugins.find("models", call.name).build(points=points, classes=classes, **call.keys)
    except (RuntimeError, ValueError) as problem:
        raise Mistake(
            f"model {call.name!r} can't be built for {points} points: {problem}", hint="see: edgespec ls models"
        ) from None
    return found  # type: ignore[no-any-return]


def save(model: nn.Module, name: str, folder: Path, *, points: int, classes: int, **more: Any) -> Checkpoint:
    """Write the weights of a model and give its checkpoint; `more` are a Checkpoint's further fields."""
    weights = {key: value.detach().contiguous().cpu() for key, value in model.state_dict().items()}
    storage.write(folder / WEIGHTS, to_bytes(weights))
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
