"""What the whole machine draws: the rails that can be read, and how. What is not the whole is told with the reason, never as a part.

INA3221 and INA238 of a Jetson (below hwmon, or iio in JetPack 4), tegrastats where these can't be read, or RAPL (Intel and AMD,
`energy_uj`: the processors alone).
"""

from __future__ import annotations

import atexit
import math
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from measure import boards, sensors

PACKAGE = "package"
MOST = 1000.0  # watts: more is no reading of a small computer
FIRST_S, STALE_S, LINE = 3.0, 2.0, 8192  # of tegrastats: until its first line; age of its last; characters of one


class Rail(NamedTuple):
    """A rail: its name; "ina3221", "ina238", "iio", "tegrastats" or "rapl"; the files to read; where a counter starts again, in uJ."""

    name: str
    kind: str
    files: tuple[Path, ...]
    turn: float = 0.0


def find() -> tuple[list[Rail], str]:
    """Give the rails that together are the whole module, and why there is none where there is none."""
    board, known = boards.find(), _chips()
    if board is not None:
        return _of(board, known)
    if known or shutil.which("tegrastats"):
        seen = ", ".join(sorted({rail.name for rail in known})) or "tegrastats"
        return [], boards.name() + " is not a board whose whole is known, and " + seen + " may be a part of it"
    rails = _rapl()
    if not rails:
        return [], "no power sensor: neither an INA of a Jetson (hwmon, tegrastats) nor RAPL (/sys/class/powercap)"
    closed = _closed(rails)
    return ([], closed[0] + " may not be read by this user") if closed else (rails, "")


def read(rails: list[Rail]) -> dict[str, float]:
    """Give what each rail says now: watts, the counter of RAPL in joules. A rail that says nothing, or rubbish, is left out."""
    told: dict[str, float | None] = {}
    if rails and rails[0].kind == "tegrastats":
        line = parse(STREAM.line)
        told = {rail.name: line[rail.name] / 1e3 for rail in rails if rail.name in line}
    else:
        told = {rail.name: _value(rail) for rail in rails}
    kinds = {rail.name: rail.kind for rail in rails}
    return {
        name: value
        for name, value in told.items()
        if value is not None and math.isfinite(value) and value >= 0 and (kinds[name] == "rapl" or value <= MOST)
    }


def watts(rails: list[Rail], lines: list[dict[str, Any]]) -> float | None:
    """Give the mean power of all rails over what was sampled (`t` in s, `power` as `read` gives it).

    None from fewer than two lines that have all rails, and where their clock went back: nothing says for how long they stand.
    """
    lines = [line for line in lines if len(line.get("power", {})) == len(rails)]
    if len(lines) < 2 or lines[-1]["t"] <= lines[0]["t"] or runs_back(lines):
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


def runs_back(lines: list[dict[str, Any]]) -> bool:
    """Tell whether the clock of the readings went back."""
    return any(after["t"] < before["t"] for before, after in zip(lines, lines[1:]))


def parse(line: str) -> dict[str, float]:
    """Give the mW of each rail that a line of tegrastats tells: `VDD_IN 5048mW/5001mW`, now and on average; 4.x leaves out the unit.

    Of a line that is cut in the middle, a rail counts from its name to the slash: what is now, not what is left of the average. A rail
    that is told twice counts once, the first time.
    """
    told: dict[str, float] = {}
    for name, now in re.findall(
        r"(?:^|(?<=\s))(?!I?RAM |SWAP )([A-Z][A-Z0-9_]+) (\d{1,7})(?:mW)?/\d{0,7}(?:mW?)?(?![\w/.])", line[:LINE]
    ):
        told.setdefault(name, float(now))
    return told


