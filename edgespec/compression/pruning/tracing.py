"""A network as torch-pruning's tracing (DepGraph) understands it: what it would take wrongly stands in another form meanwhile.

It takes a mean over uneven windows for a fold of the axis (PACE), and does not see that DRSN's zero-padded shortcut shifts the channels
of a stage. Both are traced as what they stand for: an adaptive mean, and channels joined in front and behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from edgespec.models import Pool
from edgespec.models.drsn import Block


@contextmanager
def traced(network: nn.Module, points: int) -> Iterator[Any]:
    """Give the graph of dependencies; meanwhile the network has what was lent to it: a DRSN's block that pads, `padding.front` and `.back`."""
    with _plain_means(network), _joined_paddings(network), torch.enable_grad():
        yield torch_pruning.DependencyGraph().build_dependency(network, torch.zeros(1, points), verbose=False)


@contextmanager
def _plain_means(network: nn.Module) -> Iterator[None]:
    """Lend the network PyTorch's own adaptive means: the reshapes of ours would be taken for a fold of channels."""
    places = [(parent, key, each) for parent in network.modules() for key, each in parent.named_children() if isinstance(each, Pool)]  # fmt: skip
    for parent, key, each in places:
        setattr(parent, key, nn.AdaptiveAvgPool1d(each.places))
    try:
        yield
    finally:
        for parent, key, each in places:
            setattr(parent, key, each)


class _Padding(nn.Module):
    """What a shortcut pads with, as the tracing understands it: channels from convolutions of their own beside those that are there."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        inward = block.conv.in_channels
        self.front = nn.Conv1d(inward, block.before, 1) if block.before else None
        self.back = nn.Conv1d(inward, block.after, 1) if block.after else None

    def forward(self, x: Tensor) -> Tensor:
        """(n, inward, length) -> (n, out, length)"""
        parts = [None if self.front is None else self.front(x), x, None if self.back is None else self.back(x)]
        return torch.cat([part for part in parts if part is not None], dim=1)


@contextmanager
def _joined_paddings(network: nn.Module) -> Iterator[None]:
    """Lend DRSN's shortcuts a padding that is traced: of F.pad it sees nothing, and takes channel i for channel i of the next stage."""
    blocks = [each for each in network.modules() if isinstance(each, Block) and each.before + each.after]
    for block in blocks:
        block.padding = _Padding(block)
        vars(block)["shortcut"] = lambda x, block=block: block.padding(block.every(x))
    try:
        yield
    finally:
        for block in blocks:
            del block.padding, vars(block)["shortcut"]
