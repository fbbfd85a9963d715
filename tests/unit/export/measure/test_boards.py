"""The whole of each Jetson, from lines of tegrastats and files of hwmon and iio as they were recorded; an unknown board has none.

The lines of TX2, Nano, Xavier NX and AGX Xavier stand in public programs that read them (github: jetson_stats' and others' tests), those of
AGX Orin in a public log; Orin Nano's in the recorded tree; Thor's names are those of its hwmon, in JetPack 7's form.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import device_runner
import pytest

# board -> model, compatible, a line of tegrastats, rails that are its whole, watts; none: energy is null
RECORDED: dict[str, tuple[str, str, str, tuple[str, ...], float | None]] = {
    "Jetson Nano": (
        "NVIDIA Jetson Nano Developer Kit", "nvidia,p3450-0000\0nvidia,p3448-0000\0nvidia,tegra210",
        "RAM 1766/3964MB (lfb 197x4MB) SWAP 0/2048MB (cached 0MB) CPU [24%@1224,15%@1224,13%@1224,10%@1224] EMC_FREQ 0% GR3D_FREQ 0% "
        "PLL@21C CPU@25C PMIC@100C GPU@23.5C AO@33.5C thermal@24.5C POM_5V_IN 2545/2547 POM_5V_GPU 0/0 POM_5V_CPU 549/529",
        ("POM_5V_IN",), 2.545,
    ),
    "Jetson TX2": (
        "quill", "nvidia,quill\0nvidia,p2597-0000+p3310-1000\0nvidia,tegra186",
        "RAM 1873/3830MB (lfb 144x4MB) CPU [8%@2016,26%@2034,24%@2035,7%@2026,7%@2034,6%@2034] EMC_FREQ 0%@1600 GR3D_FREQ 0%@114 APE 150 "
        "MTS fg 0% bg 1% PLL@39C MCPU@39C PMIC@50C Tboard@35C GPU@37C BCPU@39C thermal@38.5C Tdiode@37C VDD_SYS_GPU 77/77 "
        "VDD_SYS_SOC 539/539 VDD_IN 2930/3405 VDD_SYS_CPU 539/937 VDD_SYS_DDR 727/758",
        ("VDD_IN",), 2.93,
    ),
    "Jetson Xavier NX": (
        "NVIDIA Jetson Xavier NX Developer Kit", "nvidia,p3509-0000+p3668-0000\0nvidia,tegra194",
        "RAM 2690/6854MB (lfb 6x1MB) SWAP 479/3427MB (cached 3MB) CPU [3%@1904,7%@1906,1%@1905,0%@1907,off,off] EMC_FREQ 0%@1600 "
        "GR3D_FREQ 0%@[510] VIC_FREQ 601 APE 150 AUX@39C CPU@39.5C AO@37.5C GPU@37.5C PMIC@50C VDD_IN 5079mW/5079mW "
        "VDD_CPU_GPU_CV 696mW/696mW VDD_SOC 1104mW/1104mW",
        ("VDD_IN",), 5.079,
    ),
    "Jetson AGX Xavier": (
        "Jetson-AGX", "nvidia,p2972-0000\0nvidia,tegra194",
        "RAM 2336/15827MB (lfb 2948x4MB) CPU [2%@1190,1%@1190,0%@1190,0%@1190,off,off,off,off] EMC_FREQ 0% GR3D_FREQ 0% AO@25.5C GPU@26C "
        "Tboard@27C Tdiode@28.75C AUX@25C CPU@27C thermal@25.75C PMIC@100C GPU 465/465 CPU 310/310 SOC 1242/1242 CV 0/0 VDDRQ 0/0 "
        "SYS5V 1776/1776",
        ("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"), 3.793,
    ),
    "Jetson Orin Nano or Orin NX": (
        "NVIDIA Jetson Orin Nano Developer Kit", "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234",
        "11-26-2026 04:40:00 RAM 2457/7620MB (lfb 2x4MB) CPU [1%@1510,0%@1510] GR3D_FREQ 0% cpu@48.2C VDD_IN 5048mW/5001mW "
        "VDD_CPU_GPU_CV 1284mW/1284mW VDD_SOC 1565mW/1565mW",
        ("VDD_IN",), 5.048,
    ),
    "Jetson AGX Orin": (
        "NVIDIA Jetson AGX Orin Developer Kit", "nvidia,p3737-0000+p3701-0005\0nvidia,tegra234",
        "11-21-2025 08:49:48 RAM 13983/62780MB (lfb 424x4MB) SWAP 126/31390MB (cached 0MB) CPU [90%@2201,100%@2201] EMC_FREQ 1%@2133 "
        "GR3D_FREQ 14%@[407,407] VIC_FREQ 115 NVDLA0_FREQ @1600 APE 174 CV0@73.625C CPU@77.281C Tboard@62C SOC2@70C "
        "VDD_GPU_SOC 3150mW/2971mW VDD_CPU_CV 14312mW/12415mW VIN_SYS_5V0 4968mW/5048mW VDDQ_VDD2_1V8AO 1091mW/1091mW",
        (), None,
    ),
    "Jetson AGX Thor": (
        "NVIDIA Jetson AGX Thor Developer Kit", "nvidia,p4071-0000+p3834-0008\0nvidia,tegra264",
        "RAM 6218/125772MB (lfb 18x4MB) CPU [0%@972,0%@972] cpu@53.7C tj@55.1C soc012@55.1C soc345@53.7C VDD_GPU 0mW/0mW "
        "VDD_CPU_SOC_MSS 6510mW/6510mW VIN_SYS_5V0 6520mW/6520mW VIN 26500mW/26500mW",
        ("VIN",), 26.5,
    ),
}  # fmt: skip


def recorded(name: str) -> dict[str, str]:
    model, compatible, *_ = RECORDED[name]
    return {"proc/device-tree/model": model + "\0", "proc/device-tree/compatible": compatible + "\0"}


def hwmon(rails: dict[str, float], kind: str = "ina3221", number: int = 1) -> dict[str, str]:
    """The files of chips of three rails each, in W at 5 V."""
    files = {}
    for i, (name, watts) in enumerate(rails.items()):
        chip, channel = f"sys/class/hwmon/hwmon{number + i // 3}", i % 3 + 1
        files |= {f"{chip}/name": kind, f"{chip}/in{channel}_label": name, f"{chip}/in7_label": "sum of shunt voltages"}
        files |= {f"{chip}/in{channel}_input": "5000", f"{chip}/curr{channel}_input": f"{watts * 200:.0f}"}
    return files


@pytest.fixture
def tegrastats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A program of that name, which says what it is told to."""
    power = device_runner.module("measure.power")
    stream = power.Stream()
    monkeypatch.setattr(power, "STREAM", stream)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def says(body: str) -> None:
        (tmp_path / "tegrastats").write_text(
            f"#!{sys.executable} -S\nimport sys, time\nsay = sys.stdout.buffer.write\n{body}\n"
        )
        (tmp_path / "tegrastats").chmod(0o755)

    yield says
    if stream.process is not None:
        stream.process.kill()
        stream.process.wait()


