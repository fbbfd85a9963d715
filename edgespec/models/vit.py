"""A vision transformer along the spectral axis: patches of neighbouring points are its words.

Dosovitskiy et al. (2021), An image is worth 16x16 words, arXiv:2010.11929, equations 1 to 4; attention: Vaswani et al. (2017),
arXiv:1706.03762, equation 1. Blocks normalise first, as published.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt, Interval
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import Channels

SPREAD = 0.02  # standard deviation of the first position embeddings


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V in several heads side by side, and a linear layer over all of them."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.asked, self.given = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens, dim) -> the same shape"""
        n, tokens, dim = x.shape
        parts = self.asked(x).reshape(n, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        weights = torch.softmax(query @ key.transpose(-2, -1) / (dim // self.heads) ** 0.5, dim=-1)
        return self.given((weights @ value).transpose(1, 2).reshape(n, tokens, dim))  # type: ignore[no-any-return]

    def products(self, out: Tensor) -> int:
        """Count the multiply-accumulates of a forward pass beyond its linear layers, for the output (n, tokens, dim)."""
        return 2 * out.numel() * out.shape[1]


class Block(nn.Module):
    """x = x + attention(norm(x)); x = x + mlp(norm(x)) (eqs. 2, 3)."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm2, self.first, self.second = nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.act, self.dropout = nn.GELU(), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens, dim) -> the same shape"""
        x = x + self.dropout(self.attention(self.norm(x)))
        return x + self.dropout(self.second(self.act(self.first(self.norm2(x)))))  # type: ignore[no-any-return]


class ViT(nn.Module):
    """Patches, positions, blocks, layer normalisation, the class token or the mean over the patches, a linear head.

    The class token and its position embedding are only ever added, so they are one learnt vector here: the first of `places`.
    """

    def __init__(
        self,
        points: int,
        classes: int,
        patch: int,
        dim: int,
        depth: int,
        heads: int,
        hidden: int,
        pool: str,
        dropout: float,
    ) -> None:
        super().__init__()
        count = -(-points // patch)
        self.missing = count * patch - points
        self.channels, self.patches = Channels(), nn.Conv1d(1, dim, patch, patch)
        self.places = nn.Parameter(SPREAD * torch.randn(1, count + (pool == "token"), dim))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(dim, heads, hidden, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)
        self._keys = {"patch": patch, "dim": dim, "depth": depth, "heads": heads, "hidden": hidden, "pool": pool}

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, dim)"""
        words = self.patches(self.channels(functional.pad(x, (0, self.missing)))).flatten(2).transpose(1, 2)
        if self._keys["pool"] == "token":
            words = functional.pad(words, (0, 0, 1, 0))
        seen = self.norm(self.blocks(self.dropout(words + self.places)))
        return seen[:, 0] if self._keys["pool"] == "token" else seen.mean(dim=1)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        return {**self._keys, "dropout": self.dropout.p}


def build(
    *,
    points: int,
    classes: int,
    patch: Annotated[int, Gt(0)] = 16,
    dim: Annotated[int, Gt(0)] = 32,
    depth: Annotated[int, Gt(0)] = 2,
    heads: Annotated[int, Gt(0)] = 4,
    hidden: Annotated[int, Gt(0)] = 64,
    pool: Literal["token", "mean"] = "token",
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
) -> ViT:
    """Vision transformer along the axis (Dosovitskiy et al. 2021); zeros behind the spectrum fill the last patch.

    patch: points of a patch.
    dim: width of every block; 768 in ViT-B.
    depth: blocks; 12 in ViT-B.
    heads: of the attention, side by side; they divide dim; 12 in ViT-B.
    hidden: width inside a block's two-layer network; 4 dim in ViT-B.
    pool: "token", what the class token has become, as published, or "mean" over the patches.
    dropout: share dropped behind positions, attention and the two-layer network, in training.
    """
    if dim % heads:
        raise ValueError(f"heads {heads} do not divide dim {dim}")
    return ViT(points, classes, patch, dim, depth, heads, hidden, pool, dropout)
