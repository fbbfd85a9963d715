"""The same answers give the same interval, whichever command prints it; no other file makes an interval of accuracies."""

from __future__ import annotations

import copy
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import planted_rows

from edgespec.evaluation import difference
from edgespec.pipeline import comparison, report_rows
from edgespec.recipe.gates import Gate
from edgespec.report import Report, right_answers
from edgespec.report.tables import comparison as leading
from edgespec.runs.gate import regression
from edgespec.runs.gate.side import File, Side
from edgespec.search import compare, folds_table, repeat

ROOT = Path(__file__).parents[3]
WRONG = 9


def ran(wrong: int = 2, seed: int = 0) -> Report:
    """A run whose files name the spectra of so many samples wrongly, its linear model and its control others."""
    found = planted_rows.report((WRONG, {}))
    found.seed = seed
    for row in found.rows:
        row.bytes = 1000
    for row in found.rows[5:]:
        planted_rows.answer(row, wrong, {})
    planted_rows.answer(found.rows[4], WRONG, {}, start=30)
    return found


def side(report: Report, right: Any) -> Side:
    samples = right_answers.samples(report)
    assert samples is not None
    named = tuple(0 if each else 1 for each in right)
    file = File(1, "d", 1, 1, named)
    return Side(
        "here", "r", "0", "d1", ("a", "b"), (0,) * len(named), tuple(samples.tolist()), {"f": file}, ("f",), {}, {}
    )


def test_of_one_run_report_compare_repeat_and_gate_print_the_same_interval() -> None:
    run = ran()
    mine, linear = (right_answers.of(run, row) for row in (run.rows[-1], run.rows[0]))
    assert mine is not None
    assert linear is not None
    told = difference.of_samples(mine - linear, right_answers.samples(run)).worded()
    assert re.fullmatch(r"\+0\.175 \[[-+]0\.\d{3}, \+0\.\d{3}\]", told)
    run.comparison = comparison.of(run)
    assert leading.rows(run)[2][1] == told
    assert f"distillation: {told} against" in " ".join(report_rows.remarks(run))
    as_linear = ran(wrong=WRONG)
    for row in as_linear.rows[5:]:
        row.right = run.rows[0].right
    as_linear.rows[5].scores["accuracy"] = run.rows[0].accuracy
    _, cells = compare.table(compare.summary({"linear": [as_linear], "file": [run]}, ""))
    assert told in cells[1]
    assert told in repeat.table(repeat.summary("r", [asdict(run)]))
    judged = regression.judge(Gate("accuracy", 0.5, "", True), side(run, linear), side(run, mine), {})
    assert judged is not None
    assert f": {told}, " in judged.message


def test_of_several_runs_compare_repeat_and_folds_print_the_same_interval() -> None:
    runs, others = ([ran(wrong, seed) for seed, wrong in enumerate(each)] for each in ((2, 3, 1), (WRONG,) * 3))
    summed = repeat.summary("r", [asdict(each) for each in runs])
    line = next(each for each in repeat.table(summed).splitlines() if each.startswith("| shrinkage LDA"))
    told = line.split("|")[4].strip()
    assert re.fullmatch(r"\+0\.175 \[.+\]", told)
    _, cells = compare.table(compare.summary({"linear": others, "file": runs}, ""))
    assert told in cells[1]
    shares = [np.array([each.rows[i].accuracy for each in runs]) for i in (-1, 0)]
    n, learnt = planted_rows.N, sum(runs[0].data["train"].values())
    folds = {"folds": [{"n": n, "learnt": learnt}] * 3}
    assert folds_table.difference(shares[0], shares[1], folds).worded() == told


def test_two_runs_on_other_test_spectra_have_no_paired_interval() -> None:
    one, other = ran(), copy.deepcopy(ran())
    other.data["digest"] = "another"
    assert comparison.between(one, one.rows[-1], other, other.rows[0]).low is None


def test_no_other_file_words_a_bootstrap_or_a_quantile_of_accuracies() -> None:
    """Latencies have intervals of their own (`bench.measurement`); so has the calibration error, and what benchmarks simulate."""
    makers = re.compile(r"beta\.ppf|[Ww]ilson|norm\.ppf|binom\.|bootstrap of the physical")
    known = {"conformal.py", "scoring.py", "chance.py", "compare.py"}
    files = [path for folder in ("edgespec", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert {path.name for path in files if makers.search(path.read_text(encoding="utf-8"))} <= known
