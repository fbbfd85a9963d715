"""`edgespec data views`: the questions of a recipe, answered elsewhere, and what has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import edgespec

RECIPE = """schema: 1
data:
  load: {minerals: {minerals: [Albite, Beryl], samples: 12, spectra: 2}}
  axis: {low: 150, high: 1172, points: 64}
steps:
  - distill: {teacher: {answers: a.npz}, student: {cnn: {widths: [4]}}, views: 2, fit: {epochs: 2}}
"""


def test_it_writes_what_is_asked(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    ended = edgespec(tmp_path, "data", "views", "r.yaml")
    assert ended.returncode == 0, ended.stderr
    with np.load(tmp_path / "questions.npz") as held:
        parts = held["ask_part"].tolist()
        assert parts.count("view") == 2 * len(held["train_x"])
        assert held["kind"] == "prepared"
    raw = edgespec(tmp_path, "data", "views", "r.yaml", "--out", "q.mat", "--spectra", "raw")
    assert raw.returncode == 0, raw.stderr
    assert (tmp_path / "q.mat").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "q.csv"], "not the name of a .npz or .mat file"),
        (["--spectra", "cooked"], "neither prepared nor raw"),
        (["--step", "3"], "step 3 is not a distill step"),
    ],
)
def test_wrong_arguments_are_mistakes(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    ended = edgespec(tmp_path, "data", "views", "r.yaml", *arguments)
    assert (ended.returncode, said in ended.stderr) == (2, True)
    assert not list(tmp_path.glob("q*"))
