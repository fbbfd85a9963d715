"""Weights that others trained: .safetensors and .pth."""

from __future__ import annotations

import fuzzing
import pace_release
import torch
from safetensors.torch import save

from edgespec import plugins
from edgespec.training import others_weights

READER = "edgespec/training/others_weights.read, edgespec/imports/pace.convert"
LETTER = b"S"  # the case's first byte tells the ending


def seeds() -> list[bytes]:
    state = pace_release.state(dim=4, patch=4, kernel=3, depth=1)
    return [
        LETTER + save({name: each.contiguous() for name, each in state.items()}),
        b"T" + fuzzing.made(lambda path: torch.save(state, path)),
        b"T" + fuzzing.made(lambda path: torch.save(state, path, _use_new_zipfile_serialization=False)),
    ]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.safetensors" if raw[:1] == LETTER else "case.pth", raw[1:])
    plugins.find("imports", "pace").convert(others_weights.read(path), path, pool=16, overlapped=False)
