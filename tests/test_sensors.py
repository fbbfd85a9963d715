"""Sensors of machines that are not here, from recorded trees: a Jetson, a Raspberry Pi, a workstation with RAPL, one with nothing."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import device
import pytest
from test_runner import ask, folder, run  # noqa: F401

GPU = "sys/class/devfreq/17000000.gpu"
JETSON = {
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n",
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/meminfo": "MemTotal: 7800000 kB\nMemAvailable: 5000000 kB\n",
    "var/lib/nvpmodel/status": "pmode:0001 fmode:fanNull",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1510400",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil",
    f"{GPU}/cur_freq": "624750000",
    "sys/class/devfreq/15340000.vic/cur_freq": "115200000",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "48218",
    "sys/class/thermal/thermal_zone0/trip_point_0_type": "active",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp": "40000",
    "sys/class/thermal/thermal_zone0/trip_point_1_type": "passive",
    "sys/class/thermal/thermal_zone0/trip_point_1_temp": "99000",
    "sys/class/thermal/thermal_zone1/type": "gpu-thermal",
    "sys/class/thermal/thermal_zone1/temp": "-256000",
    "sys/class/hwmon/hwmon0/name": "tmp102",
    "sys/class/hwmon/hwmon1/name": "ina3221",
    "sys/class/hwmon/hwmon1/in1_label": "VDD_IN",
    "sys/class/hwmon/hwmon1/in1_input": "5024",
    "sys/class/hwmon/hwmon1/curr1_input": "1004",
    "sys/class/hwmon/hwmon1/in2_label": "VDD_CPU_GPU_CV",
    "sys/class/hwmon/hwmon1/in2_input": "5016",
    "sys/class/hwmon/hwmon1/curr2_input": "256",
    "sys/class/hwmon/hwmon1/in7_label": "sum of shunt voltages",
}
PI = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2400000",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "51000",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0",
}
RAPL = {
    "proc/cpuinfo": "model name\t: Intel(R) Core(TM) i5\ncpu MHz\t\t: 2100.000\n",
    "sys/class/powercap/intel-rapl:0/name": "package-0",
    "sys/class/powercap/intel-rapl:0/energy_uj": "1000000",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
    "sys/class/powercap/intel-rapl:0:0/name": "core",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "5",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], Path]:
    """Record a machine's files below a root of their own, which this process and the runner then read."""

    def write(files: dict[str, str]) -> Path:
        root = tmp_path / "root"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.setenv("EDGESPEC_SYS", str(root))
        monkeypatch.setattr(device.module("measure.sensors"), "ROOT", root)
        return root

    return write


def test_a_jetson_is_told_by_its_clocks_heat_and_supply(tree: Any) -> None:
    tree(JETSON)
    sensors, power = device.module("measure.sensors"), device.module("measure.power")
    assert sensors.clocks([0]) == {"cpu": 1510.4, "gpu": 624.75}, "the video engine's clock is not the GPU's"
    assert sensors.temperatures() == {"cpu-thermal": 48.218}, "a sensor that is off says -256"
    assert sensors.trips() == {"cpu-thermal": 99.0}, "an active trip point starts a fan, no more"
    rails, reason = power.find()
    assert (reason, [rail.name for rail in rails]) == ("", ["VDD_IN"]), "the supply feeds the other rails: no sum"
    assert power.read(rails) == {"VDD_IN": pytest.approx(5.024 * 1.004)}
    assert sensors.throttled() is None


def test_hello_tells_what_the_machine_is_set_to(tree: Any, folder: Path) -> None:  # noqa: F811
    tree(JETSON)
    code, told, _ = run(folder, "hello", "--runtime", "onnxruntime")
    assert code == 0
    assert told["cpu"] == "NVIDIA Jetson Orin Nano Developer Kit"
    assert told["jetpack"].startswith("# R36")
    assert told["nvpmodel"] == "pmode:0001 fmode:fanNull"
    assert told["memory_free"] == 5_000_000 * 1024
    assert told["celsius"] == {"cpu-thermal": 48.218}
    assert told["mhz"]["gpu"] == 624.75


def test_rails_without_a_common_supply_are_added_up(tree: Any) -> None:
    files = {name: text for name, text in JETSON.items() if "hwmon1/in1" not in name and "hwmon1/curr1" not in name}
    more = {"in3_label": "VDD_SOC", "in3_input": "5000", "curr3_input": "100"}
    tree({**files, **{f"sys/class/hwmon/hwmon1/{name}": text for name, text in more.items()}})
    power = device.module("measure.power")
    rails, _ = power.find()
    lines = [{"t": t, "power": power.read(rails)} for t in (0.0, 1.0)]
    assert power.watts(rails, lines) == pytest.approx(5.016 * 0.256 + 0.5)


def test_raspberry_pi_tells_that_it_was_slowed_down_and_has_no_power_sensor(tree: Any) -> None:
    root = tree(PI)
    sensors, watch = device.module("measure.sensors"), device.module("measure.sensor_log")
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
    rails, reason = device.module("measure.power").find()
    assert (rails, reason[:15]) == ([], "no power sensor")


