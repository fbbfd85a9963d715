"""ResNet as He et al. have it: the same answers as its equations in numpy, and the parameters of the published networks in one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
import plain_layers as plain
import pytest
import tiny_job
import torch

from edgespec import models
from edgespec.models import resnet
from edgespec.recipe import Call

# of the published networks, without their classifier: all parameters, those of 7 x 7 and of 3 x 3 convolutions (counted from Table 1)
IMAGES = {18: (11_689_512 - 513_000, 9_408, 10_985_472), 50: (25_557_032 - 2_049_000, 9_408, 11_317_248)}


def build(points: int = 64, classes: int = 3, **keys: Any) -> Any:
    return models.build(Call("resnet", keys), points=points, classes=classes, seed=0)


@pytest.mark.parametrize("layers", IMAGES)
def test_it_has_the_parameters_of_the_published_network_in_one_dimension(layers: int) -> None:
    whole, wide, square = IMAGES[layers]
    network = build(layers=layers, width=64, positions=1)
    body = sum(each.numel() for name, each in network.named_parameters() if not name.startswith("head"))
    assert body == whole - wide - square + wide // (7 * 3) + square // 3, (
        "7 points of 1 colour for 7 x 7 of 3; 3 points for 3 x 3"
    )
    assert network.head.in_features == (512 if layers == 18 else 2048)


@pytest.mark.parametrize("layers", IMAGES)
def test_it_answers_as_its_equations_do(layers: int) -> None:
    network = tiny_job.lived_in(build(layers=layers, width=2, positions=2), 64)
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(3, 64))
    y = plain.relu(plain.norm(plain.conv(x[:, None], known["stem.0.weight"], 0.0, 2, 3), known, "stem.1"))
    y = plain.max_pool(y, 3, 2, 1)
    depths, bottleneck = resnet.LAYERS[layers]
    block = 0
    for i, depth in enumerate(depths):
        for b in range(depth):
            y = _block(y, known, f"body.{block}", 2 if i and not b else 1, bottleneck)
            block += 1
    wanted = plain.linear(plain.means(y, 2), known, "head")
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def _block(x: plain.Array, known: dict[str, plain.Array], name: str, stride: int, bottleneck: bool) -> plain.Array:
    """y = relu(F(x, W) + W_s x), the stride in the convolution of 3 points."""
    y = x
    for i, (kernel, own) in enumerate([(1, 1), (3, stride), (1, 1)] if bottleneck else [(3, stride), (3, 1)]):
        y = plain.relu(y) if i else y
        y = plain.conv(y, known[f"{name}.layers.{3 * i}.weight"], 0.0, own, kernel // 2)
        y = plain.norm(y, known, f"{name}.layers.{3 * i + 1}")
    if f"{name}.shortcut.0.weight" in known:
        x = plain.norm(plain.conv(x, known[f"{name}.shortcut.0.weight"], 0.0, stride), known, f"{name}.shortcut.1")
    return plain.relu(y + x)
