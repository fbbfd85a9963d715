"""Time models in turns, so that what the machine does meanwhile hits them alike: one call at a time, or blocks of very short ones."""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from array import array
from collections.abc import Callable, Iterable
from typing import Any

LIMITS = {
    "warmup_ms": 200.0,  # at least this long and 10 calls for each model ...
    "warmup_max_ms": 10_000.0,  # ... and until two blocks agree, or this long
    "slot_ms": 5.0,  # how long a model runs before the next one's turn
    "settle": 5,  # untimed calls that open a slot, a quarter of it at most: they bring the weights back into the cache
    "seconds": 2.0,  # timed calls of each model, together
    "min_samples": 700,
    "max_seconds": 60.0,  # a model; wins over the two above, but not over FEWEST_ROUNDS
    "block_us": 50.0,  # shorter calls are timed so many at once that they take this long; 0 times each alone
    "energy_seconds": 10.0,  # of back-to-back calls whose power is read
    "idle_seconds": 3.0,  # before and after them, of no calls
    "soak_seconds": 600.0,
    "lock_clocks": 0,  # 1: the machine's clocks are fixed meanwhile, and put back
    "seed": 0,  # the order of the spectra
}
FEWEST_ROUNDS = 11  # of which each gives one call at least: no median from fewer
MOST_CALLS = 1000  # in a slot
AGREE = 0.01  # of two warm-up blocks' medians
STEPS = 1000  # of the timer, in what is timed at once


def warm_up(
    infer: Callable[[Any], Any],
    rows: list[Any],
    limits: dict[str, Any],
    clock: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, Any]:
    """Run until two successive blocks have medians within 1 %; give how long it took and whether it succeeded."""
    stream = itertools.cycle(rows)
    medians: list[float] = []
    calls, begin = 0, clock()
    while True:
        samples: list[int] = []
        opened = clock()
        while len(samples) < 5 or clock() - opened < limits["warmup_ms"] * 1e6 / 2:
            samples += time_calls(infer, itertools.islice(stream, 5), clock)
        medians.append(statistics.median(samples))
        calls += len(samples)
        stable = len(medians) > 1 and abs(medians[-1] - medians[-2]) < AGREE * medians[-2]
        spent_ms = (clock() - begin) / 1e6
        if stable or spent_ms >= limits["warmup_max_ms"]:
            return {"stable": stable, "calls": calls, "ms": spent_ms, "median_ns": medians[-1]}


def calls_in_sample(median_ns: float, step_ns: float, block_us: float) -> int:
    """Give how many calls to time at once: 1 where one takes `block_us` and STEPS steps of the timer, or where `block_us` is 0."""
    shortest = max(block_us * 1e3, STEPS * step_ns) if block_us else 0
    return max(1, min(MOST_CALLS, math.ceil(shortest / max(median_ns, 1))))


def timer_step(clock: Callable[[], int] = time.perf_counter_ns, readings: int = 1000) -> int:
    """Give the smallest step, in nanoseconds, that the timer is seen to make."""
    seen = [clock() for _ in range(readings)]
    return min([seen[i] - seen[i - 1] for i in range(1, readings) if seen[i] > seen[i - 1]] or [1])


def calls_in_slot(median_ns: float, slot_ms: float) -> int:
    """Give every model the same time in a round, not the same number of calls. median_ns: of what is timed at once."""
    return max(1, min(MOST_CALLS, round(slot_ms * 1e6 / max(median_ns, 1))))


def interleave(
    infers: list[Callable[[Any], Any]],
    slots: list[int],
    rows: list[Any],
    limits: dict[str, Any],
    clock: Callable[[], int] = time.perf_counter_ns,
    blocks: list[int] | None = None,
) -> list[list[array[int]]]:
    """Time the models in turns, A B C, B C A, C A B ..., so that what the machine does meanwhile hits them alike.

    slots: samples of each model in a round; blocks: calls in each of its samples, 1 if not said
    Gives for each model its rounds, and for each round the nanoseconds of each sample. No sample is left out.
    """
    count, blocks = len(infers), blocks or [1] * len(infers)
    streams = [itertools.cycle(rows) for _ in infers]
    samples: list[list[array[int]]] = [[] for _ in infers]
    spent, turns, begin = [0] * count, 0, clock()
    collects = gc.isenabled()
    gc.disable()
    try:
        while True:
            for k in ((turns + i) % count for i in range(count)):
                settle = 0 if hasattr(infers[k], "times") else int(min(limits["settle"], max(1, slots[k] // 4)))
                for row in itertools.islice(streams[k], settle):
                    infers[k](row)
                rows_now = itertools.islice(streams[k], slots[k] * blocks[k])
                samples[k].append(array("q", time_calls(infers[k], rows_now, clock, blocks[k])))
                spent[k] += sum(samples[k][-1])
            turns += 1
            long_enough = min(spent) >= limits["seconds"] * 1e9 and turns * min(slots) >= limits["min_samples"]
            too_long = clock() - begin >= limits["max_seconds"] * count * 1e9
            if turns >= FEWEST_ROUNDS and (long_enough or too_long):
                return samples
    finally:
        if collects:
            gc.enable()


def time_calls(
    infer: Callable[[Any], Any],
    rows: Iterable[Any],
    clock: Callable[[], int] = time.perf_counter_ns,
    block: int = 1,
) -> list[int]:
    """Time calls, `block` at once, a spectrum each: nanoseconds of each block; a model that is another program (`times`) keeps its own clock."""
    if hasattr(infer, "times"):
        return list(infer.times(list(rows)))
    samples = []
    if block > 1:
        stream = iter(rows)
        for group in iter(lambda: list(itertools.islice(stream, block)), []):
            begin = clock()
            for row in group:
                infer(row)
            samples.append(clock() - begin)
        return samples
    for row in rows:
        begin = clock()
        infer(row)
        samples.append(clock() - begin)
    return samples
