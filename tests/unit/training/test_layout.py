"""A network on planes answers as it does along the axis, learns the same, and is itself again afterwards."""

from __future__ import annotations

import copy

import pytest
import tiny_job
import torch
from torch import nn
from torch.nn import functional

from edgespec import models
from edgespec.models import ensemble
from edgespec.recipe import Call
from edgespec.training import layout

KNOWN = [
    tiny_job.CNN,
    tiny_job.EFFICIENT,
    Call("efficientnet", {"layout": [8, [8, 16, 4, 8, 3, 1], 16], "head": "gap", "dropout": 0.0, "activation": "relu"}),
    Call("repdwnet", {"widths": [8, 16], "depths": [1, 2], "stem": 8}),
    Call("resnet", {"width": 4}),
]


def _built(call: Call) -> nn.Module:
    return models.build(call, points=128, classes=3, seed=0)


def _x() -> torch.Tensor:
    return torch.randn(8, 128, generator=torch.Generator().manual_seed(1))


def _learnt(network: nn.Module) -> dict[str, torch.Tensor]:
    """Do three steps of training."""
    torch.manual_seed(3)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(3):
        optimiser.zero_grad()
        functional.cross_entropy(network.train()(_x()), torch.arange(8) % 3).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return {name: each.clone() for name, each in network.state_dict().items()}


@pytest.mark.parametrize("call", KNOWN, ids=lambda call: f"{call.name} {len(call.keys)}")
def test_the_same_answers_and_the_network_itself_afterwards(call: Call) -> None:
    network = tiny_job.lived_in(_built(call), 128)
    before = {name: each.clone() for name, each in network.state_dict().items()}
    shapes: list[int] = []
    first = next(each for each in network.modules() if isinstance(each, nn.Conv1d))
    with torch.no_grad():
        plain = network(_x())
        with layout.planes(network):
            hook = first.register_forward_hook(lambda module, inward, out: shapes.append(out.dim()))
            on_planes = network(_x())
            hook.remove()
        assert shapes == [4]
        torch.testing.assert_close(on_planes, plain, rtol=1e-4, atol=1e-4)
        assert torch.equal(network(_x()), plain)
    assert all(torch.equal(each, before[name]) for name, each in network.state_dict().items())
    assert not any("forward" in vars(each) or "_check_input_dim" in vars(each) for each in network.modules())


@pytest.mark.parametrize("call", [KNOWN[0], KNOWN[2], KNOWN[3], KNOWN[4]], ids=lambda call: call.name)
def test_it_learns_the_same_and_the_same_bytes_each_time(call: Call) -> None:
    plain = _learnt(_built(call))
    found = []
    for _ in range(2):
        network = _built(call)
        with layout.planes(network):
            found.append(_learnt(network))
    assert list(found[0]) == list(plain)
    for name, each in plain.items():
        assert each.shape == found[0][name].shape
        torch.testing.assert_close(found[0][name], each, rtol=1e-3, atol=1e-4)
        assert torch.equal(found[0][name], found[1][name])


def test_what_is_not_known_stays_as_it_is() -> None:
    odd = _built(tiny_job.CNN)
    odd.body.append(nn.Softmax(1))  # type: ignore[union-attr,operator]
    circular = _built(tiny_job.CNN)
    next(each for each in circular.modules() if isinstance(each, nn.Conv1d)).padding_mode = "circular"
    for network in (odd, circular, _built(tiny_job.PACE), _built(tiny_job.DRSN)):
        with layout.planes(network):
            assert not any("forward" in vars(each) for each in network.modules())


def test_an_error_inside_leaves_the_network_itself_and_members_are_found() -> None:
    members = [_built(tiny_job.CNN), _built(tiny_job.PACE)]
    whole = ensemble.assembled(["cnn", "pace"], copy.deepcopy(members))
    changed: list[nn.Module] = []

    def fails() -> None:
        with layout.planes(whole):
            changed.extend(each for each in whole.modules() if "forward" in vars(each))
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fails()
    assert changed
    assert not any("forward" in vars(each) for each in whole.modules())
