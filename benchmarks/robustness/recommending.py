"""Do two benches of one run recommend the same file beside a busy core?

    python -m benchmarks.robustness.recommending [--seconds 1] [--times 20]

Networks are trained briefly on the embedded spectra and measured again and again by `edgespec bench` while a process of no use holds a core.
Prints a Markdown table and writes benchmarks/results/local/recommending.json: what was recommended, and the paired ratio of the two files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.latency.latency import NETWORKS, RECIPE
from benchmarks.tools.results import LOCAL
from edgespec.bench import paired, session

FILES = ("float32", "cpu-int8")
BUSY = "while True: sum(range(10000))"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=1.0)
    asked.add_argument("--times", type=int, default=20)
    options = asked.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for title, (model, points) in list(NETWORKS.items())[:2]:
            recipe, folder = Path(name) / "recommending.yaml", Path(name) / title
            recipe.write_text(RECIPE.format(model=model, points=points), encoding="utf-8")
            _edgespec("compress", str(recipe), "--out", str(folder))
            found[title] = repeated(folder, options.times, options.seconds)
    LOCAL.mkdir(parents=True, exist_ok=True)
    (LOCAL / "recommending.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(
        "| network | recommended | cpu-int8 over float32, least and most | cores held by other work |\n| --- | --- | --- | --- |"
    )
    for title, each in found.items():
        told = ", ".join(f"{variant} {times}" for variant, times in Counter(each["recommended"]).items())
        held = f"{min(each['other_cores']):.1f} to {max(each['other_cores']):.1f}"
        print(f"| {title} | {told} | {min(each['ratios']):.3f}, {max(each['ratios']):.3f} | {held} |")


def repeated(folder: Path, times: int, seconds: float) -> dict[str, Any]:
    """Measure a run so many times beside a busy core."""
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    found: dict[str, Any] = {"recommended": [], "ratios": [], "intervals": [], "other_cores": []}
    try:
        for _ in range(times):
            only = [word for each in FILES for word in ("--variant", each)]
            told = json.loads(_edgespec("bench", str(folder), "--seconds", str(seconds), "--json", *only))
            pair = paired.of_session(session.load(folder / "bench" / "local.samples.npz"))("cpu-int8", "float32")
            found["recommended"].append(told["advice"]["local"]["variant"])
            found["ratios"].append(pair.ratio)
            found["intervals"].append(pair.interval)
            found["other_cores"].append(told["bench"]["local"]["measurements"][0]["host"]["other_cores"])
    finally:
        busy.kill()
        busy.wait()
    return found


def _edgespec(*words: str) -> str:
    asked = [sys.executable, "-m", "edgespec", *words]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
