"""Which channels go together: groups of layers that lose the same channels, found by tracing (DepGraph), and networks without some.

Fang et al. (2023), DepGraph, arXiv:2301.12900, in its implementation torch-pruning. What that gets wrong for our networks is kept
from it: `tracing` shows it other layers in place of some, an ensemble's members are traced one by one because it ties what they hand
to the shared head, and a layer of one channel keeps it. This is the one place where channels are taken out: every network made here
is compared with the original whose channels are silenced, in double precision, before it is handed out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from edgespec import models
from edgespec.compression.pruning import tracing
from edgespec.errors import Mismatch, Mistake
from edgespec.models.drsn import Shrink
from edgespec.models.efficientnet import MBConv
from edgespec.models.ensemble import Ensemble
from edgespec.recipe import Call

Gone = Mapping[str, Sequence[int]]
CHECKED, TOLERANCE = 8, 1e-8  # spectra, and largest relative difference in double precision


@dataclass(frozen=True)
class Side:
    """What a layer gives (`out`) or takes of a group's channels; at: (width, places) its indices of each channel."""

    layer: str
    out: bool
    at: Tensor


@dataclass(frozen=True)
class Group:
    """Channels that several layers share: one can go from all of them only.

    title: what it is called in tables; root: the layer that writes it; never: widths that its keys can't tell
    """

    title: str
    root: str
    width: int
    sides: tuple[Side, ...]
    never: frozenset[int] = frozenset()


Root = tuple[str, str, frozenset[int]]  # a group's title, root and the widths that it never has
Going = Sequence[tuple[Group, list[int]]]


def groups(name: str, network: nn.Module, points: int) -> list[Group]:
    """List what a network may lose, from its first layer to its last.

    name: of the model in a recipe. Raises Mistake where nothing is known of this kind.
    """
    if isinstance(network, Ensemble):
        return _of_members(network, points)
    if name not in ROOTS:
        raise Mistake(
            f"{name} can't be pruned, only {', '.join([*sorted(ROOTS), 'ensemble'])} can", hint="another model"
        )
    return _groups(network, points, ROOTS[name](network))


def streams(name: str, network: nn.Module, points: int) -> list[Group]:
    """List the channels that run along the stages of a DRSN, by the stage that adds them; of other kinds there are none.

    They are no `groups`, because their widths depend on each other: a shortcut pads half of the channels that a stage adds in front
    and half behind, so of both as many must stay, and one more behind where their number is odd.
    """
    return _groups(network, points, _streams(network)) if name == "drsn" else []


def without(name: str, network: nn.Module, points: int, gone: Gone) -> nn.Module:
    """Give the network without some channels: rebuilt from its keys and weights, in evaluation mode.

    gone: channels by the title of their group, or stream
    Raises Mismatch where it does not answer as the network does with these channels silenced, KeyError for a title that is not there.
    """
    known = {each.title: each for each in groups(name, network, points)}
    if not set(gone) <= set(known):
        known |= {each.title: each for each in streams(name, network, points)}
    going = [(known[title], list(channels)) for title, channels in gone.items() if len(channels)]
    found = _without(name, network, points, going)
    _check(name, network, found, points, going)
    return found


def silence(network: nn.Module, group: Group, channels: Sequence[int]) -> None:
    """Set every weight that writes some channels of a group to zero, in place: they say nothing any more."""
    for side in group.sides:
        layer = network.get_submodule(side.layer)
        for weight in layer.parameters(recurse=False) if side.out else ():
            weight.data[side.at[list(channels)].flatten()] = 0


def _without(name: str, network: nn.Module, points: int, going: Going) -> nn.Module:
    """Take the channels out layer by layer, whatever found the groups, and build the network that is left."""
    live: Any = copy.deepcopy(network).eval()
    lost: dict[tuple[str, bool], set[int]] = {}
    for group, channels in going:
        for side in group.sides:
            lost.setdefault((side.layer, side.out), set()).update(side.at[channels].flatten().tolist())
    for (title, out), places in lost.items():
        layer = live.get_submodule(title)
        hands = torch_pruning.DependencyGraph().get_pruner_of_module(layer)
        (hands.prune_out_channels if out else hands.prune_in_channels)(layer, sorted(places))
    found = models.build(Call(name, live.keys()), points=points, classes=live.head.out_features, seed=0)
    found.load_state_dict(live.state_dict())
    return found.eval()


