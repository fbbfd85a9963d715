"""How a measurement is taken: how many processes, how long, and by which rule its percentiles are told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from edgespec import plugins
from edgespec.errors import Mistake


@dataclass(frozen=True)
class Protocol:
    """One way to measure; every figure carries its `mode`.

    processes: fresh ones, one after the other, in each of which all models are timed in turns
    seconds: of timed calls of each model in each process; least_seconds: less than that is not this mode, and a warning says so
    min_samples: of each model in each process
    block_us: shorter calls are timed so many at once that they take this long; 0 times each alone
    early_stopping: P90 is MLPerf's estimate, not the sample's own quantile
    energy: measured where the machine can tell; it takes a quarter of a minute a model
    lock_clocks: clocks are fixed for as long as a process measures
    """

    mode: str
    processes: int
    seconds: float
    least_seconds: float = 0.0
    min_samples: int = 700
    block_us: float = 50.0
    early_stopping: bool = False
    energy: bool = False
    lock_clocks: bool = False

    def request(self) -> dict[str, Any]:
        """Give what the runner's request says of it."""
        limits = {"seconds": self.seconds, "min_samples": self.min_samples, "block_us": self.block_us}
        return {**limits, "lock_clocks": int(self.lock_clocks)}

    def doubts(self) -> list[str]:
        """Say where it is less than its mode asks for."""
        if self.seconds >= self.least_seconds:
            return []
        return [
            f"not mode {self.mode}: it takes {self.least_seconds:g} s of timed calls a process, this had {self.seconds:g} s"
        ]


QUICK = Protocol("quick", processes=1, seconds=3)
MODES = {
    each.mode: each
    for each in (
        QUICK,
        Protocol("standard", processes=5, seconds=3, least_seconds=3, energy=True),
        Protocol("mlperf", 1, seconds=600, least_seconds=600, block_us=0, early_stopping=True, energy=True),
    )
}


def named(mode: str, *, seconds: float | None = None, lock_clocks: bool = False) -> Protocol:
    """Give the protocol of a mode, its seconds and clocks as asked. Raises Mistake for an unknown mode."""
    if mode not in MODES:
        raise Mistake(f"unknown mode {mode!r}", hint=plugins.did_you_mean(mode, list(MODES)))
    found = replace(MODES[mode], lock_clocks=lock_clocks)
    return found if seconds is None else replace(found, seconds=seconds)
