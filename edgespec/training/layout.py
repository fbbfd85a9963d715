"""A network while it trains: its layers along the axis as 1 x K layers on a plane, channels last in memory, which is faster.

Weights, their shapes, their gradients and what is saved are the network's own: a layer only reads them otherwise. Answers differ from the
plain layers' by rounding. Measured, a step takes 0.64 to 0.78 of its time (docs/speed.md); PACE gains nothing, and other networks are left
as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgespec.models import Channels, Pool

# by name, as importing them would make every step depend on the source of all of them
WHOLE = {"cnn.Cnn", "efficientnet.EfficientNet", "repdwnet.RepDwNet", "resnet.ResNet"}
"""Networks that take (n, points), and whose own code does not ask how many dimensions the layers' outputs have."""
PARTS = {"efficientnet.MBConv", "efficientnet.SqueezeExcite", "repdwnet.Block", "repdwnet.Branches", "resnet.Block"}
ANYWHERE = (nn.Sequential, nn.ModuleList, nn.ReLU, nn.SiLU, nn.Identity, nn.Dropout, nn.Flatten, nn.Linear, Pool)


@contextmanager
def planes(network: nn.Module) -> Iterator[None]:
    """Let a network, or those of an ensemble, work on planes inside the block; one that is not known to gain stays as it is."""
    changed: list[tuple[nn.Module, str]] = []
    try:
        for each in network.modules():
            if _name(each) in WHOLE and all(_known(layer) for layer in each.modules()):
                for layer in each.modules():
                    for name, does in INSTEAD.get(type(layer), {}).items():
                        setattr(layer, name, partial(does, layer))
                        changed.append((layer, name))
        yield
    finally:
        for layer, name in changed:
            delattr(layer, name)


def _name(layer: nn.Module) -> str:
    """Give the name of a class of ours, "file.Class"; another's is never taken for one."""
    kind = type(layer)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("edgespec.models.")


def _known(layer: nn.Module) -> bool:
    if type(layer) is nn.Conv1d:
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if type(layer) is nn.Flatten:
        return layer.start_dim == 1 and layer.end_dim == -1
    return _name(layer) in WHOLE | PARTS or type(layer) in (*ANYWHERE, *INSTEAD)


def _channels(layer: nn.Module, x: Tensor) -> Tensor:
    """(n, points) -> (n, 1, 1, points)"""
    return x[:, None, None]


def _conv(layer: Any, x: Tensor) -> Tensor:
    (stride,), (padding,), (dilation,) = layer.stride, layer.padding, layer.dilation
    plain = layer.weight.unsqueeze(2)
    # copied, as `contiguous` takes one channel for last already and leaves strides from which no kernel knows it
    weight = torch.empty_like(plain, memory_format=torch.channels_last).copy_(plain)
    x = x.contiguous(memory_format=torch.channels_last)
    return functional.conv2d(x, weight, layer.bias, (1, stride), (0, padding), (1, dilation), layer.groups)


def _any(layer: nn.Module, x: Tensor) -> None:
    """Normalisation over channels is the same whatever stands behind them."""


def _max(layer: Any, x: Tensor) -> Tensor:
    size, stride, padding = (
        each if isinstance(each, int) else each[0] for each in (layer.kernel_size, layer.stride, layer.padding)
    )
    return functional.max_pool2d(x, (1, size), (1, stride), (0, padding))


def _mean(layer: Any, x: Tensor) -> Tensor:
    size, stride, padding = (
        each if isinstance(each, int) else each[0] for each in (layer.kernel_size, layer.stride, layer.padding)
    )
    return functional.avg_pool2d(x, (1, size), (1, stride), (0, padding))


def _places(layer: Any, x: Tensor) -> Tensor:
    return functional.adaptive_avg_pool2d(x, (1, layer.output_size))


INSTEAD: dict[type[nn.Module], dict[str, Callable[[Any, Tensor], Any]]] = {
    Channels: {"forward": _channels},
    nn.Conv1d: {"forward": _conv},
    nn.BatchNorm1d: {"_check_input_dim": _any},
    nn.MaxPool1d: {"forward": _max},
    nn.AvgPool1d: {"forward": _mean},
    nn.AdaptiveAvgPool1d: {"forward": _places},
}
"""The methods of a layer that are other ones on planes."""
