"""A recipe run several times: what is varied, what is kept, how a failure ends it, and the summary."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edgespec import report
from edgespec.errors import EdgespecError, Mistake, Mistakes
from edgespec.evaluation import difference
from edgespec.job import Silent
from edgespec.pipeline.run import Run
from edgespec.runs import bench
from edgespec.search import repeat

TREE: dict[str, Any] = {
    "schema": 1,
    "data": {
        "load": {"minerals": {"samples": 40, "spectra": 3, "minerals": ["Albite", "Beryl"], "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 64},
        "preprocess": ["rms"],
        "split": {"parts": "given", "valid": 0.3},
    },
    "steps": [{"train": {"model": {"cnn": {"widths": [4]}}, "fit": {"epochs": 2, "batch": 16}}}, "to_onnx", "calibrate"],
}  # fmt: skip


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(TREE, sort_keys=False))
    return path


@pytest.fixture
def run_of_two(run_copy: Path) -> list[dict[str, Any]]:
    """The reports of two runs: a real one, and the same with other accuracies."""
    bench.bench(Run(run_copy), ["local"], seconds=0.05)
    one = asdict(report.read(run_copy))
    other = copy.deepcopy(one)
    for i, row in enumerate(other["rows"]):
        row["scores"]["accuracy"] -= 0.01 * i
    return [one, other]


def run(recipe: Path, runs: int, out: Path, **more: Any) -> dict[str, Any]:
    asked = {"vary": (), "change": (), **more}
    return repeat.repeat(recipe, runs, out=out, progress=Silent(), **asked)


def test_a_run_is_what_a_user_would_make_and_is_kept(recipe: Path, tmp_path: Path) -> None:
    out, change = tmp_path / "out", ["data.split.valid=0.25"]
    found = run(recipe, 1, out, change=change)
    made, stamp = report.read(out / "small-0"), (out / "small-0" / "bench" / "local.json").stat().st_mtime_ns
    assert made.seed == 0
    assert (found["runs"], found["source"]) == (1, "embedded")
    assert found["accuracy"]["1 train"] == [next(row.accuracy for row in made.rows if row.name == "train")]
    assert run(recipe, 1, out, change=change) == found
    assert (out / "small-0" / "bench" / "local.json").stat().st_mtime_ns == stamp
    json.dumps(found)


def test_differences_are_taken_within_each_run(run_of_two: list[dict[str, Any]]) -> None:
    found = repeat.summary("small", run_of_two)
    last = np.array(found["accuracy"][found["difference_of"]])
    assert len(last) == 2
    for name, gap in found["difference_to"].items():
        assert gap == pytest.approx(last - found["accuracy"][name])
    text = repeat.table(found)
    assert text.startswith("small: 2 runs, ")
    assert "(embedded data)" in text
    assert found["learnt"] == [sum(each["data"]["train"].values()) for each in run_of_two]
    counts = found["test_spectra"], found["learnt"]
    assert repeat.gained(found, [0.0, 0.2]) == difference.of([0.0, 0.2], *counts).worded()
    assert all(repeat.gained(found, gaps) in text for gaps in found["difference_to"].values())


def test_a_key_that_is_varied_is_set_to_the_number_of_the_run() -> None:
    assert repeat._changes(2, ["data.load.rruff.split"], ["x=1"]) == ["seed=2", "data.load.rruff.split=2", "x=1"]


def test_mistakes_are_told_before_anything_runs(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(Mistake, match="--runs 0"):
        run(recipe, 0, out)
    with pytest.raises(Mistakes, match="unknown key"):
        run(recipe, 2, out, vary=["sede"])
    assert not out.exists()


def test_a_run_that_fails_ends_with_its_exit_code(
    recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EdgespecError, match="ended with code 3, as told above") as ended:
        run(recipe, 1, tmp_path / "out", change=["data.load={arrays: {npz: nowhere.npz, x: x, wavenumber: a, y: y}}"])
    assert ended.value.exit_code == 3
    assert "nowhere.npz" in capfd.readouterr().err
