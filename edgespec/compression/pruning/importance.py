"""How much each channel of a group matters: functions from a network and a group to scores, one a channel, with a mean of 1.

Scores rank the channels of one group and say how its strength is spread over them; between groups they say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgespec.compression.pruning.channel_groups import Group, Side

Importance = Callable[[nn.Module, Group], Tensor]
BATCH = 256


def magnitude(network: nn.Module, group: Group) -> Tensor:
    """(width,): the L2 norm of all weights that write and that read a channel, each layer's scaled to a mean of 1 and added.

    Li et al. 2017, arXiv:1608.08710, over the coupled layers (Fang et al. 2023, arXiv:2301.12900, equation 7).
    """
    found = [_scaled(slices.norm(dim=1)) for _, slices in _weights(network, group)]
    return _scaled(torch.stack(found).sum(0))


def bn_scale(network: nn.Module, group: Group) -> Tensor:
    """(width,): the scales of the batch normalisations that a channel passes, each scaled to a mean of 1 and added.

    Liu et al. 2017, arXiv:1708.06519.
    """
    norms = [each.layer for each in group.sides if isinstance(network.get_submodule(each.layer), nn.BatchNorm1d)]
    found = [_scaled(slices.norm(dim=1)) for side, slices in _weights(network, group) if side.layer in norms]
    return _scaled(torch.stack(found).sum(0))


def taylor(network: nn.Module, group: Group) -> Tensor:
    """(width,): the squared first-order change of the loss if a layer lost its part of a channel, added over the layers.

    (sum of weight times gradient)^2 of Molchanov et al. 2019, arXiv:1906.10771, equation 8; `differentiated` sets the gradients.
    """
    found = []
    for side in group.sides:
        weight: Tensor = network.get_submodule(side.layer).weight  # type: ignore[assignment]
        gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
        found.append(_sliced(weight.detach() * gradient, side).sum(dim=1).square())
    return _scaled(torch.stack(found).sum(0))


def differentiated(network: nn.Module, x: Tensor, y: Tensor) -> nn.Module:
    """Set the gradients of the mean cross-entropy over labelled spectra, in evaluation mode, in bounded memory; give the network."""
    network.eval().zero_grad(set_to_none=True)
    for part, labels in zip(torch.split(x, BATCH), torch.split(y, BATCH), strict=True):
        loss = functional.cross_entropy(network(part), labels, reduction="sum") / len(x)
        loss.backward()  # type: ignore[no-untyped-call]
    return network


KINDS: dict[str, Importance] = {"magnitude": magnitude, "taylor": taylor, "bn_scale": bn_scale}


def _weights(network: nn.Module, group: Group) -> Iterator[tuple[Side, Tensor]]:
    """Give each layer's weights, a row a channel."""
    for side in group.sides:
        weight: Tensor = network.get_submodule(side.layer).weight.detach()  # type: ignore[operator]
        yield side, _sliced(weight, side)


def _sliced(weight: Tensor, side: Side) -> Tensor:
    """(width, numbers): what a layer's weight holds of each channel."""
    turned = weight if side.out else weight.transpose(0, 1)
    return turned[side.at].flatten(1)


def _scaled(found: Tensor) -> Tensor:
    return found / found.mean().clamp_min(torch.finfo(found.dtype).tiny)
