"""Several networks that answer as one, by the mean of their logits: the teacher that no single network is.

Hinton, Vinyals, Dean (2015), arXiv:1503.02531, section 3 (an ensemble as teacher).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Annotated, Any

import torch
from annotated_types import Len
from torch import Tensor, nn

from edgespec import own_code, plugins
from edgespec.models import _own
from edgespec.recipe import Call


class Ensemble(nn.Module):
    """The members' features side by side, and one linear head: a mean of linear heads is a linear head."""

    def __init__(self, names: Sequence[str], members: Sequence[nn.Module], classes: int) -> None:
        super().__init__()
        width = sum(_head(member).in_features for member in members)
        for member in members:
            member.head = nn.Identity()  # theirs is a part of ours
        self.names = list(names)
        self.members = nn.ModuleList(members)
        self.head = nn.Linear(width, classes)

    def features(self, x: Tensor) -> Tensor:
        """(n, points) -> (n, sum of the members' widths)"""
        return torch.cat([member.features(x) for member in self.members], dim=1)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        """(n, points) -> logits (n, classes)"""
        return self.head(self.features(x))  # type: ignore[no-any-return]

    def begin(self, x: Tensor) -> None:
        """Show the training spectra, (n, points), to the members that take their first weights from them."""
        for member in self.members:
            if hasattr(member, "begin"):
                member.begin(x)  # type: ignore[operator]

    def reparameterised(self) -> Ensemble | None:
        """Give the ensemble with the branches of its members folded; None where no member has any."""
        found = copy.deepcopy(self).eval()
        members: list[Any] = list(found.members)
        folded = [each.reparameterised() if hasattr(each, "reparameterised") else None for each in members]
        if all(each is None for each in folded):
            return None
        pairs = zip(members, folded, strict=True)
        found.members = nn.ModuleList(member if each is None else each for member, each in pairs)
        return found

    def keys(self) -> dict[str, Any]:
        """What `build` needs to make this very network again."""
        pairs = zip(self.names, self.members, strict=True)
        return {"members": [{name: member.keys()} for name, member in pairs]}  # type: ignore[operator]


def build(
    *,
    points: int,
    classes: int,
    members: Annotated[list[Annotated[Call, "models"]], Len(1)] = [Call("cnn"), Call("cnn")],  # noqa: B006
) -> Ensemble:
    """Several networks with one linear head over all their features; `model: [a, b]` of the step train trains them apart instead.

    members: the networks, each with its keys.
    """
    calls = [each if isinstance(each, Call) else Call(*next(iter(each.items()))) for each in members]
    found = [_member(call, points, classes) for call in calls]
    return Ensemble([call.name for call in calls], found, classes)


def _member(call: Call, points: int, classes: int) -> nn.Module:
    if own_code.is_own(call.name):
        return _own.built(own_code.load(call.name, "build"), call, points, classes)
    return plugins.find("models", call.name).build(points=points, classes=classes, **call.keys)  # type: ignore[no-any-return]


def assembled(names: Sequence[str], members: Sequence[nn.Module]) -> Ensemble:
    """Make trained networks one: its logits are the mean of theirs, mean_i (W_i f_i + b_i).

    names: what each is called in a recipe. The members become part of it and are left without their heads.
    """
    heads = [_head(member) for member in members]
    found = Ensemble(names, members, heads[0].out_features)
    with torch.no_grad():
        found.head.weight.copy_(torch.cat([head.weight for head in heads], dim=1) / len(heads))
        found.head.bias.copy_(torch.stack([head.bias for head in heads]).mean(dim=0))
    return found.eval()


def _head(member: nn.Module) -> nn.Linear:
    head = member.head
    if not isinstance(head, nn.Linear):
        raise ValueError(f"{type(member).__name__} has no linear head of its own")
    return head
