"""`edgespec report`: the page beside the run, several runs in one, and reports that are none."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Ended, edgespec
from search_example import FOUND

from benchmarks.tools import resealed
from edgespec import report as reports
from edgespec.report import choice
from edgespec.search import pareto


def run(*arguments: str | Path) -> Ended:
    return edgespec(Path(), "report", *arguments)


def test_a_real_run_is_shown_with_its_answers_and_what_drove_them(run_copy: Path) -> None:
    found = reports.read(run_copy)
    judged = [row for row in found.rows if row.scores]
    assert all(sum(cell[2] for cell in row.confusion) == row.scores["n"] for row in judged)
    for row in judged:
        right = sum(cell[2] for cell in row.confusion if cell[0] == cell[1])
        assert right / row.scores["n"] == pytest.approx(row.accuracy, abs=1e-4)
    assert found.examples["models"] == ["1 train", "5 cpu-int8"]
    ended = run(run_copy)
    assert ended.returncode == 0, ended.stderr
    assert f"report: {run_copy / 'report.html'}" in ended.stdout
    page = (run_copy / "report.html").read_text(encoding="utf-8")
    for part in ("What it looks at", f"Confusion matrix of 5 {choice.variant(found)}", "Recall by class", "Albite"):
        assert part in page


def test_no_folder_of_this_machine_stands_in_a_report(run_copy: Path) -> None:
    assert run(run_copy).returncode == 0
    for name in ("report.json", "report.html", "report.md"):
        text = (run_copy / name).read_text(encoding="utf-8")
        for folder in (run_copy.parent, Path(reports.__file__).parents[2], Path.home(), Path(tempfile.gettempdir())):
            assert f"{folder}/" not in text or str(folder) == "/", (name, folder)


def test_several_runs_of_different_recipes_go_into_one_file(run_copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    found = reports.read(run_copy)
    found.recipe, found.seed = "another", 3
    reports.write(found, other)
    table = run(run_copy, other, "--wide")
    assert table.returncode == 0, table.stderr
    head, *lines = table.stdout.splitlines()
    assert head.split()[:3] == ["run", "recipe", "seed"]
    assert [line.split()[1] for line in lines[:2]] == ["tiny", "another"]
    assert "note: These runs have different seeds" in table.stdout
    ended = run(run_copy, other, "--out", tmp_path / "both.html")
    assert ended.returncode == 0, ended.stderr
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert "Side by side" in page
    assert "different seeds" in page
    assert ">another<" in page
    told = json.loads(run(run_copy, other, "--json").stdout)
    assert [each["recipe"] for each in told["runs"]] == ["tiny", "another"]


def lacking_scores(plain: dict[str, Any]) -> Any:
    return {**plain, "rows": [{**row, "scores": {}} for row in plain["rows"]]}


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: {"pages": 3},
        lambda plain: [],
        lacking_scores,
        lambda plain: {**plain, "bench": {"local": {"measurements": [{}]}}},
        lambda plain: {**plain, "examples": {"spectra": [1]}},
        lambda plain: {**plain, "gates": [{"metric": "beauty"}]},
        lambda plain: {**plain, "data": {}},
    ],
)
def test_a_foreign_or_forged_report_is_a_mistake(
    tmp_path: Path, undisturbed: Path, change: Callable[[Any], Any]
) -> None:
    plain = json.loads((undisturbed / "report.json").read_text(encoding="utf-8"))
    (tmp_path / "report.json").write_text(json.dumps(resealed.sealed(change(plain))), encoding="utf-8")
    ended = run(tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert f"error: {tmp_path / 'report.json'}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hint:" in ended.stderr


def test_the_test_spectra_that_are_shown_can_be_taken_out(run_copy: Path) -> None:
    assert reports.read(run_copy).examples
    assert reports.read(run_copy).mistakes["files"]
    ended = run(run_copy, "--drop-examples")
    assert ended.returncode == 0, ended.stderr
    assert reports.read(run_copy).examples == {}
    assert reports.read(run_copy).mistakes == {}
    assert "Wrong answers" not in (run_copy / "report.html").read_text(encoding="utf-8")
    assert "Wrong answers" not in (run_copy / "report.md").read_text(encoding="utf-8")


def test_the_folder_of_a_search_is_shown_as_its_front(tmp_path: Path) -> None:
    pareto.write(FOUND, tmp_path)
    ended = run(tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "6 trials (5 complete, 1 failed)" in ended.stdout
    assert "Search of open" in (tmp_path / "report.html").read_text(encoding="utf-8")
    (tmp_path / "front.json").write_text(json.dumps({**FOUND, "trials": [{"state": "complete"}]}), encoding="utf-8")
    ended = run(tmp_path)
    assert ended.returncode == 2
    assert f"error: {tmp_path / 'front.json'} is damaged" in ended.stderr
