"""How narrow each group becomes: costs that are counted right, rungs that kernels like, and a way down that empties nothing early."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from small_networks import NETS, lived_in
from torch import Tensor, nn

from edgespec.compression.pruning import channel_groups, schedule
from edgespec.compression.pruning.schedule import Ledger
from edgespec.evaluation import scoring


def group(width: int, never: int = 0) -> channel_groups.Group:
    return channel_groups.Group("g", "body.1", width, (), frozenset({never}))


def even(groups: list[channel_groups.Group]) -> dict[str, Tensor]:
    return {each.title: torch.linspace(1, 2, each.width) for each in groups}


@pytest.mark.parametrize("title", NETS)
def test_the_ledger_says_what_the_network_that_is_built_weighs(title: str) -> None:
    name, network, points = lived_in(title)
    groups = channel_groups.groups(name, network, points)
    ledger = Ledger(network, points, groups)
    widths = {each.title: each.width - 2 - (each.width - 2 in each.never) for each in groups}
    gone = {each.title: list(range(each.width - widths[each.title])) for each in groups}
    for given, built in (({}, network), (widths, channel_groups.without(name, network, points, gone))):
        cost = ledger.cost(given)
        assert cost.macs == scoring.macs(built, points)
        assert cost.params == sum(each.numel() for each in built.parameters())
        assert cost.bytes == sum(each.numel() * each.element_size() for each in built.state_dict().values())


@pytest.mark.parametrize(
    ("width", "round_to", "never", "expected"),
    [
        (64, 16, 0, [48, 32, 16, 8]),
        (40, 16, 0, [32, 16, 8]),
        (16, 16, 0, [8]),
        (8, 16, 0, []),
        (5, 1, 0, [4, 3, 2, 1]),
        (24, 8, 8, [16, 4]),
        (7, 3, 0, [6, 3, 1]),
    ],
)
def test_rungs_are_multiples_and_half_of_one(width: int, round_to: int, never: int, expected: list[int]) -> None:
    assert schedule.ladder(group(width, never), round_to) == expected


def way_down(title: str, share: float, round_to: int = 1) -> tuple[list[dict[str, int]], Ledger]:
    name, network, points = lived_in(title)
    groups = channel_groups.groups(name, network, points)
    ledger = Ledger(network, points, groups)
    limit = share * ledger.cost({}).macs
    found = schedule.path(ledger, even(groups), round_to, lambda cost: max(math.log(cost.macs / limit), 0.0))
    return found, ledger


@pytest.mark.parametrize("title", NETS)
def test_the_way_down_goes_rung_by_rung_and_ends_where_the_budget_is_met(title: str) -> None:
    found, ledger = way_down(title, 0.5)
    macs = [ledger.cost(each).macs for each in found]
    assert macs == sorted(macs, reverse=True)
    assert macs[-1] <= 0.5 * macs[0] < macs[-2]
    for before, after in itertools.pairwise(found):
        assert sum(before[key] != after[key] for key in before) == 1


def test_nothing_is_emptied_while_others_are_whole() -> None:
    found, _ = way_down("drsn", 0.6)
    whole, left = found[0], found[-1]
    assert min(left[title] / whole[title] for title in whole if "inner" in title) > 0.25


def test_it_ends_where_nothing_is_left_to_take() -> None:
    found, ledger = way_down("cnn", 0.0001, round_to=4)
    assert found[-1] == {"stage 1": 2, "stage 2": 2}
    assert ledger.cost(found[-1]).macs > 0


def test_what_loses_least_of_its_strength_goes_first() -> None:
    name, network, points = lived_in("cnn")
    groups = channel_groups.groups(name, network, points)
    scores = even(groups)
    for title in scores:
        spread = {**scores, title: torch.tensor([5.0, *[1e-3] * (len(scores[title]) - 1)])}
        found = schedule.path(Ledger(network, points, groups), spread, 1, lambda cost: float(cost.macs > 1300))
        assert all(each[title] < len(scores[title]) for each in found[1:])


def test_the_weakest_are_named_in_their_order() -> None:
    assert schedule.weakest(torch.tensor([3.0, 1.0, 2.0, 0.5]), 2) == [1, 3]
    assert schedule.weakest(torch.tensor([3.0, 1.0]), 0) == []


def test_rounds_leave_about_the_same_share_each_and_end_at_the_end() -> None:
    found, ledger = way_down("pace", 0.1)
    goes = schedule.stages(found, ledger, 3)
    assert goes[-1] == found[-1]
    macs = [ledger.cost(each).macs for each in (found[0], *goes)]
    shares = [after / before for before, after in itertools.pairwise(macs)]
    assert len(shares) == 3
    assert max(shares) - min(shares) < 0.3, "twelve channels leave few choices"
    assert schedule.stages(found[:2], ledger, 3) == [found[1]], "one rung is one round"
    assert schedule.stages(found[:1], ledger, 3) == found[:1], "where blocks went and no channel, there is a round too"


def test_sensitivity_silences_the_weakest_of_one_group_at_a_time() -> None:
    name, network, points = lived_in("cnn")
    groups = channel_groups.groups(name, network, points)
    seen: list[list[list[int]]] = []

    def judge(each: Any) -> float:
        convs = [layer for layer in each.body if isinstance(layer, nn.Conv1d)]
        silent = [(conv.weight.detach().flatten(1).abs().sum(1) == 0).nonzero().flatten().tolist() for conv in convs]
        seen.append(silent)
        return 1 - 0.1 * sum(map(len, silent))

    found = schedule.sensitivity(network, groups, even(groups), judge)
    assert found["shares"] == [0.25, 0.5, 0.75]
    assert found["before"] == 1
    assert found["groups"] == {"stage 1": pytest.approx([0.8, 0.7, 0.6]), "stage 2": pytest.approx([0.8, 0.6, 0.4])}
    assert seen[1] == [[0, 1, 2], []]
    assert seen[-1] == [[], []], "the network itself is left as it was"
