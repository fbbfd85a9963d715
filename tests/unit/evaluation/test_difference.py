"""The one interval of a difference: it holds where runs share spectra, and every table and document has it from one place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

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


def test_of_one_test_part_it_is_paired_and_counts_physical_samples() -> None:
    gaps = np.repeat([1.0, -1.0, 0.0, 0.0], [16, 4, 40, 60])
    alone = difference.of_samples(gaps)
    assert alone.mean == pytest.approx(12 / 120)
    shares = (
        np.array([16, 4]) * 119 / 120 + 1
    ) / 121  # Bonett, Price 2012: one spectrum more each way; the variance is that of a sample
    error = np.sqrt((shares.sum() - (shares[0] - shares[1]) ** 2) / 120)
    assert alone.high == pytest.approx(shares[0] - shares[1] + stats.t.ppf(0.975, 121) * error)
    samples = difference.of_samples(gaps, np.repeat(np.arange(30), 4))
    assert samples.mean == alone.mean
    assert alone.low is not None
    assert samples.low is not None
    assert samples.low < 0 < alone.low, "20 spectra of five samples tell less than 20 samples"
    assert difference.of_samples(gaps, np.zeros(120)) == difference.Mean(alone.mean, None, None)


def test_two_models_that_agree_on_few_samples_are_not_equal_for_certain() -> None:
    few, many = (difference.of_samples(np.zeros(n)) for n in (10, 1000))
    assert few.high is not None
    assert many.high is not None
    assert few.high > 0.2
    assert many.high < 0.005
    best = difference.of_samples(np.ones(5))
    assert best.low is not None
    assert best.low < 1 == best.high


@pytest.mark.parametrize(("apart", "each"), [(0.0, 1), (0.1, 1), (0.1, 6)])
def test_its_interval_holds_the_truth_also_where_spectra_of_a_sample_are_alike(apart: float, each: int) -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(600):
        whole = rng.choice([-1.0, 0.0, 1.0], 60, p=[0.1, 0.8 - apart, 0.1 + apart])
        own = rng.choice([-1.0, 0.0, 1.0], (60, each), p=[0.1, 0.8 - apart, 0.1 + apart])
        gaps = np.where(rng.random((60, each)) < 0.7, whole[:, None], own).ravel()
        found = difference.of_samples(gaps, np.repeat(np.arange(60), each))
        held += (found.low or 0) <= apart <= (found.high or 0)
    assert 0.92 < held / 600 < 0.99


def test_results_papers_and_distillation_tell_the_recorded_differences_alike() -> None:
    found: dict[str, Any] = json.loads((ROOT / "benchmarks/results/local/rruff_distill.json").read_text())
    readme = (ROOT / "docs/results.md").read_text().splitlines()
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
