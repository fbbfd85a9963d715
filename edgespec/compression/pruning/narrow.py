"""Take the weakest channels out of a network: the strongest keep their weights, and nothing else is changed.

A channel is as strong as what is read of it: the L2 norm of the weights that read it (Li et al. 2017, arXiv:1608.08710) times the
scale of the batch normalisation between (Liu et al. 2017, arXiv:1708.06519); how it is written does not count, because the
normalisation undoes it. Where several layers read the same channel, each is scaled to a mean of 1 and they are added.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from edgespec import models
from edgespec.models.cnn import Cnn
from edgespec.models.drsn import Drsn
from edgespec.models.pace import Pace
from edgespec.recipe import Call

Kept = dict[str, Tensor]
Keys = dict[str, Any]


def narrowed(name: str, network: Any, points: int, share: float, multiple: int) -> tuple[nn.Module, dict[str, Any]]:
    """Give a network of the same kind with about that share of every layer's channels, and which of them were kept.

    name: one of KINDS; share: of the channels, above 0 and up to 1, which changes nothing
    multiple: of which every count of channels is one, where there are as many
    """
    cut = _Cut(network, share, multiple)
    keys = KINDS[name](network, cut)
    call = Call(name, {**network.keys(), **keys})
    found = models.build(call, points=points, classes=network.head.out_features, seed=0)
    found.load_state_dict(cut.weights)
    return found.eval(), {what: each.tolist() for what, each in cut.kept.items()}


def strength(reader: nn.Module, norm: nn.Module | None = None) -> Tensor:
    """(channels,): how strongly a layer reads each channel, with a mean of 1; norm: the batch normalisation in front of it"""
    weight: Tensor = reader.weight.detach()  # type: ignore[operator]
    return _scaled(weight.transpose(0, 1).flatten(1).norm(dim=1), norm)


def at_head(head: nn.Linear, channels: int, norm: nn.Module | None = None) -> Tensor:
    """(channels,): how strongly the head reads each channel, at all the places that it tells apart."""
    return _scaled(head.weight.detach().reshape(head.out_features, channels, -1).norm(dim=(0, 2)), norm)


def strongest(found: Tensor, n: int) -> Tensor:
    """(n,): the strongest channels, in their order."""
    return found.argsort(descending=True, stable=True)[:n].sort().values


def _scaled(found: Tensor, norm: Any) -> Tensor:
    scaled = found if norm is None else found * norm.weight.detach().abs()
    return scaled / scaled.mean().clamp_min(torch.finfo(scaled.dtype).tiny)


class _Cut:
    """The weights of a network, layer by layer with some channels only; what is not named stays whole."""

    def __init__(self, network: nn.Module, share: float, multiple: int) -> None:
        self.weights = {key: each.clone() for key, each in network.state_dict().items()}
        self.share, self.multiple = share, multiple
        self.kept: Kept = {}

    def count(self, width: int) -> int:
        """Give how many of so many channels stay: the nearest multiple, at least one, at most all."""
        nearest = int(self.share * width / self.multiple + 0.5)
        return width if self.share == 1 else min(width, max(nearest, 1) * self.multiple)

    def keep(self, what: str, found: Tensor) -> Tensor:
        """Keep the strongest of these channels, and note which."""
        self.kept[what] = strongest(found, self.count(len(found)))
        return self.kept[what]

    def layer(self, name: str, out: Tensor | None, inward: Tensor | None = None) -> None:
        """Keep `out` of what a layer gives and `inward` of what it takes."""
        for key in [key for key in self.weights if key.rpartition(".")[0] == name]:
            weight = self.weights[key]
            weight = weight[out] if weight.ndim and out is not None else weight
            self.weights[key] = weight[:, inward].contiguous() if weight.ndim > 1 and inward is not None else weight

    def head(self, kept: Tensor, channels: int) -> None:
        """Keep what the head takes of some channels; it takes all places of the first channel, then of the next."""
        places = self.weights["head.weight"].shape[1] // channels
        columns = (kept[:, None] * places + torch.arange(places)).flatten()
        self.weights["head.weight"] = self.weights["head.weight"][:, columns]


def _cnn(network: Cnn, cut: _Cut) -> Keys:
    """Each stage is read by the next one's convolution, the last by the head."""
    layers: dict[str, Any] = dict(network.body.named_children())
    convs = [name for name, each in layers.items() if isinstance(each, nn.Conv1d)]
    inward = None
    for i, name in enumerate(convs):
        norm, width, last = str(int(name) + 1), layers[name].out_channels, i == len(convs) - 1
        found = at_head(network.head, width, layers[norm]) if last else strength(layers[convs[i + 1]], layers[norm])
        out = cut.keep(f"stage {i + 1}", found)
        cut.layer(f"body.{name}", out, inward)
        cut.layer(f"body.{norm}", out)
        inward = out
    cut.head(out, width)
    return {"widths": [len(each) for each in cut.kept.values()]}


