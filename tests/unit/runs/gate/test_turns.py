"""Several sessions of two files give a ratio, an interval and a probability."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from report_example import report

from edgespec.bench.measurement import Measurement
from edgespec.runs.gate import turns


def pair(before: float, after: float) -> Any:
    one = Measurement(**report().bench["local"]["measurements"][0])
    return [replace(one, cold_load_ms=each, cold_first_ms=0.0, energy_mj=None) for each in (before, after)]


def test_a_slower_start_is_told_from_chance_by_five_sessions() -> None:
    found = turns._several([pair(100 + i, 150 + i) for i in range(5)], "cold_start")
    assert found is not None
    ratio, (low, high), p = found
    assert ratio == pytest.approx(1.49, abs=0.01)
    assert low <= ratio <= high
    assert p < 0.01
    same = turns._several([pair(100 + i, 104 - i) for i in range(5)], "cold_start")
    assert same is not None
    assert same[2] > 0.3
    assert turns._several([pair(1, 1)], "energy") is None
