"""A recurrent network that reads the spectrum from both ends: bidirectional LSTM over pieces of neighbouring points.

Hochreiter, Schmidhuber (1997), Neural Comput. 9(8), 1735-1780, with the forget gate of Gers et al. (2000); both directions: Graves,
Schmidhuber (2005), Neural Netw. 18, 602-610. An LSTM names marine microbes by their Raman spectra in Yu et al. (2021).

It leaves as ONNX's operator LSTM. Quantisers have no int8 LSTM, so in int8 files its weights stay float32 and only the head is rounded.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Gt, Interval
from torch import Tensor, nn
from torch.nn import functional


class Lstm(nn.Module):
    """Layers of LSTM, the last state of each direction side by side, a linear head.

    i, f, g, o = W x_t + V h_t-1 + b;  c_t = sigmoid(f) c_t-1 + sigmoid(i) tanh(g);  h_t = sigmoid(o) tanh(c_t)
    """

    def __init__(self, points: int, classes: int, piece: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.piece, self.missing = piece, -points % piece
        self.layers = nn.ModuleList(
            nn.LSTM(2 * width if i else piece, width, batch_first=True, bidirectional=True) for i in range(depth)
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, classes)

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, 2 * width)"""
        seen = functional.pad(x, (0, self.missing))
        seen = seen.reshape(-1, seen.shape[1] // self.piece, self.piece)  # the batch stays free in an export
        *before, last = self.layers
        for layer in before:
            seen = self.dropout(layer(seen)[0])
        states = last(seen)[1][0]
        return torch.cat([states[0], states[1]], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        width: Any = self.layers[0].hidden_size
        return {"piece": self.piece, "width": width, "depth": len(self.layers), "dropout": self.dropout.p}


def build(
    *,
    points: int,
    classes: int,
    piece: Annotated[int, Gt(0)] = 8,
    width: Annotated[int, Gt(0)] = 32,
    depth: Annotated[int, Gt(0)] = 1,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
) -> Lstm:
    """Bidirectional LSTM over pieces of the spectrum; zeros behind the spectrum fill the last piece; its weights stay float32 in int8 files.

    piece: neighbouring points that are read at once; 1 reads point by point, which takes as many steps as points.
    width: of the state, in each direction.
    depth: layers.
    dropout: share dropped between layers, in training.
    """
    return Lstm(points, classes, piece, width, depth, dropout)
