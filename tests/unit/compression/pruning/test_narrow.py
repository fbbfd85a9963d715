"""Narrowing takes channels out and changes nothing else: what is left answers as the network does with those channels silenced."""

from __future__ import annotations

from typing import Any

import pytest
import tiny_job
import torch
from torch import Tensor, nn

from edgespec import models
from edgespec.compression.pruning import narrow
from edgespec.recipe import Call

POINTS = 96
X = torch.randn(12, POINTS, generator=torch.Generator().manual_seed(3))
NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "cw": ("drsn", {"widths": [4, 6, 13], "depths": [2, 1, 2], "positions": 3}),
    "cs": ("drsn", {"widths": [4, 6, 13], "depths": [2, 1, 2], "positions": 3, "kind": "cs"}),
    "equal": ("drsn", {"widths": [8, 8], "depths": [1, 2], "positions": 4, "fold": 2, "stride": 1}),
    "cnn": ("cnn", {"widths": [6, 8], "positions": 8}),
    "pace": ("pace", {"dim": 12, "depth": 2, "pool": 32, "patch": 8, "kernel": 3, "positions": 2}),
}


def lived_in(name: str) -> Any:
    """A network whose normalisations have seen spectra and scale each channel otherwise."""
    model, keys = NETS[name]
    return tiny_job.lived_in(models.build(Call(model, keys), points=POINTS, classes=5, seed=1), POINTS)


def narrowed(name: str, network: Any, share: float = 0.5, multiple: int = 1) -> tuple[Any, dict[str, list[int]]]:
    return narrow.narrowed(NETS[name][0], network, POINTS, share, multiple)


def answers(network: Any) -> Tensor:
    with torch.no_grad():
        out: Tensor = network(X)
    return out


def silence(layer: Any, kept: list[int]) -> None:
    """Set to zero what a layer gives in every channel that is not kept."""
    gone = torch.ones(len(layer.weight), dtype=torch.bool)
    gone[kept] = False
    layer.weight.data[gone] = 0
    layer.bias.data[gone] = 0


def silenced_drsn(network: Any, kept: dict[str, list[int]]) -> None:
    inward = kept["stage 1"]
    for s, stage in enumerate(network.body):
        for b, block in enumerate(stage):
            title, out = f"block {s + 1}.{b + 1}", kept[f"stage {s + 1}"]
            silence(block.norm, inward)
            silence(block.norm2, kept[f"{title} inner"])
            silence(block.conv2, out)
            silence(block.shrink.norm, kept[f"{title} hidden"])
            if block.shrink.kind == "cs":  # one threshold for all is a mean over the channels that are there
                more = block.conv2.out_channels / len(out)
                block.shrink.mean.register_forward_hook(lambda _, __, size, more=more: size * more)
                block.shrink.first.register_forward_pre_hook(lambda _, given, more=more: (given[0] / more,))
            inward = out
    silence(network.norm, inward)


def silenced_cnn(network: Any, kept: dict[str, list[int]]) -> None:
    norms = [layer for layer in network.body if isinstance(layer, nn.BatchNorm1d)]
    for norm, each in zip(norms, kept.values(), strict=True):
        silence(norm, each)


def silenced_pace(network: Any, kept: dict[str, list[int]]) -> None:
    each = kept["every block"]
    silence(network.norm, each)
    for block in network.blocks:
        silence(block.norm, each)
        silence(block.norm2, each)


SILENCED = {"drsn": silenced_drsn, "cnn": silenced_cnn, "pace": silenced_pace}


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("name", NETS)
def test_it_answers_as_the_whole_network_with_the_other_channels_silenced(name: str, share: float) -> None:
    whole = lived_in(name)
    small, kept = narrowed(name, whole, share)
    before = answers(whole)
    SILENCED[NETS[name][0]](whole, kept)
    torch.testing.assert_close(answers(small), answers(whole), rtol=1e-4, atol=1e-5)
    assert (before - answers(small)).abs().max() > 0.01, "the channels that went had said something"
    sizes = [sum(p.numel() for p in each.parameters()) for each in (small, whole)]
    assert sizes[0] < (share + 0.15) * sizes[1]


