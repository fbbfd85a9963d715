"""What goes together goes together: a network without some channels answers as the whole one with them silenced, and is its keys."""

from __future__ import annotations

import copy
import json
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from small_networks import NETS, lived_in
from torch import Tensor, nn

from edgespec import models
from edgespec.compression.pruning import channel_groups, tracing
from edgespec.errors import Mismatch, Mistake
from edgespec.recipe import Call


def answers(network: Any, points: int) -> Tensor:
    with torch.no_grad():
        out: Tensor = copy.deepcopy(network).double()(
            torch.randn(9, points, generator=torch.Generator().manual_seed(5)).double()
        )
    return out


def halves(found: list[channel_groups.Group]) -> dict[str, list[int]]:
    """Every other channel goes, from the second on; another choice where the keys could not tell what is left."""
    gone = {each.title: list(range(1, each.width, 2)) for each in found}
    return {
        each.title: gone[each.title][1:] if len(gone[each.title]) in each.never else gone[each.title] for each in found
    }


@pytest.mark.parametrize("title", NETS)
def test_it_answers_as_the_whole_network_with_the_channels_silenced(title: str) -> None:
    name, whole, points = lived_in(title)
    found = channel_groups.groups(name, whole, points)
    gone = halves(found)
    small: Any = channel_groups.without(name, whole, points, gone)
    before = answers(whole, points)
    for group in found:
        channel_groups.silence(whole, group, gone[group.title])
    torch.testing.assert_close(answers(small, points), answers(whole, points), rtol=1e-9, atol=1e-9)
    assert (answers(small, points) - before).abs().max() > 0.01, "the channels that went had said something"


@pytest.mark.parametrize("title", NETS)
def test_each_group_alone_can_go_and_what_is_left_is_its_keys_and_weights(title: str) -> None:
    name, whole, points = lived_in(title)
    weights = {key: each.clone() for key, each in whole.state_dict().items()}
    for group in channel_groups.groups(name, whole, points):
        gone = {group.title: [0, group.width - 1]}
        small: Any = channel_groups.without(name, whole, points, gone)
        again = models.build(Call(name, json.loads(json.dumps(small.keys()))), points=points, classes=5, seed=7).eval()
        again.load_state_dict(small.state_dict())
        assert torch.equal(answers(again, points), answers(small, points))
        assert (
            next(each.width for each in channel_groups.groups(name, small, points) if each.title == group.title)
            == group.width - 2
        )
    assert all(torch.equal(each, whole.state_dict()[key]) for key, each in weights.items()), (
        "the original is left alone"
    )


def test_nothing_gone_changes_nothing_to_the_byte() -> None:
    name, whole, points = lived_in("ensemble of one kind")
    same: Any = channel_groups.without("drsn", *(lived_in("drsn")[1:]), {})
    assert same.keys() == lived_in("drsn")[1].keys()
    assert channel_groups.without(name, whole, points, {}).keys() == whole.keys()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("title", "titles"),
    [
        ("cnn", ["stage 1", "stage 2"]),
        ("pace", ["every block"]),
        ("drsn, uneven", [f"block {block} {part}" for block in ("1.1", "2.1", "2.2") for part in ("inner", "hidden")]),
        ("efficientnet", ["block 1 expanded", "block 2 expanded", "top"]),
        ("ensemble", ["cnn 1: stage 1", "cnn 1: stage 2", "pace 2: every block"]),
    ],
)
def test_what_can_go_of_each_model(title: str, titles: list[str]) -> None:
    name, network, points = lived_in(title)
    assert [each.title for each in channel_groups.groups(name, network, points)] == titles


def test_channels_that_the_tracing_ties_wrongly_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    name, network, points = lived_in("drsn")
    monkeypatch.setitem(channel_groups.ROOTS, "drsn", lambda network: [("stage 1", "stem", frozenset())])
    monkeypatch.setattr(tracing, "_joined_paddings", lambda network: nullcontext())
    with pytest.raises(Mismatch, match="answers otherwise than with them silenced"):
        channel_groups.without(name, network, points, {"stage 1": [2]})


@pytest.mark.parametrize("title", ["drsn", "drsn, uneven"])
def test_what_runs_along_drsn_s_stages_can_go_where_as_many_stay_in_front_as_behind(title: str) -> None:
    name, whole, points = lived_in(title)
    found = channel_groups.streams(name, whole, points)
    assert [(each.title, each.width) for each in found][:3] == [
        ("stage 1", 4),
        ("stage 2 front", 1),
        ("stage 2 back", 1),
    ]
    before, keys = answers(whole, points), whole.keys()
    last = keys["widths"][-1]
    gone = {"stage 1": [1, 3], "block 1.1 inner": [0]}
    if title == "drsn":  # the third stage adds 3 channels in front and 4 behind
        gone |= {"stage 3 front": [0, 2], "stage 3 back": [0, 1]}
    small: Any = channel_groups.without(name, whole, points, gone)
    assert small.keys()["widths"][:2] == [2, 4]
    assert small.keys()["widths"][-1] == last - sum(len(each) for title, each in gone.items() if title[:5] == "stage")
    again = models.build(Call(name, json.loads(json.dumps(small.keys()))), points=points, classes=5, seed=7).eval()
    again.load_state_dict(small.state_dict())
    assert torch.equal(answers(again, points), answers(small, points))
    assert (answers(small, points) - before).abs().max() > 0.01, "the channels that went had said something"
    assert whole.keys() == keys, "the original is left alone"
    assert "padding" not in " ".join(each for each, _ in whole.named_modules())
    assert torch.equal(answers(whole, points), before)


@pytest.mark.parametrize("gone", [{"stage 2 back": [0]}, {"stage 3 front": [0, 1]}, {"stage 3 back": [0, 2]}])
def test_where_more_stay_on_one_side_the_shortcut_would_add_the_wrong_channels_and_that_is_caught(
    gone: dict[str, list[int]],
) -> None:
    name, whole, points = lived_in("drsn")
    with pytest.raises(Mismatch, match=r"drsn without \d channels answers otherwise than with them silenced"):
        channel_groups.without(name, whole, points, gone)


def test_only_drsn_has_channels_that_run_along_stages_and_no_other_title_is_taken() -> None:
    name, whole, points = lived_in("cnn")
    assert channel_groups.streams(name, whole, points) == []
    with pytest.raises(KeyError, match="stage 9"):
        channel_groups.without(name, whole, points, {"stage 9": [0]})


def test_one_threshold_for_all_channels_stays() -> None:
    name, whole, points = lived_in("drsn, uneven")
    for stream in channel_groups.streams(name, whole, points):
        assert not [side for side in stream.sides if side.layer.endswith("shrink.second")]
        assert {side.layer for side in stream.sides} <= {each for each, _ in whole.named_modules()}


def test_a_model_of_which_nothing_is_known_is_refused() -> None:
    with pytest.raises(
        Mistake, match="perceptron can't be pruned, only cnn, drsn, efficientnet, pace, repdwnet, ensemble can"
    ):
        channel_groups.groups("perceptron", nn.Linear(4, 3), 4)
