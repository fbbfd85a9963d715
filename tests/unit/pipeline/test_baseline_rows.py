"""Every baseline is judged as a network is, also on perturbed spectra, and the report says in words where one is as good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import planted_rows
import pytest
import report_example
import tiny_job
import torch

from edgespec.data.perturbations import PERTURBATIONS, perturbed
from edgespec.evaluation import baselines
from edgespec.graph import onnx_file
from edgespec.pipeline import baseline_rows, comparison
from edgespec.report import Report, markdown, terminal
from edgespec.report.html_sections import sections
from edgespec.training import batches

NAMES = ["1-NN cosine", "shrinkage LDA", "logistic regression", "PLS-DA", "SVM"]


def test_each_baseline_is_scored_clean_and_under_every_perturbation(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "part")
    model, rows = baseline_rows.made(job, "library", "all")
    assert [row.name for row in rows] == NAMES
    for row in rows:
        assert list(row.robustness["accuracy"]) == list(PERTURBATIONS)
        assert row.accuracy > 0.8, row.name
        assert min(row.robustness["accuracy"].values()) < row.accuracy, row.name
        assert row.bytes
        assert row.macs
    assert [row.scores["ece"] is None for row in rows] == [True, False, False, True, True]
    x, y = job.spectra.x[job.splits.test], job.spectra.y[job.splits.test]
    _, answer = baselines.svm(job, job.splits.rows("library")) or pytest.fail("it was fitted")
    for name in ("shift +5", "drift 5"):
        changed = perturbed(name, x, job.spectra.axis, job.seed)
        prepared = batches.through(job.front(), torch.from_numpy(changed)).numpy()
        right = (answer(prepared).argmax(1) == y).mean()
        assert rows[-1].robustness["accuracy"][name] == pytest.approx(right, abs=1e-5)
        whole = (onnx_file.run(model.path("lda"), changed).argmax(1) == y).mean()
        assert rows[1].robustness["accuracy"][name] == pytest.approx(whole, abs=1e-5), "its file, preprocessing and all"
    assert [row.variant for row in rows] == ["", *model.variants, ""]


def test_one_label_a_class_has_no_settings_to_choose_and_says_so(tmp_path: Path) -> None:
    _, rows = baseline_rows.made(tiny_job.job(tmp_path / "part"), "site", "1 per class")
    assert [row.name for row in rows] == [name for name in NAMES if name != "shrinkage LDA"]
    said = baseline_rows.remarks(Report("hand", 0, {"source": "measured"}, rows=rows))
    assert [each for each in said if "PLS-DA" in each and "not chosen" in each]
    assert [each for each in said if each.startswith("SVM trained on site (1 per class): C 10, gamma")]


def perturbed_report(best: float, most: int | None = None) -> Report:
    """The hand-made report, whose two baselines are perturbed too: the better of both has this mean."""
    found = report_example.report("measured")
    settings: dict[str, Any] = {
        "C": 10.0,
        "gamma": 0.002,
        "folds": 4,
        "chosen_on": 800,
        "of": 9000,
        "spectra": most or 9000,
    }
    for row, mean in zip(found.rows, (best, 0.5), strict=False):
        row.robustness = report_example.robust(mean) | baseline_rows.UNJUDGED
    found.rows[1].settings = settings
    return found


@pytest.mark.parametrize(
    ("linear", "words"),
    [
        ({}, ["cannot be told from the file, clean or perturbed: shrinkage LDA has 0.950 for 0.950 on clean",
              "as robust, within the interval, +0.000 ["]),
        ({"drift 5": 30}, ["cannot be told from the file on clean spectra, but is less robust",
                            "but 0.250 for 0.950 at drift 5 (-0.700 [", "more robust, +0.175 ["]),
    ],
)  # fmt: skip
def test_what_baselines_lack_is_told_beside_the_file_to_ship(linear: dict[str, int], words: list[str]) -> None:
    said = " ".join(baseline_rows.remarks(planted_rows.report((2, linear), (20, {}))))
    for each in words:
        assert each in said


def test_a_file_less_robust_than_a_baseline_is_told_as_such() -> None:
    found = planted_rows.report((2, {}), (20, {}))
    planted_rows.answer(found.rows[-1], 2, {"drift 5": 30, "SNR 10 dB": 30})
    said = " ".join(baseline_rows.remarks(found))
    assert (
        "under perturbations cpu-int8 names 0.600 rightly on average, the most robust baseline (shrinkage LDA) 0.950: less robust"
        in said
    )


def test_a_linear_model_below_on_clean_spectra_is_passed_over() -> None:
    said = baseline_rows.remarks(planted_rows.report((20, {}), (20, {})))
    assert not [each for each in said if each.startswith("a linear model")]


def test_how_settings_were_chosen_is_a_note() -> None:
    *_, said = baseline_rows.remarks(perturbed_report(0.6, 4000))
    assert said == (
        "1-NN cosine: C 10, gamma 0.002, chosen by 4 folds that share no sample on 800 of 9000 training spectra; "
        "fitted on 4000 spectra, drawn evenly over the classes."
    )


def test_every_format_shows_the_baselines_beside_the_networks() -> None:
    found = perturbed_report(0.6)
    text = terminal.show(found)
    assert "shrinkage LDA" in text.split("robust drop")[1].split("\n\n")[0]
    shown = markdown.show(found, drawn=False)
    table = shown.split("### Baselines")[1].split("\n\n")[1].splitlines()
    assert table[0] == "| perturbation | 4 float32 | shrinkage LDA | 1-NN cosine |"
    assert table[-1] == "| mean | 0.870 | 0.600 | 0.500 |"
    robust = next(each for each in sections(found, "a") if each.title == "Robustness")
    assert "shrinkage LDA" in [line[0].text for line in robust.tables[-1].rows]


def test_a_file_that_calls_known_spectra_unknown_is_told() -> None:
    found = perturbed_report(0.9)
    mine = comparison.shipped(found)
    assert mine is not None
    mine.reject = {**(mine.reject or {}), "accepted": 0.1}
    told = baseline_rows.remarks(found)[0]
    assert told.startswith(f"{mine.variant} calls 90% of the test spectra 'unknown', though it knows their classes")
    mine.reject = {**mine.reject, "accepted": 0.95}
    assert not [each for each in baseline_rows.remarks(found) if "'unknown'" in each]
