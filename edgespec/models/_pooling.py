"""Average pooling to a fixed number of places, whatever the length: what PyTorch calls adaptive, in operators that every runtime has."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pool(nn.Module):
    """(..., length) -> (..., places): means over windows floor(i L / P) to ceil((i + 1) L / P), as AdaptiveAvgPool1d takes them.

    Where the places divide the length it is plain average pooling, else the product with a constant matrix, because
    exporters know no other form of it that has a fixed opset.
    """

    def __init__(self, length: int, places: int) -> None:
        super().__init__()
        self.places = places
        self.plain = nn.AvgPool1d(length // places) if length % places == 0 else None
        if self.plain is None:
            self.register_buffer("means", means(length, places), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., length) -> (..., places)"""
        return self.plain(x) if self.plain is not None else x @ self.means  # type: ignore[operator]


def means(length: int, places: int) -> Tensor:
    """Give the matrix (length, places) whose column i averages the window of place i."""
    found = torch.zeros(length, places)
    for i in range(places):
        start, end = i * length // places, -(-(i + 1) * length // places)
        found[start:end, i] = 1 / (end - start)
    return found
