"""Trained on generated spectra, judged on real ones: nobody on two sides, what is drawn anew, and what carries over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tiny_job

from edgespec import recipe
from edgespec.datasets import minerals
from edgespec.errors import Mistake
from edgespec.job import Fit
from edgespec.recipe import Call
from edgespec.recipe.plan import plan
from edgespec.spectra import Axis

SMALL = {"minerals": ["Albite", "Beryl", "Diopside"]}


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    from benchmarks.accuracy import embedded as module

    return module


@pytest.fixture(scope="module")
def sides() -> ModuleType:
    from benchmarks.datasets import asked as module

    return module


@pytest.fixture(scope="module")
def carried() -> ModuleType:
    from benchmarks.tables import carried as module

    return module


def asked(sides: ModuleType, **more: Any) -> Any:
    """Ten spectra of two samples a mineral, as if they were real."""
    made = minerals.load(axis=Axis(150, 1172, 512), seed=9, samples=4, spectra=5, **SMALL)
    assert made.group is not None
    found = np.isin(made.group, [f"{label}-{i}" for label in made.labels for i in ("01", "02")])
    part = np.where([name.endswith("01") for name in made.group], "tuning", "held away")
    way = np.full(len(made), "unoriented")
    every = {"x": made.x, "y": made.y, "group": made.group, "part": part, "way": way, **more}
    return sides.Asked(**{name: each[found] for name, each in every.items()}, labels=made.labels)


def single(bands: ModuleType, name: str, value: float) -> Any:
    return bands.Real("Albite", name, np.arange(3.0), np.full(3, value))


def test_a_sample_or_a_spectrum_on_two_sides_is_refused(sides: ModuleType) -> None:
    from benchmarks.datasets import bands

    found = [single(bands, name, value) for value, name in enumerate("ABCD")]
    apart = {"table": {"A", "B"}, "tuning": {"C"}, "held away": {"D"}}
    sides.check(apart, {"A", "B"}, found)
    with pytest.raises(Mistake, match="C: in 'held away' and in 'tuning'"):
        sides.check({**apart, "held away": {"C", "D"}}, {"A", "B"}, found)
    with pytest.raises(Mistake, match="D: in 'held away' and in 'table'"):
        sides.check(apart, {"A", "B"}, [*found, single(bands, "D", 0)])  # A's spectrum under another name
    with pytest.raises(Mistake, match="other samples than 'table' has: B"):
        sides.check(apart, {"A"}, found)


def test_intervals_hold_physical_samples_whole(carried: ModuleType) -> None:
    right = np.repeat(
        np.random.default_rng(0).random((1, 40)) < 0.8, 5, axis=1
    )  # five spectra a sample, all right or all wrong
    whole = carried.drawn(right, np.repeat(np.arange(40), 5))
    alone = carried.drawn(right, np.arange(200))
    assert whole["mean"] == alone["mean"] == right.mean()
    assert (whole["spectra"], whole["samples"]) == (200, 40)
    width = [each["interval"][1] - each["interval"][0] for each in (whole, alone)]
    assert width[0] == pytest.approx(width[1] * np.sqrt(5), rel=0.15)
    apart = carried.drawn(np.array([[1.0] * 50, [0.0] * 50]), np.arange(50))
    assert apart["interval"] == [0, 1]  # two seeds that disagree on everything


def test_who_learns_from_generated_spectra_is_asked_about_the_others_only(
    bench: ModuleType, sides: ModuleType, tmp_path: Path
) -> None:
    checked = plan(recipe.load(bench.RECIPE))
    step = Call("train", {"model": Call("cnn", {"widths": [8, 16]}), "fit": Fit(epochs=10, batch=16, lr=1e-2)})
    checked, line = replace(checked, steps=(step, *checked.steps[1:])), bench.Line("any", SMALL, True, ("teacher",))
    questions = asked(sides)
    found = bench.learn(line, checked, 0, 12, questions, tmp_path)
    assert set(found) == {"nearest", "lda", "logistic", "pls_da", "teacher"}
    for generated, named in found.values():
        assert generated > 0.8
        assert named.shape == questions.y.shape
        assert (named == questions.y).mean() > 0.8
    turned = replace(questions, x=questions.x[::-1].copy())  # labels of others: nobody may have learnt from these
    again = bench.learn(line, checked, 0, 12, turned, tmp_path)
    assert all(np.array_equal(again[who][1], named[::-1]) for who, (_, named) in found.items())
    with pytest.raises(Mistake, match="other minerals"):
        bench.beside(tiny_job.job(tmp_path / "tiny"), replace(questions, labels=("Albite", "Beryl", "Quartz")))


def test_who_is_best_is_said_by_the_tuning_spectra_alone(bench: ModuleType) -> None:
    right = {"a": {"lda": np.array([[True, False, True, True]])}, "b": {"cnn": np.array([[True, True, False, False]])}}
    assert bench.best(right, np.array([True, True, False, False])) == ("b", "cnn")
    assert bench.best(right, np.array([False, False, True, True])) == ("a", "lda")


def test_the_table_tells_what_was_found(carried: ModuleType, sides: ModuleType) -> None:
    questions = asked(sides, way=np.tile(["unoriented", "oriented"], 30))
    named = np.tile(questions.y, (3, 1))
    named[:, (questions.part == "held away") & (questions.y == 1)] = 2  # Beryl is called Diopside there
    right = named == questions.y
    found = {
        "labels": list(questions.labels),
        "asked": {name: {"spectra": int(mask.sum()), "samples": 3} for name, mask in questions.masks().items()},
        "generated": {"whole": {"lda": [0.9, 1.0, 0.95]}},
        "accuracy": {"whole": {"lda": carried.share(questions, right)}},
        "cost": {"without drift": dict.fromkeys(("lda", "cnn"), carried.difference(questions, 1.0 * right - 1))},
        "chosen": "whole: lda",
        "confusion": carried.confusion(questions, named),
    }
    told = carried.table(found).splitlines()
    row = next(line for line in told if line.startswith("| whole | lda"))
    assert row.split(" | ")[2] == "0.950"
    assert [cell[:5] for cell in row.split(" | ")[3:]] == ["1.000", "0.667", "1.000", "0.667"]
    assert next(line for line in told if line.startswith("| Beryl")) == "| Beryl | 0 of 6 | 0 of 9 |  |  | 15 |"
    lost = next(line for line in told if line.startswith("| without drift"))
    assert [lost.count(points) for points in ("-13.3", "-20.0")] == [2, 2]  # 2 of 15, 3 of 15


def test_what_learnt_from_generated_spectra_names_real_ones(
    bench: ModuleType, sides: ModuleType, real: Path, tmp_path: Path
) -> None:
    if not (real / "rruff" / sides.PUBLISHED).is_file():
        pytest.skip(f"no rruff/{sides.PUBLISHED} here")
    checked = plan(recipe.load(bench.RECIPE))
    questions = sides.outside(checked.data.axis)
    held = questions.masks()["held away, unoriented"]
    assert held.sum() > 70
    assert not set(questions.group[held]) & sides.sources()
    found = bench.learn(bench.Line("linear", augment=False, networks=()), checked, 1, 60, questions, tmp_path)
    assert (found["lda"][1] == questions.y)[held].mean() >= 0.8
