"""How the program takes turns, with a clock that only models move."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from device_runner import module


class Clock:
    """A clock that only models move."""

    def __init__(self) -> None:
        self.now = 0
        self.order: list[str] = []

    def __call__(self) -> int:
        return self.now

    def model(self, name: str, ns: int) -> Any:
        def infer(row: Any) -> None:
            self.now += ns
            self.order.append(name)

        return infer


LIMITS = {"seconds": 0.0, "min_samples": 1, "max_seconds": 1e9, "settle": 0}


def test_models_take_turns_in_a_rotating_order() -> None:
    clock = Clock()
    infers = [clock.model(name, 10) for name in "ABC"]
    module("measure.timing").interleave(infers, [2, 1, 1], [None], LIMITS, clock)
    assert "".join(clock.order[:12]) == "AABC" + "BCAA" + "CAAB"


def test_every_call_is_timed_alone_and_none_is_left_out() -> None:
    clock = Clock()
    samples = module("measure.timing").interleave(
        [clock.model("A", 7), clock.model("B", 900)], [3, 1], [None], LIMITS, clock
    )
    assert [[list(each) for each in rounds] for rounds in samples] == [[[7, 7, 7]] * 11, [[900]] * 11]


def test_measuring_ends_when_all_models_have_their_time_and_their_samples() -> None:
    clock = Clock()
    infers = [clock.model("fast", 1_000), clock.model("slow", 100_000)]
    by_time = module("measure.timing").interleave(infers, [100, 1], [None], {**LIMITS, "seconds": 0.01}, clock)
    assert [len(each) for each in by_time] == [100, 100]
    by_count = module("measure.timing").interleave(infers, [100, 1], [None], {**LIMITS, "min_samples": 250}, clock)
    assert [len(each) for each in by_count] == [250, 250]


def test_the_longest_time_wins_but_never_leaves_fewer_than_eleven_rounds() -> None:
    clock = Clock()
    limits = {"seconds": 1e6, "min_samples": 10**6, "settle": 0}
    second = [clock.model("A", 10**9)]
    assert len(module("measure.timing").interleave(second, [1], [None], {**limits, "max_seconds": 30}, clock)[0]) == 30
    assert len(module("measure.timing").interleave(second, [1], [None], {**limits, "max_seconds": 2}, clock)[0]) == 11


def test_calls_that_settle_a_slot_are_not_timed() -> None:
    clock = Clock()
    samples = module("measure.timing").interleave([clock.model("A", 5)], [8], [None], {**LIMITS, "settle": 5}, clock)
    assert np.array(samples[0]).shape == (11, 8)
    assert len(clock.order) == 11 * (8 + 2)  # a quarter of the slot at most


def test_real_spectra_go_round() -> None:
    seen: list[int] = []
    module("measure.timing").time_calls(seen.append, [0, 1, 2, 0], lambda: 0)
    assert seen == [0, 1, 2, 0]
    seen.clear()
    module("measure.timing").interleave([seen.append], [2], [0, 1, 2], LIMITS, lambda: 0)
    assert seen[:7] == [0, 1, 2, 0, 1, 2, 0]


def test_warm_up_waits_for_two_blocks_that_agree() -> None:
    clock = Clock()
    speed = iter([1000] * 5 + [800] * 5 + [500] * 100)

    def infer(row: Any) -> None:
        clock.now += next(speed)

    warm = module("measure.timing").warm_up(infer, [None], {"warmup_ms": 0, "warmup_max_ms": 1e9}, clock)
    assert warm == {"stable": True, "calls": 20, "ms": pytest.approx(0.014), "median_ns": 500}


def test_warm_up_lasts_as_long_as_asked_and_gives_up_at_its_limit() -> None:
    clock = Clock()
    warm = module("measure.timing").warm_up(
        clock.model("A", 1_000_000), [None], {"warmup_ms": 200, "warmup_max_ms": 1e9}, clock
    )
    assert warm["stable"]
    assert warm["ms"] >= 200
    faster = [10**9]

    def never_twice_the_same(row: Any) -> None:
        faster[0] = int(faster[0] * 0.99)
        clock.now += faster[0]

    warm = module("measure.timing").warm_up(
        never_twice_the_same, [None], {"warmup_ms": 0, "warmup_max_ms": 20_000}, clock
    )
    assert not warm["stable"]
    assert warm["ms"] >= 20_000


def test_models_get_the_same_time_in_a_round_not_the_same_number_of_calls() -> None:
    calls = module("measure.timing").calls_in_slot
    assert [calls(ns, 5.0) for ns in (1_000, 50_000, 5e6, 1e9)] == [1000, 100, 1, 1]


def test_short_calls_are_timed_in_blocks_of_at_least_fifty_microseconds() -> None:
    calls = module("measure.timing").calls_in_sample
    assert [calls(ns, 40, 50.0) for ns in (1_000, 7_000, 49_999, 50_000, 1e6)] == [50, 8, 2, 1, 1]
    assert calls(60_000, 100, 50.0) == 2, "a timer of 100 ns steps wants 100 us"
    assert calls(1_000, 40, 0) == 1


def test_a_sample_is_a_block_of_calls_each_with_its_own_spectrum() -> None:
    clock, seen = Clock(), []
    model = clock.model("A", 7)

    def infer(row: int) -> None:
        seen.append(row)
        model(row)

    samples = module("measure.timing").interleave(
        [infer, clock.model("B", 90)], [3, 2], [0, 1, 2, 3, 4], LIMITS, clock, [4, 1]
    )
    assert {tuple(each) for each in samples[0]} == {(28, 28, 28)}
    assert {tuple(each) for each in samples[1]} == {(90, 90)}
    assert seen[:14] == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert len(seen) == 11 * 12


def test_the_timer_tells_its_step() -> None:
    ticks = iter([0, 0, 0, 30, 30, 90, 120] + [120] * 993)
    assert module("measure.timing").timer_step(lambda: next(ticks)) == 30
    assert module("measure.timing").timer_step() > 0


@pytest.mark.parametrize(("slot", "settle"), [(1, 1), (4, 1), (7, 1), (8, 2), (40, 5)])
def test_a_quarter_of_a_slot_settles_one_call_at_least_and_as_many_as_asked_at_most(slot: int, settle: int) -> None:
    clock = Clock()
    module("measure.timing").interleave([clock.model("A", 5)], [slot], [None], {**LIMITS, "settle": 5}, clock)
    assert len(clock.order) == 11 * (slot + settle)


def test_a_model_that_is_another_program_keeps_its_own_clock() -> None:
    class Program:
        asked: list[list[int]]

        def times(self, rows: list[int]) -> tuple[int, ...]:
            self.asked = [*getattr(self, "asked", []), rows]
            return tuple(10 * row for row in rows)

    program = Program()
    samples = module("measure.timing").interleave([program], [2], [1, 2, 3], LIMITS, lambda: 0)
    assert program.asked[:2] == [[1, 2], [3, 1]]
    assert [list(each) for each in samples[0][:2]] == [[10, 20], [30, 10]]