class Stream:
    """The last line that tegrastats printed, from the first question on; it ends with this process."""

    def __init__(self) -> None:
        self.process: Any = None
        self.last, self.when = "", -math.inf
        self.begun = threading.Event()

    @property
    def line(self) -> str:
        """Give the last line, the first as soon as it is there; "" where there is none, or none of the last two seconds."""
        if self.process is None:
            command = ["tegrastats", "--interval", "100"]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            atexit.register(self.process.kill)
            threading.Thread(target=self._follow, daemon=True).start()
        self.begun.wait(FIRST_S)
        return self.last if time.monotonic() - self.when < STALE_S else ""

    def _follow(self) -> None:
        for raw in iter(lambda: self.process.stdout.readline(LINE), b""):
            self.last, self.when = raw.decode(errors="replace"), time.monotonic()
            self.begun.set()
        self.last = ""
        self.begun.set()


STREAM = Stream()


def _of(board: boards.Board, known: list[Rail]) -> tuple[list[Rail], str]:
    """Give the rails that are the whole of a board, by the chips' files or by tegrastats."""
    if not board.rails:
        return [], board.name + ": " + board.why
    rails = [rail for rail in known if rail.name in board.rails]
    if sorted(rail.name for rail in rails) == sorted(board.rails) and not _closed(rails):
        return rails, ""
    if shutil.which("tegrastats") is not None:
        line = parse(STREAM.line)
        if all(name in line for name in board.rails):
            return [Rail(name, "tegrastats", ()) for name in board.rails], ""
    closed = _closed(rails)
    lacking = [name for name in board.rails if name not in [rail.name for rail in rails]]
    if not known:
        return [], board.name + ": no power sensor can be read (hwmon, iio, tegrastats)"
    what = closed[0] + " may not be read by this user" if closed else ", ".join(lacking) + " is not told"
    return [], board.name + ": " + (what if closed or lacking else "a rail of that name stands twice")


def _closed(rails: list[Rail]) -> list[str]:
    return [str(file) for rail in rails for file in rail.files if not os.access(str(file), os.R_OK)]


def _value(rail: Rail) -> float | None:
    """Give watts, or joules of RAPL: of mV and mA, of mW (iio) or of uW and uJ."""
    values = [sensors.number(file) for file in rail.files]
    if None in values:
        return None
    if len(values) == 2:
        return values[0] * values[1] / 1e6  # type: ignore[operator]
    return values[0] / (1e3 if rail.kind == "iio" else 1e6)  # type: ignore[operator]


def _chips() -> list[Rail]:
    """List the rails of the INA chips by the names that the kernel gives them."""
    rails = []
    for chip in sensors.found("/sys/class/hwmon/hwmon*/name"):
        kind = _text(chip)
        if kind == "ina3221":
            rails += _ina3221(chip.parent)
        elif kind == "ina238":
            label = _text(chip.parent / "label") or _text(chip.parent / "in1_label") or "VIN"
            both = (chip.parent / "in1_input", chip.parent / "curr1_input")
            power = chip.parent / "power1_input"
            rails.append(Rail(label, kind, (power,) if power.exists() else both))
    for name in sensors.found("/sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*"):
        number = name.name[len("rail_name_") :]
        rails.append(Rail(_text(name), "iio", (name.parent / ("in_power" + number + "_input"),)))
    return [rail for rail in rails if rail.name not in ("", "NC", "sum of shunt voltages") and rail.files[0].exists()]


def _ina3221(chip: Path) -> list[Rail]:
    rails = []
    for label in sorted(chip.glob("in*_label")):
        number = label.name[len("in") : -len("_label")]
        files = (chip / ("in" + number + "_input"), chip / ("curr" + number + "_input"))
        if all(file.exists() for file in files):
            rails.append(Rail(_text(label), "ina3221", files))
    return rails


def _text(path: Path) -> str:
    return sensors.text("/" + str(path.relative_to(sensors.ROOT)))


def _rapl() -> list[Rail]:
    rails = []
    for name in sensors.found("/sys/class/powercap/intel-rapl:*/name"):
        if _text(name).startswith(PACKAGE) and name.parent.name.count(":") == 1:
            turn = sensors.number(name.parent / "max_energy_range_uj") or 0.0
            rails.append(Rail(_text(name), "rapl", (name.parent / "energy_uj",), turn))
    return rails
