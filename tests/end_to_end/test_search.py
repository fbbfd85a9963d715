"""`edgespec search` as a person meets it: killed and started again, the winner's recipe, bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
from command import edgespec
from killed import killed_at

from edgespec import recipe
from edgespec.bench import instructions
from edgespec.errors import Mistake
from edgespec.job import Silent
from edgespec.pipeline import preparation
from edgespec.search import space, trial, worker
from edgespec.search.trial import Setup
from edgespec.targets import card as cards

LINE = """schema: 1
seed: 0
data:
  load: {minerals: {minerals: [Albite, Beryl, Diopside], samples: 24, spectra: 3, drift: 0.1}}
  axis: {low: 150, high: 1172, points: 64}
  split: {by: group, valid: 0.3}
steps:
  - train:
      model: {cnn: {widths: {choose: [[4], [8]]}, kernel: 5, positions: 8}}
      fit: {epochs: 3, batch: 16, lr: {between: [1.0e-2, 1.0e-1], log: true}}
  - to_onnx
gates: {accuracy: 0.5}
"""


def test_killed_in_a_trial_and_started_again_it_goes_on_and_its_winner_can_be_run(tmp_path: Path) -> None:
    (tmp_path / "open.yaml").write_text(LINE, encoding="utf-8")
    search = ["search", "open.yaml", "--trials", "3", "--objectives", "accuracy,size", "--grace", "6"]
    second = tmp_path / "runs" / "open" / "trials" / "0001"
    killed_at("0001/1-train", search, soon_s=0.05, cwd=tmp_path)
    assert (second / "1-train").is_dir()
    assert not (second / "2-to_onnx").exists()
    first = (tmp_path / "runs" / "open" / "trials" / "0000" / "report.json").read_text(encoding="utf-8")
    assert json.loads(first)["rows"] == [], "nothing is judged on the test part while the search is under way"
    command, pipes = [sys.executable, "-m", "edgespec", *search], {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for each in both:
        out, err = each.communicate(timeout=300)
        assert each.returncode == 0, err
        assert "3 trials (3 complete), judged on" in out
    assert "1-train: kept" in (second / "log.txt").read_text(), "the killed trial's finished step was kept"

    assert "<svg" in (tmp_path / "runs" / "open" / "report.html").read_text(encoding="utf-8")
    shown = json.loads(edgespec(tmp_path, "search", "runs/open", "--json").stdout)
    assert [each["number"] for each in shown["trials"]] == [0, 1, 2] or len(shown["trials"]) == 3
    assert sorted(map(int, shown["test"])) == sorted(shown["front"]), "the front is judged, nothing else"
    for each in shown["trials"]:
        rows = json.loads((tmp_path / "runs" / "open" / each["folder"] / "report.json").read_text())["rows"]
        assert bool(rows) == (each["number"] in shown["front"])

    best = edgespec(tmp_path, "search", "runs/open", "--best", "under:size=1MB")
    assert best.returncode == 0, best.stderr
    assert "# Trial 000" in best.stdout
    checked = edgespec(tmp_path, "compress", "runs/open/best.yaml", "--dry-run")
    assert checked.returncode == 0, checked.stderr
    winner = next(each for each in shown["trials"] if f"# Trial {each['number']:04d}" in best.stdout)
    assert winner["accuracy"] == max(each["accuracy"] for each in shown["trials"])
    kept = recipe.load(tmp_path / "runs" / "open" / winner["folder"] / "recipe.yaml").tree
    assert recipe.load(tmp_path / "runs" / "open" / "best.yaml").tree == kept
    none = edgespec(tmp_path, "search", "runs/open", "--best", "under:size=10B")
    assert none.returncode == 1
    assert "no trial stays under size 10 B: the nearest" in none.stderr


def test_with_folds_all_but_the_test_part_judges_a_trial_and_every_fold_by_a_network_that_did_not_see_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "open.yaml").write_text(LINE, encoding="utf-8")
    search = ["search", "open.yaml", "--trials", "1", "--objectives", "accuracy,size", "--out", "s"]
    ended = edgespec(tmp_path, *search, "--folds", "3")
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "s" / "trials" / "0000" / "report.json").read_text(encoding="utf-8"))
    known = sum(report["data"]["train"].values()) + sum(report["data"]["valid"].values())
    assert f"judged on {known} spectra in 3 folds" in ended.stdout
    networks = list((tmp_path / "s" / "trials" / "0000").rglob("1-train/*.safetensors"))
    assert len({each.read_bytes() for each in networks}) == 4, "one for the run, one for each fold"
    log = (tmp_path / "s" / "trials" / "0000" / "log.txt").stat().st_size
    again = edgespec(tmp_path, *search, "--folds", "3")
    assert (again.returncode, again.stdout) == (0, ended.stdout)
    assert (tmp_path / "s" / "trials" / "0000" / "log.txt").stat().st_size == log, "nothing was run again"
    other = edgespec(tmp_path, *search)
    assert other.returncode == 2
    assert "holds the search of --folds 3" in other.stderr
    best = edgespec(tmp_path, "search", "s", "--best", "under:size=1MB")
    assert f"Chosen by {known} spectra in 3 folds:" in best.stdout


def test_a_search_without_folds_is_not_gone_on_with_by_folds(tmp_path: Path) -> None:
    kept = recipe.load(written(tmp_path))
    worker._claim(tmp_path / "s", kept, {"folds": None})
    worker._claim(tmp_path / "s", kept, {"folds": None})
    with pytest.raises(Mistake, match="holds the search of no --folds"):
        worker._claim(tmp_path / "s", kept, {"folds": 4})


def test_folds_hold_neither_the_test_part_nor_a_sample_that_is_learnt_from(tmp_path: Path) -> None:
    open_ = space.read(recipe.load(written(tmp_path)))
    job = preparation.prepare(open_.plan, tmp_path, Silent())
    divisions = trial.folded(job, open_.plan.data.split, [None], 3)
    group = job.spectra.group
    assert group is not None
    for each in divisions:
        learnt = np.union1d(each.rows(None), each.rows(None, valid=True))
        assert not set(group[learnt]) & set(group[each.test])
        assert not set(group[learnt]) & set(group[job.splits.test])
    judged = np.sort(np.concatenate([each.test for each in divisions]))
    assert judged.tolist() == np.union1d(job.splits.rows(None), job.splits.rows(None, valid=True)).tolist()


def written(folder: Path) -> Path:
    (folder / "open.yaml").write_text(LINE, encoding="utf-8")
    return folder / "open.yaml"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["plain.yaml"], 2, "plain.yaml has nothing to search"),
        (["nowhere.yaml"], 2, "there is no recipe nowhere.yaml"),
        (["."], 2, "is not a folder of a search"),
        (["open.yaml", "--objectives", "acuracy"], 2, "'acuracy' is no objective"),
        (["open.yaml", "--objectives", "size,size"], 2, "'size' stands twice"),
        (["open.yaml", "--objectives", ","], 2, "--objectives names none"),
        (["open.yaml", "--target", "moon"], 2, "moon"),
        (["open.yaml", "--storage", "postgresql://u:secret@127.0.0.1:1/x"], 6, "does not answer"),
        (["open.yaml", "--trials", "0"], 2, "--trials"),
        (["open.yaml", "--folds", "1"], 2, "--folds 1: a trial is judged on two folds or more"),
        (["open.yaml", "--folds", "99"], 2, "too few samples for 99 folds"),
    ],
)
def test_bad_input_is_told_with_its_exit_code(
    tmp_path: Path, arguments: list[str], code: int, told: str, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    from edgespec import cli

    (tmp_path / "open.yaml").write_text(LINE, encoding="utf-8")
    plain = LINE.replace("{choose: [[4], [8]]}", "[4]").replace("{between: [1.0e-2, 1.0e-1], log: true}", "0.01")
    (tmp_path / "plain.yaml").write_text(plain, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["edgespec", "search", *arguments])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    signal.signal(signal.SIGTERM, before)
    error = capfd.readouterr().err
    assert ended.value.code == code, error
    assert told in error
    assert "hint:" in error
    assert "Traceback" not in error
    assert "secret" not in error


def test_compress_says_that_a_recipe_with_ranges_is_searched(tmp_path: Path) -> None:
    (tmp_path / "open.yaml").write_text(LINE, encoding="utf-8")
    ended = edgespec(tmp_path, "compress", "open.yaml", "--dry-run")
    assert ended.returncode == 2
    assert "a range stands at 'steps.1.train.model.cnn.widths'" in ended.stderr
    assert "edgespec search open.yaml" in ended.stderr


def test_what_a_trial_is_worth_is_measured_on_validation_spectra_beside_one_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = tiny_job.line("cnn")
    job = replace(line.job, folder=tmp_path)
    rows = trial.rows(job, [None, "site"])
    assert set(rows) == set(job.splits.valid["site"].tolist())
    setup = Setup(tmp_path, job, rows, cards.load("local"))
    monkeypatch.setattr(trial, "SECONDS", 0.1)
    found = trial._measured(setup, job, line.int8, tmp_path)
    assert found["variant"] in line.int8.variants
    assert found["size"] == line.int8.path(found["variant"]).stat().st_size
    latency = found["latency"]
    assert latency["target"] == "local"
    assert latency["ratio"] == pytest.approx(latency["p50_ms"] / latency["reference_ms"], rel=0.05)
    assert trial.values(found, ["accuracy", "latency", "size"]) == [found["accuracy"], latency["ratio"], found["size"]]
    from edgespec.evaluation import scoring

    logits = scoring.answers(job, line.int8.path(found["variant"]), rows)
    assert found["accuracy"] == pytest.approx(scoring.accuracy(logits, job.spectra.y[rows]), abs=1e-4)
    monkeypatch.setattr(instructions, "count", lambda files, x, folder: ({}, {each: 1e6 + len(x) for each in files}))
    counted = trial._measured(replace(setup, target=None, counted=True), job, line.int8, tmp_path)
    assert trial.values(counted, ["instructions"]) == [1e6 + len(rows)]
    assert counted["latency"] is None
    same = trial.reference(tmp_path, job).stat()
    assert trial.reference(tmp_path, job).stat().st_mtime_ns == same.st_mtime_ns, "made once"
    assert os.path.getsize(tmp_path / "reference.onnx") > 0
