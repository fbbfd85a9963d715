"""The layers of the papers' networks in plain numpy, written from their equations: independent numbers for the tests of `models/`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

Array = NDArray[Any]


def weights(network: nn.Module) -> dict[str, Array]:
    """Every weight and statistic by its name, in double precision."""
    return {key: value.detach().numpy().astype(np.float64) for key, value in network.state_dict().items()}


def conv(x: Array, weight: Array, bias: Array | float = 0.0, stride: int = 1, pad: int = 0) -> Array:
    """(n, inward, length), (out, inward, kernel) -> (n, out, length'): y_o(t) = b_o + sum over i, k of w_oik x_i(s t + k - p)"""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad)))
    kernel = weight.shape[2]
    places = range(0, x.shape[2] - kernel + 1, stride)
    return np.stack([np.einsum("nik,oik->no", x[:, :, t : t + kernel], weight) for t in places], axis=2) + np.reshape(
        bias, (-1, 1)
    )


def depthwise(x: Array, weight: Array, stride: int, pad: int) -> Array:
    """(n, channels, length), (channels, 1, kernel) -> each channel convolved by its own kernel."""
    return np.concatenate(
        [conv(x[:, c : c + 1], weight[c : c + 1], 0.0, stride, pad) for c in range(x.shape[1])], axis=1
    )


def norm(x: Array, known: dict[str, Array], name: str, eps: float = 1e-5) -> Array:
    """(n, channels, ...): gamma (x - mu) / sqrt(sigma^2 + eps) + beta, with the statistics that training left."""
    shape = (-1, *(1 for _ in x.shape[2:]))
    gamma, beta, mean, spread = (
        known[f"{name}.{key}"].reshape(shape) for key in ("weight", "bias", "running_mean", "running_var")
    )
    return gamma * (x - mean) / np.sqrt(spread + eps) + beta


def max_pool(x: Array, size: int, stride: int, pad: int = 0) -> Array:
    """(n, channels, length) -> the largest of each window."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad)), constant_values=-np.inf)
    return np.stack([x[:, :, t : t + size].max(2) for t in range(0, x.shape[2] - size + 1, stride)], axis=2)


def means(x: Array, places: int) -> Array:
    """(n, channels, length) -> (n, channels * places): means over floor(i L / P) to ceil((i + 1) L / P)."""
    length = x.shape[2]
    parts = [x[:, :, i * length // places : -(-(i + 1) * length // places)].mean(2) for i in range(places)]
    return np.stack(parts, axis=2).reshape(len(x), -1)


def linear(x: Array, known: dict[str, Array], name: str) -> Array:
    """x W^T + b"""
    return x @ known[f"{name}.weight"].T + known[f"{name}.bias"]


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))"""
    return 1 / (1 + np.exp(-x))


def relu(x: Array) -> Array:
    """max(x, 0)"""
    return np.maximum(x, 0)


def leaky(x: Array, slope: float) -> Array:
    """x above zero, slope x below."""
    return np.where(x > 0, x, slope * x)
