"""Teachers from outside, from recipe to report: a program, answers asked for elsewhere, ONNX, another run; and wrong ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import asked
import numpy as np
import pytest
from command import Ended, edgespec

from edgespec import plugins, report

RECIPE: dict[str, Any] = {
    "schema": 1,
    "data": {
        "load": {"minerals": {"minerals": ["Albite", "Beryl", "Diopside"], "samples": 20, "spectra": 3, "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 64},
        "preprocess": [{"highpass": {"window": 62.0}}, "rms"],
    },
    "steps": [
        {"distill": {"student": {"cnn": {"widths": [8], "kernel": 5, "positions": 8}}, "views": 2, "fit": {"epochs": 10, "batch": 32, "lr": 0.01}}},
        "to_onnx",
    ],
}  # fmt: skip


def run(folder: Path, teacher: dict[str, Any], name: str = "r", *more: str) -> Ended:
    tree = json.loads(json.dumps(RECIPE))
    tree["steps"][0]["distill"]["teacher"] = teacher
    (folder / f"{name}.yaml").write_text(json.dumps(tree))
    return edgespec(folder, "compress", f"{name}.yaml", *more, EDGESPEC_HOME=str(folder / "home"))


def teacher_row(folder: Path, name: str = "r") -> report.Row:
    (found,) = [row for row in report.read(folder / "runs" / name).rows if row.kind == "teacher"]
    return found


def test_a_support_vector_machine_teaches_a_network(tmp_path: Path) -> None:
    program = plugins.PACKAGE.parent / "examples" / "teachers" / "svm.py"
    ended = run(tmp_path, {"command": [sys.executable, str(program)]})
    assert ended.returncode == 0, ended.stderr
    found = teacher_row(tmp_path)
    assert found.accuracy > 0.8
    assert "svm.py" in found.model
    student = next(row for row in report.read(tmp_path / "runs" / "r").rows if row.kind == "step")
    assert student.accuracy > 0.6
    assert (tmp_path / "runs" / "r" / "1-distill" / "teacher.log.txt").is_file()
    for page in ("report.md", "report.html"):
        assert "teacher" in (tmp_path / "runs" / "r" / page).read_text(encoding="utf-8")
    again = run(tmp_path, {"command": [sys.executable, str(program)]})
    assert "nothing has changed" in again.stderr
    other = run(tmp_path, {"command": [sys.executable, str(program)]}, "other", "--set", "steps.1.alpha=0.5")
    assert "the program is not asked again" in other.stderr
    assert teacher_row(tmp_path, "other").scores == found.scores


def test_answers_that_were_asked_for_elsewhere_teach_the_same(tmp_path: Path) -> None:
    program = asked.program(tmp_path)
    assert run(tmp_path, {"command": [sys.executable, str(program)]}).returncode == 0
    views = edgespec(tmp_path, "data", "views", "r.yaml", "--out", "q.npz")
    assert views.returncode == 0, views.stderr
    with np.load(tmp_path / "q.npz") as held:
        token = held["questions"]
    (kept,) = (tmp_path / "home" / "asked").glob("*.npz")
    (tmp_path / "a.npz").write_bytes(kept.read_bytes())
    ended = run(tmp_path, {"answers": "a.npz"}, "elsewhere")
    assert ended.returncode == 0, ended.stderr
    assert teacher_row(tmp_path, "elsewhere").scores == teacher_row(tmp_path).scores
    weights = [tmp_path / "runs" / name / "1-distill" / "model.safetensors" for name in ("r", "elsewhere")]
    assert weights[0].read_bytes() == weights[1].read_bytes(), "the same answers make the same student"
    other = run(tmp_path, {"answers": "a.npz"}, "seed", "--set", "seed=1")
    assert (other.returncode, "a.npz: answers other questions" in other.stderr) == (2, True)
    assert str(token)


def test_an_onnx_file_and_another_run_teach_together(tmp_path: Path) -> None:
    tree = json.loads(json.dumps(RECIPE))
    tree["steps"][0] = {
        "train": {"model": {"cnn": {"widths": [8, 16]}}, "fit": {"epochs": 10, "batch": 32, "lr": 0.01}}
    }
    (tmp_path / "t.yaml").write_text(json.dumps(tree))
    assert edgespec(tmp_path, "compress", "t.yaml").returncode == 0
    first = next(row for row in report.read(tmp_path / "runs" / "t").rows if row.kind == "step")
    (file,) = (tmp_path / "runs" / "t" / "2-to_onnx").glob("model.onnx")
    ended = run(tmp_path, {"onnx": str(file.relative_to(tmp_path)), "checkpoint": "runs/t/1-train"})
    assert ended.returncode == 0, ended.stderr
    assert teacher_row(tmp_path).accuracy == pytest.approx(first.accuracy, abs=0.03), "twice the same teacher"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("import sys; sys.exit('no GPU')", 2, "no GPU"),
        ("import time; time.sleep(60)", 2, "took longer than 1 s"),
        ("print('rubbish')", 2, "left no answers.npz"),
        ("import sys; open(sys.argv[2], 'w').write('rubbish')", 2, "is not a numpy .npz file"),
        (asked.KNOWS.replace("p / p.sum(1, keepdims=True)", "p[1:]"), 2, "probabilities are wanted"),
        (asked.KNOWS.replace("p / p.sum(1, keepdims=True)", "p * np.nan"), 2, "not finite"),
        (asked.KNOWS.replace("p / p.sum(1, keepdims=True)", "p * 0.1"), 2, "does not sum to 1"),
    ],
)
def test_a_program_that_is_no_teacher_is_told(tmp_path: Path, text: str, code: int, said: str) -> None:
    program = asked.program(tmp_path, text)
    ended = run(tmp_path, {"command": [sys.executable, str(program)], "limit_s": 1.0 if "sleep" in text else 60.0})
    assert ended.returncode == code
    assert said in ended.stderr
    assert "hint:" in ended.stderr
    assert not (tmp_path / "runs" / "r" / "1-distill").exists()


def test_a_recipe_says_who_teaches_in_one_place(tmp_path: Path) -> None:
    tree = json.loads(json.dumps(RECIPE))
    (tmp_path / "none.yaml").write_text(json.dumps(tree))
    ended = edgespec(tmp_path, "compress", "none.yaml", "--dry-run")
    assert (ended.returncode, "nothing stands before it" in ended.stderr) == (2, True)
    tree["steps"][0]["distill"]["teacher"] = {"answers": "a.npz"}
    tree["steps"].insert(0, {"train": {"model": {"cnn": {"widths": [4]}}}})
    (tmp_path / "two.yaml").write_text(json.dumps(tree))
    ended = edgespec(tmp_path, "compress", "two.yaml", "--dry-run")
    assert (ended.returncode, "names a teacher of its own, so it stands first" in ended.stderr) == (2, True)
    del tree["steps"][0]
    tree["steps"][0]["distill"]["teacher"] = {}
    (tmp_path / "empty.yaml").write_text(json.dumps(tree))
    ended = edgespec(tmp_path, "compress", "empty.yaml", "--dry-run")
    assert (ended.returncode, "no teacher is named" in ended.stderr) == (2, True)
