"""The small CNN: the same answers as its layers in numpy, with each of its keys; keys that make no network."""

from __future__ import annotations

from typing import Any

import numpy as np
import plain_layers as plain
import pytest
import tiny_job
import torch

from edgespec import models
from edgespec.errors import Mistake
from edgespec.recipe import Call

PATCHES = {"widths": [4, 6], "stem": 9, "stride": 4, "pools": [3], "kernel": 5, "positions": 2}


def built(keys: dict[str, Any], points: int = 61) -> Any:
    return tiny_job.lived_in(models.build(Call("cnn", keys), points=points, classes=3, seed=0), points)


@pytest.mark.parametrize(
    ("keys", "windows", "pools"),
    [
        ({"widths": [4, 6], "positions": 5}, [(7, 2), (7, 1)], [2, 3]),  # 61 points: 31, 15, then 15 by 3
        (PATCHES, [(9, 4), (5, 1)], [3, 2]),  # 61 points: 16, 5, then 5 by 2
    ],
)
def test_it_answers_as_its_layers_do(keys: dict[str, Any], windows: list[tuple[int, int]], pools: list[int]) -> None:
    network = built(keys)
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(4, 61))
    y = x[:, None]
    for first, (kernel, stride), pool in zip((1, 5), windows, pools, strict=True):
        y = plain.conv(y, known[f"body.{first}.weight"], stride=stride, pad=kernel // 2)
        y = plain.max_pool(plain.relu(plain.norm(y, known, f"body.{first + 1}")), pool, pool)
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, plain.linear(y.reshape(len(x), -1), known, "head"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("keys", [{}, {"widths": [4]}, PATCHES, {**PATCHES, "pools": [1]}])
def test_its_keys_make_it_again_and_cut_it(keys: dict[str, Any]) -> None:
    network = built(keys)
    again = built(network.keys())
    assert again.keys() == network.keys()
    assert {k: v.shape for k, v in again.state_dict().items()} == {k: v.shape for k, v in network.state_dict().items()}
    short = built(network.until(1, 3))
    assert short.keys()["widths"] == network.keys()["widths"][:1]
    assert short.head.in_features == 3 * short.keys()["widths"][0]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"kernel": 6}, "kernel 6 is even"),
        ({"stem": 8}, "stem 8 is even"),
        ({"stride": 9}, "a stem of 7 points with stride 9 leaves points unseen"),
        ({"widths": [4, 4], "pools": [2, 2]}, "2 widths need 1 pools"),
        ({"widths": [4, 4, 4], "stride": 7, "pools": [8, 8]}, "3 stages leave nothing of 61 points"),
    ],
)
def test_keys_that_make_no_network_are_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said):
        built(keys)
