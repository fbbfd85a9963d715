"""A network without some of its blocks keeps the weights of the others, and loses first what it misses least."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from edgespec import models
from edgespec.compression.pruning import remove_blocks
from edgespec.errors import Mistake
from edgespec.recipe import Call

X = torch.randn(12, 96, generator=torch.Generator().manual_seed(3))
NETS: dict[str, dict[str, Any]] = {
    "drsn": {"widths": [4, 6], "depths": [3, 2], "positions": 3, "inner": [[2, 3, 4], [5, 6]]},
    "pace": {"dim": 8, "depth": 3, "pool": 32, "patch": 8, "kernel": 3},
}


def built(name: str) -> nn.Module:
    return models.build(Call(name, NETS[name]), points=96, classes=3, seed=1).eval()


def far_from(whole: nn.Module) -> Any:
    with torch.no_grad():
        expected = whole(X)
    return lambda each: float((each(X).detach() - expected).abs().max())


def test_a_block_that_does_nothing_goes_first() -> None:
    for idle in (1, 2):
        whole: Any = built("drsn")
        last = whole.body[0][idle].conv2
        last.weight.data.zero_()
        last.bias.data.zero_()
        small, kept = remove_blocks.shallower("drsn", whole, 96, [2, 2], far_from(whole))
        assert kept == [[b for b in range(3) if b != idle], [0, 1]]
        torch.testing.assert_close(small(X), whole(X))
        assert small.keys()["inner"] == [[[2, 3, 4][b] for b in kept[0]], [5, 6]]  # type: ignore[operator]


def test_one_by_one_to_as_many_as_wanted_and_the_first_of_a_stage_stays() -> None:
    whole = built("drsn")
    small, kept = remove_blocks.shallower("drsn", whole, 96, [1, 1], far_from(whole))
    assert kept == [[0], [0]]
    assert small.keys()["depths"] == [1, 1]  # type: ignore[operator]
    assert len(whole.body[0]) == 3, "the original is left alone"  # type: ignore[arg-type,index]


def test_pace_loses_blocks_too() -> None:
    whole: Any = built("pace")
    small, kept = remove_blocks.shallower("pace", whole, 96, [1], far_from(whole))
    assert [len(each) for each in kept] == [1]
    left = whole.blocks[kept[0][0]].pointwise.weight
    assert torch.equal(small.blocks[0].pointwise.weight, left)  # type: ignore[index,union-attr]
    assert small.keys()["depth"] == 1  # type: ignore[operator]


def test_the_blocks_that_are_named_stay() -> None:
    whole: Any = built("drsn")
    small: Any = remove_blocks.only("drsn", whole, 96, [[0, 2], [0]])
    assert small.keys()["inner"] == [[2, 4], [5]]
    assert torch.equal(small.body[0][1].conv.weight, whole.body[0][2].conv.weight)
    assert torch.equal(small.head.weight, whole.head.weight)
    pace: Any = built("pace")
    last: Any = remove_blocks.only("pace", pace, 96, [[2]])
    assert torch.equal(last.blocks[0].pointwise.weight, pace.blocks[2].pointwise.weight)


@pytest.mark.parametrize("kept", [[[1, 2], [0]], [[0], []]])
def test_the_first_block_of_a_stage_can_t_be_left_out(kept: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="the first block of each stage stays"):
        remove_blocks.only("drsn", built("drsn"), 96, kept)


@pytest.mark.parametrize("wanted", [[2], [2, 3], [1, 1, 1]])
def test_depths_that_are_not_there_are_told(wanted: list[int]) -> None:
    with pytest.raises(Mistake, match=r"this drsn has stages of \[3, 2\] blocks"):
        remove_blocks.shallower("drsn", built("drsn"), 96, wanted, lambda each: 0.0)


def test_a_model_without_such_blocks_is_told() -> None:
    with pytest.raises(Mistake, match="cnn has no blocks that could go, only drsn and pace have"):
        remove_blocks.depths("cnn", models.build(Call("cnn"), points=96, classes=3, seed=0))
