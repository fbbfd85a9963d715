"""Minutes of one model, with the heat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench_request import ask, run
from machine_trees import JETSON


def test_a_soak_is_told_second_by_second_with_the_heat(tree: Any, folder: Path) -> None:
    tree(JETSON)
    ask(folder, soak_seconds=2.5, block_us=50)
    code, answer, _ = run(folder, "soak", "request.json", "--model", "second")
    assert code == 0
    series = answer["series"]
    assert [round(each["t"]) for each in series] == [0, 1, 2]
    assert all(0 < each["p50_ns"] <= each["p90_ns"] for each in series)
    assert all(each["calls"] % answer["block"] == 0 for each in series)
    assert answer["sensors"]["celsius"]["cpu-thermal"][1] == 48.218
    assert len(answer["sensors"]["series"]) > 10
