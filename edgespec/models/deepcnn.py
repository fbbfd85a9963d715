"""The deep convolutional network of Liu et al. for Raman spectra: the first that named minerals without preprocessing.

Liu, Osadchy, Ashton, Foster, Solomon, Gibson (2017), Analyst 142, 4067-4074, arXiv:1708.09022; after LeNet-5. The kernels (21, 11, 5),
the channels and the dense layer give the 15.91 M parameters that a later benchmark counts (arXiv:2601.16107: 1024 points, 15 classes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Gt, Interval, Len
from torch import Tensor, nn

from edgespec.models import Channels

Number = Annotated[int, Gt(0)]


class DeepCnn(nn.Module):
    """Blocks of convolution, batch normalisation, LeakyReLU, max-pooling; a dense layer with tanh; dropout; a linear head."""

    def __init__(
        self,
        points: int,
        classes: int,
        widths: Sequence[int],
        kernels: Sequence[int],
        hidden: int,
        slope: float,
        dropout: float,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [Channels()]
        inward, length = 1, points
        for width, kernel in zip(widths, kernels, strict=True):
            layers += [nn.Conv1d(inward, width, kernel), nn.BatchNorm1d(width), nn.LeakyReLU(slope), nn.MaxPool1d(2)]
            inward, length = width, (length - kernel + 1) // 2
            if length < 1:
                raise ValueError(f"kernels {list(kernels)} leave nothing of {points} points")
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.dense = nn.Linear(inward * length, hidden)
        self.tanh, self.dropout = nn.Tanh(), nn.Dropout(dropout)
        self.head = nn.Linear(hidden, classes)
        self.slope = slope

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, hidden)"""
        return self.tanh(self.dense(self.body(x)))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.dropout(self.features(x)))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        convs = [layer for layer in self.body if isinstance(layer, nn.Conv1d)]
        return {
            "widths": [conv.out_channels for conv in convs],
            "kernels": [conv.kernel_size[0] for conv in convs],
            "hidden": self.dense.out_features,
            "slope": self.slope,
            "dropout": self.dropout.p,
        }


def build(
    *,
    points: int,
    classes: int,
    widths: Annotated[Sequence[Number], Len(1)] = (16, 32, 64),
    kernels: Annotated[Sequence[Number], Len(1)] = (21, 11, 5),
    hidden: Annotated[int, Gt(0)] = 128,
    slope: Annotated[float, Interval(ge=0, lt=1)] = 0.01,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
) -> DeepCnn:
    """The deep CNN for Raman spectra (Liu et al. 2017): three convolutions without padding, a dense layer with tanh.

    widths: channels of the convolutions; [16, 32, 64] as published.
    kernels: points that each convolution sees; [21, 11, 5] as published.
    hidden: width of the dense layer; 2048 as published, which is nearly all of the network.
    slope: of LeakyReLU below zero; ours.
    dropout: share of the dense layer's outputs dropped in training.
    """
    if len(widths) != len(kernels):
        raise ValueError(f"{len(widths)} widths, but {len(kernels)} kernels: one number a convolution each")
    return DeepCnn(points, classes, list(widths), list(kernels), hidden, slope, dropout)
