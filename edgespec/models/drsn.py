"""Deep residual shrinkage network: residual blocks that learn, for each spectrum, below which threshold a feature is noise.

Zhao, Zhong, Fu, Tang, Pecht (2020), IEEE Trans. Ind. Inform. 16(7), 4681-4690, doi:10.1109/TII.2019.2943898; equations 9 to 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt, Len
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import Channels, Pool

Width = Annotated[int, Gt(0)]
Widths = list[list[Width]]
Kind = Literal["cw", "cs"]


class Shrink(nn.Module):
    """Soft-threshold the features; the threshold is a learnt share (0 to 1) of their mean absolute value.

    cw: a threshold a channel, tau_c = alpha_c mean|x_c| (eq. 11, 12); cs: one for all, tau = alpha mean|x| (eq. 13, 14).
    The sub-network is FC, batch normalisation, ReLU, FC, sigmoid, as wide as the features (ratio 1).
    """

    def __init__(self, channels: int, hidden: int, kind: str) -> None:
        super().__init__()
        self.mean = nn.AdaptiveAvgPool1d(1)
        self.first = nn.Conv1d(channels, hidden, 1)
        self.norm = nn.BatchNorm1d(hidden)
        self.second = nn.Conv1d(hidden, channels if kind == "cw" else 1, 1)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, length) -> the same shape"""
        size = self.mean(x.abs())
        share = torch.sigmoid(self.second(functional.relu(self.norm(self.first(size)))))
        threshold = share * (size if self.kind == "cw" else size.mean(dim=1, keepdim=True))
        return soft(x, threshold)

    def twin(self) -> nn.Module:
        """Give the same for export: on (n, channels, 1, length), the sub-network as two matrix products, its normalisation folded in."""
        return _FlatShrink(self)


class _FlatShrink(nn.Module):
    """One-by-one convolutions of a single place would leave and enter the runtimes' fast layout twice a block."""

    def __init__(self, shrink: Shrink) -> None:
        super().__init__()
        norm, self.kind = shrink.norm, shrink.kind
        self.first, self.second = (
            nn.Linear(each.in_channels, each.out_channels) for each in (shrink.first, shrink.second)
        )
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.first.weight.data = shrink.first.weight.data.flatten(1) * scale.data[:, None]
        self.first.bias.data = ((_bias(shrink.first) - norm.running_mean) * scale + norm.bias).data
        self.second.weight.data, self.second.bias.data = shrink.second.weight.data.flatten(1), _bias(shrink.second).data

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, 1, length) -> the same shape"""
        size = x.abs().mean(dim=(2, 3))
        share = torch.sigmoid(self.second(functional.relu(self.first(size))))
        threshold = share * (size if self.kind == "cw" else size.mean(dim=1, keepdim=True))
        return soft(x, threshold[:, :, None, None])


def soft(x: Tensor, threshold: Tensor) -> Tensor:
    """Give sign(x) max(|x| - threshold, 0), the threshold not negative, as three operators that every runtime vectorises (eq. 9)."""
    return x - torch.maximum(torch.minimum(x, threshold), -threshold)


def _bias(conv: nn.Conv1d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


class Block(nn.Module):
    """RSBU: batch normalisation, ReLU, convolution, twice; shrinkage; plus a shortcut without weights."""

    def __init__(self, inward: int, out: int, inner: int, hidden: int, kernel: int, stride: int, kind: str) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inward)
        self.conv = nn.Conv1d(inward, inner, kernel, stride, padding=kernel // 2)
        self.norm2 = nn.BatchNorm1d(inner)
        self.conv2 = nn.Conv1d(inner, out, kernel, padding=kernel // 2)
        self.shrink = Shrink(out, hidden, kind)
        self.every = nn.AvgPool1d(1, stride) if stride > 1 else nn.Identity()
        self.before, self.after = (out - inward) // 2, out - inward - (out - inward) // 2

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, length) -> (n, out, length / stride)"""
        y = self.conv(functional.relu(self.norm(x)))
        y = self.shrink(self.conv2(functional.relu(self.norm2(y))))
        return y + self.shortcut(x)  # type: ignore[no-any-return]

    def shortcut(self, x: Tensor) -> Tensor:
        """Take every second point where the stride is 2; pad new channels with zeros, half before and half behind."""
        x = self.every(x)
        if not (self.before or self.after):
            return x
        return functional.pad(x, (*(0, 0) * (x.ndim - 2), self.before, self.after))


