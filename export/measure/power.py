"""What the machine draws: the rails that can be read, and how. A rail that can't is told with the reason, never as 0.

INA3221 (Jetson, `in*_label`, `in*_input` in mV, `curr*_input` in mA below hwmon), tegrastats where these can't be read, or RAPL (Intel
and AMD, `energy_uj`).
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, NamedTuple

from measure import sensors

WHOLE = ("VDD_IN", "VIN_SYS_5V0", "POM_5V_IN", "5V_IN")  # rails that feed all others of the module
PACKAGE = "package"


class Rail(NamedTuple):
    """A rail: its name; "ina3221", "tegrastats" or "rapl"; the files to read; where a counter starts again, in uJ."""

    name: str
    kind: str
    files: tuple[Path, ...]
    turn: float = 0.0


def find() -> tuple[list[Rail], str]:
    """Give the rails that together are the whole module, and why there is none where there is none."""
    rails = _ina3221() or _rapl()
    closed = [str(file) for rail in rails for file in rail.files if not os.access(str(file), os.R_OK)]
    if closed or not rails:
        rails = _tegrastats() or rails
    if not rails:
        return [], "no power sensor: neither an INA3221 (hwmon, tegrastats) nor RAPL (/sys/class/powercap)"
    if closed and rails[0].files:
        return [], f"{closed[0]} may not be read by this user"
    return rails, ""


def read(rails: list[Rail]) -> dict[str, float]:
    """Give what each rail says now: watts of an INA3221, the counter of RAPL in joules."""
    told = {}
    if rails and rails[0].kind == "tegrastats":
        return {name: mw / 1e3 for name, mw in parse(STREAM.line).items() if name in {rail.name for rail in rails}}
    for rail in rails:
        values = [sensors.number(file) for file in rail.files]
        if None not in values:
            told[rail.name] = values[0] * values[1] / 1e6 if rail.kind == "ina3221" else values[0] / 1e6  # type: ignore[operator]
    return told


def watts(rails: list[Rail], lines: list[dict[str, Any]]) -> float | None:
    """Give the mean power of all rails over what was sampled (`t` in s, `power` as `read` gives it), None from fewer than two lines."""
    lines = [line for line in lines if len(line.get("power", {})) == len(rails)]
    if len(lines) < 2 or lines[-1]["t"] <= lines[0]["t"]:
        return None
    total = 0.0
    for rail in rails:
        values = [line["power"][rail.name] for line in lines]
        if rail.kind != "rapl":
            total += sum(values) / len(values)
        else:
            turns = sum(values[i] < values[i - 1] for i in range(1, len(values)))
            total += (values[-1] - values[0] + turns * rail.turn / 1e6) / (lines[-1]["t"] - lines[0]["t"])
    return total


def parse(line: str) -> dict[str, float]:
    """Give the mW of each rail that a line of tegrastats tells: `VDD_IN 5048mW/5048mW`, now and on average; 4.x leaves out the unit."""
    return {name: float(now) for name, now in re.findall(r"\b([A-Z][A-Z0-9_]+) (\d+)(?:mW)?/\d+(?:mW)?(?!\w)", line)}


class Stream:
    """The last line that tegrastats printed, from the first question on; it ends with this process."""

    def __init__(self) -> None:
        self.process: Any = None
        self.last = ""

    @property
    def line(self) -> str:
        """Give the last line, the first as soon as it is there."""
        if self.process is None:
            command = ["tegrastats", "--interval", "100"]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            atexit.register(self.process.kill)
            self.last = self.process.stdout.readline().decode(errors="replace")
            threading.Thread(target=self._follow, daemon=True).start()
        return self.last

    def _follow(self) -> None:
        for line in self.process.stdout:
            self.last = line.decode(errors="replace")


STREAM = Stream()


def _tegrastats() -> list[Rail]:
    if shutil.which("tegrastats") is None:
        return []
    names = sorted(parse(STREAM.line))
    return [Rail(name, "tegrastats", ()) for name in [each for each in names if each in WHOLE][:1] or names]


def _ina3221() -> list[Rail]:
    rails = []
    for label in sensors.found("/sys/class/hwmon/hwmon*/in*_label"):
        number = label.name[len("in") : -len("_label")]
        files = (label.parent / f"in{number}_input", label.parent / f"curr{number}_input")
        chip = label.parent / "name"
        if chip.is_file() and chip.read_text().strip() == "ina3221" and all(file.exists() for file in files):
            rails.append(Rail(label.read_text().strip(), "ina3221", files))
    rails = [rail for rail in rails if rail.name not in ("NC", "sum of shunt voltages")]
    whole = [rail for rail in rails if rail.name in WHOLE]
    return whole[:1] or rails


def _rapl() -> list[Rail]:
    rails = []
    for name in sensors.found("/sys/class/powercap/intel-rapl:*/name"):
        if name.read_text().strip().startswith(PACKAGE) and name.parent.name.count(":") == 1:
            turn = sensors.number(name.parent / "max_energy_range_uj") or 0.0
            rails.append(Rail(name.read_text().strip(), "rapl", (name.parent / "energy_uj",), turn))
    return rails
