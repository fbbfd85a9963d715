"""PACE: the patch-based convolutional encoder for vibrational spectra, a one-dimensional ConvMixer.

Lu et al. (2024), Anal. Chem. 96(7), 2866-2873, doi:10.1021/acs.analchem.3c03889; blocks: Trockman, Kolter (2022), arXiv:2201.09792.
"""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval
from torch import Tensor, nn

from edgespec.models import Channels, Pool


class Block(nn.Module):
    """Depthwise convolution, batch normalisation, GELU; pointwise, batch normalisation, plus the input, GELU."""

    def __init__(self, dim: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim)
        self.norm = nn.BatchNorm1d(dim)
        self.pointwise = nn.Conv1d(dim, dim, 1)
        self.norm2 = nn.BatchNorm1d(dim)
        self.act = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        """(n, dim, length) -> the same shape"""
        y = self.act(self.norm(self.depthwise(x)))
        return self.act(self.norm2(self.pointwise(y)) + x)  # type: ignore[no-any-return]


class Pace(nn.Module):
    """Pooling, patches, blocks, mean over positions, a linear head."""

    def __init__(
        self,
        points: int,
        classes: int,
        dim: int,
        depth: int,
        kernel: int,
        patch: int,
        pool: int,
        overlap: int,
        overlapped: bool,
        positions: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.channels = Channels()
        self.pool = Pool(points, pool)
        stride = patch // 2 if overlapped else patch
        self.patches = nn.Conv1d(1, dim, patch + overlap, stride, padding=overlap // 2)
        self.norm = nn.BatchNorm1d(dim)
        self.act = nn.GELU()
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(dim, kernel) for _ in range(depth)))
        self.places = nn.Sequential(Pool(patches(pool, patch, overlapped), positions), nn.Flatten())
        self.head = nn.Linear(dim * positions, classes)
        self._keys: dict[str, Any] = {
            "kernel": kernel,
            "patch": patch,
            "pool": pool,
            "overlap": overlap,
            "positions": positions,
        }
        if overlapped:
            self._keys["overlapped"] = True

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, dim * positions)"""
        x = self.act(self.norm(self.patches(self.pool(self.channels(x)))))
        return self.places(self.blocks(self.dropout(x)))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        return {"dim": self.patches.out_channels, "depth": len(self.blocks), **self._keys, "dropout": self.dropout.p}

    @property
    def stages(self) -> int:
        """After how many places the network can be left: its blocks."""
        return len(self.blocks)

    def until(self, stage: int, positions: int) -> dict[str, Any]:
        """Give the keys of the network that ends after that block."""
        return {**self.keys(), "depth": stage, "positions": positions}


def build(
    *,
    points: int,
    classes: int,
    dim: Annotated[int, Gt(0)] = 256,
    depth: Annotated[int, Gt(0)] = 4,
    kernel: Annotated[int, Gt(0)] = 9,
    patch: Annotated[int, Gt(0)] = 16,
    pool: Annotated[int, Gt(0)] = 256,
    overlap: Annotated[int, Ge(0)] = 0,
    overlapped: bool = False,
    positions: Annotated[int, Gt(0)] = 1,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
) -> Pace:
    """The patch-based convolutional encoder (Lu et al. 2024): patches, then blocks that mix along the axis and across channels.

    dim: channels of every block; 1024 as published.
    depth: blocks.
    kernel: patches that a depthwise convolution sees; odd.
    patch: points of a patch; 16 as published, because most bands are narrower.
    pool: points that a spectrum is averaged to in front of the patches.
    overlap: points that a patch sees of its neighbours, half on each side; even; 0 as published.
    overlapped: patches of `patch` points begin every `patch` / 2 points and none reaches beyond the ends: the authors' option of that name.
    positions: places along the axis that the head tells apart; 1 is the global average, as published.
    dropout: share of the patches' channels dropped in training; 0.2 as published.
    """
    if kernel % 2 == 0 or overlap % 2:
        raise ValueError(f"kernel {kernel} must be odd and overlap {overlap} even: bands stay in their place")
    if pool % patch:
        raise ValueError(f"pool {pool} is not a multiple of patch {patch}")
    if overlapped and (overlap or patch < 2):
        raise ValueError(
            f"overlapped: patches of {patch} points overlap by half already, and overlap {overlap} is another way"
        )
    if positions > patches(pool, patch, overlapped):
        raise ValueError(f"positions {positions}, but there are only {patches(pool, patch, overlapped)} patches")
    return Pace(points, classes, dim, depth, kernel, patch, pool, overlap, overlapped, positions, dropout)


def patches(pool: int, patch: int, overlapped: bool) -> int:
    """Count the patches of a spectrum of `pool` points."""
    return (pool - patch) // (patch // 2) + 1 if overlapped else pool // patch
