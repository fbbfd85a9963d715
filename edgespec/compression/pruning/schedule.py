"""How narrow each group of channels becomes for a budget, and what that costs and saves; nothing here trains or measures time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgespec.compression.pruning.channel_groups import Group, silence

Widths = Mapping[str, int]
Scores = Mapping[str, Tensor]
SHARES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Cost:
    """What a network weighs: multiply-accumulates of one spectrum, parameters, bytes of all that is kept of it."""

    macs: int
    params: int
    bytes: int


class Ledger:
    """Counts what a network costs at any widths of its groups, without building it.

    Exact: conv and linear layers count their products, every parameter and buffer its size in the dtype that it has.
    """

    def __init__(self, network: nn.Module, points: int, groups: Sequence[Group]) -> None:
        self.groups, self.layers = groups, _layers(network, points)

    def cost(self, widths: Widths) -> Cost:
        """Give the cost at some widths; a group that is not named is whole."""
        lost: dict[tuple[str, bool], int] = {}
        for group in self.groups:
            gone = group.width - widths.get(group.title, group.width)
            for side in group.sides:
                lost[side.layer, side.out] = lost.get((side.layer, side.out), 0) + gone * side.at.shape[1]
        macs = params = size = 0
        for name, layer in self.layers.items():
            out = layer.out - lost.get((name, True), 0)
            inward = layer.inward - lost.get((name, False), 0)
            macs += out * inward * layer.products
            params += out * (inward * layer.deep + layer.flat)
            size += 4 * out * (inward * layer.deep + layer.flat + layer.kept) + layer.fixed
        return Cost(macs, params, size)


@dataclass(frozen=True)
class _Layer:
    """Channels out and in; products a pair of them; weights a pair, weights and buffers a channel out; bytes that never change."""

    out: int
    inward: int
    products: int
    deep: int
    flat: int
    kept: int
    fixed: int


def ladder(group: Group, round_to: int) -> list[int]:
    """List the widths that a group may come down to, from the widest: multiples, and half of one where nothing else is left."""
    steps = [*range((group.width - 1) // round_to * round_to, 0, -round_to), round_to // 2]
    return [each for each in steps if 0 < each < group.width and each not in group.never]


def path(ledger: Ledger, scores: Scores, round_to: int, burden: Callable[[Cost], float]) -> list[dict[str, int]]:
    """Give the widths from the whole network down, one rung of one group at a time, until `burden` is 0 or nothing is left to take.

    What goes next loses least of its group's strength for what it lightens: log(before / after) of the summed scores over the fall
    of the burden. The logarithm makes each further channel of a group dearer, so that none is emptied while others are whole.

    burden: how much too costly a network is; above 0 while it is
    """
    here = {group.title: group.width for group in ledger.groups}
    rungs = {group.title: ladder(group, round_to) for group in ledger.groups}
    strength = {title: _strength(each) for title, each in scores.items()}
    found, weight = [dict(here)], burden(ledger.cost(here))
    while weight > 0:
        offers = []
        for title, left in rungs.items():
            if left:
                lighter = weight - burden(ledger.cost({**here, title: left[0]}))
                if lighter > 0:
                    loss = math.log(strength[title][here[title]] / max(strength[title][left[0]], 1e-30))
                    offers.append((loss / lighter, title))
        if not offers:
            return found
        _, title = min(offers)
        here[title] = rungs[title].pop(0)
        found.append(dict(here))
        weight = burden(ledger.cost(here))
    return found


def weakest(scores: Tensor, n: int) -> list[int]:
    """Give the n channels of least score, in their order."""
    return sorted(scores.argsort(stable=True)[:n].tolist())


def stages(found: Sequence[dict[str, int]], ledger: Ledger, rounds: int) -> list[dict[str, int]]:
    """Take `rounds` widths out of a path, its last at the end, so that each round leaves about the same share of the products."""
    macs = [ledger.cost(each).macs for each in found]
    limits = [macs[0] * (macs[-1] / macs[0]) ** (r / rounds) for r in range(1, rounds + 1)]
    places = [next(i for i, each in enumerate(macs) if each <= limit * (1 + 1e-9)) for limit in limits[:-1]]
    return [found[i] for i in dict.fromkeys([*places, len(found) - 1]) if i > 0 or len(found) == 1]


def sensitivity(
    network: nn.Module, groups: Sequence[Group], scores: Scores, judge: Callable[[nn.Module], float]
) -> dict[str, Any]:
    """Tell the accuracy without a share of one group's weakest channels, nothing learnt again: one group at a time.

    judge: accuracy of a network. Gives shares, the accuracy before, and a list by group.
    """
    found: dict[str, list[float]] = {}
    for group in groups:
        row = []
        for share in SHARES:
            silent = copy.deepcopy(network)
            silence(silent, group, weakest(scores[group.title], min(round(share * group.width), group.width - 1)))
            row.append(round(judge(silent), 5))
        found[group.title] = row
    return {"shares": list(SHARES), "before": round(judge(network), 5), "groups": found}


def _strength(scores: Tensor) -> list[float]:
    """Give what the n strongest channels have together, for each n from 0."""
    found = scores.double().clamp_min(0).sort(descending=True).values.cumsum(0)
    return [0.0, *(found / found[-1].clamp_min(1e-300)).clamp_min(1e-30).tolist()]


def _layers(network: nn.Module, points: int) -> dict[str, _Layer]:
    places: dict[nn.Module, int] = {}
    hooks = [
        each.register_forward_hook(lambda layer, _, out: places.update({layer: out[0].numel() // out.shape[1]}))
        for each in network.modules()
        if isinstance(each, nn.Conv1d | nn.Linear)
    ]
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, points))
    for hook in hooks:
        hook.remove()
    found = {}
    for name, layer in network.named_modules():
        own = {**dict(layer.named_parameters(recurse=False))}
        if not own:
            continue
        weight = own["weight"]
        out, inward = weight.shape[0], weight.shape[1] if weight.ndim > 1 else 1
        deep = weight[0].numel() // inward if weight.ndim > 1 else 0
        flat = sum(each.ndim == 1 for each in own.values())
        buffers = list(layer.buffers(recurse=False))
        kept = sum(each.ndim == 1 for each in buffers)
        fixed = sum(each.numel() * each.element_size() for each in buffers if each.ndim == 0)
        found[name] = _Layer(out, inward, places.get(layer, 0) * deep, deep, flat, kept, fixed)
    return found