class Drsn(nn.Module):
    """Stem, stages of shrinkage blocks, batch normalisation, ReLU, mean over a few positions, a linear head."""

    behind = "norm"  # the normalisation behind the last stage

    def __init__(
        self,
        points: int,
        classes: int,
        widths: Sequence[int],
        inner: Widths,
        hidden: Widths,
        kind: str,
        kernel: int,
        stem: int,
        stride: int,
        fold: int,
        positions: int,
    ) -> None:
        super().__init__()
        self.channels = Channels()
        # `fold` neighbouring points as channels, then a convolution over them: one convolution, `fold` times as wide and as far
        self.stem = nn.Conv1d(1, widths[0], stem * fold, stride * fold, padding=stem // 2 * fold)
        length = (points + 2 * (stem // 2) * fold - stem * fold) // (stride * fold) + 1
        stages, inward = [], widths[0]
        for width, ins, hids in zip(widths, inner, hidden, strict=True):
            blocks = []
            for i, (a, b) in enumerate(zip(ins, hids, strict=True)):
                blocks.append(Block(inward, width, a, b, kernel, 2 if i == 0 else 1, kind))
                inward = width
            stages.append(nn.Sequential(*blocks))
            length = (length - 1) // 2 + 1
        self.body = nn.Sequential(*stages)
        self.norm = nn.BatchNorm1d(inward)
        self.places = nn.Sequential(nn.ReLU(), Pool(length, min(positions, length)), nn.Flatten())
        self.head = nn.Linear(inward * min(positions, length), classes)
        self._keys = {
            "kind": kind,
            "kernel": kernel,
            "stem": stem,
            "stride": stride,
            "fold": fold,
            "positions": positions,
        }

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, width * positions)"""
        return self.places(self.norm(self.body(self.stem(self.channels(x)))))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again, each block as it is."""
        found: list[list[Any]] = [list(stage.children()) for stage in self.body]
        inner = [[block.conv.out_channels for block in stage] for stage in found]
        return {
            "widths": [stage[-1].conv2.out_channels for stage in found],
            "depths": [len(stage) for stage in found],
            **self._keys,
            "inner": inner,
            "hidden": [[block.shrink.first.out_channels for block in stage] for stage in found],
        }

    @property
    def stages(self) -> int:
        """After how many stages the network can be left."""
        return len(self.body)

    def until(self, stage: int, positions: int) -> dict[str, Any]:
        """Give the keys of the network that ends after that stage."""
        whole = self.keys()
        cut = {key: whole[key][:stage] for key in ("widths", "depths", "inner", "hidden")}
        return {**whole, **cut, "positions": positions}


def build(
    *,
    points: int,
    classes: int,
    widths: Annotated[Sequence[Width], Len(1)] = (16, 32, 64),
    depths: Annotated[Sequence[Width], Len(1)] = (4, 4, 4),
    kind: Kind = "cw",
    kernel: Annotated[int, Gt(0)] = 3,
    stem: Annotated[int, Gt(0)] = 3,
    stride: Annotated[int, Gt(0)] = 2,
    fold: Annotated[int, Gt(0)] = 1,
    positions: Annotated[int, Gt(0)] = 16,
    inner: Widths | None = None,
    hidden: Widths | None = None,
) -> Drsn:
    """Deep residual shrinkage network (Zhao et al. 2020), one-dimensional; each stage halves the length.

    widths: channels of the stages, growing or equal; [4, 8, 16] as published.
    depths: blocks of each stage; [4, 4, 4] as published.
    kind: thresholds, "cw" a channel (RSBU-CW) or "cs" one for all channels (RSBU-CS).
    kernel: points that a block's convolution sees; odd.
    stem: points that the first convolution sees; odd.
    stride: points between those where the first convolution looks, 2 as published.
    fold: neighbouring points that become channels in front of the first convolution; 1 folds nothing.
    positions: places along the axis that the head tells apart; 1 is the global average, as published (costs 13 to 18 points).
    inner: channels between the two convolutions of each block, a list a stage; the stage's width if not said.
    hidden: width of each block's threshold sub-network, a list a stage; the stage's width if not said.
    """
    if len(widths) != len(depths):
        raise ValueError(f"{len(widths)} widths, but {len(depths)} depths: one number a stage each")
    if list(widths) != sorted(widths):
        raise ValueError(
            f"widths {list(widths)}: the shortcut pads channels, so a stage is never narrower than the one before"
        )
    if kernel % 2 == 0 or stem % 2 == 0:
        raise ValueError(f"kernel {kernel}, stem {stem}: odd ones keep bands in their place")
    full = [[width] * depth for width, depth in zip(widths, depths, strict=True)]
    for name, given in (("inner", inner), ("hidden", hidden)):
        if given is not None and [len(each) for each in given] != list(depths):
            raise ValueError(
                f"{name} has {[len(each) for each in given]} numbers, the stages have {list(depths)} blocks"
            )
    return Drsn(
        points, classes, list(widths), inner or full, hidden or full, kind, kernel, stem, stride, fold, positions
    )
