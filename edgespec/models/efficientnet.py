"""One-dimensional EfficientNet: inverted residual blocks with squeeze-and-excitation; the teacher.

Tan, Le (2019), EfficientNet, arXiv:1905.11946; blocks: Sandler et al. (2018), arXiv:1801.04381; Hu et al. (2018), arXiv:1709.01507.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt
from torch import Tensor, nn

from edgespec.models import Channels

# expansion, channels, repeats, first stride, kernel: Table 1 of the paper (B0), with kernels of 3 and 5 points along the axis
STAGES = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
]
STEM, TOP, STEM_KERNEL, FLAT = 32, 1280, 7, 32
ACTIVATIONS = {"silu": nn.SiLU, "relu": nn.ReLU}
# what each block is: channels in, expanded, squeezed, out; kernel; stride
Block = tuple[int, int, int, int, int, int]


class SqueezeExcite(nn.Module):
    """Weigh the channels by what all positions together say (Hu et al., eqs. 2 to 4)."""

    def __init__(self, channels: int, squeezed: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.reduce = nn.Conv1d(channels, squeezed, 1)
        self.act = activation()
        self.expand = nn.Conv1d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, length) -> the same shape"""
        weights = self.expand(self.act(self.reduce(x.mean(dim=-1, keepdim=True))))
        return x * torch.sigmoid(weights)


class MBConv(nn.Module):
    """Expand, depthwise convolution, squeeze-and-excitation, project; with a shortcut where shapes agree."""

    def __init__(self, block: Block, activation: type[nn.Module]) -> None:
        super().__init__()
        inward, expanded, squeezed, out, kernel, stride = block
        layers = [] if expanded == inward else [*_conv(inward, expanded, 1, 1, 1), activation()]
        layers += [*_conv(expanded, expanded, kernel, stride, expanded), activation()]
        layers += [SqueezeExcite(expanded, squeezed, activation), *_conv(expanded, out, 1, 1, 1)]
        self.layers = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inward == out

    @property
    def block(self) -> Block:
        """What it is, read from the live layers."""
        convs: list[Any] = [each for each in self.layers if isinstance(each, nn.Conv1d)]
        deep, last = convs[-2:]
        squeezed = next(each.reduce.out_channels for each in self.layers if isinstance(each, SqueezeExcite))
        kernel, stride = deep.kernel_size[0], deep.stride[0]
        return convs[0].in_channels, deep.out_channels, squeezed, last.out_channels, kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, length) -> (n, out, length / stride)"""
        y: Tensor = self.layers(x)
        return x + y if self.shortcut else y


class EfficientNet(nn.Module):
    """Stem, blocks, top and a linear head on the flattened or averaged features."""

    def __init__(
        self,
        points: int,
        classes: int,
        stem: int,
        blocks: Sequence[Block],
        top: int,
        head: str,
        dropout: float,
        activation: str,
    ):
        super().__init__()
        act = ACTIVATIONS[activation]
        layers: list[nn.Module] = [Channels(), *_conv(1, stem, STEM_KERNEL, 2, 1), act()]
        layers += [MBConv(block, act) for block in blocks]
        layers += [*_conv(blocks[-1][3], top, 1, 1, 1), act()]
        if head == "gap":
            layers.append(nn.AdaptiveAvgPool1d(1))
        self.body = nn.Sequential(*layers, nn.Flatten())
        length = 1 if head == "gap" else math.ceil(points / 2 / math.prod(block[5] for block in blocks))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(top * length, classes)
        self._keys = {"head": head, "dropout": dropout, "activation": activation}

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, width)"""
        return self.body(x)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.dropout(self.features(x)))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again: each block as it is."""
        convs = [layer for layer in self.body if isinstance(layer, nn.Conv1d)]
        blocks = [list(layer.block) for layer in self.body if isinstance(layer, MBConv)]
        return {"layout": [convs[0].out_channels, *blocks, convs[-1].out_channels], **self._keys}


def build(
    *,
    points: int,
    classes: int,
    width: Annotated[float, Gt(0)] = 0.25,
    depth: Annotated[float, Gt(0)] = 0.5,
    head: Literal["gap", "flat"] = "flat",
    dropout: float = 0.2,
    activation: Literal["silu", "relu"] = "silu",
    layout: list[int | list[int]] | None = None,
) -> EfficientNet:
    """One-dimensional EfficientNet-B0, scaled (Tan, Le 2019).

    width: multiplier of the channels; 1 is B0.
    depth: multiplier of the blocks in a stage; 1 is B0.
    head: "flat" keeps the position of each band (1x1 convolution to 32 channels, flattened); "gap" averages over positions, as published.
    dropout: share of features dropped in training.
    activation: silu as published; relu is faster in int8.
    layout: the exact network (stem, [in, expanded, squeezed, out, kernel, stride] a block, top); overrides width and depth.
    """
    if layout is None:
        stem, top = _round(STEM * width), FLAT if head == "flat" else _round(TOP * width)
        return EfficientNet(points, classes, stem, _blocks(stem, width, depth), top, head, dropout, activation)
    blocks = [each for each in layout if isinstance(each, list)]
    ends = [each for each in layout if isinstance(each, int)]
    if len(ends) != 2 or not blocks or any(len(each) != 6 for each in blocks):
        raise ValueError("layout is [stem, [in, expanded, squeezed, out, kernel, stride], ..., top]")
    _check_layout(ends, blocks)
    return EfficientNet(points, classes, ends[0], [tuple(each) for each in blocks], ends[1], head, dropout, activation)  # type: ignore[misc]


def _check_layout(ends: list[int], blocks: list[list[int]]) -> None:
    before = ends[0]
    for number, block in enumerate(blocks, start=1):
        if min(*ends, *block) < 1 or block[4] % 2 == 0:
            raise ValueError(f"layout: block {number} is {block}: all numbers are at least 1, and a kernel is odd")
        if block[0] != before:
            raise ValueError(f"layout: block {number} takes {block[0]} channels, but {before} come out before it")
        before = block[3]


def _blocks(stem: int, width: float, depth: float) -> list[Block]:
    blocks: list[Block] = []
    inward = stem
    for expansion, channels, repeats, first_stride, kernel in STAGES:
        out = _round(channels * width)
        for i in range(math.ceil(repeats * depth)):
            blocks.append((inward, inward * expansion, max(inward // 4, 1), out, kernel, first_stride if i == 0 else 1))
            inward = out
    return blocks


def _conv(inward: int, out: int, kernel: int, stride: int, groups: int) -> list[nn.Module]:
    conv = nn.Conv1d(inward, out, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm1d(out)]


def _round(channels: float) -> int:
    """Round to a multiple of 8, never more than a tenth down (the reference implementation's rule)."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
