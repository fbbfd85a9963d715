"""Which channels go together: groups of layers that lose the same channels, found by tracing (DepGraph), and networks without some.

Fang et al. (2023), DepGraph, arXiv:2301.12900, in its implementation torch-pruning. What that gets wrong for our networks is kept
from it here: it takes a mean over uneven windows for a fold of the axis (PACE), ties what an ensemble's members hand to the shared
head, and does not see that DRSN's zero-padded shortcut shifts the channels of a stage. So uneven means are traced as what they stand
for, members are traced one by one, and a stage's own channels stay. Every network made here is compared with the original whose
channels are silenced, in double precision, before it is handed out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from edgespec import models
from edgespec.errors import Mismatch, Mistake
from edgespec.models import Pool, ensemble
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
    traced = _traced(network, points)
    return [_group(network, traced, *root) for root in ROOTS[name](network)]


def without(name: str, network: nn.Module, points: int, gone: Gone) -> nn.Module:
    """Give the network without some channels: rebuilt from its keys and weights, in evaluation mode.

    gone: channels by their group's title
    Raises Mismatch where it does not answer as the network does with these channels silenced.
    """
    found = _without(name, network, points, gone)
    _check(name, network, found, points, gone)
    return found


def silence(network: nn.Module, group: Group, channels: Sequence[int]) -> None:
    """Set every weight that writes some channels of a group to zero, in place: they say nothing any more."""
    for side in group.sides:
        layer = network.get_submodule(side.layer)
        for weight in layer.parameters(recurse=False) if side.out else ():
            weight.data[side.at[list(channels)].flatten()] = 0


def _without(name: str, network: nn.Module, points: int, gone: Gone) -> nn.Module:
    if isinstance(network, Ensemble):
        return _without_of_members(network, points, gone)
    live = copy.deepcopy(network).eval()
    roots = {title: root for title, root, _ in ROOTS[name](live)}
    traced = _traced(live, points)
    for title, channels in gone.items():
        if len(channels):
            layer = live.get_submodule(roots[title])
            traced.get_pruning_group(layer, torch_pruning.prune_conv_out_channels, list(channels)).prune()
    classes = live.head.out_features  # type: ignore[union-attr]
    found = models.build(Call(name, live.keys()), points=points, classes=classes, seed=0)  # type: ignore[operator,arg-type]
    found.load_state_dict(live.state_dict())
    return found.eval()


def _check(name: str, network: nn.Module, found: nn.Module, points: int, gone: Gone) -> None:
    silent = copy.deepcopy(network).double().eval()
    for group in groups(name, network, points):
        silence(silent, group, gone.get(group.title, ()))
    x = torch.randn(CHECKED, points, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        expected, got = silent(x), copy.deepcopy(found).double()(x)
    difference = float((expected - got).abs().max() / expected.abs().max().clamp_min(1))
    if not difference <= TOLERANCE:
        raise Mismatch(
            f"{name} without {sum(map(len, gone.values()))} channels answers otherwise than with them silenced (by {difference:.1g})",
            hint="the version in constraints.txt of torch-pruning is the one that was tested",
        )


def _traced(network: nn.Module, points: int) -> Any:
    with torch.enable_grad(), _plain_means(network):
        return torch_pruning.DependencyGraph().build_dependency(network, torch.zeros(1, points), verbose=False)


@contextmanager
def _plain_means(network: nn.Module) -> Iterator[None]:
    """Lend the network PyTorch's own adaptive means: the reshapes of ours would be taken for a fold of channels."""
    places = [(parent, key, each) for parent in network.modules() for key, each in parent.named_children() if isinstance(each, Pool)]  # fmt: skip
    for parent, key, each in places:
        setattr(parent, key, nn.AdaptiveAvgPool1d(each.places))
    try:
        yield
    finally:
        for parent, key, each in places:
            setattr(parent, key, each)


def _group(network: nn.Module, traced: Any, title: str, root: str, never: frozenset[int]) -> Group:
    layer: Any = network.get_submodule(root)
    width = layer.out_channels
    found = traced.get_pruning_group(layer, torch_pruning.prune_conv_out_channels, list(range(width)))
    names = {module: name for name, module in network.named_modules()}
    sides = []
    for item in found.items:
        name = names.get(item.dep.target.module)
        if name is not None and any(True for _ in item.dep.target.module.parameters(recurse=False)):
            order = torch.tensor(item.root_idxs).argsort(stable=True)
            at = torch.tensor(item.idxs)[order].reshape(width, -1)
            sides.append(Side(name, traced.is_out_channel_pruning_fn(item.dep.handler), at))
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


def _without_of_members(network: Ensemble, points: int, gone: Gone) -> nn.Module:
    smaller = []
    for title, name, member, _ in _members(network, points):
        own = {each.removeprefix(title): channels for each, channels in gone.items() if each.startswith(title)}
        smaller.append(_without(name, member, points, own))
    return ensemble.assembled(network.names, smaller)


Root = tuple[str, str, frozenset[int]]
ANY: frozenset[int] = frozenset()


def _cnn(network: Any) -> list[Root]:
    """Each stage's channels."""
    convs = [name for name, each in network.body.named_children() if isinstance(each, nn.Conv1d)]
    return [(f"stage {i}", f"body.{name}", ANY) for i, name in enumerate(convs, start=1)]


def _pace(network: Any) -> list[Root]:
    """One width runs through all blocks."""
    return [("every block", "patches", ANY)]


def _drsn(network: Any) -> list[Root]:
    """What is inside a block: between its convolutions, and in its threshold sub-network; a stage's own channels stay."""
    found: list[Root] = []
    for s, stage in enumerate(network.body):
        for b in range(len(stage)):
            found.append((f"block {s + 1}.{b + 1} inner", f"body.{s}.{b}.conv", ANY))
            found.append((f"block {s + 1}.{b + 1} hidden", f"body.{s}.{b}.shrink.first", ANY))
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


ROOTS: dict[str, Callable[[Any], list[Root]]] = {
    "cnn": _cnn,
    "drsn": _drsn,
    "efficientnet": _efficientnet,
    "pace": _pace,
}
