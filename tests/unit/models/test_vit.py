"""The vision transformer along the axis: the same answers as equations 1 to 4 in numpy, for both ways to read it out."""

from __future__ import annotations

from typing import Any

import numpy as np
import plain_layers as plain
import pytest
import torch
from scipy.special import erf

from edgespec import models
from edgespec.evaluation import scoring
from edgespec.recipe import Call

KEYS = {"patch": 4, "dim": 6, "depth": 2, "heads": 2, "hidden": 8}


def layer_norm(x: plain.Array, known: dict[str, plain.Array], name: str) -> plain.Array:
    centred = x - x.mean(-1, keepdims=True)
    return known[f"{name}.weight"] * centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) + known[f"{name}.bias"]


def attention(x: plain.Array, known: dict[str, plain.Array], name: str) -> plain.Array:
    """Each head by itself: softmax(Q K^T / sqrt(d)) V."""
    dim, size = x.shape[2], x.shape[2] // 2
    query, key, value = np.split(plain.linear(x, known, f"{name}.asked"), 3, axis=2)
    heads = []
    for start in range(0, dim, size):
        own = slice(start, start + size)
        scores = query[..., own] @ key[..., own].transpose(0, 2, 1) / np.sqrt(size)
        shares = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        heads.append(shares @ value[..., own])
    return plain.linear(np.concatenate(heads, axis=2), known, f"{name}.given")


@pytest.mark.parametrize("points", [24, 27])
@pytest.mark.parametrize("pool", ["token", "mean"])
def test_it_answers_as_its_equations_do(pool: str, points: int) -> None:
    network: Any = models.build(Call("vit", {**KEYS, "pool": pool}), points=points, classes=3, seed=0).eval()
    known, x = plain.weights(network), np.random.default_rng(0).normal(size=(4, points))
    patches = np.pad(x, ((0, 0), (0, -points % 4))).reshape(len(x), -1, 4)
    words = patches @ known["patches.weight"][:, 0].T + known["patches.bias"]
    if pool == "token":
        words = np.concatenate([np.zeros((len(x), 1, 6)), words], axis=1)  # the token is in its place's embedding
    z = words + known["places"]
    for i in range(2):
        z = z + attention(layer_norm(z, known, f"blocks.{i}.norm"), known, f"blocks.{i}.attention")
        hidden = plain.linear(layer_norm(z, known, f"blocks.{i}.norm2"), known, f"blocks.{i}.first")
        z = z + plain.linear(hidden * 0.5 * (1 + erf(hidden / np.sqrt(2))), known, f"blocks.{i}.second")
    z = layer_norm(z, known, "norm")
    wanted = plain.linear(z[:, 0] if pool == "token" else z.mean(1), known, "head")
    with torch.no_grad():
        found = network(torch.from_numpy(x).float()).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_block_has_the_parameters_of_vit_base() -> None:
    keys = {"dim": 768, "heads": 12, "hidden": 3072, "depth": 1}
    network: Any = models.build(Call("vit", keys), points=64, classes=3, seed=0)
    # 12 blocks, their norms and the last norm of ViT-B/16: 86,567,656 parameters less patches, places, token and classifier
    body = 86_567_656 - (768 * 3 * 256 + 768) - 197 * 768 - 768 - (768 * 1000 + 1000) - 2 * 768
    assert sum(each.numel() for each in network.blocks.parameters()) == body // 12


def test_attention_counts_in_the_multiply_accumulates() -> None:
    network: Any = models.build(Call("vit", {**KEYS, "depth": 1, "pool": "mean"}), points=24, classes=3, seed=0)
    linear = 6 * (6 * 18 + 6 * 6 + 2 * 6 * 8) + 3 * 6
    assert scoring.macs(network, 24) == 6 * 4 * 6 + linear + 2 * 6 * 6 * 6
