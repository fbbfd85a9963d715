"""Sensors of machines that are not here, from recorded trees: a Jetson, a Raspberry Pi, a workstation with RAPL, one with nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import device_runner
import pytest
from bench_request import run
from machine_trees import JETSON, PI


def test_a_jetson_is_told_by_its_clocks_heat_and_supply(tree: Any) -> None:
    tree(JETSON)
    sensors, power = device_runner.module("measure.sensors"), device_runner.module("measure.power")
    assert sensors.clocks([0]) == {"cpu": 1510.4, "gpu": 624.75}, "the video engine's clock is not the GPU's"
    assert sensors.temperatures() == {"cpu-thermal": 48.218}, "a sensor that is off says -256"
    assert sensors.trips() == {"cpu-thermal": 99.0}, "an active trip point starts a fan, no more"
    rails, reason = power.find()
    assert (reason, [rail.name for rail in rails]) == ("", ["VDD_IN"]), "the supply feeds the other rails: no sum"
    assert power.read(rails) == {"VDD_IN": pytest.approx(5.024 * 1.004)}
    assert sensors.throttled() is None


def test_hello_tells_what_the_machine_is_set_to(tree: Any, folder: Path) -> None:
    tree(JETSON)
    code, told, _ = run(folder, "hello", "--runtime", "onnxruntime")
    assert code == 0
    assert told["cpu"] == "NVIDIA Jetson Orin Nano Developer Kit"
    assert told["jetpack"].startswith("# R36")
    assert told["nvpmodel"] == "pmode:0001 fmode:fanNull"
    assert told["memory_free"] == 5_000_000 * 1024
    assert told["celsius"] == {"cpu-thermal": 48.218}
    assert told["mhz"]["gpu"] == 624.75


def test_raspberry_pi_tells_that_it_was_slowed_down_and_has_no_power_sensor(tree: Any) -> None:
    root = tree(PI)
    sensors, watch = device_runner.module("measure.sensors"), device_runner.module("measure.sensor_log")
    assert sensors.throttled() == 0
    word = root / "sys/devices/platform/soc/soc:firmware/get_throttled"
    word.write_text("50000")
    line = {"t": 0.0, "mhz": sensors.clocks([0]), "celsius": sensors.temperatures(), "flags": sensors.throttled()}
    assert watch.summary([], [line])["throttled"] is False, "that was before this run"
    word.write_text("50005")
    line["flags"] = sensors.throttled()
    told = watch.summary([], [line])
    assert told["throttled"] is True
    assert "firmware throttled" in told["why"][0]
    rails, reason = device_runner.module("measure.power").find()
    assert (rails, reason[:15]) == ([], "no power sensor")
