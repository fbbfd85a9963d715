"""What the machine draws: the rails that can be read, and how. A rail that can't is told with the reason, never as 0.

INA3221 (Jetson, `in*_label`, `in*_input` in mV, `curr*_input` in mA below hwmon) or RAPL (Intel and AMD, `energy_uj`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import sensors

WHOLE = ("VDD_IN", "VIN_SYS_5V0", "POM_5V_IN", "5V_IN")  # rails that feed all others of the module
PACKAGE = "package"


class Rail(NamedTuple):
    """A rail: its name; "ina3221" or "rapl"; the files to read; where a counter starts again, in uJ."""

    name: str
    kind: str
    files: tuple[Path, ...]
    turn: float = 0.0


def find() -> tuple[list[Rail], str]:
    """Give the rails that together are the whole module, and why there is none where there is none."""
    rails = _ina3221() or _rapl()
    if not rails:
        return [], "no power sensor: neither an INA3221 (hwmon) nor RAPL (/sys/class/powercap)"
    closed = [str(file) for rail in rails for file in rail.files if not os.access(str(file), os.R_OK)]
    if closed:
        return [], f"{closed[0]} may not be read by this user"
    return rails, ""


def read(rails: list[Rail]) -> dict[str, float]:
    """Give what each rail says now: watts of an INA3221, the counter of RAPL in joules."""
    told = {}
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
        if rail.kind == "ina3221":
            total += sum(values) / len(values)
        else:
            turns = sum(values[i] < values[i - 1] for i in range(1, len(values)))
            total += (values[-1] - values[0] + turns * rail.turn / 1e6) / (lines[-1]["t"] - lines[0]["t"])
    return total


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
