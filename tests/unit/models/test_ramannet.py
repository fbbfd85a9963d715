"""RamanNet of Ibtehaz et al.: each window through its own dense layer, the same answers as its layers in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import plain_layers as plain
import pytest
import tiny_job
import torch

from edgespec import models
from edgespec.models import ramannet
from edgespec.recipe import Call


def build(points: int, **keys: Any) -> Any:
    return models.build(Call("ramannet", keys), points=points, classes=3, seed=0)


@pytest.mark.parametrize("points", [5, 24, 30, 31])
def test_it_answers_as_its_layers_do(points: int) -> None:
    keys = {"window": 12, "step": 6, "width": 3, "hidden": 5, "embedding": 4}
    network = tiny_job.lived_in(build(points, **keys), points)
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(4, points))
    count = 1 if points <= 12 else -(-(points - 12) // 6) + 1
    padded = np.pad(x, ((0, 0), (0, 6 * (count - 1) + 12 - points)))
    weight = known["windows.dense.weight"].reshape(count, 3, 12)
    windows = [padded[:, 6 * i : 6 * i + 12] @ weight[i].T for i in range(count)]
    y = np.concatenate(windows, axis=1) + known["windows.dense.bias"]
    y = plain.leaky(plain.norm(y, known, "norm"), ramannet.SLOPE)
    for name in ("hidden", "embedding"):
        y = plain.leaky(plain.norm(plain.linear(y, known, f"{name}.linear"), known, f"{name}.norm"), ramannet.SLOPE)
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, plain.linear(y, known, "head"), rtol=1e-4, atol=1e-5)


def test_a_point_is_seen_by_the_windows_that_hold_it_alone() -> None:
    network = build(100, window=20, step=10).eval()
    x = torch.zeros(1, 100, requires_grad=True)
    seen = network.windows(x).flatten().reshape(network.windows.count, -1)
    for i, window in enumerate(seen):
        gradient = torch.autograd.grad(window.sum(), x, retain_graph=True)[0].flatten()
        assert gradient.nonzero().flatten().tolist() == list(range(10 * i, 10 * i + 20))


def test_as_published_it_has_the_parameters_counted_by_hand() -> None:
    network = build(1000, width=25, hidden=512, embedding=256)
    windows = 39 * (50 * 25 + 25) + 2 * 39 * 25
    dense = 39 * 25 * 512 + 512 + 2 * 512 + 512 * 256 + 256 + 2 * 256
    assert sum(each.numel() for each in network.parameters()) == windows + dense + 256 * 3 + 3
    assert [round(each.p, 2) for each in network.drops] == [0.5, 0.4, 0.25]
