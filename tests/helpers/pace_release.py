"""PACE as its authors released it: a state dict of their layout, and their network written out in functional calls.

Nothing of edgespec is used here: this is what the model file and the import are compared with.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

EPS = 1e-5
State = dict[str, Tensor]


def state(*, dim: int = 32, patch: int = 16, kernel: int = 9, depth: int = 4, classes: int = 3, seed: int = 0) -> State:
    """A state dict with the keys and shapes of the published table, its numbers drawn so that logits are about 1."""
    generator = torch.Generator().manual_seed(seed)

    def conv(name: str, out: int, inward: int, width: int) -> State:
        weight = torch.randn(out, inward, width, generator=generator) / (inward * width) ** 0.5
        return {f"{name}.weight": weight, f"{name}.bias": 0.1 * torch.randn(out, generator=generator)}

    def norm(name: str) -> State:
        drawn = torch.rand(4, dim, generator=generator)
        return {
            f"{name}.weight": 0.5 + drawn[0],
            f"{name}.bias": drawn[1] - 0.5,
            f"{name}.running_mean": 0.5 * drawn[2],
            f"{name}.running_var": 0.5 + drawn[3],
            f"{name}.num_batches_tracked": torch.tensor(1200),
        }

    found = {**conv("spec_emb.0", dim, 1, patch), **norm("spec_emb.1")}
    for i in range(depth):
        block = f"backbone.{i}"
        found |= {**conv(f"{block}.Resnet.0", dim, 1, kernel), **norm(f"{block}.Resnet.1")}
        found |= {**conv(f"{block}.Conv_1x1.0", dim, dim, 1), **norm(f"{block}.Conv_1x1.1")}
    head = conv("head.2", classes, dim, 1)
    return {**found, "head.2.weight": head["head.2.weight"][:, :, 0], "head.2.bias": head["head.2.bias"]}


def logits(given: State, x: Tensor, *, pool: int = 256, overlapped: bool = False) -> Tensor:
    """(n, points) -> (n, classes): the published network in evaluation mode."""
    dim, _, patch = given["spec_emb.0.weight"].shape
    x = functional.adaptive_avg_pool1d(x[:, None], pool)
    x = functional.conv1d(
        x, given["spec_emb.0.weight"], given["spec_emb.0.bias"], stride=patch // 2 if overlapped else patch
    )
    x = functional.gelu(_normed(x, given, "spec_emb.1"))
    i = 0
    while (block := f"backbone.{i}") + ".Resnet.0.weight" in given:
        y = functional.conv1d(
            x, given[f"{block}.Resnet.0.weight"], given[f"{block}.Resnet.0.bias"], padding="same", groups=dim
        )
        y = functional.gelu(_normed(y, given, f"{block}.Resnet.1"))
        y = functional.conv1d(y, given[f"{block}.Conv_1x1.0.weight"], given[f"{block}.Conv_1x1.0.bias"])
        x = functional.gelu(_normed(y, given, f"{block}.Conv_1x1.1") + x)
        i += 1
    return functional.linear(x.mean(dim=2), given["head.2.weight"], given["head.2.bias"])


def _normed(x: Tensor, given: State, name: str) -> Tensor:
    mean, var, weight, bias = (
        given[f"{name}.{part}"][:, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(var + EPS) * weight + bias