def always(line: str) -> str:
    return f"while True:\n    say({line.encode()!r} + b'\\n')\n    sys.stdout.flush()\n    time.sleep(0.05)"


@pytest.mark.parametrize("name", RECORDED)
def test_the_whole_of_a_board_by_tegrastats_or_null_and_why(name: str, tree: Any, tegrastats: Any) -> None:
    tree(recorded(name))
    *_, line, rails, watts = RECORDED[name]
    tegrastats(always(line))
    power = device_runner.module("measure.power")
    found, reason = power.find()
    assert [rail.name for rail in found] == list(rails)
    if watts is None:
        assert reason.startswith(f"{name}: no rail is the whole")
        return
    assert sum(power.read(found).values()) == pytest.approx(watts)
    assert reason == ""


@pytest.mark.parametrize("name", [name for name, told in RECORDED.items() if told[4] is not None])
def test_the_whole_of_a_board_by_hwmon_and_a_part_is_null(name: str, tree: Any) -> None:
    rails, power = RECORDED[name][3], device_runner.module("measure.power")
    parts = {"VDD_GPU": 1.5, "VIN_SYS_5V0": 2.5, "VDD_CPU_SOC_MSS": 0.5}
    root = tree({**recorded(name), **hwmon(parts), **hwmon(dict.fromkeys(rails, 2.0), number=3)})
    found, reason = power.find()
    assert (sorted(rail.name for rail in found), reason) == (sorted(rails), "")
    assert sum(power.read(found).values()) == pytest.approx(2 * len(rails))
    label = next(path for path in root.glob("sys/class/hwmon/*/in*_label") if path.read_text() == rails[-1])
    label.write_text("VDD_SOMETHING")
    assert power.find() == ([], f"{name}: {rails[-1]} is not told"), "a part never passes for the whole"
    label.write_text(rails[-1])
    (root / "sys/class/hwmon/hwmon1/in1_label").write_text(rails[0])
    assert power.find() == ([], f"{name}: a rail of that name stands twice")


def test_thor_s_ina238_is_read_in_microwatts(tree: Any) -> None:
    chip = "sys/class/hwmon/hwmon5"
    files = {f"{chip}/name": "ina238", f"{chip}/label": "VIN", f"{chip}/power1_input": "26500000"}
    root = tree({**recorded("Jetson AGX Thor"), **files})
    power = device_runner.module("measure.power")
    found, reason = power.find()
    assert (reason, power.read(found)) == ("", {"VIN": 26.5})
    (root / chip / "power1_input").unlink()
    (root / chip / "in1_input").write_text("19000")
    (root / chip / "curr1_input").write_text("1000")
    assert power.read(power.find()[0]) == {"VIN": 19.0}