def _pace(network: Pace, cut: _Cut) -> Keys:
    """The residual ties all blocks to the same channels; each block's pointwise convolution and the head read them."""
    dim = network.patches.out_channels
    found = at_head(network.head, dim)
    for block in network.blocks:
        found = found + strength(block.pointwise, block.norm)  # type: ignore[arg-type]
    kept = cut.keep("every block", found)
    for name in ("patches", "norm"):
        cut.layer(name, kept)
    for i in range(len(network.blocks)):
        for name in ("depthwise", "norm", "norm2"):
            cut.layer(f"blocks.{i}.{name}", kept)
        cut.layer(f"blocks.{i}.pointwise", kept, kept)
    cut.head(kept, dim)
    return {"dim": len(kept)}


def _drsn(network: Drsn, cut: _Cut) -> Keys:
    """Blocks of a stage share their channels, those inside a block are its own."""
    body: Any = network.body
    stages: list[list[Any]] = [list(stage) for stage in body]
    streams = _streams(network, stages, cut)
    inward, inner, hidden = streams[0], [], []
    cut.layer("stem", inward)
    for s, (blocks, out) in enumerate(zip(stages, streams, strict=True)):
        cut.kept[f"stage {s + 1}"] = out
        for b, block in enumerate(blocks):
            name, title = f"body.{s}.{b}", f"block {s + 1}.{b + 1}"
            inside = cut.keep(f"{title} inner", strength(block.conv2, block.norm2))
            deep = cut.keep(f"{title} hidden", strength(block.shrink.second, block.shrink.norm))
            cut.layer(f"{name}.norm", inward)
            cut.layer(f"{name}.conv", inside, inward)
            cut.layer(f"{name}.norm2", inside)
            cut.layer(f"{name}.conv2", out, inside)
            cut.layer(f"{name}.shrink.first", deep, out)
            cut.layer(f"{name}.shrink.norm", deep)
            cut.layer(f"{name}.shrink.second", out if block.shrink.kind == "cw" else None, deep)
            inward = out
        inner.append([len(cut.kept[f"block {s + 1}.{b + 1} inner"]) for b in range(len(blocks))])
        hidden.append([len(cut.kept[f"block {s + 1}.{b + 1} hidden"]) for b in range(len(blocks))])
    cut.layer("norm", inward)
    cut.head(inward, network.norm.num_features)
    return {"widths": [len(each) for each in streams], "inner": inner, "hidden": hidden}


def _streams(network: Drsn, stages: list[list[Any]], cut: _Cut) -> list[Tensor]:
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
    found = [strongest(read[0], cut.count(widths[0]))]
    for s in range(1, len(stages)):
        start, end, kept = starts[s], starts[s] + widths[s - 1], len(found[-1])
        more = min(max(cut.count(widths[s]) - kept, 0), widths[s] - widths[s - 1])
        front, back = strongest(read[s][:start], more // 2), strongest(read[s][end:], more - more // 2) + end
        found.append(torch.cat([front, found[-1] + start, back]))
    return found


KINDS: dict[str, Callable[[Any, _Cut], Keys]] = {"cnn": _cnn, "drsn": _drsn, "pace": _pace}
