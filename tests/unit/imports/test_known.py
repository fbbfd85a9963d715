"""Known spectra tell which of two networks the weights are of, or that they cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pace_release
import pytest
import torch
import yaml

from edgespec import imports
from edgespec.errors import Mistake

POINTS, CLASSES = 128, 3


@pytest.fixture
def state(tmp_path: Path) -> pace_release.State:
    found = pace_release.state(dim=16, patch=8, depth=2, classes=CLASSES)
    torch.save(found, tmp_path / "COV.pth")
    (tmp_path / "labels.txt").write_text("a\nb\nc")
    return found


def known(folder: Path, state: pace_release.State, *, overlapped: bool, n: int = 90, right: float = 1.0) -> Path:
    """Write a recipe whose labels are what the authors' network answers, a share of them drawn by lot instead."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, POINTS)).cumsum(1).astype(np.float32)
    x -= x.mean(1, keepdims=True)
    logits = pace_release.logits(state, torch.from_numpy(x), pool=64, overlapped=overlapped)
    y = (logits - logits.mean(0)).argmax(1).numpy()
    state["head.2.bias"] -= logits.mean(0)  # all classes are named
    torch.save(state, folder / "COV.pth")
    lot = rng.random(n) > right
    y[lot] = rng.integers(CLASSES, size=lot.sum())
    names = np.array(["a", "b", "c"])[y]
    np.savez(folder / "known.npz", x=x, y=names, w=np.linspace(400, 1000, POINTS))
    data: dict[str, Any] = {
        "load": {"arrays": {"file": str(folder / "known.npz"), "x": "x", "y": "y", "wavenumber": "w"}},
        "axis": {"low": 400, "high": 1000, "points": POINTS},
        "split": {"by": "spectrum"},
    }
    tree = {"schema": 1, "data": data, "steps": [{"adopt": {"checkpoint": "COV"}}, "to_onnx"]}
    (folder / "known.yaml").write_text(yaml.safe_dump(tree))
    return folder / "known.yaml"


def bring(folder: Path, **more: Any) -> imports.Imported:
    given = {"pool": 64, "points": POINTS, "axis": None, "labels": folder / "labels.txt", **more}
    return imports.bring("pace", folder / "COV.pth", folder / "out", **given)


@pytest.mark.parametrize("truth", [False, True])
def test_a_wrong_reading_is_refused_and_a_right_one_told(
    truth: bool, tmp_path: Path, state: pace_release.State
) -> None:
    recipe = known(tmp_path, state, overlapped=truth)
    assert bring(tmp_path, overlapped=truth, known=recipe).notes[-1].endswith("as said is right")
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    with pytest.raises(Mistake, match="the weights were trained so") as caught:
        bring(tmp_path, overlapped=not truth, known=recipe)
    assert caught.value.hint == f"import it {'with' if truth else 'without'} --overlapped"
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("truth", [False, True])
def test_what_few_or_mislabelled_spectra_cannot_decide_is_told(
    truth: bool, tmp_path: Path, state: pace_release.State
) -> None:
    for n, right in ((5, 1.0), (90, 0.0)):
        recipe = known(tmp_path, state, overlapped=truth, n=n, right=right)
        assert "not decidable, as said is kept" in bring(tmp_path, known=recipe).notes[-1]


def test_what_the_check_needs_is_told(tmp_path: Path, state: pace_release.State) -> None:
    recipe = known(tmp_path, state, overlapped=False)
    with pytest.raises(Mistake, match="which logit is which class"):
        bring(tmp_path, known=recipe, labels=None)
    (tmp_path / "labels.txt").write_text("a\nb\nd")
    with pytest.raises(Mistake, match="class 'c' is none of the checkpoint's"):
        bring(tmp_path, known=recipe)
    with pytest.raises(Mistake, match="gives 128 points, but the checkpoint takes 200"):
        bring(tmp_path, known=recipe, points=200)
    assert not (tmp_path / "out").exists()
