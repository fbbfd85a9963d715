"""Sensors read beside a measurement, and what is said of it: throttled, and why."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import device_runner
from bench_request import ask, run
from machine_trees import JETSON


def test_a_machine_that_tells_nothing_is_not_said_to_be_cool(tree: Any) -> None:
    tree({"proc/version": "Linux"})
    sensors, watch = device_runner.module("measure.sensors"), device_runner.module("measure.sensor_log")
    line = {"t": 0.0, "mhz": sensors.clocks(), "celsius": sensors.temperatures(), "flags": sensors.throttled()}
    assert (line["mhz"], line["celsius"], line["flags"]) == ({}, {}, None)
    assert watch.summary([], [line, {**line, "t": 1.0}])["throttled"] is None


def readings(mhz: list[float], celsius: list[float] | None = None) -> list[dict[str, Any]]:
    heat = celsius or [50.0] * len(mhz)
    return [
        {"t": i / 8, "mhz": {"cpu": clock}, "celsius": {"cpu-thermal": c}, "flags": None, "power": {}}
        for i, (clock, c) in enumerate(zip(mhz, heat, strict=True))
    ]


def test_a_clock_that_falls_is_throttling_and_one_odd_reading_is_not(tree: Any) -> None:
    tree(JETSON)
    watch = device_runner.module("measure.sensor_log")
    steady = watch.summary(readings([800.0]), readings([1500.0] * 40))
    assert (steady["throttled"], steady["mhz"]["cpu"]) == (False, [800, 800, 1500, 1500]), "idle before is no fall"
    odd = watch.summary([], readings([1500.0] * 20 + [900.0] + [1500.0] * 20))
    assert odd["throttled"] is False
    little = watch.summary([], readings([1500.0] * 20 + [1470.0] * 20))
    assert little["throttled"] is False
    fell = watch.summary([], readings([1500.0] * 20 + [1400.0] * 20))
    assert fell["throttled"] is True
    assert fell["why"] == ["the cpu clock fell by 7%"]


def test_a_zone_past_its_trip_point_is_throttling(tree: Any) -> None:
    tree(JETSON)
    told = device_runner.module("measure.sensor_log").summary([], readings([1500.0] * 4, [90.0, 98.0, 99.5, 97.0]))
    assert told["throttled"] is True
    assert told["why"] == ["cpu-thermal reached 100 degrees, it slows down from 99 on"]
    assert told["celsius"] == {"cpu-thermal": [90.0, 99.5, 97.0]}


def test_sensors_are_read_in_a_process_of_their_own_until_the_end(tree: Any) -> None:
    root = tree(JETSON)
    watch = device_runner.module("measure.sensor_log")
    with watch.Watch([0], hz=50) as running:
        while len(running.lines()) < 3:
            time.sleep(0.02)
        since = running.lines()[-1]["t"]
        (root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").write_text("1000000")
        while not any(line["mhz"]["cpu"] == 1000 for line in running.lines(since)):
            time.sleep(0.02)
    assert running.process.returncode == 0, "it ends when it is no longer wanted"


def test_bench_finds_a_clock_that_falls_while_it_measures(tree: Any, folder: Path) -> None:
    root = tree(JETSON)
    for core in range(os.cpu_count() or 1):
        path = root / f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1500000")
    ask(folder, seconds=2.5)

    def heat_up() -> None:
        while not (folder / "outputs-1.npy").exists():  # the last thing before the timing
            time.sleep(0.05)
        time.sleep(1.8)
        for path in root.glob("sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq"):
            path.write_text("1200000")

    heating = threading.Thread(target=heat_up, daemon=True)
    heating.start()
    code, answer, _ = run(folder, "bench", "request.json")
    heating.join()
    assert code == 0
    assert answer["sensors"]["throttled"] is True, answer["sensors"]
    assert answer["sensors"]["why"] == ["the cpu clock fell by 20%"]
    assert len(answer["sensors"]["series"]) > 3


def test_a_clock_that_goes_back_and_rubbish_between_readings(tree: Any) -> None:
    tree(JETSON)
    watch = device_runner.module("measure.sensor_log")
    told = readings([1500.0] * 8)
    told[5]["t"] = 0.1
    told[-1]["t"] = -3.0
    found = watch.summary([], told)
    assert (found["n"], found["hz"], found["throttled"]) == (8, None, False)
    for line in (
        "",
        "{",
        "[1]",
        "{}",
        '{"t": "x"}',
        "[" * 100000,
        '{"t": 1, "mhz": [], "celsius": {}, "power": {}, "flags": null}',
    ):
        assert watch._reading(line) is None
    assert watch._reading('{"t": 1, "mhz": {}, "celsius": {}, "power": {}, "flags": null}') is not None
