"""What one call takes in energy, and why that is not told where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import device_runner
import pytest
from bench_request import ask, run
from machine_trees import JETSON, PI


def test_what_does_not_rise_above_idle_is_no_energy(tree: Any, folder: Path) -> None:
    root = tree(JETSON)
    current = root / "sys/class/hwmon/hwmon1/curr1_input"
    current.write_text("1000")
    (root / "sys/class/hwmon/hwmon1/in1_input").write_text("5000")
    ask(folder, energy_seconds=5.0, idle_seconds=0.8)
    code, answer, _ = run(folder, "energy", "request.json", "--model", "first")
    assert (code, answer["mj"]) == (0, None)
    assert "5.00 W, no more than the 5.00 W of an idle machine" in answer["reason"]


def test_mean_power_less_idle_times_the_time_of_a_call(
    tree: Any,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree(JETSON)
    energy = device_runner.module("measure.energy")
    ask(folder)
    request = device_runner.module("measure.bench").read_request(folder / "request.json")
    busy = [False]

    class Supply:
        def __init__(self, cores: Any, hz: float) -> None: ...
        def __enter__(self) -> Supply:
            return self

        def __exit__(self, *unused: Any) -> None: ...

        def lines(self, since: float) -> list[dict[str, Any]]:
            busy[0] = not busy[0]  # asked for idle, calls, idle
            watts = 3.0 if busy[0] else 4.5
            return [{"t": since + i / 10, "power": {"VDD_IN": watts}} for i in range(12)]

    monkeypatch.setattr(energy, "Watch", Supply)
    monkeypatch.setattr(energy.time, "sleep", lambda seconds: None)
    told = energy.energy(dict(request, energy_seconds=1.2, idle_seconds=1.0), "first")
    assert told["mj"] == pytest.approx(1.5 * told["seconds"] / told["calls"] * 1e3)
    rate = f"{told['readings'] / told['seconds']:.1f} readings a second for {told['seconds']:.0f} s"
    assert told["reason"] == f"VDD_IN (ina3221), {rate}: 4.50 W, 3.00 W idle"


def test_without_a_sensor_energy_is_none_with_its_reason(tree: Any, folder: Path) -> None:
    tree(PI)
    code, answer, _ = run(folder, "energy", "request.json", "--model", "first")
    assert (code, answer["mj"]) == (0, None)
    assert "no power sensor" in answer["reason"]
