"""The comparison that leads a report: planted answers, paired by physical sample."""

from __future__ import annotations

import planted_rows
import pytest

from edgespec.evaluation import difference
from edgespec.pipeline import comparison
from edgespec.report import Report, right_answers

FRAGILE = {"shift +5": 20, "shift -5": 16}


def test_the_file_stands_beside_the_best_linear_model_and_the_nearest_neighbour() -> None:
    found = planted_rows.report((2, FRAGILE))
    told = comparison.of(found)
    assert told["file"] == "cpu-int8"
    assert list(told["conditions"]) == ["clean", "shift 5 cm-1", "drift 5", "SNR 10 dB", "mean of 4"]
    assert [(each["role"], each["name"]) for each in told["models"]] == [
        ("file", "cpu-int8"), ("linear", "shrinkage LDA"), ("nearest", "1-NN cosine")]  # fmt: skip
    mine, linear, _ = told["models"]
    assert mine["accuracy"]["clean"] == linear["accuracy"]["clean"] == 0.95
    assert linear["accuracy"]["shift 5 cm-1"] == 0.55
    assert "apart" not in mine
    clean, shift = linear["apart"]["clean"], linear["apart"]["shift 5 cm-1"]
    assert clean[0] == 0
    assert clean[1] < 0 < clean[2], "the same errors in number, of other samples"
    assert shift[0] == pytest.approx(0.4)
    assert 0.2 < shift[1] < 0.4 < shift[2] < 0.6


def test_its_intervals_are_those_of_difference() -> None:
    found = planted_rows.report((2, FRAGILE))
    mine, linear = found.rows[-1], found.rows[0]
    names = ("shift +5", "shift -5")
    one, two = (right_answers.of(found, row, names) for row in (mine, linear))
    assert one is not None
    assert two is not None
    assert comparison.apart(found, mine, linear, names) == difference.of_samples(
        one - two, right_answers.samples(found)
    )


def test_of_several_linear_models_the_one_most_accurate_on_clean_spectra_is_told() -> None:
    found = planted_rows.report((3, FRAGILE))
    found.rows[1].model = "linear"
    planted_rows.answer(found.rows[1], 2, FRAGILE)
    assert comparison.of(found)["models"][1]["name"] == "1-NN cosine"
    assert len(comparison.of(found)["models"]) == 2, "no nearest neighbour is left"


def test_where_no_answers_were_kept_nothing_is_compared_and_a_difference_has_no_interval() -> None:
    found = planted_rows.report((2, FRAGILE))
    for row in found.rows:
        row.right = {}
    assert comparison.of(found) == {}
    assert comparison.gaps(found, found.rows[0], found.rows[-1]) == []
    assert comparison.apart(found, found.rows[-1], found.rows[0]).low is None
    assert comparison.of(Report("hand", 0, {"test": 0})) == {}
