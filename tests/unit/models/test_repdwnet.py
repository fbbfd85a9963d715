"""The depthwise network with branches: the same answers as their sum in numpy, folded and not, for every shape of branch."""

from __future__ import annotations

from typing import Any

import numpy as np
import plain_layers as plain
import pytest
import tiny_job
import torch

from edgespec import models
from edgespec.errors import Mistake
from edgespec.models.repdwnet import Branches
from edgespec.recipe import Call

KEYS = {"widths": [3, 4], "depths": [1, 2], "kernels": [5, 3], "positions": 2}


def network(**keys: Any) -> Any:
    return tiny_job.lived_in(models.build(Call("repdwnet", {**KEYS, **keys}), points=40, classes=3, seed=0), 40)


def summed(
    x: plain.Array, known: dict[str, plain.Array], name: str, kernels: list[int], stride: int, deep: bool
) -> plain.Array:
    """The branches side by side, each normalised, and the one without a convolution."""
    total: Any = 0.0
    for i, kernel in enumerate(kernels):
        weight = known[f"{name}.convs.{i}.weight"]
        seen = (
            plain.depthwise(x, weight, stride, kernel // 2) if deep else plain.conv(x, weight, 0.0, stride, kernel // 2)
        )
        total = total + plain.norm(seen, known, f"{name}.norms.{i}")
    return total + plain.norm(x, known, f"{name}.through") if f"{name}.through.weight" in known else total


def test_it_answers_as_the_sum_of_its_branches_folded_and_not() -> None:
    whole = network()
    known, x = plain.weights(whole), np.random.default_rng(0).normal(size=(4, 40))
    y = plain.relu(summed(x[:, None], known, "stem", [5, 3], 2, False))
    for stage, depth in enumerate([1, 2]):
        for b in range(depth):
            name = f"body.{stage}.{b}"
            y = plain.relu(summed(y, known, f"{name}.depthwise", [5, 3], 1 if b else 2, True))
            y = plain.relu(summed(y, known, f"{name}.pointwise", [1], 1, False))
    wanted = plain.linear(plain.means(y, 2), known, "head")
    for each in (whole, whole.reparameterised()):
        with torch.no_grad():
            found = each(torch.from_numpy(x).float()).numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("kernels", [[1], [7, 1], [3, 9, 5]])
@pytest.mark.parametrize(("inward", "out", "groups"), [(4, 4, 4), (4, 4, 1), (4, 4, 2), (3, 5, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_branches_of_any_shape_fold_into_one_convolution(
    kernels: list[int], inward: int, out: int, groups: int, stride: int
) -> None:
    torch.manual_seed(0)
    through = stride == 1 and inward == out
    branches = Branches(inward, out, kernels, stride=stride, groups=groups, through=through, folded=False)
    x = torch.randn(6, inward, 23)
    for layer in branches.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            layer.momentum = None
            torch.nn.init.normal_(layer.weight)
            torch.nn.init.normal_(layer.bias)
    branches(3 * x + 1)
    one = branches.eval().folded()
    with torch.no_grad():
        torch.testing.assert_close(one(x), branches(x), rtol=1e-4, atol=1e-5)
    assert one.kernel_size == (max(kernels),)


def test_folded_it_is_its_keys_and_weights_and_is_not_folded_twice() -> None:
    folded = network().reparameterised()
    again: Any = models.build(Call("repdwnet", folded.keys()), points=40, classes=3, seed=1).eval()
    again.load_state_dict(folded.state_dict())
    x = torch.randn(3, 40)
    assert torch.equal(again(x), folded(x))
    assert again.keys() == folded.keys()
    assert again.reparameterised() is None


def test_blocks_of_unequal_widths_are_of_folded_networks_alone() -> None:
    unequal = {"channels": [[3], [4, 6]], "widths": [3, 6]}
    assert network(**unequal, folded=True).keys()["channels"] == [[3], [4, 6]]
    for keys, words in (
        (unequal, "tie the widths"),
        ({"channels": [[3], [4]]}, "blocks, each of"),
        ({"channels": [[0], [4, 4]]}, "blocks, each of"),
    ):
        with pytest.raises(Mistake, match=words):
            network(**keys)
