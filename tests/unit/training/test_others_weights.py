"""Weights that somebody else saved: named tensors, whatever they are wrapped in; code in such a file is never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from edgespec.errors import Mistake
from edgespec.training import others_weights

STATE = {"a.weight": torch.ones(2, 3), "a.count": torch.tensor(4)}


@pytest.mark.parametrize(
    "wrapped",
    [STATE, {"state_dict": STATE, "epoch": 3}, {"model": {f"module.{name}": value for name, value in STATE.items()}}],
)
def test_the_usual_wrappers_are_taken_off(tmp_path: Path, wrapped: Any) -> None:
    torch.save(wrapped, tmp_path / "w.pth")
    found = others_weights.read(tmp_path / "w.pth")
    assert set(found) == set(STATE)
    torch.testing.assert_close(found["a.weight"], STATE["a.weight"])


def test_halves_become_float32(tmp_path: Path) -> None:
    save_file({"w": torch.ones(3, dtype=torch.float16)}, tmp_path / "w.safetensors")
    assert others_weights.read(tmp_path / "w.safetensors")["w"].dtype == torch.float32


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (torch.nn.Linear(2, 2), "nothing of it was run"),
        ({"w": torch.tensor([1.0, float("nan")])}, "1 of 2 values that are not finite"),
        ({"w": [1, 2]}, "not a tensor of real numbers"),
        ([1, 2], "no named tensors"),
        ({}, "no named tensors"),
    ],
)
def test_what_holds_no_weights_is_told(tmp_path: Path, content: Any, said: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(Mistake, match=said) as caught:
        others_weights.read(tmp_path / "w.pth")
    assert caught.value.hint


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_rubbish_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 rubbish" * 9)
    with pytest.raises(Mistake, match="not a whole one"):
        others_weights.read(tmp_path / name)
    with pytest.raises(Mistake, match="there is no file"):
        others_weights.read(tmp_path / f"none-{name}")