@pytest.mark.parametrize("name", NETS)
def test_a_share_of_one_changes_nothing_to_the_byte(name: str) -> None:
    whole = lived_in(name)
    same, kept = narrowed(name, whole, 1.0, multiple=4)
    assert same.keys() == whole.keys()
    weights, found = whole.state_dict(), same.state_dict()
    assert list(weights) == list(found)
    assert all(torch.equal(weights[key], found[key]) for key in weights)
    assert all(each == list(range(len(each))) for each in kept.values())


@pytest.mark.parametrize(("share", "multiple"), [(0.5, 1), (0.4, 2), (0.7, 4), (0.25, 8)])
@pytest.mark.parametrize("widths", [[4, 6, 13], [16, 32, 64], [18, 20], [8, 8, 9]])
def test_a_stage_keeps_in_its_middle_what_the_one_before_kept(widths: list[int], share: float, multiple: int) -> None:
    network = models.build(Call("drsn", {"widths": widths, "depths": [1] * len(widths)}), points=96, classes=3, seed=0)
    small, kept = narrow.narrowed("drsn", network.eval(), 96, share, multiple)
    streams = [kept[f"stage {s + 1}"] for s in range(len(widths))]
    for s in range(1, len(widths)):
        before, now = streams[s - 1], streams[s]
        start, front = (widths[s] - widths[s - 1]) // 2, (len(now) - len(before)) // 2
        assert now[front : front + len(before)] == [each + start for each in before]
        assert now == sorted(set(now))
        assert now[-1] < widths[s]
    keys: Any = small.keys  # type: ignore[union-attr]
    assert keys()["widths"] == [len(each) for each in streams]


@pytest.mark.parametrize(
    ("share", "multiple", "expected"),
    [(0.5, 4, [8, 16, 32]), (0.375, 4, [8, 12, 24]), (0.25, 8, [8, 8, 16]), (0.01, 1, [1, 1, 1])],
)
def test_counts_are_the_nearest_multiple(share: float, multiple: int, expected: list[int]) -> None:
    network = models.build(Call("drsn", {"depths": [1, 1, 1]}), points=96, classes=3, seed=0).eval()
    small, _ = narrow.narrowed("drsn", network, 96, share, multiple)
    keys: Any = small.keys  # type: ignore[union-attr]
    assert keys()["widths"] == expected
    assert keys()["inner"] == [[each] for each in expected]


def test_what_is_read_most_is_kept_and_how_it_is_written_does_not_count() -> None:
    whole = lived_in("cnn")
    layers = [layer for layer in whole.body if isinstance(layer, nn.Conv1d | nn.BatchNorm1d)]
    first, norm, second = layers[:3]
    norm.weight.data.fill_(1)
    weakest = int(second.weight.detach().norm(dim=(0, 2)).argmin())
    first.weight.data[weakest] *= 100
    assert weakest not in narrowed("cnn", whole)[1]["stage 1"]
    norm.weight.data[weakest] = 100
    assert weakest in narrowed("cnn", whole)[1]["stage 1"]


def test_a_channel_that_only_later_stages_read_is_kept_in_the_first() -> None:
    network = models.build(Call("drsn", {"widths": [4, 8], "depths": [2, 2]}), points=96, classes=3, seed=0).eval()
    for wanted in range(4):
        last: Any = network.body[1][1].conv  # type: ignore[index]
        last.weight.data[:, 2:6] = 1e-3
        last.weight.data[:, 2 + wanted] = 100.0
        _, kept = narrow.narrowed("drsn", network, 96, 0.25, 1)
        assert kept["stage 1"] == [wanted]
        assert 2 + wanted in kept["stage 2"]
