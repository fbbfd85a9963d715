"""A small process of its own that reads clocks, temperatures and power while another one is timed, and what that comes to.

python measure/sensor_log.py HZ CORE...      a JSON line a reading on stdout, until stdin is closed; cores: those to read, and to keep off
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # a process of its own, started in this folder: its siblings are named from the one above
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import power, sensors

HZ = 8.0
DROP = 0.03  # of a clock: more is throttling
WINDOWS = 10
KEPT = 120


class Watch:
    """Reads the sensors in the background from `with` on; `lines()` gives what was read so far.

    cores: of the process that is timed: their clock is read, and the reading runs elsewhere where there is an elsewhere
    """

    def __init__(self, cores: Sequence[int], hz: float = HZ) -> None:
        self.command = [sys.executable, "-B", "-S", str(Path(__file__).resolve()), str(hz), *map(str, cores)]

    def __enter__(self) -> Watch:
        self.folder = tempfile.mkdtemp(prefix="edgespec-sensors-")
        self.file = Path(self.folder) / "readings"
        with self.file.open("wb") as out:
            try:
                self.process: Any = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=out)
            except OSError:  # an emulated Python can't be started by its name: then nobody reads
                self.process = None
        return self

    def __exit__(self, *unused: Any) -> None:
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def lines(self, since: float = 0.0) -> list[dict[str, Any]]:
        """Give the readings from a moment of the monotonic clock on."""
        told = self.file.read_bytes().decode(errors="replace").split("\n")[:-1]  # the last may be half written
        return [each for each in map(_reading, told) if each is not None and each["t"] >= since]


def _reading(line: str) -> dict[str, Any] | None:
    """Read a line; None where it is none: another program may have written into the same file."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(told, dict) and all(isinstance(told.get(key), dict) for key in ("mhz", "celsius", "power"))
    return told if whole and isinstance(told.get("t"), (int, float)) and "flags" in told else None


def main(arguments: Sequence[str]) -> None:
    """Read until standard input ends: then whoever asked is gone, or has heard enough."""
    cores = [int(each) for each in arguments[1:]]
    _keep_off(cores)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    rails, _ = power.find()
    while True:
        line = {"t": time.monotonic(), "mhz": sensors.clocks(cores), "celsius": sensors.temperatures()}
        line.update(flags=sensors.throttled(), power=power.read(rails))
        print(json.dumps(line), flush=True)
        if over.wait(1 / float(arguments[0])):
            return


def summary(before: list[dict[str, Any]], during: list[dict[str, Any]]) -> dict[str, Any]:
    """Give what the sensors said: `mhz` (first, lowest, median, last), `celsius` (before, highest, last), and whether and why it was throttled.

    `throttled` is None where nothing tells it; `series` are at most KEPT readings, evenly.
    """
    told = before[-1:] + during
    if not told:
        return {"n": 0, "hz": None, "mhz": {}, "celsius": {}, "throttled": None, "why": [], "series": []}
    span = told[-1]["t"] - told[0]["t"]
    mhz = {name: [each["mhz"][name] for each in told if name in each["mhz"]] for name in told[0]["mhz"]}
    heat = {name: [each["celsius"][name] for each in told if name in each["celsius"]] for name in told[0]["celsius"]}
    why = [f"the {name} clock fell by {drop:.0%}" for name in mhz for drop in [fall(mhz[name][1:])] if drop > DROP]
    limits = sensors.trips()
    why += [
        f"{name} reached {max(heat[name]):.0f} degrees, it slows down from {limits[name]:.0f} on"
        for name in heat
        if name in limits and max(heat[name]) >= limits[name]
    ]
    if any((each["flags"] or 0) & sensors.NOW for each in told):
        why.append("the Raspberry Pi's firmware throttled, or the supply's voltage was low")
    known = mhz or limits or told[0]["flags"] is not None
    step = -(-len(told) // KEPT)
    return {
        "n": len(told),
        "hz": (len(told) - 1) / span if span > 0 else None,
        "mhz": {name: [v[0], min(v), statistics.median(v), v[-1]] for name, v in mhz.items()},
        "celsius": {name: [v[0], max(v), v[-1]] for name, v in heat.items()},
        "throttled": bool(why) if known else None,
        "why": why,
        "series": [dict(each, t=each["t"] - told[0]["t"]) for each in told[::step]],
    }


def fall(values: Sequence[float]) -> float:
    """Give by how much a clock fell from what it had been, as a share: medians of at most WINDOWS parts, so that one reading is no fall."""
    size = max(3, -(-len(values) // WINDOWS))
    parts = [statistics.median(values[i : i + size]) for i in range(0, len(values) - size + 1, size)]
    return max([0.0] + [1 - low / max(parts[:i]) for i, low in enumerate(parts) if i and max(parts[:i]) > 0])


def _keep_off(cores: Sequence[int]) -> None:
    if hasattr(os, "sched_setaffinity"):
        free = set(range(os.cpu_count() or 1)) - set(cores)
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, free or os.sched_getaffinity(0))
    if hasattr(os, "nice"):
        os.nice(5)


if __name__ == "__main__":
    main(sys.argv[1:])
