"""Trainings that promise nothing are ended, and a small network is not ended for being less accurate than large ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", reason="optuna is not installed: pip install 'edgespec[dev]'")

import tiny_job  # noqa: E402

from edgespec.job import Fit  # noqa: E402
from edgespec.search import early_stopping  # noqa: E402
from edgespec.search.early_stopping import Ended, Rungs  # noqa: E402
from edgespec.steps import train  # noqa: E402

MANY = 10_000  # samples: luck plays no part


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_fronts_are_counted_from_the_best() -> None:
    standings = [(0.9, 100), (0.8, 50), (0.8, 100), (0.7, 100), (0.95, 200)]
    assert early_stopping.ranks(standings, MANY) == [0, 0, 1, 2, 0]


def test_the_worse_half_ends_and_the_better_goes_on() -> None:
    others = [(0.9, 100), (0.85, 100), (0.7, 100), (0.6, 100)]
    assert early_stopping.goes_on((0.87, 100), others, MANY)
    assert not early_stopping.goes_on((0.65, 100), others, MANY)
    assert early_stopping.goes_on((0.5, 99), others, MANY), "the smallest stands in the first front"
    assert not early_stopping.goes_on((0.5, 101), others, MANY)


def test_luck_on_few_samples_ends_nothing() -> None:
    others = [(0.9, 100)] * 6
    assert early_stopping.goes_on((0.85, 100), others, 10)
    assert not early_stopping.goes_on((0.85, 100), others, MANY)


def test_the_first_few_go_on_whatever_they_do() -> None:
    assert early_stopping.goes_on((0.0, 10**9), [(1.0, 1)] * (early_stopping.FEWEST - 1), MANY)
    assert not early_stopping.goes_on((0.0, 10**9), [(1.0, 1)] * early_stopping.FEWEST, MANY)


def study(standings: list[tuple[float, int]], rung: str = "rung 1 0.25") -> optuna.Study:
    found = optuna.create_study(directions=["maximize", "minimize"])
    for each in standings:
        attrs = {rung: list(each)}
        found.add_trial(optuna.create_trial(values=list(each), params={}, distributions={}, user_attrs=attrs))
    return found


def test_a_rung_is_passed_once_and_further_trainings_of_the_step_are_left_alone() -> None:
    begun = study([]).ask()
    watch = Rungs(begun, 1, MANY)
    for epoch in range(1, 9):
        watch(epoch, 8, epoch / 10, 100)
    assert begun.user_attrs == {"rung 1 0.25": [0.2, 100], "rung 1 0.5": [0.4, 100]}
    late = study([(0.9, 50)] * 5).ask()
    watch = Rungs(late, 1, MANY)
    with pytest.raises(Ended, match="more than half of 5 others stand better"):
        watch(2, 8, 0.1, 100)
    control = Rungs(study([(0.9, 50)] * 5).ask(), 1, MANY, over=True)
    control(2, 8, 0.1, 100)


def test_a_training_is_ended_in_the_middle_and_leaves_nothing(tmp_path: Path) -> None:
    heard: list[tuple[Any, ...]] = []

    def watch(*told: Any) -> None:
        heard.append(told)
        if len(heard) == 3:
            raise Ended("enough")

    job = replace(tiny_job.job(tmp_path), watch=watch)
    with pytest.raises(Ended):
        train.run(job, model=tiny_job.CNN, fit=Fit(epochs=8, batch=32))
    assert [told[:2] for told in heard] == [(1, 8), (2, 8), (3, 8)]
    assert all(0 <= told[2] <= 1 for told in heard)
    whole = train.run(tiny_job.job(tmp_path / "whole"), model=tiny_job.CNN, fit=Fit(epochs=1, batch=32))
    from edgespec import models

    assert heard[0][3] == sum(each.numel() for each in models.load(whole).parameters())
    assert list(tmp_path.glob("*.safetensors")) == []