def _check(name: str, network: nn.Module, found: nn.Module, points: int, going: Going) -> None:
    silent = copy.deepcopy(network).double().eval()
    for group, channels in going:
        silence(silent, group, channels)
    _mean_over_those_left(silent, found)
    x = torch.randn(CHECKED, points, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        expected, got = silent(x), copy.deepcopy(found).double()(x)
    difference = float((expected - got).abs().max() / expected.abs().max().clamp_min(1))
    if (
        bool(expected.isfinite().all()) and not difference <= TOLERANCE
    ):  # weights that are no numbers are told by the training
        raise Mismatch(
            f"{name} without {sum(len(channels) for _, channels in going)} channels answers otherwise than with them silenced (by {difference:.1g})",
            hint="the version in constraints.txt of torch-pruning is the one that was tested",
        )


def _mean_over_those_left(silent: nn.Module, found: nn.Module) -> None:
    """Let DRSN's one threshold for all channels (kind cs) be a mean over those that are left: the silenced ones would count as zeros."""
    for name, layer in silent.named_modules():
        if isinstance(layer, Shrink) and layer.kind == "cs":
            left: Any = found.get_submodule(name)
            more = layer.first.in_channels / left.first.in_channels
            layer.mean.register_forward_hook(lambda _, __, size, more=more: size * more)
            layer.first.register_forward_pre_hook(lambda _, given, more=more: (given[0] / more,))


def _groups(network: nn.Module, points: int, roots: Sequence[Root]) -> list[Group]:
    names = {module: name for name, module in network.named_modules()}
    with tracing.traced(network, points) as found:
        return [_group(network, names, found, *root) for root in roots]


def _group(
    network: nn.Module, names: Mapping[nn.Module, str], traced: Any, title: str, root: str, never: frozenset[int]
) -> Group:
    """Read a group from the tracing; names: of the network's own layers, so that none which was lent is a side."""
    layer: Any = network.get_submodule(root)
    width = layer.out_channels
    found = traced.get_pruning_group(layer, torch_pruning.prune_conv_out_channels, list(range(width)))
    sides = []
    for item in found.items:
        module, out = item.dep.target.module, traced.is_out_channel_pruning_fn(item.dep.handler)
        alone = out and getattr(module, "out_channels", 0) == 1  # what one channel gives is for all
        if module in names and not alone and any(True for _ in module.parameters(recurse=False)):
            order = torch.tensor(item.root_idxs).argsort(stable=True)
            at = torch.tensor(item.idxs)[order].reshape(width, -1)
            sides.append(Side(names[module], out, at))
    return Group(title, root, width, tuple(sides), never)


def _members(network: Ensemble, points: int) -> list[tuple[str, str, Any, int]]:
    """Give each member as a network of its own with its part of the head: its title, its name, itself, where that part begins."""
    found, start = [], 0
    for i, (name, each) in enumerate(zip(network.names, network.members, strict=True)):
        member: Any = copy.deepcopy(each).eval()
        with torch.no_grad():
            end = start + member.features(torch.zeros(1, points)).shape[1]
        member.head = nn.Linear(end - start, network.head.out_features)
        # an ensemble is the mean of its members: each one's own head is as many times its part
        member.head.weight.data = network.head.weight.data[:, start:end] * len(network.names)
        member.head.bias.data = network.head.bias.data.clone()
        found.append((f"{name} {i + 1}: ", name, member, start))
        start = end
    return found


def _of_members(network: Ensemble, points: int) -> list[Group]:
    found = []
    for i, (title, name, member, start) in enumerate(_members(network, points)):
        for group in groups(name, member, points):
            sides = [
                replace(side, at=side.at + start) if side.layer == "head" else replace(side, layer=f"members.{i}.{side.layer}")
                for side in group.sides
            ]  # fmt: skip
            root = f"members.{i}.{group.root}"
            found.append(replace(group, title=title + group.title, root=root, sides=tuple(sides)))
    return found


ANY: frozenset[int] = frozenset()


def _cnn(network: Any) -> list[Root]:
    """Each stage's channels."""
    convs = [name for name, each in network.body.named_children() if isinstance(each, nn.Conv1d)]
    return [(f"stage {i}", f"body.{name}", ANY) for i, name in enumerate(convs, start=1)]


def _pace(network: Any) -> list[Root]:
    """One width runs through all blocks."""
    return [("every block", "patches", ANY)]


def _drsn(network: Any) -> list[Root]:
    """What is inside a block: between its convolutions, and in its threshold sub-network; a stage's own channels are `streams`."""
    found: list[Root] = []
    for s, stage in enumerate(network.body):
        for b in range(len(stage)):
            found.append((f"block {s + 1}.{b + 1} inner", f"body.{s}.{b}.conv", ANY))
            found.append((f"block {s + 1}.{b + 1} hidden", f"body.{s}.{b}.shrink.first", ANY))
    return found


def _streams(network: Any) -> list[Root]:
    """What the stem gives, and what each stage adds in front of it and behind."""
    found: list[Root] = [("stage 1", "stem", ANY)]
    for s, stage in enumerate(network.body):
        for part, there in (("front", stage[0].before), ("back", stage[0].after)):
            if there:
                found.append((f"stage {s + 1} {part}", f"body.{s}.0.padding.{part}", ANY))
    return found


def _efficientnet(network: Any) -> list[Root]:
    """What a block expands to, and the top; squeeze-and-excitation bottlenecks are too narrow to lose anything and stay.

    A block as wide as what it takes would be rebuilt as one that does not expand.
    """
    found: list[Root] = []
    blocks = [(name, each) for name, each in network.body.named_children() if isinstance(each, MBConv)]
    for i, (name, block) in enumerate(blocks, start=1):
        inward, expanded = block.block[:2]
        if expanded != inward:
            found.append((f"block {i} expanded", f"body.{name}.layers.0", frozenset({inward})))
    top = [name for name, each in network.body.named_children() if isinstance(each, nn.Conv1d)][-1]
    return [*found, ("top", f"body.{top}", ANY)]


def _repdwnet(network: Any) -> list[Root]:
    """The stem's channels and each stage's, whose blocks are tied by their residual branches; folded, each block's."""
    found: list[Root] = [("stem", "stem.convs.0", ANY)]
    for s, stage in enumerate(network.body):
        tied = stage[0].pointwise.norms  # not folded
        for b in range(1 if len(tied) else len(stage)):
            title = f"stage {s + 1}" if len(tied) else f"block {s + 1}.{b + 1}"
            found.append((title, f"body.{s}.{b}.pointwise.convs.0", ANY))
    return found


ROOTS: dict[str, Callable[[Any], list[Root]]] = {
    "cnn": _cnn,
    "drsn": _drsn,
    "efficientnet": _efficientnet,
    "pace": _pace,
    "repdwnet": _repdwnet,
}
