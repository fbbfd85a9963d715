"""RamanNet of Ibtehaz et al.: each window of the spectrum has a dense layer of its own, so that a band's place is never forgotten.

Ibtehaz, Chowdhury, Khandakar, Kiranyaz, Rahman, Zughaier (2023), RamanNet: a generalized neural network architecture for Raman spectrum
analysis, Neural Comput. Appl., doi:10.1007/s00521-023-08700-z, arXiv:2201.09737. Another network of that name is Zhou's (RSC Adv. 2022).

The published training adds a triplet loss on the normalised embedding to the cross-entropy; edgespec trains by cross-entropy alone.
"""

from __future__ import annotations

import copy
from typing import Annotated, Any

import torch
from annotated_types import Gt, Interval
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import Dense

SLOPE = 0.3  # of LeakyReLU below zero: the published code leaves it at its library's default
DROPS = (1.0, 0.8, 0.5)  # the three published dropouts, 0.5, 0.4 and 0.25, as shares of the first


class Windows(nn.Module):
    """(n, points) -> (n, windows * width): windows of `length` points, a step of them apart, each through a dense layer of its own.

    One convolution in as many groups as there are windows. Zeros behind the spectrum fill the last window.
    """

    def __init__(self, points: int, length: int, step: int, width: int) -> None:
        super().__init__()
        self.count = max(-(-(points - length) // step), 0) + 1
        self.length, self.step = length, step
        self.missing = (self.count - 1) * step + length - points
        self.dense = nn.Conv1d(self.count * length, self.count * width, 1, groups=self.count)

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, windows * width, 1)"""
        return self.dense(self.cut(x).unsqueeze(-1))  # type: ignore[no-any-return]

    def cut(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, windows * length): the windows one behind the other."""
        x = functional.pad(x, (0, self.missing))
        pieces = x.reshape(
            -1, x.shape[1] // self.step, self.step
        )  # a window is several of them; the batch stays free in an export
        shifted = [pieces[:, i : i + self.count] for i in range(self.length // self.step)]
        return torch.cat(shifted, dim=2).flatten(1)

    def twin(self) -> nn.Module:
        """Give the layer with a two-dimensional convolution, for the exporter."""
        return _Plane(self)


class _Plane(nn.Module):
    """`Windows` with its convolution in two dimensions: (n, points) -> (n, windows * width, 1, 1)"""

    def __init__(self, windows: Windows) -> None:
        super().__init__()
        self.windows, one = copy.deepcopy(windows), windows.dense
        self.dense = nn.Conv2d(one.in_channels, one.out_channels, 1, groups=one.groups)
        self.dense.weight.data, self.dense.bias.data = one.weight.data.unsqueeze(2), _bias(one).data  # type: ignore[union-attr]
        del self.windows.dense

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.windows.cut(x)[:, :, None, None])  # type: ignore[no-any-return]


class RamanNet(nn.Module):
    """Windows, batch normalisation, LeakyReLU; a dense layer; the embedding; a linear head; dropout before each of the last three."""

    def __init__(
        self, points: int, classes: int, window: int, step: int, width: int, hidden: int, embedding: int, dropout: float
    ) -> None:
        super().__init__()
        self.windows = Windows(points, window, step, width)
        wide = self.windows.dense.out_channels
        self.norm, self.act, self.flat = nn.BatchNorm1d(wide), nn.LeakyReLU(SLOPE), nn.Flatten()
        self.hidden, self.embedding = Dense(wide, hidden), Dense(hidden, embedding)
        self.drops = nn.ModuleList(nn.Dropout(share * dropout) for share in DROPS)
        self.head = nn.Linear(embedding, classes)

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, embedding)"""
        first, second, last = self.drops
        x = first(self.flat(self.act(self.norm(self.windows(x)))))
        x = second(self.act(self.hidden(x)))
        return last(self.act(self.embedding(x)))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        first: Any = self.drops[0]
        return {
            "window": self.windows.length,
            "step": self.windows.step,
            "width": self.windows.dense.out_channels // self.windows.count,
            "hidden": self.hidden.linear.out_features,
            "embedding": self.embedding.linear.out_features,
            "dropout": first.p,
        }


def build(
    *,
    points: int,
    classes: int,
    window: Annotated[int, Gt(0)] = 50,
    step: Annotated[int, Gt(0)] = 25,
    width: Annotated[int, Gt(0)] = 8,
    hidden: Annotated[int, Gt(0)] = 64,
    embedding: Annotated[int, Gt(0)] = 32,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
) -> RamanNet:
    """RamanNet (Ibtehaz et al. 2023): a dense layer for each window of the spectrum, then two for all; without the triplet loss.

    window: points of a window; 50 as published.
    step: points from one window to the next; it divides the window; 25 as published.
    width: outputs of each window's dense layer; 25 as published.
    hidden: width of the layer that sees all windows; 512 as published.
    embedding: width of the layer behind it; 256 as published.
    dropout: share dropped behind the windows, in training; 0.8 and 0.5 of it behind the next two layers (0.5, 0.4, 0.25 as published).
    """
    if window % step:
        raise ValueError(f"step {step} does not divide window {window}")
    return RamanNet(points, classes, window, step, width, hidden, embedding, dropout)


def _bias(conv: nn.Conv1d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
