"""What speaks against a measurement is told at the limits that the page states, and not a hair before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgespec.bench import warnings
from edgespec.bench.paired import Pair

CALM = np.full((100, 10), 1000, np.int64)
IDLE: dict[str, Any] = {"cores": 4, "load1": 0.0, "other_cores": 0.0}


def told(samples: Any = CALM, host: Any = IDLE, noise: float = 0.0, warm: bool = True) -> list[str]:
    return warnings.of_machine(samples, host, noise=noise, warm=warm)


@pytest.mark.parametrize(("noise", "count"), [(0.0, 0), (0.05, 0), (0.0501, 1), (0.09, 1), (0.2, 1)])
def test_noise_is_told_above_five_percent(noise: float, count: int) -> None:
    assert len(told(noise=noise)) == count


@pytest.mark.parametrize(("slow", "count"), [(1000, 0), (1040, 0), (1080, 1), (1200, 1)])
def test_rounds_that_spread_are_told_above_five_percent(slow: int, count: int) -> None:
    samples = np.repeat([[1000], [slow]], 50, axis=0) * np.ones((1, 10), np.int64)
    assert len(told(samples)) == count


@pytest.mark.parametrize(
    ("host", "cores"),
    [
        ({"other_cores": 0.4, "cores": 4}, 0.0),
        ({"other_cores": 0.41, "cores": 4}, 0.41),
        ({"other_cores": 0.0, "load1": 3.0, "cores": 4}, 0.0),
        ({"other_cores": None, "load1": 3.0, "cores": 4}, 3.0),
        ({"load1": 0.7, "cores": 4}, 0.7),
        ({"cores": 4}, 0.0),
        ({"other_cores": 0.15, "cores": 1}, 0.15),
    ],
)
def test_other_work_counts_above_a_tenth_of_the_cores(host: dict[str, Any], cores: float) -> None:
    assert warnings.busy(host) == cores
    assert bool([each for each in told(host=host) if each.startswith("busy machine")]) == (cores > 0)


@pytest.mark.parametrize(
    ("n", "gone"),
    [
        (662, []),
        (661, ["no P99"]),
        (64, ["no P99"]),
        (63, ["no P90", "no P99"]),
        (10, ["no P50", "no P90", "no P99"]),
    ],
)
def test_a_percentile_that_so_few_samples_do_not_allow_is_told(n: int, gone: list[str]) -> None:
    assert [each.partition(":")[0] for each in told(np.full((n, 1), 1000))] == gone


@pytest.mark.parametrize(("clocks", "count"), [({}, 0), ({"restored": True}, 0), ({"restored": False, "error": "busy"}, 1)])  # fmt: skip
def test_clocks_that_stayed_locked_are_told(clocks: dict[str, Any], count: int) -> None:
    assert len(told(host={**IDLE, "clocks": clocks})) == count
    assert len(told(warm=False, host={**IDLE, "clocks": clocks})) == count + 1


@pytest.mark.parametrize(("cov", "differing", "count"), [(None, 0, 0), (0.05, 0, 0), (0.06, 0, 1), (None, 1, 1), (0.2, 3, 2)])  # fmt: skip
def test_processes_that_differ_are_told(cov: float | None, differing: int, count: int) -> None:
    found = warnings.of_processes(cov, differing)
    assert len(found) == count
    assert not differing or found[-1] == f"the processes answer {differing} spectra with different labels"


def test_only_the_figures_of_tensorrt_are_bound_to_a_major_version() -> None:
    assert warnings.of_runtime("onnxruntime", "1.31") == []
    assert warnings.of_runtime("tensorrt_rtx", "1.7")[0].startswith("TensorRT 1:")


def test_a_variant_that_is_faster_says_nothing_and_any_other_one_sentence() -> None:
    assert warnings.against_float("a", "b", Pair(0.9, (0.85, 0.95))) == []
    assert "times slower" in warnings.against_float("a", "b", Pair(1.1, (1.05, 1.2)))[0]
    assert "isn't told" in warnings.against_float("a", "b", Pair(1.0, (0.99, 1.01)))[0]


@pytest.mark.parametrize(("slow", "count"), [(1025, 0), (1026, 1)])
def test_a_spread_of_five_percent_is_not_yet_told(slow: int, count: int) -> None:
    samples = np.repeat([975, 1000, slow], [30, 40, 30])[:, None] * np.ones((1, 10), np.int64)
    assert len(told(samples)) == count
