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

    def __init__(self, points: int, classes: int, keys: dict[str, Any]) -> None:
        super().__init__()
        self._keys = keys
        widths, pools = keys["widths"], keys["pools"]
        layers: list[nn.Module] = [Channels()]
        channels, length = 1, points
        for i, width in enumerate(widths):
            kernel, stride = (keys["stem"], keys["stride"]) if i == 0 else (keys["kernel"], 1)
            conv = nn.Conv1d(channels, width, kernel, stride, padding=kernel // 2, bias=False)
            length = (length - 1) // stride + 1
            pool = pools[i] if i < len(widths) - 1 else max(length // keys["positions"], 1)
            layers += [conv, nn.BatchNorm1d(width), nn.ReLU(), nn.MaxPool1d(pool) if pool > 1 else nn.Identity()]
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
        """What `build` needs to make this very network again; the widths are those that pruning has left."""
        widths = [layer.out_channels for layer in self.body if isinstance(layer, nn.Conv1d)]
        return {**self._keys, "widths": widths}

    @property
    def stages(self) -> int:
        """After how many stages the network can be left."""
        return len(self._keys["widths"])

    def until(self, stage: int, positions: int) -> dict[str, Any]:
        """Give the keys of the network that ends after that stage."""
        whole = self.keys()
        ends = {"widths": whole["widths"][:stage], "pools": whole["pools"][: stage - 1]}
        return {**whole, **ends, "positions": positions}


def build(
    *,
    points: int,
    classes: int,
    widths: Annotated[Sequence[Width], Len(1)] = (8, 16, 32),
    kernel: Annotated[int, Gt(0)] = 7,
    positions: Annotated[int, Gt(0)] = 16,
    stem: Annotated[int, Gt(0)] | None = None,
    stride: Annotated[int, Gt(0)] = 2,
    pools: Sequence[Width] | None = None,
) -> Cnn:
    """A small convolutional network; flattened, because a band's position is the class (global pooling costs 13 to 40 points).

    widths: channels of the stages, one number a stage.
    kernel: points that a convolution sees; odd.
    positions: places along the axis that the head tells apart.
    stem: points that the first convolution sees, odd; `kernel` if not said.
    stride: points from one window of the first convolution to the next: 4 or 8, with a wide stem, makes a fast network.
    pools: places that are pooled to one after each stage but the last; 2 each if not said.
    """
    stem, pools = stem or kernel, list(pools or [2] * (len(widths) - 1))
    for name, odd in (("kernel", kernel), ("stem", stem)):
        if odd % 2 == 0:
            raise ValueError(f"{name} {odd} is even; an odd one keeps bands in their place")
    if stem < stride:
        raise ValueError(f"a stem of {stem} points with stride {stride} leaves points unseen")
    if len(pools) != len(widths) - 1:
        raise ValueError(
            f"{len(widths)} widths need {len(widths) - 1} pools, one after each stage but the last; not {len(pools)}"
        )
    keys = {"widths": list(widths), "kernel": kernel, "positions": positions}
    return Cnn(points, classes, {**keys, "stem": stem, "stride": stride, "pools": pools})
