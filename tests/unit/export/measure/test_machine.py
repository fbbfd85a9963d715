"""What the program tells of the machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench_request import run
from device_runner import module


def test_hello_tells_what_latencies_depend_on(tmp_path: Path) -> None:
    code, facts, _ = run(tmp_path, "hello", "--runtime", "onnxruntime")
    assert code == 0
    import onnxruntime

    assert facts["runtime_version"] == onnxruntime.__version__
    assert facts["python"] == sys.version.split()[0]
    assert facts["cores"] >= 1
    assert set(facts) >= {"numpy", "machine", "cpu", "flags", "load1", "governor", "affinity"}
    if sys.platform == "linux":
        assert len(facts["affinity"]) == 1


def test_other_work_is_what_this_process_did_not_do() -> None:
    before, after = {"busy_s": 100.0, "own_s": 1.0}, {"busy_s": 106.0, "own_s": 5.0}
    assert module("measure.machine").others(before, after, 4.0) == pytest.approx(0.5)
    assert module("measure.machine").others({"busy_s": None, "own_s": 1.0}, after, 4.0) is None
