"""A recording is judged only where its parts speak of the same files, rounds and spectra, in numbers that a clock gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgespec.bench import recording
from edgespec.errors import Mistake

MODEL = {"providers": ["CPU"], "threads": 1, "block": 1, "warmup": {"stable": True}}
SENSORS: dict[str, Any] = {"throttled": None, "why": []}
PROCESS = {
    "rounds": 2, "wall_s": 1.0, "other_cores": None, "sensors": SENSORS, "clocks": {}, "models": {"a": MODEL, "a again": MODEL},
    "affinity": [0], "clock_ns": 50.0, "timer_step_ns": 50, "before": {}, "after": {},
}  # fmt: skip
FACTS: dict[str, Any] = {
    "target": "local", "runtime": "onnxruntime", "source": "measured", "reference": "a", "float_of": {}, "seed": 0, "against": {"a": []},
    "protocol": {"mode": "quick", "processes": 1, "seconds": 1.0, "least_seconds": 0.0, "min_samples": 10, "block_us": 50.0,
                 "early_stopping": False, "energy": False, "lock_clocks": False},
    "files": {"a": {"digest": "0", "size_bytes": 10}}, "hello": {"runtime_version": "1", "cores": 2},
    "cold": {"a": {"import_ms": 1.0, "load_ms": 1.0, "first_ms": 1.0, "peak_memory": 2, "peak_memory_before_load": 1}},
    "energy": {"a": {"mj": None, "reason": "none"}}, "differing": {"a": 0}, "processes": [PROCESS],
}  # fmt: skip


def check(facts: Any = FACTS, **more: Any) -> None:
    ns = more.get("ns", np.full((2, 5), 100))
    arrays = {"ns": {"a": ns, "a again": np.full((2, 5), 100)}, "outputs": {"a": more.get("outputs", np.zeros((3, 2)))}}
    recording.check(facts, **arrays, y=more.get("y", np.zeros(3, int)), twin="a again", where="a.npz")


def test_a_whole_recording_is_taken() -> None:
    check()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ns": np.full((2, 5), np.nan)}, "that no clock gives"),
        ({"ns": np.full((2, 5), np.inf)}, "that no clock gives"),
        ({"ns": np.full((2, 5), -1)}, "that no clock gives"),
        ({"ns": np.zeros((2, 0))}, r"no \(rounds, samples\)"),
        ({"ns": np.full((3, 5), 100)}, r"no \(rounds, samples\)"),
        ({"ns": np.array(["x"])}, r"no \(rounds, samples\)"),
        ({"outputs": np.zeros((2, 2))}, r"no \(spectra, classes\)"),
        ({"y": np.zeros(0)}, "no whole numbers"),
        ({"facts": {}}, "target: Field required"),
        ({"facts": []}, "a.npz is not a recording"),
        ({"facts": {**FACTS, "reference": "b"}}, "names a file that it does not have"),
        ({"facts": {**FACTS, "cold": {}}}, "cold lack a file"),
        ({"facts": {**FACTS, "files": {"a": {"digest": "0", "size_bytes": -5}}}}, "files.a.size_bytes"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(more: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        check(**more)
    assert "a.npz" in caught.value.message
    assert "edgespec bench" in caught.value.hint