def test_jetpack_4_has_its_rails_in_iio(tree: Any) -> None:
    device = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    rails = {"0": ("POM_5V_IN", "2545"), "1": ("POM_5V_GPU", "0"), "2": ("POM_5V_CPU", "549")}
    files = {f"{device}/rail_name_{i}": name for i, (name, _) in rails.items()}
    files |= {f"{device}/in_power{i}_input": value for i, (_, value) in rails.items()}
    tree({**recorded("Jetson Nano"), **files})
    power = device_runner.module("measure.power")
    found, reason = power.find()
    assert (reason, [rail.kind for rail in found], power.read(found)) == ("", ["iio"], {"POM_5V_IN": 2.545})


def test_an_unknown_board_is_null_whatever_its_rails_are_called(tree: Any) -> None:
    tree({"proc/device-tree/model": "NVIDIA Jetson TX9\0", **hwmon({"VDD_IN": 5.0})})
    rails, reason = device_runner.module("measure.power").find()
    assert rails == []
    assert reason == "NVIDIA Jetson TX9 is not a board whose whole is known, and VDD_IN may be a part of it"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "time.sleep(60)",
        always("VDD_CPU 5048mW/5001mW POM_5V_IN"),
        always("VDD_IN 50"),
        always("VDD_IN -48mW/1mW VDD_IN 5.5mW/1mW VDD_IN 99999999mW/1mW"),
        "while True:\n    say(bytes(range(256)) * 4000)",
        "say(b'VDD_IN 5048mW/1mW' * 100000)\ntime.sleep(60)",
    ],
)
def test_a_tegrastats_that_says_nothing_or_rubbish_is_null(
    body: str, tree: Any, tegrastats: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(recorded("Jetson TX2"))
    power = device_runner.module("measure.power")
    monkeypatch.setattr(power, "FIRST_S", 0.4)
    tegrastats(body)
    rails, reason = power.find()
    assert (rails, reason) == ([], "Jetson TX2: no power sensor can be read (hwmon, iio, tegrastats)")


def test_a_line_cut_in_the_middle_gives_the_whole_numbers_in_it() -> None:
    power = device_runner.module("measure.power")
    line = RECORDED["Jetson TX2"][2]
    whole = power.parse(line)
    assert whole == {"VDD_SYS_GPU": 77, "VDD_SYS_SOC": 539, "VDD_IN": 2930, "VDD_SYS_CPU": 539, "VDD_SYS_DDR": 727}
    for end in range(len(line)):
        part = power.parse(line[:end])
        assert part.items() <= whole.items(), line[:end]
        assert ("VDD_IN" in part) == ("VDD_IN 2930/" in line[:end])
    assert power.parse("DD_IN 2930/3405 IN 7/7") == {"DD_IN": 2930, "IN": 7}, "no rail of the table"


def test_a_stream_that_ends_or_stands_still_is_not_read_for_ever(
    tree: Any, tegrastats: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(recorded("Jetson TX2"))
    power = device_runner.module("measure.power")
    tegrastats(f"say({RECORDED['Jetson TX2'][2].encode()!r} + b'\\n')\nsys.stdout.flush()\ntime.sleep(60)")
    rails, _ = power.find()
    assert power.read(rails) == {"VDD_IN": 2.93}
    monkeypatch.setattr(power, "STALE_S", 0.0)
    assert power.read(rails) == {}
    monkeypatch.setattr(power, "STALE_S", 60.0)
    power.STREAM.process.kill()
    power.STREAM.process.wait()
    while power.read(rails):
        time.sleep(0.02)  # its end is heard by another thread


def test_readings_whose_clock_went_back_or_that_lack_a_rail_are_no_power(tree: Any) -> None:
    tree({**recorded("Jetson TX2"), **hwmon({"VDD_IN": 5.0})})
    power = device_runner.module("measure.power")
    rails, _ = power.find()
    lines = [{"t": t, "power": {"VDD_IN": 5.0}} for t in (0.0, 1.0, 2.0)]
    assert power.watts(rails, lines) == 5.0
    assert power.watts(rails, [lines[1], lines[0], lines[2]]) is None
    assert power.watts(rails, [{**line, "power": {}} for line in lines]) is None


@pytest.mark.parametrize("value", ["", "x", "-5000", "nan", "inf", "999999999"])
def test_rubbish_in_a_chip_s_file_is_no_reading(value: str, tree: Any) -> None:
    root = tree({**recorded("Jetson TX2"), **hwmon({"VDD_IN": 5.0})})
    power = device_runner.module("measure.power")
    rails, _ = power.find()
    (root / "sys/class/hwmon/hwmon1/in1_input").write_text(value)
    assert power.read(rails) == {}
