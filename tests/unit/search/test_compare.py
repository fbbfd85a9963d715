"""What is compared stands on the same spectra and seeds; one line each, means over the seeds, differences within each."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import edgespec

from edgespec.errors import Mistake
from edgespec.search import compare

TREE: dict[str, Any] = {
    "schema": 1,
    "data": {
        "load": {"minerals": {"samples": 20, "spectra": 3, "minerals": ["Albite", "Beryl"], "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 64},
        "preprocess": ["rms"],
    },
    "steps": [{"train": {"model": {"cnn": {"widths": [4]}}, "fit": {"epochs": 3, "batch": 16}}}, "to_onnx"],
}


def written(folder: Path, name: str, **changes: Any) -> Path:
    tree = copy.deepcopy(TREE)
    for key, value in changes.items():
        tree["data"][key] = value
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(tree))
    return folder / f"{name}.yaml"


def test_a_recipe_with_several_models(tmp_path: Path) -> None:
    path = written(tmp_path, "r")
    found = compare.entries([path], ["cnn", "{cnn: {widths: [8, 8]}}"], ["seed=3"])
    assert [each.name for each in found] == ["cnn", "cnn-widths--8--8"] or len({each.name for each in found}) == 2
    assert found[0].change == ("seed=3", "steps.1.model=cnn")
    other = compare.entries([path, written(tmp_path, "s")], ["cnn"], [])
    assert [each.name for each in other] == ["r-cnn", "s-cnn"]


@pytest.mark.parametrize(
    ("names", "models", "said"),
    [
        (["r"], [], "one line is nothing to compare"),
        (["r", "r"], [], "two lines are named 'r'"),
        (["r"], ["cnn", "cnn"], "two lines are named 'cnn'"),
        (["r"], ["{}", "cnn"], "no name of a model"),
    ],
)
def test_what_cannot_be_compared_is_a_mistake(tmp_path: Path, names: list[str], models: list[str], said: str) -> None:
    paths = [written(tmp_path, name) for name in names]
    with pytest.raises(Mistake, match=said) as caught:
        compare.entries(paths, models, [])
    assert caught.value.hint


def test_other_data_or_another_split_do_not_compare(tmp_path: Path) -> None:
    paths = [written(tmp_path, "a"), written(tmp_path, "b", split={"test": 0.5})]
    with pytest.raises(Mistake, match=r"b and a have another data\.split"):
        compare.same_ground(compare.entries(paths, [], []))
    paths[1] = written(tmp_path, "b", load={"minerals": {"samples": 21, "minerals": ["Albite", "Beryl"]}})
    with pytest.raises(Mistake, match=r"b and a have another data\.load"):
        compare.same_ground(compare.entries(paths, [], []))
    paths[1] = written(tmp_path, "b", preprocess=[])
    compare.same_ground(compare.entries(paths, [], []))


def test_one_command_runs_all_and_prints_one_table(tmp_path: Path) -> None:
    written(tmp_path, "r")
    words = ["compare", "r.yaml", "--model", "{cnn: {widths: [4]}}", "--model", "{cnn: {widths: [8]}}", "--seeds", "2"]
    ended = edgespec(tmp_path, *words)
    assert ended.returncode == 0, ended.stderr
    told = json.loads((tmp_path / "runs" / "compare" / "compare.json").read_text())
    first, second = told["lines"]
    assert (first["difference"], first["difference_low"]) == (0, 0)
    assert second["difference"] == pytest.approx(second["accuracy"] - first["accuracy"])
    assert first["low"] <= first["accuracy"] <= first["high"]
    assert first["bytes"] < second["bytes"]
    rows = (tmp_path / "runs" / "compare" / "compare.csv").read_text().splitlines()
    assert len(rows) == 3
    assert rows[0].startswith("name,model,variant,seeds,accuracy")
    assert "<svg" in (tmp_path / "runs" / "compare" / "compare.html").read_text()
    assert all(line["name"] in ended.stdout for line in told["lines"])
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}
    again = edgespec(tmp_path, *words)
    assert (again.returncode, again.stdout) == (0, ended.stdout)
    assert kept == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}, (
        "nothing is made twice"
    )
    folders = sorted(str(path.parent) for path in (tmp_path / "runs" / "compare").glob("*/*/report.json"))
    beside = edgespec(tmp_path, "report", "--wide", *folders[:2])
    assert beside.returncode == 0, beside.stderr
    assert beside.stdout.splitlines()[0].split()[:3] == ["run", "recipe", "seed"]
