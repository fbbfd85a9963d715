"""What this machine is and how it stands: processor, load, clock, memory; and the cores that a process is bound to."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from measure import sensors
from measure.sensors import cpuinfo, text
from model import find_runtime

FLAGS: tuple[str, ...] = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
)
FLAGS += ("amx_tile", "amx_int8", "amx_bf16", "neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2")


def hello(runtime: str) -> dict[str, Any]:
    """Tell what this machine is, as far as its latencies depend on it. Raises RefusalError where the runtime cannot do what is asked of it here."""
    load_average = state()["load1"]
    cores = pin(1)
    module = find_runtime(runtime)
    getattr(module, "ready", lambda: None)()
    flags = cpuinfo("flags") or cpuinfo("Features")
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "runtime": runtime,
        "runtime_version": module.version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpu": cpuinfo("model name") or text("/proc/device-tree/model").strip("\0") or platform.processor(),
        "flags": [flag for flag in FLAGS if flag in flags.split()],
        "cores": os.cpu_count(),
        "load1": load_average,
        "governor": text(f"/sys/devices/system/cpu/cpu{(cores or [0])[0]}/cpufreq/scaling_governor") or None,
        "affinity": cores,
        "gpu": _gpu(),
        "jetpack": text("/etc/nv_tegra_release").split("\n")[0] or None,
        "nvpmodel": text("/var/lib/nvpmodel/status") or None,
        "memory_free": _free(),
        "mhz": sensors.clocks(cores),
        "celsius": sensors.temperatures(),
        "throttled": sensors.throttled(),
    }


def pin(threads: int) -> list[int]:
    """Bind this process to as many cores as it has threads, the fastest ones; [] where the system has no such thing."""
    if not hasattr(os, "sched_setaffinity"):
        return []

    def fastest(core: int) -> tuple[int, int]:
        return int(text(f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq") or 0), core

    try:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0), key=fastest)[-threads:])
    except OSError:
        return []
    return sorted(os.sched_getaffinity(0))


def state(cores: Sequence[int] = (0,)) -> dict[str, Any]:
    """Tell how the machine is now: load, clock, and processor seconds that all and that this process have had."""
    core = (list(cores) or [0])[0]
    khz = text(f"/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq")
    mhz = float(khz) / 1e3 if khz else float(cpuinfo("cpu MHz") or 0)
    ticks = [int(each) for each in text("/proc/stat").split("\n")[0].split()[1:9]]
    busy_s = (sum(ticks) - sum(ticks[3:5])) / os.sysconf("SC_CLK_TCK") if ticks else None  # without idle and iowait
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"load1": load_average, "mhz": mhz or None, "busy_s": busy_s, "own_s": sum(os.times()[:2])}


def others(before: dict[str, Any], after: dict[str, Any], wall_s: float) -> float | None:
    """Give how many cores others kept busy meanwhile, None where the system doesn't tell."""
    if before["busy_s"] is None:
        return None
    all_s, own_s = after["busy_s"] - before["busy_s"], after["own_s"] - before["own_s"]
    return float(max(0.0, all_s - own_s) / max(wall_s, 1e-9))


def peak_memory() -> int:
    """Give the most memory that this process has held, in bytes.

    Linux hands ru_maxrss down through exec, so a child of a large program would report its parent; VmHWM is its own.
    """
    for line in text("/proc/self/status").split("\n"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows has no such module
        return _windows_peak()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _windows_peak() -> int:
    """Ask Windows for the peak of this process's working set, in bytes (K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS)."""
    import ctypes

    counters = (
        ctypes.c_size_t * 10
    )()  # two numbers of 32 bits, then eight of the machine's size; PeakWorkingSetSize is their first
    words = ctypes.cast(counters, ctypes.POINTER(ctypes.c_uint32))
    size = 8 + 8 * ctypes.sizeof(ctypes.c_size_t)
    words[0] = size
    system: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    system.GetCurrentProcess.restype = ctypes.c_void_p
    system.K32GetProcessMemoryInfo.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    if not system.K32GetProcessMemoryInfo(system.GetCurrentProcess(), counters, size):
        raise OSError("Windows does not tell how much memory this process has held")
    return int(counters[8 // ctypes.sizeof(ctypes.c_size_t)])


def _gpu() -> str | None:
    """Name the graphics processor and its driver, None where no driver tells of one."""
    cards = [
        sensors.text(f"/proc/driver/nvidia/gpus/{each.name}/information")
        for each in sensors.found("/proc/driver/nvidia/gpus/*")
    ]
    names = [line.split(":", 1)[1].strip() for card in cards for line in card.split("\n") if line.startswith("Model:")]
    driver = text("/proc/driver/nvidia/version").split("\n")[0]
    return ", ".join([*names, driver]) if names or driver else None


def _free() -> int | None:
    """Give the bytes that a process could still have."""
    for line in text("/proc/meminfo").split("\n"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
