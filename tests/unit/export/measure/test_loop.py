"""The loop that valgrind counts: fewer answers of a slow model, and a start that waits for whoever counts."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from device_runner import module

loop = module("measure.loop")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still unless a test moves it."""
    now = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("seconds", "calls"), [(0.001, 200), (0.025, 200), (0.026, 100), (0.1, 40), (0.2, 20), (0.4, 10), (0.9, 5), (60, 5)]
)
def test_a_slow_model_answers_less_often_in_a_few_fixed_numbers(seconds: float, calls: int) -> None:
    assert loop._few(200, seconds) == calls
    assert loop._few(1, 60) == 1


@pytest.mark.parametrize(("seconds", "answers"), [(0.01, 20), (2.0, 3), (4.0, 3), (1.0, 5)])
def test_a_slow_model_warms_up_less_and_its_fastest_answer_counts(
    clock: list[float], seconds: float, answers: int
) -> None:
    asked: list[Any] = []
    longer = itertools.chain([0.5], itertools.repeat(0.0))

    def infer(row: Any) -> None:
        asked.append(row)
        clock[0] += seconds + next(longer)

    assert loop._warm(infer, ["a", "b"]) == pytest.approx(seconds)
    assert len(asked) == answers
    assert asked[:3] == ["a", "b", "a"]


def test_it_says_that_it_is_ready_and_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "WAIT_S", 0.0)
    with pytest.raises(module("refusal").RefusalError, match="nobody left the file 'go'"):
        loop._wait()
    assert (tmp_path / "ready").is_file()
    (tmp_path / "go").touch()
    loop._wait()
