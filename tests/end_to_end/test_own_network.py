"""A network of one's own: a file beside the recipe, trained, exported, rounded and asked; its code is run by that recipe's run alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import Ended, edgespec

from benchmarks.tools import resealed
from edgespec import report

NET = '''"""Two convolutions."""
from torch import nn


def build(*, points, classes, width: int = 8, dropout=0.0):
    """A network.

    width: channels.
    """
    return nn.Sequential(
        nn.Unflatten(1, (1, points)), nn.Conv1d(1, width, 9, stride=4, padding=4), nn.ReLU(), nn.AvgPool1d(4),
        nn.Flatten(), nn.Dropout(dropout), nn.Linear(width * (points // 16), classes),
    )
'''
TREE: dict[str, Any] = {
    "schema": 1,
    "data": {
        "load": {"minerals": {"minerals": ["Albite", "Beryl", "Diopside"], "samples": 24, "spectra": 3, "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 64},
        "preprocess": ["rms"],
    },
    "steps": [
        {"train": {"model": {"./net.py": {"width": 6}}, "fit": {"epochs": 20, "batch": 32, "lr": 0.01}}},
        "to_onnx",
        {"quantize": {"spectra": 64, "max_drop": 0.5, "min_agreement": 0.5}},
        "calibrate",
    ],
    "gates": {"accuracy": 0.5},
}


def compress(folder: Path, net: str = NET, *more: str, **steps: Any) -> Ended:
    folder.mkdir(exist_ok=True)
    (folder / "net.py").write_text(net)
    (folder / "r.yaml").write_text(json.dumps({**TREE, **steps}))
    return edgespec(folder, "compress", "r.yaml", *more)


def test_it_goes_all_the_way_and_no_other_command_runs_its_code(tmp_path: Path) -> None:
    ended = compress(tmp_path)
    assert ended.returncode == 0, ended.stderr
    found = report.read(tmp_path / "runs" / "r")
    assert found.last()[-1].accuracy > 0.6
    assert "nothing has changed" in edgespec(tmp_path, "compress", "r.yaml").stderr
    kept = tmp_path / "runs" / "r" / "1-train" / "network.py"
    assert kept.read_text() == NET, "the source lies beside its weights"
    (tmp_path / "net.py").write_text(NET.replace("width * (points // 16)", "int(width) * (points // 16)"))
    again = edgespec(tmp_path, "compress", "r.yaml")
    assert "1-train: made anew, the code of edgespec has changed" in again.stderr
    bomb = "raise SystemExit('its code was run')"
    for place in (tmp_path / "net.py", kept):
        place.write_text(bomb)
    assert edgespec(tmp_path, "gate", "runs/r").returncode == 4, "the copy is not as it was written"
    resealed.step(tmp_path / "runs" / "r", "1-train")
    for command in (
        ["gate", "runs/r"],
        ["report", "runs/r"],
        ["export", "runs/r"],
        ["bench", "runs/r", "--target", "local", "--seconds", "0.01"],
        ["predict", "runs/r", "nothing.csv"],
        ["verify", "runs/r/bundle"],
    ):
        told = edgespec(tmp_path, *command)
        assert "its code was run" not in told.stderr + told.stdout, command
        assert told.returncode in (0, 1, 2), (command, told.stderr)


@pytest.mark.parametrize(
    ("net", "said"),
    [
        ("def build(*, points, classes, width=8)\n", "./net.py:1: expected ':'"),
        ("import torch\n", "./net.py has no function 'build'"),
        (NET.replace("classes),\n", "classes + 1),\n"), "answers torch.float32 (2, 4) to 2 spectra"),
        (NET.replace("return nn", "return 3 or nn"), "build gives int, no torch module"),
        (NET.replace("points // 16", "points // 8"), "./net.py"),
        (NET.replace("    return nn.Seq", "    1 / 0\n    return nn.Seq"), "./net.py:10: ZeroDivisionError"),
        (NET.replace("width: int = 8", "breadth: int = 8"), "unknown key 'width'"),
    ],
)
def test_a_file_that_is_no_network_is_told_before_anything_is_trained(tmp_path: Path, net: str, said: str) -> None:
    ended = compress(tmp_path, net)
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert not (tmp_path / "runs" / "r" / "1-train").exists()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"fuse_lda": {}}, "no single linear head"),
        ({"prune": {"to": {"macs": "50 %"}}}, "step 'prune' works with a network's head, ./net.py has no head"),
        ("calibrate", "step 'calibrate' works with a network's head, ./net.py has no head"),
    ],
)
def test_steps_that_need_more_of_it_say_so(tmp_path: Path, step: Any, said: str) -> None:
    ended = compress(tmp_path, NET, steps=[TREE["steps"][0], step])
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr


def test_it_can_be_a_student(tmp_path: Path) -> None:
    fit = {"epochs": 6, "batch": 32, "lr": 0.01}
    steps = [
        {"train": {"model": {"cnn": {"widths": [8]}}, "fit": fit}},
        {"distill": {"student": "./net.py", "views": 2, "fit": fit}},
    ]
    ended = compress(tmp_path, NET, steps=[*steps, "to_onnx"])
    assert ended.returncode == 0, ended.stderr
