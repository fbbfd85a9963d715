"""`edgespec data`: from an archive to a list that a recipe takes, and wrong input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import bad_http_server
import pytest
from command import Ended, edgespec
from rruff_files import folder, odd

from edgespec import datasets, recipe
from edgespec.authoring import inventory, task_list
from edgespec.data import splits
from edgespec.errors import Mistake
from edgespec.recipe import plan
from edgespec.report.figures import spectra as spectra_figure

pytestmark = pytest.mark.usefixtures("own_data")


def packed(at: Path, samples: int = 10) -> str:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_bytes(bad_http_server.archive(("Quartz", "Albite", "Beryl"), samples))
    return str(at)


def written(path: Path, made: task_list.TaskList) -> Path:
    path.write_text(made.text)
    return path


def test_what_the_terminal_cannot_show_is_no_bug(tmp_path: Path) -> None:
    folder(tmp_path / "d\xfc", odd())
    command = [sys.executable, "-m", "edgespec", "data", "inspect", "d\xfc"]
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(rb"d\xfc: ")


def run(*arguments: str, at: Path) -> Ended:
    return edgespec(at, "data", *arguments)


RECIPE = """
schema: 1
seed: 0
data:
  load: {rruff: {task: task.csv, root: .}}
  axis: {low: 200, high: 1200, points: 64}
  split: {parts: given}
steps:
- train: {model: {cnn: {widths: [4]}}, fit: {epochs: 1}}
- to_onnx
"""


def test_the_commands_from_an_archive_to_a_list_that_a_recipe_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed(tmp_path / "a.zip")
    ended = run("inspect", "a.zip", "--picture", "p.png", "--json", at=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["classes"]["Quartz"] == {"spectra": 10, "samples": 10, "lasers_nm": [532]}
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    found = inventory.take(str(tmp_path / "a.zip"), minerals=["Quartz"])
    curves = {"Quartz": [("R010000", found.curve(0)), ("R010001", found.curve(1))]}
    drawn = spectra_figure.draw(curves, "svg")
    assert b"R010001" in drawn or b"Quartz" in drawn
    assert drawn == spectra_figure.draw(curves, "svg")
    wanted = ("task", "a.zip", "--minerals", "Quartz, Beryl", "--parts", "train=0.7,test=0.3")
    printed, written = run(*wanted, at=tmp_path), run(*wanted, "--out", "task.csv", at=tmp_path)
    assert written.returncode == 0, written.stderr
    assert printed.stdout == (tmp_path / "task.csv").read_text()
    assert "20 spectra of 2 minerals, 20 physical samples" in written.stderr
    assert "data: {load: {rruff: {task: task.csv, root: .}}, axis: ..., split: {parts: given}}" in written.stderr
    again = run(*wanted, "--out", "task.csv", at=tmp_path)
    assert again.returncode == 2
    assert "task.csv is there already\nhint:  another name, or --force to write over it" in again.stderr
    assert run(*wanted, "--out", "task.csv", "--force", at=tmp_path).returncode == 0
    (tmp_path / "r.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    assert len(inventory.take("r.yaml").seen) == 20
    planned = plan.plan(recipe.load(Path("r.yaml")))
    read = datasets.load(planned.data.load, axis=planned.data.axis, seed=0)
    assert read.labels == ("Beryl", "Quartz")
    assert len(splits.divide(read, planned.data.split, 0).test) == 6


def test_a_folder_of_archives_names_them(tmp_path: Path) -> None:
    (tmp_path / "two.zip").touch()
    (tmp_path / "one.zip").touch()
    with pytest.raises(Mistake, match=r"holds no \.txt file") as refused:
        inventory.take(str(tmp_path))
    assert refused.value.hint == "name one of its archives: one.zip, two.zip"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["inspect", "nowhere.zip"], 3, "nowhere.zip was not found"),
        (["inspect", "a.zip", "--kind", "raw"], 2, "there is no kind 'raw'"),
        (["inspect", "a.zip", "--axis", "12"], 2, "'12' is not LOW:HIGH"),
        (["inspect", "a.zip", "--axis", "0:inf"], 2, "'0:inf' is not a window of an axis"),
        (["inspect", "a.zip", "--picture", "p.gif"], 2, "not the name of a picture"),
        (["inspect", "a.zip", "--minerals", "Quarz"], 2, "did you mean 'Quartz'?"),
        (["inspect", ""], 2, "nothing is named"),
        (["inspect", "a.zip", "--axis", "2000:3000", "--picture", "p.png"], 2, "no spectrum can be used"),
        (["task", "a.zip", "--out", "a.zip"], 2, "a task list's name ends in .csv"),
        (["task", "a.zip", "--parts", "train=1"], 2, "one called test or dev"),
        (["fetch", "rruff", "--timeout", "inf"], 2, "--timeout"),
        (["fetch", "ruff"], 2, "did you mean 'rruff'?"),
        (["fetch", "rruff", "--offline"], 3, "nothing is fetched offline"),
    ],
)
def test_what_is_wrong_is_told_with_its_exit_code(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", 1)
    ended = run(*arguments, at=tmp_path)
    assert ended.returncode == code, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
