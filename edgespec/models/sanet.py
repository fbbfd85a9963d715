"""SANet: a scale-adaptive network for bacterial Raman spectra, each block sees bands at six widths and weighs what they say.

Deng et al. (2021), Scale-adaptive deep model for bacterial Raman spectra identification, and the authors' repository, bacteria-SANet, for
widths and strides; squeeze and excitation: Hu et al. (2018), arXiv:1709.01507.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Gt, Interval, Len
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import Channels

Width = Annotated[int, Gt(0)]
EPS = 1e-3  # of the published normalisations


class MultiScale(nn.Module):
    """Branches b of kernel 3 + 2 b side by side, f = [norm_b(conv_b(x))]; y = relu(norm(conv1(f)) * s), s = sigmoid(W2 relu(W1 mean(f)))."""

    def __init__(self, inward: int, out: int, branches: int, reduction: int) -> None:
        super().__init__()
        kernels = [3 + 2 * b for b in range(branches)]
        self.convs = nn.ModuleList(nn.Conv1d(inward, out, k, 2, padding=k // 2, bias=False) for k in kernels)
        self.norms = nn.ModuleList(nn.BatchNorm1d(out, EPS) for _ in kernels)
        wide = out * branches
        self.squeeze, self.excite = (
            nn.Linear(wide, max(wide // reduction, 1)),
            nn.Linear(max(wide // reduction, 1), out),
        )
        self.mix, self.norm = nn.Conv1d(wide, out, 1, bias=False), nn.BatchNorm1d(out, EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, length) -> (n, out, length / 2)"""
        seen = torch.cat([norm(conv(x)) for conv, norm in zip(self.convs, self.norms, strict=True)], dim=1)
        along = tuple(range(2, x.ndim))
        weights = torch.sigmoid(self.excite(functional.relu(self.squeeze(seen.mean(dim=along)))))
        return functional.relu(self.norm(self.mix(seen)) * weights[(..., *(None for _ in along))])


class SaNet(nn.Module):
    """Multi-scale blocks, each of which halves the length; a narrow convolution; dropout; flattened; a linear head."""

    def __init__(
        self, points: int, classes: int, widths: Sequence[int], branches: int, reduction: int, top: int, dropout: float
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = [Channels()]
        inward, length = 1, points
        for width in widths:
            blocks.append(MultiScale(inward, width, branches, reduction))
            inward, length = width, (length - 1) // 2 + 1
        self.body = nn.Sequential(*blocks)
        self.narrow = nn.Sequential(nn.Conv1d(inward, top, 1, bias=False), nn.BatchNorm1d(top, EPS))
        self.dropout, self.flat = nn.Dropout(dropout), nn.Flatten()
        self.head = nn.Linear(top * length, classes)
        self._keys = {"branches": branches, "reduction": reduction}

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, top * length)"""
        return self.flat(self.dropout(self.narrow(self.body(x))))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        widths = [each.mix.out_channels for each in self.body if isinstance(each, MultiScale)]
        top: Any = self.narrow[0]
        return {"widths": widths, **self._keys, "top": top.out_channels, "dropout": self.dropout.p}


def build(
    *,
    points: int,
    classes: int,
    widths: Annotated[Sequence[Width], Len(1)] = (8, 16, 24, 32),
    branches: Annotated[int, Gt(0)] = 6,
    reduction: Annotated[int, Gt(0)] = 16,
    top: Annotated[int, Gt(0)] = 16,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.5,
) -> SaNet:
    """Scale-adaptive network (Deng et al. 2021): six kernels side by side, weighed by squeeze and excitation.

    widths: channels of the blocks; [16, 32, 64, 128, 192] as published.
    branches: convolutions side by side, of 3, 5, 7, ... points; 6 as published.
    reduction: how much narrower the sub-network of the weights is than all branches together; 16 as published.
    top: channels that are flattened for the head; 32 as published.
    dropout: share of them dropped in training.
    """
    return SaNet(points, classes, list(widths), branches, reduction, top, dropout)
