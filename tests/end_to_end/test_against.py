"""A run against another one: measured in turns, built from a revision, followed through renames; what is not there is told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.robustness import planted
from benchmarks.robustness.planted import judge, promise, verdicts
from benchmarks.tools import resealed
from edgespec import contract
from edgespec.errors import Missing, Mistake

Write = Callable[[Path, dict[str, Any]], Path]
COMMIT = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]


def test_two_runs_are_measured_in_turns_and_a_slower_preprocessing_is_found(undisturbed: Path, run_copy: Path) -> None:
    limits = {
        "accuracy": "1 %",
        "latency_p50": {"local": "10 %"},
        "latency_p90": {"local": "50 %"},
        "memory": {"local": "20 %"},
    }
    promise(run_copy, regression=limits)
    same = judge(run_copy, against=str(undisturbed), seconds=0.3)
    assert verdicts(same)["latency_p50 local"] in ("pass", "inconclusive")
    assert verdicts(same)["memory local"] in ("pass", "inconclusive")
    assert same.code == 0
    del limits["memory"]  # it takes five sessions
    promise(run_copy, regression=limits)
    before = contract.load(planted.shipped(run_copy))
    planted.change(run_copy, planted.slower)
    assert contract.load(planted.shipped(run_copy)) == before
    late = judge(run_copy, against=str(undisturbed), seconds=0.5)
    assert verdicts(late)["latency_p50 local"] == "fail", late.report.gates
    assert verdicts(late)["accuracy"] == "pass"
    assert late.code == 1
    assert not [each for each in run_copy.iterdir() if each.name.startswith(".against-")]


def git(*words: str, at: Path | None = None) -> None:
    subprocess.run(["git", *words], check=True, cwd=at, capture_output=True)


@pytest.fixture
def project(
    run_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_recipe: Write, tiny_tree: dict[str, Any]
) -> Path:
    """A repository with a recipe, one commit, and the recipe's run, which promises nothing against a baseline."""
    place = tmp_path / "project"
    (place / "recipes").mkdir(parents=True)
    tiny_tree["steps"][1]["distill"]["fit"]["epochs"] = 1  # before: a student that has learnt nothing
    write_recipe(place / "recipes" / "tiny.yaml", tiny_tree)
    monkeypatch.chdir(place)
    for words in (["init", "-q"], ["add", "."], COMMIT):
        git(*words)
    shutil.copytree(run_copy, place / "runs" / "tiny")
    resealed.report(place / "runs" / "tiny", recipe_file="recipes/tiny.yaml", bench={}, advice={})
    promise(place / "runs" / "tiny", accuracy=0)
    return place


CHANGES = ("steps.1.train.fit.epochs=2",)


def test_a_revision_is_built_with_its_own_recipe_and_kept(project: Path) -> None:
    run = promise(project / "runs" / "tiny", regression={"accuracy": 0, "size": 0.5, "contract": "any"})
    found = judge(run, against="HEAD", changes=CHANGES)
    assert verdicts(found) == {"variants": "pass", "accuracy": "pass", "size": "pass"}
    (built,) = (project / "runs" / ".against").glob("*/*/tiny/report.json")
    assert yaml.safe_load((built.parent / "recipe.yaml").read_text())["steps"][0]["train"]["fit"]["epochs"] == 2
    assert not list((project / "runs" / ".against").glob("*/tree")), "the checkout is gone"
    stamp = built.stat().st_mtime_ns
    judge(run, against="HEAD", changes=CHANGES)
    assert built.stat().st_mtime_ns == stamp, "a revision is built once"
    git("mv", "recipes/tiny.yaml", "recipes/small.yml")  # another name, another extension
    git(*COMMIT)
    resealed.report(run, recipe_file="recipes/small.yml")
    again = judge(run, against="HEAD~1", changes=CHANGES)
    assert verdicts(again) == verdicts(found)
    (project / "recipes" / "small.yml").rename(project / "moved.yaml")  # moved by hand, not under version control yet
    resealed.report(run, recipe_file="moved.yaml")
    assert verdicts(judge(run, against="HEAD~1", changes=CHANGES)) == verdicts(found)
    assert built.stat().st_mtime_ns == stamp


def test_a_recipe_that_the_revision_lacks_passes_nothing(project: Path) -> None:
    run = project / "runs" / "tiny"
    (project / "recipes" / "tiny.yaml").rename(project / "kept.yaml")
    (project / "recipes" / "other.yaml").write_text("schema: 1\nseed: 3\n")
    resealed.report(run, recipe_file="recipes/other.yaml")
    found = judge(run, against="HEAD")
    relative = [each for each in found.report.gates if each["relative"]]
    assert found.code == 1
    assert {each["verdict"] for each in relative} == {"unmeasured"}
    assert "holds no recipes/other.yaml" in relative[0]["message"]
    assert "--recipe-there" in relative[0]["hint"]
    with pytest.raises(Mistake, match="holds no such file"):
        judge(run, against="HEAD", recipe_there="recipes/nowhere.yaml")
    resealed.report(run, recipe_file="../elsewhere.yaml")
    assert "outside of this repository" in judge(run, against="HEAD").report.gates[-1]["message"]


def test_a_revision_that_is_not_there_is_told_before_anything_runs(project: Path, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="neither a run folder nor a revision"):
        judge(project / "runs" / "tiny", against="nowhere")
    git(*COMMIT, "--allow-empty")
    git("clone", "-q", "--depth", "1", f"file://{project}", str(tmp_path / "shallow"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "shallow")
        with pytest.raises(Missing, match="this clone is shallow") as caught:
            judge(project / "runs" / "tiny", against="HEAD~1")
        assert "git fetch --unshallow" in caught.value.hint
        patch.chdir(tmp_path)
        with pytest.raises(Mistake, match="not a git repository"):
            judge(project / "runs" / "tiny", against="HEAD")
