"""The deep CNN of Liu et al.: the same answers as its layers in numpy, and the size that a later benchmark counts."""

from __future__ import annotations

import numpy as np
import plain_layers as plain
import tiny_job
import torch

from edgespec import models
from edgespec.recipe import Call


def test_it_answers_as_its_layers_do() -> None:
    keys = {"widths": [3, 4], "kernels": [5, 3], "hidden": 6, "slope": 0.1}
    network = tiny_job.lived_in(models.build(Call("deepcnn", keys), points=41, classes=3, seed=0), 41)
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(4, 41))
    y = x[:, None]
    for first in (1, 5):
        y = plain.conv(y, known[f"body.{first}.weight"], known[f"body.{first}.bias"])
        y = plain.max_pool(plain.leaky(plain.norm(y, known, f"body.{first + 1}"), 0.1), 2, 2)
    hidden = np.tanh(plain.linear(y.reshape(len(x), -1), known, "dense"))
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, plain.linear(hidden, known, "head"), rtol=1e-4, atol=1e-5)


def test_as_published_it_has_the_parameters_that_the_benchmark_counts() -> None:
    network = models.build(Call("deepcnn", {"hidden": 2048}), points=1024, classes=15, seed=0)
    assert round(sum(each.numel() for each in network.parameters()) / 1e6, 2) == 15.91
    assert network.dense.in_features == 64 * 121, (
        "three convolutions without padding, each halved: 502, 246, 121 points"
    )
