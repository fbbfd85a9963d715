"""Rails and counters of power, from recorded trees."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import device_runner
import pytest
from machine_trees import JETSON, RAPL


def test_rapl_counts_joules_and_starts_again_where_its_counter_ends(tree: Any) -> None:
    root = tree(RAPL)
    power = device_runner.module("measure.power")
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
    rails, reason = device_runner.module("measure.power").find()
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
    power = device_runner.module("measure.power")
    assert power.find() == ([], "Jetson Orin Nano or Orin NX: no power sensor can be read (hwmon, iio, tegrastats)")
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
