"""What a channel is worth: read from the weights that write and read it, from its normalisation, or from what the loss says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from edgespec import models
from edgespec.compression.pruning import channel_groups, importance
from edgespec.recipe import Call

NETS = {
    "cnn": ("cnn", {"widths": [6, 8], "positions": 4}),
    "pace": ("pace", {"dim": 8, "depth": 2, "pool": 32, "patch": 8, "kernel": 3, "positions": 2}),
    "drsn": ("drsn", {"widths": [6, 8], "depths": [1, 1], "positions": 4}),
    "efficientnet": ("efficientnet", {"layout": [8, [8, 24, 4, 8, 3, 1], 16]}),
    "ensemble": ("ensemble", {"members": [Call("cnn", {"widths": [6]}), Call("cnn", {"widths": [5]})]}),
}


def network_and_groups(title: str) -> tuple[Any, list[channel_groups.Group]]:
    name, keys = NETS[title]
    network = models.build(Call(name, keys), points=96, classes=3, seed=0).eval()
    x, y = torch.randn(30, 96, generator=torch.Generator().manual_seed(1)), torch.arange(30) % 3
    return importance.differentiated(network, x, y), channel_groups.groups(name, network, 96)


@pytest.mark.parametrize("kind", importance.KINDS)
@pytest.mark.parametrize("title", NETS)
def test_each_channel_has_a_score_and_they_have_a_mean_of_one(title: str, kind: str) -> None:
    network, groups = network_and_groups(title)
    for group in groups:
        found = importance.KINDS[kind](network, group)
        assert found.shape == (group.width,)
        assert found.min() >= 0
        assert float(found.mean()) == pytest.approx(0 if kind == "taylor" and not found.any() else 1, abs=1e-5)


@pytest.mark.parametrize("kind", ["magnitude", "taylor"])
@pytest.mark.parametrize("title", NETS)
def test_a_silent_channel_is_worth_least(title: str, kind: str) -> None:
    network, groups = network_and_groups(title)
    for group in groups:
        for side in group.sides:
            weight = network.get_submodule(side.layer).weight
            (weight if side.out else weight.transpose(0, 1)).data[side.at[3]] = 0
        found = importance.KINDS[kind](network, group)
        assert found[3] == found.min() < found.max()


def test_the_scale_of_its_normalisation_is_what_bn_scale_reads() -> None:
    network, groups = network_and_groups("cnn")
    norms = [each for each in network.body if isinstance(each, nn.BatchNorm1d)]
    norms[0].weight.data = torch.tensor([1.0, -4.0, 2.0, 0.5, 3.0, 1.5])
    found = importance.bn_scale(network, groups[0])
    torch.testing.assert_close(found, torch.tensor([1.0, 4.0, 2.0, 0.5, 3.0, 1.5]) / 2)


def test_taylor_is_the_squared_product_of_weight_and_gradient() -> None:
    network, groups = network_and_groups("cnn")
    conv, norm, _, _, after = list(network.body)[1:6]
    layers = {conv: (1, 2), norm: (), after: (0, 2)}
    products = [(each.weight * each.weight.grad, over) for each, over in layers.items()]
    parts = [product.sum(over) if over else product for product, over in products]
    expected = sum(each.detach().square() for each in parts)
    torch.testing.assert_close(importance.taylor(network, groups[0]), expected / expected.mean())


def test_gradients_are_those_of_the_mean_loss_however_many_spectra(monkeypatch: pytest.MonkeyPatch) -> None:
    network, _ = network_and_groups("cnn")
    whole = network.head.weight.grad.clone()
    monkeypatch.setattr(importance, "BATCH", 7)
    again, _ = network_and_groups("cnn")
    torch.testing.assert_close(again.head.weight.grad, whole)
    assert not again.training
