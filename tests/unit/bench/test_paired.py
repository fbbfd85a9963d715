"""Ratios of two files round by round: what strikes both cancels, and the interval holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgespec.bench import measurement as stats
from edgespec.bench.paired import WORTH, Pair, of_session
from edgespec.bench.session import Session

ROUNDS = 120


def session(ratio: float, seed: int, *, processes: int = 1, busy: bool = True) -> Session:
    """Two files, one so many times slower; other work doubles both for as long as it runs."""
    rng = np.random.default_rng(seed)
    level = np.where(np.arange(ROUNDS) // 20 % 2, 2.0 if busy else 1.0, 1.0)[:, None]
    base = 20_000 * level * rng.lognormal(0, 0.05, (ROUNDS, 1))
    ns: dict[str, Any] = {
        "a": base * ratio * rng.lognormal(0, 0.05, (ROUNDS, 6)), "b": base * rng.lognormal(0, 0.05, (ROUNDS, 6)),
    }  # fmt: skip
    part = {"rounds": ROUNDS // processes, "models": {name: {"block": 1} for name in ns}}
    return Session({"processes": [part] * processes, "seed": 0}, ns, {}, np.zeros(1, np.int64))


def test_what_hits_both_files_cancels_and_the_interval_covers_the_truth() -> None:
    covered = 0
    for seed in range(40):
        pair = of_session(session(1.19, seed))("a", "b")
        assert pair.slower
        assert abs(pair.ratio - 1.19) < 0.03
        covered += pair.interval[0] <= 1.19 <= pair.interval[1]
    assert 34 <= covered <= 40


def test_a_file_beside_itself_is_the_same_and_the_other_way_round_is_the_inverse() -> None:
    pair = of_session(session(1.3, 1))
    assert pair("a", "a") == Pair(1.0, (1.0, 1.0))
    assert pair("b", "a").ratio == pytest.approx(1 / pair("a", "b").ratio, rel=1e-3)
    assert pair("b", "a").faster
    assert not pair("b", "a").slower


def test_several_processes_are_drawn_before_their_rounds() -> None:
    ratios = np.repeat([1.0, 1.5], ROUNDS // 2)[:, None]
    told = session(1.0, 3, processes=2, busy=False)
    told.ns["a"] *= ratios
    low, high = of_session(told)("a", "b").interval
    assert low < 1.05
    assert high > 1.45


def test_less_than_is_worth_telling_is_neither_slower_nor_faster() -> None:
    assert not Pair(1 + WORTH - 0.01, (1.02, 1.05)).slower
    assert not Pair(1.2, (0.99, 1.4)).slower, "chance"
    assert Pair(1.2, (1.1, 1.3)).slower
    assert Pair(0.8, (0.7, 0.9)).faster
    assert not Pair(0.97, (0.96, 0.98)).faster
    assert Pair(1.19, (1.17, 1.21)).words() == "1.19 (1.17 to 1.21)"


def test_an_interval_that_ends_at_one_tells_nothing_nor_does_a_ratio_at_the_edge_of_what_is_worth_it() -> None:
    assert not Pair(1.2, (1.0, 1.4)).slower
    assert not Pair(1 + WORTH, (1.02, 1.08)).slower
    assert not Pair(0.8, (0.7, 1.0)).faster
    assert not Pair(0.8, (0.7, 1.1)).faster
    assert not Pair(1 / (1 + WORTH), (0.9, 0.99)).faster


def test_the_interval_is_that_of_a_plain_bootstrap_of_the_median_however_skewed_the_rounds_are() -> None:
    told = session(1.0, 5, busy=False)
    told.ns["a"] *= np.exp(np.random.default_rng(2).exponential(0.5, (ROUNDS, 1)))
    ratios = np.median(told.ns["a"], axis=1) / np.median(told.ns["b"], axis=1)
    draws = stats.draw_rounds(ROUNDS, 0).astype(int)
    plain = [np.quantile(np.repeat(ratios, each), 0.5, method="inverted_cdf") for each in draws]
    assert of_session(told)("a", "b").interval == pytest.approx(stats.interval(np.array(plain)))
