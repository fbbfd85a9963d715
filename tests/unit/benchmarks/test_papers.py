"""The papers' claims: a verdict follows from the interval, a result that is absent is named with its command."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.accuracy import paper_claims
from benchmarks.tables import papers
from benchmarks.tools import paired
from edgespec import recipe
from edgespec.evaluation.difference import Mean
from edgespec.recipe.plan import plan

NOTHING: dict[str, Any] = dict.fromkeys(papers.COMMANDS)


@pytest.mark.parametrize(
    ("low", "high", "stated", "said"),
    [
        (0.18, 0.25, 0.2, papers.HOLDS),
        (0.22, 0.25, 0.2, papers.HOLDS),
        (0.02, 0.19, 0.2, papers.FAILS),
        (-0.1, 0.3, 0.2, papers.OPEN),
        (-0.02, 0.01, -0.0207, papers.HOLDS),
        (-0.05, -0.03, -0.0207, papers.FAILS),
        (-0.05, 0.01, -0.0207, papers.OPEN),
        (None, None, 0.2, papers.OPEN),
    ],
)
def test_a_verdict_follows_from_the_interval(low: float | None, high: float | None, stated: float, said: str) -> None:
    assert papers.verdict(Mean(0.0 if low is None or high is None else (low + high) / 2, low, high), stated) == said


def claims() -> dict[str, Any]:
    """Two divisions in which the teacher is right on all of 60 spectra and the untaught student on two of three samples."""
    sample = [f"R{i // 2}" for i in range(60)]
    all_, some = np.ones(60), np.array([i // 2 % 3 > 0 for i in range(60)])
    right = {"teacher": all_, "student": all_, "student, control": some}
    lines = {
        f"teaching, by sample, {seed}": {
            "learnt": 100,
            "right": {name: paired.packed(each) for name, each in right.items()},
        }
        for seed in (0, 1)
    }
    return {"samples": dict.fromkeys(("all, by sample, 0", "all, by sample, 1"), ",".join(sample)), "lines": lines}


def test_the_page_judges_what_there_is_and_names_what_is_absent() -> None:
    page = papers.page({**NOTHING, "paper_claims": claims()})
    rows = [line for line in page.splitlines() if "student 20 points above the untaught student" in line]
    assert rows[0].startswith(
        "- RamanCMP, student 20 points above the untaught student: **holds here** (all labels, by sample +0.333 ["
    )
    assert "| 2 | +0.333" in rows[1]
    assert "not measured yet: `python -m benchmarks.accuracy.pace_published" in page
    assert "above ResNet" not in page


def test_one_training_judges_only_what_no_training_could_reach() -> None:
    found = claims()
    del found["lines"]["teaching, by sample, 1"]
    page = papers.page({**NOTHING, "paper_claims": found})
    assert "above the untaught student: **cannot be judged here** (" in page
    right = papers.paired.unpacked(found["lines"]["teaching, by sample, 0"]["right"]["teacher"], 60)
    assert papers.beyond([papers.Pair(right, right, np.arange(60), 100)], 0.2)


def test_93_spectra_tell_two_models_apart_from_six_on() -> None:
    assert papers.least(93) == (6, 6 / 93)
    low, high = papers.left_by(86 / 93, 93)
    assert (low, high) == pytest.approx((0.8527, 0.9631), abs=1e-4)


def test_a_shorter_training_than_the_published_one_judges_nothing() -> None:
    line = {"setting": {"epochs": 50, "least": 1e-6}, "seeds": {"0": {"test": 0.5}, "1": {"test": 0.5}}}
    whole = {"setting": {"epochs": 200, "least": 0.0}, "seeds": line["seeds"]}
    told = papers.covid({"accuracy": {"5 calibrate float32": [0.92, 0.93]}}, {"test": 93, "lines": [line, whole]})
    assert [each["verdict"] for each in told] == [papers.HOLDS, papers.OPEN, papers.FAILS]


@pytest.mark.parametrize("name", paper_claims.LINES)
@pytest.mark.parametrize("protocol", [paper_claims.SAMPLE, paper_claims.SPECTRUM])
def test_every_line_of_the_claims_is_a_recipe(name: str, protocol: str) -> None:
    asked = recipe.load(paper_claims.RECIPE, paper_claims.changes(name, protocol, 1))
    asked.tree["gates"] = {}
    checked = plan(asked)
    assert checked.seed == 1
    assert checked.data.split.by == ("group" if protocol == paper_claims.SAMPLE else "spectrum")
