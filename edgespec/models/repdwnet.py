"""A depthwise network that trains with several branches and runs with one: after RepDwNet, by the reparameterisation of RepVGG.

He, Zhou, Ren, Li, Xiong (2024), RepDwNet, Chemosensors 12(2), 29: kernels of several widths, depthwise separable convolutions, residual
connections, and branches that become one convolution once trained. Its table of layers was not at hand: widths, depths and kernels are
ours. Branches and their folding: Ding et al. (2021), RepVGG, arXiv:2101.03697, section 3.3.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Gt, Len
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import Channels, Pool

Number = Annotated[int, Gt(0)]


class Branches(nn.Module):
    """y = sum over k of norm_k(conv_k(x)), plus norm(x) where `through` (RepVGG, section 3.2); folded: one convolution with a bias."""

    def __init__(
        self,
        inward: int,
        out: int,
        kernels: Sequence[int],
        *,
        stride: int = 1,
        groups: int = 1,
        through: bool = False,
        folded: bool,
    ) -> None:
        super().__init__()
        kernels = [max(kernels)] if folded else kernels
        self.convs = nn.ModuleList(
            nn.Conv1d(inward, out, k, stride, padding=k // 2, groups=groups, bias=folded) for k in kernels
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(out) for _ in ([] if folded else kernels))
        self.through = nn.BatchNorm1d(out) if through and not folded else None

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, length) -> (n, out, length / stride)"""
        seen: list[Tensor] = [conv(x) for conv in self.convs]
        seen = [norm(each) for norm, each in zip(self.norms, seen, strict=True)] if len(self.norms) else seen
        total = seen[0]
        for each in [*seen[1:], *([] if self.through is None else [self.through(x)])]:
            total = total + each
        return total

    def folded(self) -> nn.Conv1d:
        """Give the one convolution that answers the same once training is over: W = sum pad(gamma W_k / sigma), b = sum (beta - mu gamma / sigma).

        The branch without a convolution is one whose kernel is 1 in the middle of each channel.
        """
        convs: list[Any] = list(self.convs)
        widest = max(convs, key=lambda conv: conv.kernel_size[0])
        (kernel,), (stride,), out = widest.kernel_size, widest.stride, widest.out_channels
        found = nn.Conv1d(widest.in_channels, out, kernel, stride, padding=kernel // 2, groups=widest.groups)
        weight, bias = torch.zeros_like(found.weight.data).double(), torch.zeros(out).double()
        for conv, norm in zip(convs, self.norms, strict=True) if len(self.norms) else []:
            scale, shift = _affine(norm)
            side = (kernel - conv.kernel_size[0]) // 2
            weight += functional.pad(conv.weight.data.double() * scale[:, None, None], (side, side))
            bias += shift
        if not len(self.norms):
            weight, bias = widest.weight.data.double(), widest.bias.data.double()
        if self.through is not None:
            scale, shift = _affine(self.through)
            own = torch.arange(out) % weight.shape[1]  # a channel's place within its group
            weight[torch.arange(out), own, kernel // 2] += scale
            bias += shift
        found.weight.data, found.bias.data = weight.float(), bias.float()  # type: ignore[union-attr]
        return found


class Block(nn.Module):
    """y = relu(depthwise branches(x)); relu(pointwise branches(y)): the branches without a convolution are the residual connections.

    The first block of a stage halves the length and has none.
    """

    def __init__(self, inward: int, out: int, kernels: Sequence[int], first: bool, folded: bool) -> None:
        super().__init__()
        more: Any = {"through": not first, "folded": folded}
        self.depthwise = Branches(inward, inward, kernels, stride=2 if first else 1, groups=inward, **more)
        self.pointwise = Branches(inward, out, [1], **more)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, length) -> (n, out, length / stride)"""
        return functional.relu(self.pointwise(functional.relu(self.depthwise(x))))


class RepDwNet(nn.Module):
    """Stem, stages of blocks whose first halves the length, mean over a few positions, a linear head."""

    def __init__(
        self,
        points: int,
        classes: int,
        stem: int,
        channels: Sequence[Sequence[int]],
        kernels: Sequence[int],
        positions: int,
        folded: bool,
    ) -> None:
        super().__init__()
        self.channels = Channels()
        self.stem = Branches(1, stem, kernels, stride=2, folded=folded)
        stages, inward, length = [], stem, (points - 1) // 2 + 1
        for stage in channels:
            blocks = []
            for b, width in enumerate(stage):
                blocks.append(Block(inward, width, kernels, b == 0, folded))
                inward = width
            stages.append(nn.Sequential(*blocks))
            length = (length - 1) // 2 + 1
        self.body = nn.Sequential(*stages)
        self.positions = positions
        self.places = nn.Sequential(Pool(length, min(positions, length)), nn.Flatten())
        self.head = nn.Linear(inward * min(positions, length), classes)
        self._keys = {"kernels": list(kernels), "folded": folded}

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, width of the last stage * positions)"""
        return self.places(self.body(functional.relu(self.stem(self.channels(x)))))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        stages: list[Any] = list(self.body)
        found = [[block.pointwise.convs[0].out_channels for block in stage] for stage in stages]
        first: Any = self.stem.convs[0]
        return {
            "widths": [stage[-1] for stage in found],
            "depths": [len(stage) for stage in found],
            "stem": first.out_channels,
            "channels": found,
            "positions": self.positions,
            **self._keys,
        }

    def reparameterised(self) -> RepDwNet | None:
        """Give the network with each sum of branches as one convolution; None where nothing is left to fold."""
        if self._keys["folded"]:
            return None
        found = copy.deepcopy(self).eval()
        for each in [layer for layer in found.modules() if isinstance(layer, Branches)]:
            each.convs = nn.ModuleList([each.folded()])
            each.norms, each.through = nn.ModuleList(), None
        found._keys = {**self._keys, "folded": True}
        return found


def build(
    *,
    points: int,
    classes: int,
    widths: Annotated[Sequence[Number], Len(1)] = (16, 32, 48),
    depths: Annotated[Sequence[Number], Len(1)] = (1, 2, 2),
    kernels: Annotated[Sequence[Number], Len(1)] = (9, 5, 3),
    positions: Annotated[int, Gt(0)] = 8,
    stem: Annotated[int, Gt(0)] | None = None,
    channels: list[list[int]] | None = None,
    folded: bool = False,
) -> RepDwNet:
    """Depthwise network with branches that fold into one convolution (after He et al. 2024); the step `reparameterise` folds them.

    widths: channels of the stages, one number a stage; each stage halves the length.
    depths: blocks of each stage.
    kernels: points that the branches see, side by side; odd.
    positions: places along the axis that the head tells apart; 1 is the global average.
    stem: channels of the first convolution; those of the first stage if not said.
    channels: of each block, a list a stage; the stage's width if not said; unequal ones within a stage only where `folded`.
    folded: one convolution for all branches, without normalisation, as it is after `reparameterise`.
    """
    if len(widths) != len(depths):
        raise ValueError(f"{len(widths)} widths, but {len(depths)} depths: one number a stage each")
    if even := [each for each in kernels if each % 2 == 0]:
        raise ValueError(f"kernel {even[0]} is even; an odd one keeps bands in their place")
    full = channels or [[width] * depth for width, depth in zip(widths, depths, strict=True)]
    if [len(stage) for stage in full] != list(depths) or min(map(min, full)) < 1:
        raise ValueError(f"channels {full}: the stages have {list(depths)} blocks, each of 1 channel or more")
    if not folded and any(len(set(stage)) > 1 for stage in full):
        raise ValueError(
            f"channels {full}: branches without a convolution tie the widths of a stage until they are folded"
        )
    return RepDwNet(points, classes, stem or widths[0], full, list(kernels), positions, folded)


def _affine(norm: Any) -> tuple[Tensor, Tensor]:
    """Give the factor and the summand of a normalisation that has seen its data, in double precision."""
    scale = norm.weight.data.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.data.double() - norm.running_mean.double() * scale
