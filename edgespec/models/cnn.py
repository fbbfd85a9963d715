"""A small convolutional network whose head sees where each band lies: the student."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Gt, Len
from torch import Tensor, nn

from edgespec.models import Channels

Width = Annotated[int, Gt(0)]


class Cnn(nn.Module):
    """Stages of convolution, batch normalisation, ReLU and max-pooling; then flatten and a linear head."""

    def __init__(self, points: int, classes: int, widths: Sequence[int], kernel: int, positions: int) -> None:
        super().__init__()
        self.positions = positions
        layers: list[nn.Module] = [Channels()]
        channels, length = 1, points
        for i, width in enumerate(widths):
            stride = 2 if i == 0 else 1
            conv = nn.Conv1d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
            length = (length - 1) // stride + 1
            pool = 2 if i < len(widths) - 1 else max(length // positions, 1)
            layers += [conv, nn.BatchNorm1d(width), nn.ReLU(), nn.MaxPool1d(pool)]
            channels, length = width, length // pool
        if length < 1:
            raise ValueError(f"{len(widths)} stages leave nothing of {points} points")
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(channels * length, classes)

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, width * positions)"""
        return self.body(x)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        convs = [layer for layer in self.body if isinstance(layer, nn.Conv1d)]
        widths = [conv.out_channels for conv in convs]
        return {"widths": widths, "kernel": convs[0].kernel_size[0], "positions": self.positions}

    @property
    def stages(self) -> int:
        """After how many stages the network can be left."""
        return len(self.keys()["widths"])

    def until(self, stage: int, positions: int) -> dict[str, Any]:
        """Give the keys of the network that ends after that stage."""
        whole = self.keys()
        return {**whole, "widths": whole["widths"][:stage], "positions": positions}


def build(
    *,
    points: int,
    classes: int,
    widths: Annotated[Sequence[Width], Len(1)] = (8, 16, 32),
    kernel: Annotated[int, Gt(0)] = 7,
    positions: Annotated[int, Gt(0)] = 16,
) -> Cnn:
    """A small convolutional network; flattened, because a band's position is the class (global pooling costs 13 to 40 points).

    widths: channels of the stages, one number a stage; the first stage halves the length by its stride, each by pooling.
    kernel: points that a convolution sees; odd.
    positions: places along the axis that the head tells apart.
    """
    if kernel % 2 == 0:
        raise ValueError(f"kernel {kernel} is even; an odd one keeps bands in their place")
    return Cnn(points, classes, list(widths), kernel, positions)
