"""Named tensors out of a file that somebody else wrote: nothing in it is ever executed."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from edgespec.errors import Mistake

WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
PARALLEL = "module."  # what torch.nn.DataParallel puts in front of every name
SAVED = "torch.save(model.state_dict(), FILE)"
CODE = re.compile(r"GLOBAL ([\w.]+)|(TorchScript)")
# what torch's own reader raises on bytes that are no checkpoint, or not all of one
DAMAGED = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
    ArithmeticError,
    MemoryError,
)


def read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a .pth, .pt or .safetensors file by name, floats as float32, usual wrappers taken off.

    Raises Mistake where the file holds code (it is not run), is no checkpoint or not a whole one, or holds a value that is not finite.
    """
    if not path.is_file():
        raise Mistake(f"there is no file {path}", hint="the file that the authors saved their weights in")
    raw = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    found = {name.removeprefix(PARALLEL): value for name, value in _unwrapped(raw, path).items()}
    for name, value in found.items():
        if not torch.isfinite(value).all():
            bad = int((~torch.isfinite(value)).sum())
            raise Mistake(
                f"{path}: {name} holds {bad} of {value.numel()} values that are not finite",
                hint="a training that failed, or a damaged file: take another checkpoint",
            )
    return found


def _torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged files make it talk about pickle protocols
            return torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGED as problem:
        if code := CODE.search(str(problem)):
            what = "is a TorchScript program" if code[2] else f"wants {code[1]} to be loaded, which is code"
            raise Mistake(
                f"{path} {what}: it is refused and nothing of it was run",
                hint=f"where you trust it, save its weights alone: {SAVED}",
            ) from None
        raise Mistake(
            f"{path} is not a checkpoint of PyTorch, or not a whole one",
            hint=f"fetch it again; or write it with {SAVED}",
        ) from None


def _safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as problem:
        raise Mistake(
            f"{path} is not a safetensors file, or not a whole one: {problem}", hint="fetch or write it again"
        ) from None


def _unwrapped(raw: Any, path: Path) -> dict[str, Tensor]:
    inner = raw
    for name in WRAPPERS:
        if isinstance(inner, Mapping) and isinstance(inner.get(name), Mapping):
            inner = inner[name]
    if not isinstance(inner, Mapping) or not inner:
        raise Mistake(f"{path} holds no named tensors, but a {type(inner).__name__}", hint=f"write it with {SAVED}")
    for name, value in inner.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.is_complex():
            raise Mistake(
                f"{path}: {name!r} is not a tensor of real numbers, but a {type(value).__name__}",
                hint=f"a file with nothing but weights: {SAVED}",
            )
    return {name: value.float() if value.is_floating_point() else value for name, value in inner.items()}
