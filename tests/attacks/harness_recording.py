"""Recordings of `edgespec bench`, judged again from the file."""

from __future__ import annotations

from typing import Any

import fuzzing
import numpy as np

from edgespec.bench import measure
from edgespec.bench.session import Session

READER = "edgespec/bench/measure.replay"
KIND = "zip"
MODEL = {"providers": ["CPU"], "threads": 1, "block": 1, "warmup": {"stable": True}}
PROCESS = {
    "rounds": 2, "wall_s": 1.0, "other_cores": None, "sensors": {"throttled": None, "why": []}, "clocks": {}, "affinity": [0],
    "models": {"a": MODEL, "a again": MODEL}, "clock_ns": 50.0, "timer_step_ns": 50, "before": {}, "after": {},
}  # fmt: skip
FACTS: dict[str, Any] = {
    "target": "local", "runtime": "onnxruntime", "source": "measured", "reference": "a", "float_of": {}, "seed": 0, "against": {"a": []},
    "protocol": {"mode": "quick", "processes": 1, "seconds": 1.0, "least_seconds": 0.0, "min_samples": 10, "block_us": 50.0,
                 "early_stopping": False, "energy": False, "lock_clocks": False},
    "files": {"a": {"digest": "0", "size_bytes": 10}}, "hello": {"runtime_version": "1", "cores": 2},
    "cold": {"a": {"import_ms": 1.0, "load_ms": 1.0, "first_ms": 1.0, "peak_memory": 2, "peak_memory_before_load": 1}},
    "energy": {"a": {"mj": None, "reason": "none"}}, "differing": {"a": 0}, "processes": [PROCESS],
}  # fmt: skip


def seeds() -> list[bytes]:
    ns = np.random.default_rng(0).integers(90, 110, (2, 40))
    outputs = {"a": np.eye(3, 2)}
    told = Session(FACTS, {"a": ns, "a again": ns + 1}, outputs, np.array([0, 1, 1]))
    return [fuzzing.made(told.save)]


def feed(raw: bytes) -> None:
    measure.replay(fuzzing.written("local.samples.npz", raw))
