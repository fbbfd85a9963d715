"""A network of a recipe's own is tried before it is trained, and knows the keys that build it anew."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from edgespec.errors import Mistake
from edgespec.models import _own, needs
from edgespec.recipe import Call


def module(build: Any) -> ModuleType:
    made = ModuleType("net")
    made.__file__ = "net.py"
    made.build = build  # type: ignore[attr-defined]
    return made


def test_it_gets_the_keys_that_build_it_anew() -> None:
    found: Any = _own.built(
        module(lambda *, points, classes, width: nn.Linear(points, classes)), Call("./net.py", {"width": 3}), 8, 2
    )
    assert found.keys() == {"width": 3}
    assert (found.fixed, found.own, found.training) == (True, True, True)


def test_keys_of_its_own_are_kept() -> None:
    class Net(nn.Linear):
        def keys(self) -> dict[str, Any]:
            return {"width": self.out_features}

    found: Any = _own.built(module(lambda *, points, classes: Net(points, classes)), Call("./net.py", {}), 8, 2)
    assert found.keys() == {"width": 2}
    assert not hasattr(found, "fixed")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda *, points, classes: 3, "gives int, no torch module"),
        (lambda *, points, classes: nn.Linear(points, classes + 1), r"answers torch.float32 \(2, 3\)"),
        (lambda *, points, classes: nn.Linear(points + 1, classes), "RuntimeError"),
        (lambda *, points: nn.Linear(points, 2), "TypeError"),
    ],
)
def test_what_answers_something_else_is_told(build: Any, said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        _own.built(module(build), Call("./net.py", {}), 8, 2)
    assert caught.value.hint


def test_a_step_says_which_parts_it_needs() -> None:
    network = nn.Sequential()
    needs(torch.nn.Module(), "./net.py", "train")
    with pytest.raises(Mistake, match=r"'prune' works with a network's head, \./net\.py has no head"):
        needs(network, "./net.py", "prune", "head")
