"""What every model must do: build on any axis, be its keys plus its weights, and have a twin that exports well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgespec import models, plugins
from edgespec.errors import Mistake
from edgespec.graph import exporter
from edgespec.models import drsn, ensemble
from edgespec.models.cnn import Cnn
from edgespec.models.drsn import Drsn
from edgespec.models.ensemble import Ensemble
from edgespec.models.pace import Pace
from edgespec.recipe import Call

NAMES = plugins.names("models")
POINTS = [64, 127, 128, 513, 900, 1024]


def build(name: str, points: int = 128, classes: int = 3, seed: int = 0, **keys: Any) -> Any:
    return models.build(Call(name, keys), points=points, classes=classes, seed=seed)


def lived_in(name: str, points: int = 128, classes: int = 3, **keys: Any) -> Any:
    """A network whose normalisations have seen spectra, in evaluation mode."""
    network = build(name, points, classes, **keys)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = None  # what it sees once is what it knows
    with torch.no_grad():
        network(spectra(points, 32) * 3 + 1)
    return network.eval()


def spectra(points: int, n: int = 4) -> Tensor:
    return torch.randn(n, points, generator=torch.Generator().manual_seed(n))


def answers(network: nn.Module, points: int = 128, n: int = 16) -> Tensor:
    with torch.no_grad():
        out: Tensor = network.eval()(spectra(points, n))
    return out


@pytest.mark.parametrize("classes", [2, 192])
@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("name", NAMES)
def test_it_answers_on_any_axis_for_any_number_of_classes(name: str, points: int, classes: int) -> None:
    network = lived_in(name, points, classes)
    x = spectra(points)
    features = network.features(x)
    assert features.shape == (4, network.head.in_features)
    assert isinstance(network.head, nn.Linear)
    assert network(x).shape == (4, classes)
    assert network(x).isfinite().all()
    torch.testing.assert_close(network(x), network.head(features))
    assert network(x).var(dim=0).sum() > 0, "other spectra, other answers"


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_learns(name: str) -> None:
    network = build(name)
    loss = nn.functional.cross_entropy(network(spectra(128, 16)), torch.arange(16) % 3)
    torch.autograd.backward(loss)
    learnt = {key: each.grad for key, each in network.named_parameters() if each.requires_grad}
    still = [key for key, grad in learnt.items() if grad is None or not grad.abs().sum() > 0]
    assert still == []
    fixed = {key for key, each in network.named_parameters() if not each.requires_grad}
    assert fixed == ({"components.weight", "components.bias"} if name == "mlp" else set()), "taken from the spectra"


@pytest.mark.parametrize("name", NAMES)
def test_the_first_weights_come_from_the_seed(name: str) -> None:
    first, again, other = (build(name, seed=seed).head.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("points", [127, 900])
@pytest.mark.parametrize("name", NAMES)
def test_keys_and_weights_are_the_whole_model(name: str, points: int) -> None:
    network = lived_in(name, points)
    written = json.loads(json.dumps(network.keys()))  # they pass through artifact.json
    again = build(name, points, **written)
    again.load_state_dict(network.state_dict())
    assert torch.equal(answers(again, points), answers(network, points))
    assert again.keys() == network.keys()


def without_channels(network: Cnn) -> Cnn:
    """Take the first half of each stage's channels out of a live network."""
    inward, kept, length = torch.arange(1), torch.arange(0), 0
    for layer in network.body:
        if isinstance(layer, nn.Conv1d):
            kept = torch.arange(layer.out_channels // 2, layer.out_channels)
            layer.weight = nn.Parameter(layer.weight[kept][:, inward].detach())
            layer.in_channels, layer.out_channels = len(inward), len(kept)
            inward = kept
        elif isinstance(layer, nn.BatchNorm1d):
            length = network.head.in_features // layer.num_features
            lose(layer, kept)
    columns = (kept[:, None] * length + torch.arange(length)).flatten()
    network.head.weight = nn.Parameter(network.head.weight[:, columns].detach())
    network.head.in_features = len(columns)
    return network


def narrower(network: Any) -> Any:
    """Build an EfficientNet whose layout has lost half of each block's expanded channels, and its last block."""
    stem, *blocks, top = network.keys()["layout"]
    layout = [stem, *([a, max(b // 2, 1), max(c // 2, 1), d, k, s] for a, b, c, d, k, s in blocks[:-1]), top]
    return lived_in("efficientnet", **{**network.keys(), "layout": layout})


def thinner(network: Pace) -> Pace:
    """Take half of the channels out of a live encoder: one width runs through all of it, so each layer loses the same."""
    kept = torch.arange(1, network.patches.out_channels, 2)
    positions = network.head.in_features // network.patches.out_channels
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d):
            pointwise = layer.groups == 1 and layer.in_channels > 1
            layer.weight = nn.Parameter(layer.weight[kept][:, kept if pointwise else slice(None)].detach())
            layer.bias = nn.Parameter(layer.bias[kept].detach())
            layer.groups = len(kept) if layer.groups > 1 else 1
            layer.in_channels, layer.out_channels = (1 if layer is network.patches else len(kept)), len(kept)
        elif isinstance(layer, nn.BatchNorm1d):
            lose(layer, kept)
    columns = (kept[:, None] * positions + torch.arange(positions)).flatten()
    network.head.weight = nn.Parameter(network.head.weight[:, columns].detach())
    network.head.in_features = len(columns)
    return network


def hollow(network: Drsn) -> Drsn:
    """Take half of the channels between each block's convolutions and of each threshold sub-network out of a live network."""
    for layer in network.modules():
        if isinstance(layer, drsn.Block):
            without(layer.conv, layer.norm2, layer.conv2)
            without(layer.shrink.first, layer.shrink.norm, layer.shrink.second)
    return network


def without(before: nn.Conv1d, norm: nn.BatchNorm1d, behind: nn.Conv1d) -> None:
    kept = torch.arange(1, before.out_channels, 2)
    before.weight = nn.Parameter(before.weight[kept].detach())
    before.bias = nn.Parameter(before.bias[kept].detach())
    behind.weight = nn.Parameter(behind.weight[:, kept].detach())
    before.out_channels = behind.in_channels = len(kept)
    lose(norm, kept)


def lose(norm: nn.BatchNorm1d, kept: Tensor) -> None:
    norm.num_features = len(kept)
    for key in ("weight", "bias"):
        setattr(norm, key, nn.Parameter(getattr(norm, key)[kept].detach()))
    for key in ("running_mean", "running_var"):
        setattr(norm, key, getattr(norm, key)[kept])


def with_smaller_members(network: Ensemble) -> Ensemble:
    """Take channels out of each member, its own part of the head put back on it for that."""
    start = 0
    for member in network.members:
        width = network.head.in_features // len(network.members)  # they are alike
        member.head = nn.Linear(width, network.head.out_features)
        member.head.weight.data = network.head.weight.data[:, start : start + width].clone()
        start += width
    return ensemble.assembled(network.names, [without_channels(member) for member in network.members])  # type: ignore[arg-type]


SMALLER: dict[str, Callable[[Any], Any]] = {
    "cnn": without_channels,
    "drsn": hollow,
    "pace": thinner,
    "efficientnet": narrower,
    "ensemble": with_smaller_members,
}
NARROW: dict[str, dict[str, Any]] = {
    "deepcnn": {"widths": [8, 16, 32], "hidden": 64},
    "lstm": {"width": 16},
    "mlp": {"components": 8, "widths": [32]},
    "ramannet": {"width": 4, "hidden": 32, "embedding": 16},
    "repdwnet": {"widths": [8, 16, 24]},
    "resnet": {"width": 8},
    "sanet": {"widths": [4, 8, 12, 16]},
    "vit": {"dim": 16, "hidden": 32},
}
"""The same of networks out of which no step takes channels: they are built narrower."""


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_lost_channels_is_rebuilt_from_its_keys(name: str) -> None:
    whole = lived_in(name)
    before = sum(each.numel() for each in whole.parameters())
    pruned: Any = SMALLER[name](whole) if name in SMALLER else lived_in(name, **NARROW[name])
    again = build(name, **json.loads(json.dumps(pruned.keys())))
    again.load_state_dict(pruned.state_dict())
    assert torch.equal(answers(again), answers(pruned))
    assert sum(each.numel() for each in again.parameters()) < 0.7 * before


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_loaded_it_answers_the_same_and_nothing_is_pickled(name: str, tmp_path: Path) -> None:
    network = lived_in(name)
    saved = models.save(network, name, tmp_path, points=128, classes=3)
    assert torch.equal(answers(models.load(saved)), answers(network))
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    raw = saved.weights.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    assert set(header) == set(network.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_damaged_absent_or_foreign_weights_are_refused(name: str, tmp_path: Path) -> None:
    saved = models.save(lived_in(name), name, tmp_path, points=128, classes=3)
    whole = saved.weights.read_bytes()
    foreign = models.save(lived_in(name, classes=5), name, tmp_path / "other", points=128, classes=5)
    for content in (whole[: len(whole) // 2], b"", b"\x80\x04\x95 pickled", foreign.weights.read_bytes()):
        saved.weights.write_bytes(content)
        with pytest.raises(Mistake, match=r"model\.safetensors does not hold the weights"):
            models.load(saved)
    saved.weights.unlink()
    with pytest.raises(Mistake):
        models.load(saved)


def is_built(name: str, points: int) -> bool:
    try:
        build(name, points)
    except Mistake:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_an_axis_that_is_too_short_is_refused_and_any_other_answers(name: str) -> None:
    shortest = next(points for points in range(1, 100) if is_built(name, points))
    for points in range(1, 40):
        if points < shortest:
            with pytest.raises(Mistake, match=f"can't be built for {points} points"):
                build(name, points)
        else:
            assert answers(build(name, points), points).shape == (16, 3)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("cnn", {"widths": [4, 4, 4, 4, 4, 4]}),
        ("cnn", {"kernel": 4}),
        ("efficientnet", {"layout": [8, 16]}),
        ("efficientnet", {"layout": [8, [8, 16, 4, 8, 3, 1], [12, 16, 4, 16, 5, 2], 16]}),
        ("efficientnet", {"layout": [8, [8, 16, 4, 8, 4, 1], 16]}),
        ("efficientnet", {"layout": [8, [8, 0, 4, 8, 3, 1], 16]}),
        ("efficientnet", {"layout": [8, [8, 16, 4, 8, 3, 0], 16]}),
        ("efficientnet", {"dropout": 1.5}),
        ("drsn", {"kernel": 4}),
        ("drsn", {"stem": 2}),
        ("drsn", {"widths": [8, 4], "depths": [1, 1]}),
        ("drsn", {"widths": [4, 8]}),
        ("drsn", {"widths": [4, 8], "depths": [1, 2], "inner": [[4], [8]]}),
        ("drsn", {"widths": [4, 8], "depths": [1, 2], "hidden": [[4], [8, 8], [8]]}),
        ("pace", {"kernel": 8}),
        ("pace", {"overlap": 3}),
        ("pace", {"pool": 250}),
        ("pace", {"positions": 17}),
        ("pace", {"dropout": 1.5}),
        ("ensemble", {"members": [Call("cnn"), Call("cnn", {"kernel": 4})]}),
        ("resnet", {"kernel": 4}),
        ("deepcnn", {"widths": [4, 4]}),
        ("deepcnn", {"kernels": [21, 21, 5]}),
        ("mlp", {"components": 33}),
        ("ramannet", {"window": 50, "step": 20}),
        ("vit", {"dim": 30, "heads": 4}),
        ("repdwnet", {"widths": [4, 4]}),
        ("repdwnet", {"kernels": [3, 4]}),
    ],
)
def test_keys_that_make_no_network_are_a_mistake_before_anything_is_trained(name: str, keys: dict[str, Any]) -> None:
    with pytest.raises(Mistake, match="can't be built for 32 points"):
        build(name, 32, **keys)


@pytest.mark.parametrize("points", [127, 900])
@pytest.mark.parametrize("name", NAMES)
def test_its_two_dimensional_twin_gives_the_same_answers(name: str, points: int) -> None:
    network = lived_in(name, points)
    before = [type(each) for each in network.modules()]
    twin = exporter.twin(network)
    assert not [each for each in twin.modules() if isinstance(each, nn.Conv1d | nn.BatchNorm1d | nn.MaxPool1d)]
    torch.testing.assert_close(answers(twin, points), answers(network, points), rtol=1e-4, atol=1e-5)
    assert [type(each) for each in network.modules()] == before, "the network itself stays as it was"