def test_rapl_counts_joules_and_starts_again_where_its_counter_ends(tree: Any) -> None:
    root = tree(RAPL)
    power = device.module("measure.power")
    rails, reason = power.find()
    assert (reason, [rail.name for rail in rails]) == ("", ["package-0"]), "cores are in the package already"
    counter = root / "sys/class/powercap/intel-rapl:0/energy_uj"
    lines = []
    for t, value in ((0.0, 262143000000), (1.0, 262143300000), (2.0, 500_000 - 28850)):
        counter.write_text(str(value))
        lines.append({"t": t, "power": power.read(rails)})
    assert power.watts(rails, lines) == pytest.approx((0.3 + 0.5) / 2)
    assert power.watts(rails, lines[:1]) is None


def test_a_counter_that_may_not_be_read_is_told_with_its_file(tree: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(RAPL)
    monkeypatch.setattr(os, "access", lambda path, mode: not path.endswith("energy_uj"))
    rails, reason = device.module("measure.power").find()
    assert rails == []
    assert "energy_uj may not be read by this user" in reason


TEGRASTATS = """#!{}
import sys, time
assert sys.argv[1:] == ["--interval", "100"]
while True:
    print("11-26-2026 04:40:00 RAM 2457/7620MB (lfb 2x4MB) CPU [1%@1510,0%@1510] GR3D_FREQ 0% cpu@48.2C "
          "VDD_IN 5048mW/5001mW VDD_CPU_GPU_CV 1284mW/1284mW VDD_SOC 1565mW/1565mW", flush=True)
    time.sleep(0.05)
"""


def test_tegrastats_tells_the_power_where_the_files_cannot_be_read(
    tree: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: text for name, text in JETSON.items() if "hwmon1" not in name}
    tree(files)
    power = device.module("measure.power")
    assert power.find()[0] == []
    program = tmp_path / "bin" / "tegrastats"
    program.parent.mkdir()
    program.write_text(TEGRASTATS.format(sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    stream = power.Stream()
    monkeypatch.setattr(power, "STREAM", stream)
    rails, reason = power.find()
    assert (reason, [(rail.name, rail.kind) for rail in rails]) == ("", [("VDD_IN", "tegrastats")])
    assert power.read(rails) == {"VDD_IN": 5.048}
    assert power.watts(rails, [{"t": t, "power": power.read(rails)} for t in (0.0, 1.0)]) == pytest.approx(5.048)
    stream.process.kill()
    assert power.parse("RAM 1/2MB POM_5V_IN 2532/2532 POM_5V_GPU 40/40") == {"POM_5V_IN": 2532, "POM_5V_GPU": 40}


def test_a_machine_that_tells_nothing_is_not_said_to_be_cool(tree: Any) -> None:
    tree({"proc/version": "Linux"})
    sensors, watch = device.module("measure.sensors"), device.module("measure.sensor_log")
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
    watch = device.module("measure.sensor_log")
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
    told = device.module("measure.sensor_log").summary([], readings([1500.0] * 4, [90.0, 98.0, 99.5, 97.0]))
    assert told["throttled"] is True
    assert told["why"] == ["cpu-thermal reached 100 degrees, it slows down from 99 on"]
    assert told["celsius"] == {"cpu-thermal": [90.0, 99.5, 97.0]}


def test_sensors_are_read_in_a_process_of_their_own_until_the_end(tree: Any) -> None:
    root = tree(JETSON)
    watch = device.module("measure.sensor_log")
    with watch.Watch([0], hz=50) as running:
        while len(running.lines()) < 3:
            time.sleep(0.02)
        since = running.lines()[-1]["t"]
        (root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").write_text("1000000")
        while not any(line["mhz"]["cpu"] == 1000 for line in running.lines(since)):
            time.sleep(0.02)
    assert running.process.returncode == 0, "it ends when it is no longer wanted"


def test_bench_finds_a_clock_that_falls_while_it_measures(tree: Any, folder: Path) -> None:  # noqa: F811
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


def test_what_does_not_rise_above_idle_is_no_energy(tree: Any, folder: Path) -> None:  # noqa: F811
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
    folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree(JETSON)
    energy = device.module("measure.energy")
    ask(folder)
    request = device.module("measure.bench").read_request(folder / "request.json")
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


def test_without_a_sensor_energy_is_none_with_its_reason(tree: Any, folder: Path) -> None:  # noqa: F811
    tree(PI)
    code, answer, _ = run(folder, "energy", "request.json", "--model", "first")
    assert (code, answer["mj"]) == (0, None)
    assert "no power sensor" in answer["reason"]


def test_a_soak_is_told_second_by_second_with_the_heat(tree: Any, folder: Path) -> None:  # noqa: F811
    tree(JETSON)
    ask(folder, soak_seconds=2.5, block_us=50)
    code, answer, _ = run(folder, "soak", "request.json", "--model", "second")
    assert code == 0
    series = answer["series"]
    assert [round(each["t"]) for each in series] == [0, 1, 2]
    assert all(0 < each["p50_ns"] <= each["p90_ns"] for each in series)
    assert all(each["calls"] % answer["block"] == 0 for each in series)
    assert answer["sensors"]["celsius"]["cpu-thermal"][1] == 48.218
    assert len(answer["sensors"]["series"]) > 10
