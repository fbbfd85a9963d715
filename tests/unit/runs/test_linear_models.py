"""A faster linear model is recommended only where it is below the file neither clean nor perturbed."""

from __future__ import annotations

import planted_rows

from edgespec.bench.paired import Pair, Pairs
from edgespec.runs import linear_models

MEASURED = ["default", "float32", "cpu-int8", "lda"]


def taking(ratio: float) -> Pairs:
    return lambda one, other: Pair(ratio, (ratio - 0.02, ratio + 0.02))


def test_a_linear_model_as_accurate_as_robust_and_faster_is_recommended() -> None:
    told = linear_models.beside(planted_rows.report((2, {})), "cpu-int8", MEASURED, taking(0.5))
    assert (told["variant"], told["recommended"]) == ("lda", True)
    assert "'lda' can take the place of cpu-int8 where no 'unknown' is needed" in told["why"]
    assert "answers 2.0 times faster than cpu-int8, has 0.950 for 0.950 on clean spectra" in told["why"]


def test_one_that_is_fragile_is_not_and_the_sentence_says_what_it_lacks() -> None:
    told = linear_models.beside(
        planted_rows.report((2, {"shift +5": 20, "shift -5": 16})), "cpu-int8", MEASURED, taking(0.5)
    )
    assert told["recommended"] is False
    assert (
        "cannot be told from it on clean spectra (0.950 for 0.950), but has 0.550 for 0.950 at shift 5 cm-1 (-0.400 ["
        in told["why"]
    )


def test_one_that_is_less_accurate_on_clean_spectra_is_not() -> None:
    told = linear_models.beside(planted_rows.report((10, {})), "cpu-int8", MEASURED, taking(0.5))
    assert told["recommended"] is False
    assert "but has 0.750 for 0.950 on clean spectra (-0.200 [" in told["why"]


def test_of_two_that_fit_the_faster_and_of_none_the_more_accurate_is_told() -> None:
    found = planted_rows.report((2, {}))
    found.rows[1].model, found.rows[1].variant = "linear", "logistic"
    planted_rows.answer(found.rows[1], 2, {}, start=30)
    ratios = {"lda": 0.5, "logistic": 0.4}

    def pairs(one: str, other: str) -> Pair:
        return Pair(ratios[one], (ratios[one] - 0.01, ratios[one] + 0.01))

    assert linear_models.beside(found, "cpu-int8", [*MEASURED, "logistic"], pairs)["variant"] == "logistic"
    planted_rows.answer(found.rows[1], 3, {"drift 5": 25}, start=30)
    planted_rows.answer(found.rows[0], 2, {"drift 5": 25}, start=30)
    told = linear_models.beside(found, "cpu-int8", [*MEASURED, "logistic"], pairs)
    assert (told["variant"], told["recommended"]) == ("lda", False)


def test_nothing_is_said_where_none_is_faster_or_nothing_is_recommended() -> None:
    found = planted_rows.report((2, {}))
    assert linear_models.beside(found, "cpu-int8", MEASURED, taking(1.0)) == {}
    assert linear_models.beside(found, None, MEASURED, taking(0.5)) == {}
    assert linear_models.beside(found, "cpu-int8", MEASURED[:3], taking(0.5)) == {}


def test_a_run_that_kept_no_answers_recommends_no_linear_model() -> None:
    found = planted_rows.report((2, {}))
    for row in found.rows:
        row.right = {}
    told = linear_models.beside(found, "cpu-int8", MEASURED, taking(0.5))
    assert told["recommended"] is False
    assert "was not kept: edgespec compress makes the run anew" in told["why"]


def test_a_title_says_what_it_learnt_from() -> None:
    row = planted_rows.report((2, {})).rows[0]
    row.on, row.labels = "site", "1 per class"
    assert linear_models.title(row) == "lda site (1 per class)"
