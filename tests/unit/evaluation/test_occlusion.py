"""The regions that are told are those that decided; every answer is counted; every sample is in its bin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_job

from edgespec.evaluation import occlusion, scoring
from edgespec.report import histogram


def test_evidence_is_highest_where_the_band_that_decides_stands() -> None:
    axis = np.linspace(150, 1172, 512)
    x = np.exp(-0.5 * ((axis - 460) / 6) ** 2).astype(np.float32) + 0.4 * np.exp(-0.5 * ((axis - 800) / 6) ** 2).astype(
        np.float32
    )
    weights = np.stack([np.abs(axis - 460) < 20, np.abs(axis - 800) < 20], axis=1).astype(np.float32)
    windows = occlusion._windows(axis)
    found = occlusion.evidence(occlusion._without(x, windows) @ weights, x[None] @ weights, 0)
    centres = np.array([axis[low : high + 1].mean() for low, high in windows])
    assert abs(centres[found.argmax()] - 460) < 15
    assert abs(centres[found.argmin()] - 800) < 15
    assert np.abs(found[(centres > 900) | (centres < 400)]).max() < 1e-3 * found.max()


def test_what_stands_in_is_the_line_between_the_windows_ends_and_the_rest_is_untouched() -> None:
    x = np.random.default_rng(0).random(40).astype(np.float32)
    (without,) = occlusion._without(x, [(10, 20)])
    assert np.array_equal(without[:11], x[:11])
    assert np.array_equal(without[20:], x[20:])
    assert np.allclose(np.diff(without[10:21], 2), 0, atol=1e-6)
    straight = (np.arange(40) * 2).astype(np.float32)
    assert np.allclose(occlusion._without(straight, [(3, 30)])[0], straight), "no band, no evidence"


def test_windows_overlap_and_reach_from_end_to_end() -> None:
    for axis in (np.linspace(150, 1172, 512), np.linspace(150, 1172, 128), np.linspace(400, 410, 8)):
        windows = occlusion._windows(axis)
        covered = np.zeros(len(axis), bool)
        for low, high in windows:
            covered[low : high + 1] = True
        assert covered[2:-2].all()


def test_examples_are_the_surest_mistakes_the_least_sure_and_the_usual() -> None:
    y = np.array([0, 0, 1, 1, 2, 2, 0, 1])
    sure = np.array([0.9, 0.6, 0.99, 0.8, 0.7, 0.55, 0.95, 0.85])
    named = np.array([0, 1, 0, 1, 2, 2, 0, 1])  # wrong: 1 (0.6) and 2 (0.99)
    last = np.full((8, 3), 0.01)
    last[np.arange(8), named] = sure
    first = np.eye(3)[np.where(np.arange(8) == 4, 0, named)]  # the models disagree on 4
    found = occlusion._choose([first, last], y)
    assert list(found)[:4] == [2, 1, 4, 5]
    assert list(found.values())[:4] == [
        "surest mistake",
        "surest mistake",
        "the models disagree",
        "right, and least sure",
    ]
    assert set(list(found.values())[4:]) == {"right, as usual"}
    assert len(found) == occlusion.SHOWN
    assert all(named[i] == y[i] for i, why in found.items() if why.startswith("right"))


def test_a_trained_net_and_its_int8_file_are_explained_alike(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    job = tiny_job.inside(made.job, "regions")
    found = occlusion.examples(job, {"1 train": made.checkpoint, "3 cpu-int8": made.int8.path("cpu-int8")})
    assert found["models"] == ["1 train", "3 cpu-int8"]
    assert len(found["spectra"]) == occlusion.SHOWN
    for each in found["spectra"]:
        assert len(each["intensity"]) == 128
        assert (min(each["intensity"]), max(each["intensity"])) == (0, 1)
        first, last = (np.array(answer["evidence"]) for answer in each["answers"])
        assert len(first) == len(found["centres_cm1"])
        assert np.corrcoef(first, last)[0, 1] > 0.9, "int8 looks at what the float network looks at"
        assert np.abs(first).max() > 0.05


def test_every_answer_is_counted_once() -> None:
    y, named = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    assert scoring.confusion(np.eye(3)[named], y) == [[0, 0, 1], [0, 1, 1], [1, 1, 1], [2, 0, 1], [2, 2, 2]]


def test_every_sample_is_in_a_bin_of_one_percent_the_slowest_too() -> None:
    samples = (np.random.default_rng(0).lognormal(9, 0.3, (7, 500))).astype(np.int64)
    samples[3, 3] = 900_000_000
    found = histogram.describe(samples)
    assert sum(count for _, count in found["bins"]) == samples.size
    low, high = histogram.edges_us(found["bins"][-1][0])
    assert low <= 900_000 <= high
    assert high / low == pytest.approx(1.01)
    assert found["rounds_us"] == pytest.approx(np.median(samples, axis=1) / 1e3, abs=1e-3)
    for value in samples.ravel()[:50]:
        assert any(histogram.edges_us(i)[0] <= value / 1e3 * (1 + 1e-9) for i, _ in found["bins"])
