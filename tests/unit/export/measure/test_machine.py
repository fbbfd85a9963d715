"""What the program tells of the machine."""

from __future__ import annotations

import builtins
import ctypes
import sys
from pathlib import Path
from typing import Any

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


class Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS, as Microsoft documents it (psapi.h)."""

    _fields_ = [("cb", ctypes.c_uint32), ("faults", ctypes.c_uint32), ("peak_working_set", ctypes.c_size_t),
                ("working_set", ctypes.c_size_t), ("pools", ctypes.c_size_t * 4), ("pagefile", ctypes.c_size_t * 2)]  # fmt: skip


@pytest.mark.parametrize("tells", [True, False])
def test_windows_is_asked_for_memory_where_nothing_else_tells_it(tells: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Kernel:
        def __init__(self, name: str, use_last_error: bool) -> None:
            assert name == "kernel32"
            self.GetCurrentProcess, self.K32GetProcessMemoryInfo = (lambda: -1), answer

    def answer(process: int, place: Any, size: int) -> int:
        told = ctypes.cast(place, ctypes.POINTER(Counters)).contents
        assert size == told.cb == ctypes.sizeof(Counters)
        told.peak_working_set, told.working_set = 123_456_789, 99
        return int(tells)

    real = builtins.__import__

    def windows(name: str, *more: Any) -> Any:
        if name == "resource":
            raise ImportError(name)
        return real(name, *more)

    machine = module("measure.machine")
    monkeypatch.setattr(machine, "text", lambda path: "")
    monkeypatch.setattr(ctypes, "WinDLL", Kernel, raising=False)
    monkeypatch.setattr(builtins, "__import__", windows)
    if tells:
        assert machine.peak_memory() == 123_456_789
    else:
        with pytest.raises(OSError, match="does not tell"):
            machine.peak_memory()
