"""Choose the channels that stay where a network is narrowed: the strongest of each layer; `channel_groups` takes the others out.

A channel is as strong as what is read of it: the L2 norm of the weights that read it (Li et al. 2017, arXiv:1608.08710) times the
scale of the batch normalisation between (Liu et al. 2017, arXiv:1708.06519); how it is written does not count, because the
normalisation undoes it. Where several layers read the same channel, each is scaled to a mean of 1 and they are added.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from edgespec.compression.pruning import channel_groups
from edgespec.models.cnn import Cnn
from edgespec.models.drsn import Drsn
from edgespec.models.pace import Pace

Gone = dict[str, list[int]]


def narrowed(
    name: str, network: Any, points: int, share: float, multiple: int
) -> tuple[nn.Module, dict[str, list[int]]]:
    """Give a network of the same kind with about that share of every layer's channels, and which of them were kept.

    name: one of KINDS; share: of the channels, above 0 and up to 1, which changes nothing
    multiple: of which every count of channels is one, where there are as many
    Raises what `channel_groups.without` does.
    """
    choice = _Choice(share, multiple)
    KINDS[name](network, choice)
    return channel_groups.without(name, network, points, choice.gone), choice.kept


def strength(reader: nn.Module, norm: nn.Module | None = None) -> Tensor:
    """(channels,): how strongly a layer reads each channel, with a mean of 1; norm: the batch normalisation in front of it"""
    weight: Tensor = reader.weight.detach()  # type: ignore[operator]
    return _scaled(weight.transpose(0, 1).flatten(1).norm(dim=1), norm)


def at_head(head: nn.Linear, channels: int, norm: nn.Module | None = None) -> Tensor:
    """(channels,): how strongly the head reads each channel, at all the places that it tells apart."""
    return _scaled(head.weight.detach().reshape(head.out_features, channels, -1).norm(dim=(0, 2)), norm)


def strongest(found: Tensor, n: int) -> list[int]:
    """Give the n strongest channels, in their order. found: (channels,)"""
    return found.argsort(descending=True, stable=True)[:n].sort().values.tolist()


def _scaled(found: Tensor, norm: Any) -> Tensor:
    scaled = found if norm is None else found * norm.weight.detach().abs()
    return scaled / scaled.mean().clamp_min(torch.finfo(scaled.dtype).tiny)


class _Choice:
    """What stays, by what it is called in tables, and what goes, by the group that loses it."""

    def __init__(self, share: float, multiple: int) -> None:
        self.share, self.multiple = share, multiple
        self.kept: dict[str, list[int]] = {}
        self.gone: Gone = {}

    def count(self, width: int) -> int:
        """Give how many of so many channels stay: the nearest multiple, at least one, at most all."""
        nearest = int(self.share * width / self.multiple + 0.5)
        return width if self.share == 1 else min(width, max(nearest, 1) * self.multiple)

    def keep(self, what: str, found: Tensor) -> None:
        """Keep the strongest channels of a group."""
        self.kept[what] = strongest(found, self.count(len(found)))
        self.gone[what] = _others(range(len(found)), self.kept[what])


def _others(channels: Iterable[int], kept: Collection[int]) -> list[int]:
    return [each for each in channels if each not in kept]


def _cnn(network: Cnn, choice: _Choice) -> None:
    """Each stage is read by the next one's convolution, the last by the head."""
    layers: list[Any] = list(network.body)
    convs = [i for i, each in enumerate(layers) if isinstance(each, nn.Conv1d)]
    for stage, (here, following) in enumerate(pairwise(convs), start=1):
        choice.keep(f"stage {stage}", strength(layers[following], layers[here + 1]))
    last, norm = layers[convs[-1]], layers[convs[-1] + 1]
    choice.keep(f"stage {len(convs)}", at_head(network.head, last.out_channels, norm))


def _pace(network: Pace, choice: _Choice) -> None:
    """The residual ties all blocks to the same channels; each block's pointwise convolution and the head read them."""
    found = at_head(network.head, network.patches.out_channels)
    for block in network.blocks:
        found = found + strength(block.pointwise, block.norm)  # type: ignore[arg-type]
    choice.keep("every block", found)


def _drsn(network: Drsn, choice: _Choice) -> None:
    """Blocks of a stage share their channels, those inside a block are its own."""
    body: Any = network.body
    stages: list[list[Any]] = [list(stage) for stage in body]
    streams = _streams(network, stages, choice)
    for s, (blocks, out) in enumerate(zip(stages, streams, strict=True)):
        choice.kept[f"stage {s + 1}"] = out
        start, width = blocks[0].before, blocks[0].conv2.out_channels
        if s == 0:
            choice.gone["stage 1"] = _others(range(width), out)
        else:
            end = width - blocks[0].after
            choice.gone[f"stage {s + 1} front"] = _others(range(start), out)
            choice.gone[f"stage {s + 1} back"] = [each - end for each in _others(range(end, width), out)]
        for b, block in enumerate(blocks):
            title = f"block {s + 1}.{b + 1}"
            choice.keep(f"{title} inner", strength(block.conv2, block.norm2))
            choice.keep(f"{title} hidden", strength(block.shrink.second, block.shrink.norm))


def _streams(network: Drsn, stages: list[list[Any]], choice: _Choice) -> list[list[int]]:
    """Choose the channels that run along each stage, so that the zero-padded shortcut still finds its own.

    A shortcut puts the channels of one stage into the middle of the next one's. So a stage keeps those there that the one before
    kept, and of its front and of its back the strongest, as many as a symmetric padding adds on that side.
    """
    widths = [blocks[-1].conv2.out_channels for blocks in stages]
    read = [torch.zeros(width) for width in widths]
    for s, blocks in enumerate(stages):
        for b, block in enumerate(blocks):
            at = s if b else max(s - 1, 0)
            read[at] = read[at] + strength(block.conv, block.norm)
    read[-1] = read[-1] + at_head(network.head, widths[-1], network.norm)
    starts = [blocks[0].before for blocks in stages]
    for s in range(len(stages) - 2, -1, -1):  # whoever reads a later stage reads what this one hands on to it
        read[s] = read[s] + read[s + 1][starts[s + 1] : starts[s + 1] + widths[s]]
    found = [strongest(read[0], choice.count(widths[0]))]
    for s in range(1, len(stages)):
        start, end, kept = starts[s], starts[s] + widths[s - 1], len(found[-1])
        more = min(max(choice.count(widths[s]) - kept, 0), widths[s] - widths[s - 1])
        front, back = strongest(read[s][:start], more // 2), strongest(read[s][end:], more - more // 2)
        found.append([*front, *(start + each for each in found[-1]), *(end + each for each in back)])
    return found


KINDS: dict[str, Callable[[Any, _Choice], None]] = {"cnn": _cnn, "drsn": _drsn, "pace": _pace}
