"""The one interval of a difference: it holds where runs share spectra, and every table and document has it from one place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgespec.evaluation import difference
from edgespec.search import repeat

ROOT = Path(__file__).parents[3]
ROWS = {
    "teacher: PACE 256": "1 train library",
    "control: the same CNN, one label": "2 control",
    "control: the same CNN, the library itself": "2 control library",
    "control: the same CNN, library and": "2 control library+labels",
    "nearest neighbour (cosine), one label": "1-NN cosine site (1 per class)",
    "logistic regression, one label": "logistic regression site (1 per class)",
    "nearest neighbour, library": "1-NN cosine library",
    "shrinkage LDA, library": "shrinkage LDA library",
    "logistic regression, library": "logistic regression library",
}


def test_one_run_has_no_interval() -> None:
    assert difference.of([0.5], [10], [90]).worded() == "+0.500"
    assert difference.mean([0.5]) == difference.Mean(0.5, None, None)


def test_it_is_student_s_t_widened_for_what_the_runs_share() -> None:
    assert difference.mean([0.0, 0.2]).worded() == "+0.100 [-1.171, +1.371]"  # 12.706 * 0.1414 / sqrt(2)
    found = difference.of([0.0, 0.2], [20, 40], [80, 80])  # overlap 0.375
    assert found.high == pytest.approx(0.1 + 12.7062 * np.sqrt((1 / 2 + 0.375) * 0.02))
    assert found.low == pytest.approx(0.2 - found.high)
    assert difference.of([0.1] * 3, [5] * 3, [0] * 3) == difference.mean([0.1] * 3), "nothing was learnt here"
    assert difference.mean([0.9, 0.94]).worded(2, "") == "0.92 [0.67, 1.17]"


def test_it_holds_the_truth_where_runs_draw_their_parts_from_the_same_spectra() -> None:
    """Two constant classifiers: the truth is known, and five divisions of 60 spectra into 45 and 15 tell what they tell."""
    rng, wide, narrow = np.random.default_rng(0), 0, 0
    for _ in range(1000):
        apart = rng.choice([-1.0, 0.0, 1.0], 60, p=[0.1, 0.8, 0.1])
        gaps = [float(apart[rng.permutation(60)[:15]].mean()) for _ in range(5)]
        for plain, found in ((False, difference.of(gaps, [15] * 5, [45] * 5)), (True, difference.mean(gaps))):
            held = (found.low or 0) <= 0 <= (found.high or 0)
            wide, narrow = wide + (held and not plain), narrow + (held and plain)
    assert wide > narrow + 30
    assert wide > 900


def test_readme_papers_and_distillation_tell_the_recorded_differences_alike() -> None:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks/results/local/rruff_distill.json").read_text())
    readme = (ROOT / "README.md").read_text().splitlines()
    for title, row in ROWS.items():
        line = next(each for each in readme if each.startswith(f"| {title}"))
        assert line.split("|")[4].strip(" *") == repeat.gained(found, found["difference_to"][row]), title
    told = repeat.gained(found, found["difference_to"]["2 control"])
    for name in ("docs/distillation.md", "docs/papers.md"):
        assert told in (ROOT / name).read_text()


def test_no_other_file_makes_an_interval_over_runs() -> None:
    files = [path for folder in ("edgespec", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    makers = [path.name for path in files if re.search(r"\bt\.(ppf|interval)\(", path.read_text())]
    assert makers == ["difference.py"]
