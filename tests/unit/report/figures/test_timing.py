"""The latency drawings stay small, however many samples and rounds a session has, and say what they left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgespec.report.figures import timing


def record(files: int, singles: int, rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    bins = [[i, 1000] for i in range(300, 320)] + [[400 + 2 * i, 1] for i in range(singles)]
    each = {"bins": bins, "rounds_us": list(rng.normal(30, 1, rounds))}
    measured = {"p50_ms": 0.03, "p90_ms": 0.031, "p99_ms": 0.05, "n": 20_000}
    names = [f"file {i}" for i in range(files)]
    return {
        "distributions": dict.fromkeys(names, each),
        "measurements": [{"variant": name, **measured} for name in names],
    }


def test_single_samples_are_all_drawn_in_little_room() -> None:
    few, many = (
        timing.distributions("d", record(10, singles, 5), {f"file {i}": i for i in range(10)}) for singles in (1, 150)
    )
    assert few is not None
    assert many is not None
    assert len(many.svg) > len(few.svg) + 10 * 149 * 10, "the strokes are there"
    assert len(many.svg) < 110_000


def test_of_many_rounds_the_medians_of_groups_are_drawn_and_the_caption_says_so() -> None:
    series = {f"file {i}": i for i in range(10)}
    long, short = (timing.rounds("r", record(10, 1, rounds), series) for rounds in (600, 30))
    assert long is not None
    assert short is not None
    assert "Of each 10 rounds in a row the median is drawn." in long.caption
    assert "in a row" not in short.caption
    assert len(long.svg) < 110_000
    assert timing._grouped([1.0, 5.0, 3.0]) == ([1, 2, 3], [1.0, 5.0, 3.0])
    starts, values = timing._grouped([float(i) for i in range(120)])
    assert (starts[:2], values[:2], len(starts)) == ([1, 3], [0.5, 2.5], 60)
