"""What the machine's own sensors say: clocks, temperatures, throttling, power. Files below one root, nothing but the standard library.

`EDGESPEC_SYS` names another root than `/`: a recorded tree of another machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(os.environ.get("EDGESPEC_SYS") or "/")
GPUS = ("gpu", "gv11b", "gp10b", "ga10b")  # how the kernel calls them below /sys/class/devfreq
SLOWS = ("passive", "hot", "critical")  # trip points that slow the machine down; an active one starts a fan
NOW = 0b1111  # of the Pi's word: under voltage, clock capped, throttled, soft temperature limit, all of this moment


def text(path: str) -> str:
    """Give what a file says, "" where it can't be read."""
    try:
        return (ROOT / path.lstrip("/")).read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return ""


def found(pattern: str) -> list[Path]:
    """Give the files of a pattern below the root."""
    return sorted(ROOT.glob(pattern.lstrip("/")))


def number(path: str | Path) -> float | None:
    """Give the number that a file holds, None where there is none."""
    told = text(str(path)[len(str(ROOT)) :] if isinstance(path, Path) else path)
    try:
        return float(told)
    except ValueError:
        return None


def cpuinfo(key: str) -> str:
    """Give the first value that /proc/cpuinfo has for a key."""
    for line in text("/proc/cpuinfo").split("\n"):
        if line.split(":")[0].strip() == key:
            return line.split(":", 1)[1].strip()
    return ""


def clocks(cores: Sequence[int] = (0,)) -> dict[str, float]:
    """Give the clocks that are told, in MHz: `cpu`, of the first of these cores, and `gpu`."""
    told = {}
    core = (list(cores) or [0])[0]
    khz = number(f"/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq")
    if khz or cpuinfo("cpu MHz"):
        told["cpu"] = khz / 1e3 if khz else float(cpuinfo("cpu MHz"))
    for path in found("/sys/class/devfreq/*/cur_freq"):
        hz = number(path) if any(name in path.parent.name for name in GPUS) else None
        if hz:
            told["gpu"] = hz / 1e6
    return told


def temperatures() -> dict[str, float]:
    """Give the temperature of each thermal zone by its name, in degrees Celsius."""
    told = {}
    for zone in found("/sys/class/thermal/thermal_zone*"):
        value = number(zone / "temp")
        if value is not None and -40e3 < value < 200e3:  # a sensor that is switched off says what no machine survives
            told[_name(zone)] = value / 1e3
    return told


def trips() -> dict[str, float]:
    """Give the temperature of each zone from which on it slows the machine down, in degrees Celsius."""
    told: dict[str, float] = {}
    for kind in found("/sys/class/thermal/thermal_zone*/trip_point_*_type"):
        value = number(kind.parent / kind.name.replace("_type", "_temp"))
        if value is not None and value > 0 and text(_below(kind)) in SLOWS:
            name = _name(kind.parent)
            told[name] = min(told.get(name, value / 1e3), value / 1e3)
    return told


def throttled() -> int | None:
    """Give the word in which a Raspberry Pi tells that it was slowed down (bits 0 to 3: now, 16 to 19: since boot), None elsewhere."""
    told = text("/sys/devices/platform/soc/soc:firmware/get_throttled")
    program = shutil.which("vcgencmd") if not told and str(ROOT) == "/" else None
    if program:
        ended = subprocess.run([program, "get_throttled"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        told = ended.stdout.decode(errors="replace").partition("=")[2].strip()
    try:
        return int(told, 16)
    except ValueError:
        return None


def _name(zone: Path) -> str:
    return text(_below(zone / "type")) or zone.name


def _below(path: Path) -> str:
    return "/" + str(path.relative_to(ROOT))
