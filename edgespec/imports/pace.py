"""The checkpoints that PACE's authors released: the state dict of their model, whose sizes stand in its shapes.

Lu et al. (2024), Anal. Chem. 96(7), 2866-2873, doi:10.1021/acs.analchem.3c03889.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgespec.errors import Mistake

FIRST, HEAD = "spec_emb.0.weight", "head.2.weight"
DEPTHWISE = "backbone.{}.Resnet.0.weight"
NORM = ("weight", "bias", "running_mean", "running_var")
COUNT = "num_batches_tracked"  # older versions of torch did not save it
SHOWN = 3
Shapes = dict[str, tuple[int, ...]]


def convert(
    state: dict[str, Tensor], path: Path, *, pool: int, overlapped: bool
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Give the keys that build this network, and its weights under our names.

    state: the released state dict; path: for messages; pool: points that a spectrum is averaged to; overlapped: patches begin every
    half patch. No weight tells either
    Raises Mistake that names what is missing, not known or of another shape.
    """
    dim, patch, kernel, depth, classes = _sizes(state, path)
    if pool % patch:
        raise Mistake(
            f"--pool {pool}: is not a multiple of the patch of {patch} points in {path.name}",
            hint="what the model was trained with; 256 as published",
        )
    names, expected = _names(depth), _expected(dim, patch, kernel, depth, classes)
    _compare(state, expected, path)
    weights = {names[name]: value.clone() for name, value in state.items()}
    for name in names.values():
        if name.endswith(COUNT):
            weights.setdefault(name, torch.tensor(0))
    keys = {"dim": dim, "depth": depth, "kernel": kernel, "patch": patch, "pool": pool}
    if overlapped and patch < 2:
        raise Mistake(f"--overlapped: patches of {patch} point in {path.name} cannot overlap", hint="leave it out")
    return {**keys, "overlapped": True} if overlapped else keys, weights


def other(keys: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """Give the keys of the other network that these weights fit, and the words for it; None where there is no other."""
    if "overlapped" in keys:
        return {name: value for name, value in keys.items() if name != "overlapped"}, "without --overlapped"
    return ({**keys, "overlapped": True}, "with --overlapped") if keys["patch"] > 1 else None


def turned(weights: dict[str, Tensor], keys: dict[str, Any]) -> dict[str, Tensor]:
    """Give the weights for spectra that run the other way: every kernel along the axis reversed, which gives the same logits.

    Raises Mistake where patches leave points over at one end: turned, they would leave them over at the other.
    """
    patch, pool = keys["patch"], keys["pool"]
    if "overlapped" in keys and (pool - patch) % (patch // 2):
        over = (pool - patch) % (patch // 2)
        raise Mistake(
            f"the axis falls, and overlapped patches of {patch} points leave {over} of {pool} over at its end",
            hint="an axis file that rises, with the weights as they are: its spectra have to be turned before the network",
        )
    along = ("patches.weight", "depthwise.weight")
    return {name: value.flip(-1) if name.endswith(along) else value for name, value in weights.items()}


def _sizes(state: dict[str, Tensor], path: Path) -> tuple[int, int, int, int, int]:
    """Read dim, patch, kernel, depth and classes from the shapes."""
    first, head, depthwise = (state.get(name) for name in (FIRST, HEAD, DEPTHWISE.format(0)))
    if first is None or head is None or depthwise is None or (first.ndim, depthwise.ndim, head.ndim) != (3, 3, 2):
        found = ", ".join(f"{name} {tuple(value.shape)}" for name, value in list(state.items())[:SHOWN])
        raise Mistake(
            f"{path} is not laid out as PACE's checkpoints are: it begins with {found}",
            hint=f"expected: {FIRST} (dim, 1, patch), {DEPTHWISE.format(0)} (dim, 1, kernel), ..., {HEAD} (classes, dim)",
        )
    blocks = {int(number[1]) for name in state if (number := re.match(r"backbone\.(\d+)\.", name))}
    kernel = depthwise.shape[2]
    if kernel % 2 == 0:
        raise Mistake(
            f"{path}: a depthwise kernel of {kernel} points can't stand evenly around its place",
            hint="a checkpoint with an odd kernel: 9 as published",
        )
    return first.shape[0], first.shape[2], kernel, max(blocks) + 1, head.shape[0]


def _names(depth: int) -> dict[str, str]:
    """Give our name of each tensor by the authors' name."""
    layers = {"spec_emb.0": "patches", "spec_emb.1": "norm", "head.2": "head"}
    for i in range(depth):
        for theirs, ours in (("Resnet.0", "depthwise"), ("Resnet.1", "norm"), ("Conv_1x1.0", "pointwise"), ("Conv_1x1.1", "norm2")):  # fmt: skip
            layers[f"backbone.{i}.{theirs}"] = f"blocks.{i}.{ours}"
    found = {}
    for theirs, ours in layers.items():
        for part in (*NORM, COUNT) if ours.rpartition(".")[2].startswith("norm") else ("weight", "bias"):
            found[f"{theirs}.{part}"] = f"{ours}.{part}"
    return found


def _expected(dim: int, patch: int, kernel: int, depth: int, classes: int) -> Shapes:
    """Give the shape of each tensor by the authors' name."""
    special = {FIRST: (dim, 1, patch), HEAD: (classes, dim), "head.2.bias": (classes,)}
    for i in range(depth):
        special[DEPTHWISE.format(i)] = (dim, 1, kernel)
        special[f"backbone.{i}.Conv_1x1.0.weight"] = (dim, dim, 1)
    return {name: special.get(name, () if name.endswith(COUNT) else (dim,)) for name in _names(depth)}


def _compare(state: dict[str, Tensor], expected: Shapes, path: Path) -> None:
    missing = [name for name in expected if name not in state and not name.endswith(COUNT)]
    unknown = [name for name in state if name not in expected]
    other = [
        f"{name} {tuple(state[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in state and tuple(state[name].shape) != shape
    ]
    told = {"is missing": missing, "is not known": unknown, "": other}
    found = [f"{', '.join(names[:SHOWN])}{_more(names)} {what}".strip() for what, names in told.items() if names]
    if found:
        raise Mistake(
            f"{path} is not laid out as PACE's checkpoints are: {'; '.join(found)}",
            hint="every block has Resnet.0, Resnet.1, Conv_1x1.0, Conv_1x1.1; a variant of the model can't be imported",
        )


def _more(names: list[str]) -> str:
    return f" (and {len(names) - SHOWN} more)" if len(names) > SHOWN else ""
