"""An ensemble is one network: its logits are the mean of its members', however they were built, nested and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgespec import models, plugins
from edgespec.artifact import Checkpoint, describe, restore
from edgespec.models.ensemble import Ensemble, assembled
from edgespec.recipe import Call

POINTS, CLASSES = 128, 5
SMALL: dict[str, dict[str, Any]] = {"efficientnet": {"depth": 0.1}, "cnn": {"widths": [4, 8]}}


def lived_in(name: str, seed: int) -> nn.Module:
    """A network whose normalisations have seen spectra and whose biases are not 0."""
    network = models.build(Call(name, SMALL.get(name, {})), points=POINTS, classes=CLASSES, seed=seed)
    network.head.bias.data += torch.arange(CLASSES)  # type: ignore[union-attr, operator]
    with torch.no_grad():
        for _ in range(20):
            network(x(32) * 2 + 1)
    return network.eval()


def x(n: int = 16) -> Tensor:
    return torch.randn(n, POINTS, generator=torch.Generator().manual_seed(n))


def answers(network: nn.Module) -> Tensor:
    with torch.no_grad():
        out: Tensor = network(x())
    return out


def together(*names: str) -> tuple[Ensemble, Tensor]:
    """An ensemble of networks of these names, and the mean of what they answered before."""
    members = [lived_in(name, seed) for seed, name in enumerate(names)]
    mean = torch.stack([answers(each) for each in members]).mean(dim=0)
    return assembled(names, members), mean


@pytest.mark.parametrize("name", plugins.names("models"))
def test_its_logits_are_the_mean_of_its_members(name: str) -> None:
    found, mean = together(name, "cnn", name)
    torch.testing.assert_close(answers(found), mean, rtol=1e-5, atol=1e-5)
    assert mean.abs().max() > 0.5
    one, alone = together(name)
    torch.testing.assert_close(answers(one), alone, rtol=1e-5, atol=1e-5)


def test_ensembles_may_be_members_and_their_members_count_less() -> None:
    pair, mean = together("cnn", "efficientnet")
    third = lived_in("cnn", 7)
    expected = (mean + answers(third)) / 2
    nested = assembled(["ensemble", "cnn"], [pair, third])
    torch.testing.assert_close(answers(nested), expected, rtol=1e-5, atol=1e-5)
    again = models.build(Call("ensemble", nested.keys()), points=POINTS, classes=CLASSES, seed=0)
    again.load_state_dict(nested.state_dict())
    assert torch.equal(answers(again.eval()), answers(nested))


def test_it_holds_its_members_weights_once_and_no_head_of_theirs() -> None:
    members = [lived_in(name, 0) for name in ("cnn", "efficientnet")]
    before = sum(each.numel() for member in members for each in member.parameters())
    found = assembled(["cnn", "efficientnet"], members)
    assert sum(each.numel() for each in found.parameters()) == before - CLASSES, "two biases have become one"
    assert not [key for key in found.state_dict() if key.startswith("members") and "head" in key]


def test_saved_sealed_and_read_it_is_the_same(tmp_path: Path) -> None:
    found, mean = together("cnn", "efficientnet")
    saved = models.save(found, "ensemble", tmp_path, points=POINTS, classes=CLASSES)
    again = restore(tmp_path, describe(saved))
    assert isinstance(again, Checkpoint)
    torch.testing.assert_close(answers(models.load(again)), mean, rtol=1e-5, atol=1e-5)


def test_members_are_told_as_a_recipe_or_an_artifact_tells_them_and_differ() -> None:
    told: list[Any] = [Call("cnn", {"widths": [4]}), {"cnn": {"widths": [4]}}]
    found = models.build(Call("ensemble", {"members": told}), points=POINTS, classes=CLASSES, seed=0)
    first, second = (next(each.parameters()) for each in found.members)  # type: ignore[union-attr]
    assert first.shape == second.shape
    assert not torch.equal(first, second)


def test_what_has_no_linear_head_of_its_own_is_no_member() -> None:
    member = lived_in("cnn", 0)
    assembled(["cnn"], [member])
    with pytest.raises(ValueError, match="Cnn has no linear head of its own"):
        assembled(["cnn"], [member])
