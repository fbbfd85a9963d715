"""What a device's program prints: one JSON object, or anything else."""

from __future__ import annotations

import json

import fuzzing

from edgespec.bench import recording
from edgespec.targets import runner
from edgespec.targets.card import Target

READER = "edgespec/targets/runner.call, edgespec/bench/recording.told"
KIND = "json"
COLD = {"import_ms": 1.0, "load_ms": 2.0, "first_ms": 3.0, "peak_memory": 5, "peak_memory_before_load": 4}
HELLO = {
    "runtime": "onnxruntime",
    "runtime_version": "1",
    "cores": 2,
    "python": "3.11",
    "machine": "x86_64",
    "flags": ["avx2"],
}


def seeds() -> list[bytes]:
    model = {"providers": ["CPU"], "threads": 1, "block": 1, "warmup": {"stable": True}}
    sensors = {"throttled": None, "why": [], "mhz": {"cpu": [1.0]}, "series": [{"t": 0.0, "mhz": {}, "celsius": {}}]}
    measured = {"wall_s": 1.0, "other_cores": 0.1, "sensors": sensors, "clocks": {}, "models": {"a": model}}
    measured |= dict.fromkeys(("affinity", "clock_ns", "timer_step_ns", "before", "after"), 1)
    return [
        json.dumps(each).encode()
        for each in (HELLO, COLD, measured, {"error": "no", "hint": "yes"}, {"mj": 1.0, "reason": ""})
    ]


def feed(raw: bytes) -> None:
    path = fuzzing.written("printed", raw)
    target = Target("far", "onnxruntime", python=("sh", "-c", f"cat {path}"))
    told = runner.call(target, ["hello"], path.parent)
    for kind in (recording.Hello, recording.Cold, recording.Measured, recording.Energy):
        try:
            recording.told(kind, told, "far")
        except runner.Mismatch as problem:
            last = problem
        else:
            return
    raise last
