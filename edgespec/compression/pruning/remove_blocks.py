"""A network without some of its residual blocks: again an ordinary one of its kind, with the weights of the blocks that stay."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from edgespec import models
from edgespec.errors import Mistake
from edgespec.recipe import Call

KINDS = ("drsn", "pace")


def depths(name: str, network: Any) -> list[int]:
    """Count the blocks of each stage. Raises Mistake where a model has none that could go."""
    if name not in KINDS:
        raise Mistake(
            f"'depths': {name} has no blocks that could go, only {' and '.join(KINDS)} have", hint="leave it out"
        )
    return [len(stage) for stage in _stages(name, network)]


def shallower(
    name: str, network: nn.Module, points: int, wanted: Sequence[int], loss: Callable[[nn.Module], float]
) -> tuple[nn.Module, list[list[int]]]:
    """Take blocks out one by one, each time the one without which the loss is least, until each stage has as many as wanted.

    The first block of a DRSN's stage halves the length and stays. Gives the network and which blocks are left, a list a stage.
    Raises Mistake where the stages have other numbers or fewer blocks.
    """
    there = depths(name, network)
    if len(there) != len(wanted) or any(each > d for each, d in zip(wanted, there, strict=True)):
        raise Mistake(
            f"'depths' {list(wanted)}: this {name} has stages of {there} blocks",
            hint="one number a stage, no larger than it is; or leave 'depths' out",
        )
    kept = [list(range(d)) for d in there]
    while [len(each) for each in kept] != list(wanted):
        offers = []
        for s, stage in enumerate(kept):
            for block in stage[1:] if len(stage) > wanted[s] else ():
                trial = [[b for b in each if (i, b) != (s, block)] for i, each in enumerate(kept)]
                offers.append((loss(only(name, network, points, trial)), trial))
        kept = min(offers)[1]
    return only(name, network, points, kept), kept


def only(name: str, network: nn.Module, points: int, kept: Sequence[Sequence[int]]) -> nn.Module:
    """Give the network of some blocks, in evaluation mode.

    kept: the blocks that stay, a list a stage, in their order. Raises ValueError where the first block of a DRSN's stage is not
    among them: it halves the length, and whichever stands first would be built to do so.
    """
    if name == "drsn" and any(not stage or stage[0] != 0 for stage in kept):
        raise ValueError(f"{kept}: the first block of each stage stays")
    live: Any = copy.deepcopy(network)
    for stage, blocks in zip(_stages(name, live), kept, strict=True):
        left = [stage[b] for b in blocks]
        for key in list(stage._modules):
            del stage._modules[key]
        for i, each in enumerate(left):
            stage.add_module(str(i), each)
    found = models.build(Call(name, live.keys()), points=points, classes=live.head.out_features, seed=0)
    found.load_state_dict(live.state_dict())
    return found.eval()


def _stages(name: str, network: Any) -> list[nn.Sequential]:
    return list(network.body) if name == "drsn" else [network.blocks]
