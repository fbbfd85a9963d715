"""How long a short command takes: predict on one file, and compress of a recipe whose run is finished, each in fresh processes.

    python -m benchmarks.latency.starting RUN RECIPE [--before CHECKOUT] [--times 7]

RUN: a finished run folder of RECIPE, made by this checkout; CHECKOUT: of an older version, measured in turn with this one (A B A B). Its own
second run needs a run that it made itself, and is left out. Prints wall and processor time (medians) and the machine's load, and writes
results/local/starting.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools import results

HERE = Path(__file__).resolve().parents[2]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--times", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        file = spectrum(Path(work) / "one.txt")
        predict = ["predict", str(asked.run), str(file)]
        commands = {"predict, one file": (HERE, predict)}
        if asked.before is not None:
            commands["predict, one file (before)"] = (asked.before, predict)
        commands["compress, a finished run"] = (HERE, ["compress", str(asked.recipe), "--out", str(asked.run)])
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(asked.times):
            for name, (checkout, words) in commands.items():
                taken[name].append(once(checkout, words))
    rows = {name: told(each) for name, each in taken.items()}
    for name, row in rows.items():
        print(f"{name}: {row['wall_s']:.2f} s wall, {row['cpu_s']:.2f} s of processor")
    found = {"rows": rows, "load": os.getloadavg() if hasattr(os, "getloadavg") else None, "cores": os.cpu_count()}
    print(f"load {found['load']}, {found['cores']} cores")
    results.LOCAL.joinpath("starting.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def spectrum(path: Path) -> Path:
    """Write a spectrum of bands on a flat ground, (900,) points from 140 to 1200 cm-1."""
    axis, rng = np.linspace(140, 1200, 900), np.random.default_rng(0)
    x = 50 + rng.normal(0, 2, 900)
    for place in rng.uniform(200, 1100, 8):
        x += rng.uniform(50, 900) * np.exp(-0.5 * ((axis - place) / 6) ** 2)
    np.savetxt(path, np.column_stack([axis, x]), fmt="%.3f")
    return path


def once(checkout: Path, words: list[str]) -> tuple[float, float]:
    """Run a command of a checkout in a fresh process, its children counted; give wall and processor time in s."""
    before, began = os.times(), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, "-P", "-m", "edgespec", *words], env=environment, check=True, capture_output=True)
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def told(taken: list[tuple[float, float]]) -> dict[str, Any]:
    """Give the medians, and every one."""
    wall, used = zip(*taken, strict=True)
    return {
        "wall_s": statistics.median(wall),
        "cpu_s": statistics.median(used),
        "every_wall_s": wall,
        "every_cpu_s": used,
    }


if __name__ == "__main__":
    main()
