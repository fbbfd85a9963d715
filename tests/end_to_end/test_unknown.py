"""Substances that no model is to know: named by the recipe, left out of training, told in the report, promised by a gate."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_run
from rruff_files import folder, lines, name, text

from edgespec import datasets, recipe, report
from edgespec.datasets import rruff
from edgespec.errors import Mistake
from edgespec.job import Silent
from edgespec.pipeline import preparation
from edgespec.pipeline.run import Run
from edgespec.recipe import Call
from edgespec.recipe.gates import Gate
from edgespec.recipe.plan import plan
from edgespec.report import Report, markdown
from edgespec.report.tables import uncertainty
from edgespec.runs import gate
from edgespec.runs.gate import verdicts as gate_verdicts
from edgespec.spectra import Axis

OTHERS = {"minerals": {"minerals": ["Albite", "Epidote", "Forsterite", "Grossular"], "samples": 4, "spectra": 3}}


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
    write_recipe: Callable[[Path, dict[str, Any]], Path],
    compress: Callable[..., Report],
) -> Path:
    """A run whose recipe names unknown substances; one of them is known after all."""
    place = tmp_path_factory.mktemp("unknown")
    tree = copy.deepcopy(tiny_run.TINY)
    tree["data"]["unknown"] = OTHERS
    tree["gates"] = {"unknown_auroc": 0.5, "accuracy": 0.1}
    compress(write_recipe(place / "tiny.yaml", tree), place / "run")
    return place / "run"


def test_every_model_that_may_be_shipped_is_judged_on_them(run: Path) -> None:
    found = report.read(run)
    judged = uncertainty.judged(found)
    assert [f"{row.step} {row.variant or row.name}" for row in judged] == [
        "1 train", "2 distill", "5 float32", "5 cpu-int8",
    ]  # fmt: skip
    for row in judged:
        assert row.reject["unknown"] == {"data": "minerals", "spectra": 36, "classes": 3}, "Albite is known"
        assert row.reject["auroc_unknown"] > 0.7
        assert 0 <= row.reject["unknown_refused"] <= 1
        assert len(row.reject["coverage"]) == len(row.reject["risk"]) == 20
        assert row.reject["risk"][-1] == pytest.approx(1 - row.accuracy, abs=1e-4)
    assert all(not row.reject for row in found.rows if row.kind in ("baseline", "control"))


def test_the_report_shows_it_as_table_and_picture(run: Path) -> None:
    found = report.read(run)
    markdown.write(found, run)
    text = (run / "report.md").read_text(encoding="utf-8")
    table = text.partition("## What it does not know")[2].partition("\n## ")[0]
    for row in uncertainty.judged(found):
        assert f"| {row.step} {row.variant or row.name} |" in table
        assert f"{row.reject['auroc_unknown']:.3f}" in table
    assert "coverage.svg" in table
    drawn = (run / "coverage.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert drawn == uncertainty.curves(found), "the same report draws the same bytes"


def test_a_gate_can_promise_it_and_what_was_not_measured_is_not_passed(run: Path, undisturbed: Path) -> None:
    made = gate.judge(Run(run), gate.Asked())
    result, kept = made.report, made.code == 0
    verdict = next(each for each in result.gates if each["metric"] == "unknown_auroc")
    assert kept
    assert verdict["verdict"] == "pass"
    assert verdict["measured"] == report.read(run).last()[-1].reject["auroc_unknown"]
    promise = Gate("unknown_auroc", 0.5)
    (without,) = gate_verdicts.check([promise], report.read(undisturbed))
    assert without.verdict == "unmeasured"
    assert "data.unknown" in without.hint
    (broken,) = gate_verdicts.check([Gate("unknown_auroc", 1.1)], report.read(run))
    assert broken.verdict == "fail"


def test_what_is_not_at_hand_or_known_after_all_is_noted_and_not_measured(
    tmp_path: Path,
    tiny_tree: dict[str, Any],
    write_recipe: Callable[[Path, dict[str, Any]], Path],
    compress: Callable[..., Report],
    no_data: None,
) -> None:
    cases = {
        "nowhere.npz was not found": {"rruff": {"path": "nowhere.npz"}},
        "all of minerals are known": {"minerals": {"minerals": ["Beryl"]}},
    }
    for told, said in cases.items():
        tiny_tree["data"]["unknown"] = said
        found = compress(write_recipe(tmp_path / "tiny.yaml", tiny_tree), tmp_path / "run", stop="1")
        assert any(told in note for note in found.data["notes"]), found.data["notes"]
        assert "auroc_unknown" not in found.rows[-1].reject


def test_a_mistake_in_it_is_told_with_its_line(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Callable[[Path, dict[str, Any]], Path]
) -> None:
    tiny_tree["data"]["unknown"] = {"minerels": {}}
    with pytest.raises(Mistake, match=r"tiny\.yaml:\d+: 'data\.unknown'.*minerels"):
        plan(recipe.load(write_recipe(tmp_path / "tiny.yaml", tiny_tree)))


def test_a_whole_npz_is_read_by_its_file_names(tmp_path: Path, real: Path) -> None:
    axis = Axis(150, 1172, 64)
    path = str(real / "rruff" / "sang2022_resampled_subset.npz")
    with pytest.raises(Mistake, match=r"!467 \(Gelosaite\) and .*!7248 \(Diadochite\)"):
        rruff.load(axis=axis, seed=0, path=path)
    found = rruff.load(axis=axis, seed=0, path=path, two_labels="first")
    assert found.technique == "Raman"
    assert len(found.labels) > 1300
    assert found.laser is not None
    assert set(found.laser.tolist()) >= {532, 780, 785}
    only = datasets.load(Call("rruff", {"path": path, "laser": [780], "two_labels": "first"}), axis=axis, seed=0)
    assert only.laser is not None
    assert set(only.laser.tolist()) == {780}


def test_unknown_substances_may_stand_under_two_labels(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Callable[[Path, dict[str, Any]], Path]
) -> None:
    """Nobody learns their labels: RRUFF's own files hold a mineral that was renamed under both names."""
    names = {"ApophylliteKF": 500.0, "FluorapophylliteK": 500.0, "Realgar": 350.0}
    files: dict[str, str | bytes] = {name(mineral): text(lines(at), mineral) for mineral, at in names.items()}
    tiny_tree["data"]["unknown"] = {"rruff": {"path": folder(tmp_path / "d", files)}}
    checked = plan(recipe.load(write_recipe(tmp_path / "tiny.yaml", tiny_tree)))
    unknown = preparation.prepare(checked, tmp_path, Silent()).unknown
    assert unknown is not None
    assert [unknown.labels[number] for number in unknown.y] == ["ApophylliteKF", "Realgar"]


def test_an_npz_that_lacks_an_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X=np.zeros((2, 3)), axis_cm1=np.arange(3.0))
    with pytest.raises(Mistake, match="has no array 'file_name'"):
        rruff.load(axis=Axis(150, 1172, 64), seed=0, path=str(tmp_path / "x.npz"))


def test_report_json_keeps_it(run: Path) -> None:
    plain = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert plain["rows"][-1]["reject"] == report.read(run).rows[-1].reject
