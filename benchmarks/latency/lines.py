"""How long a whole `edgespec compress` takes, beside an older checkout: wall and processor time, in turns, from nothing each time.

    EDGESPEC_DATA=... python -m benchmarks.latency.lines recipes/rruff_distill.yaml --before CHECKOUT [--turns 2]

CHECKOUT is a worktree of an older commit; it is run with this Python. Nothing else should run beside it: networks of one recipe train side
by side on all cores. Prints a table and writes benchmarks/results/latency/lines.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.tools.results import RESULTS
from edgespec import plugins

FILE = RESULTS / "latency" / "lines.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=2)
    asked = parser.parse_args()
    places = {"now": plugins.PACKAGE.parent, "before": asked.before.resolve()}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in places}
    for turn in range(asked.turns):
        for name, place in places.items():
            found[name].append(_once(place, place / asked.recipe))
            told = found[name][-1]
            print(
                f"{name}, turn {turn + 1}: {told['wall_s']:.0f} s, {told['cpu_s']:.0f} s of processor time",
                file=sys.stderr,
            )
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    kept[asked.recipe.stem] = {"cores": os.cpu_count(), "load": os.getloadavg()[0], **found}
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(table(asked.recipe.stem, found))


def _once(place: Path, recipe: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        words = [sys.executable, "-m", "edgespec", "compress", str(recipe), "--out", str(Path(name) / "run")]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            words, cwd=place, env={**os.environ, "PYTHONPATH": str(place)}, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"wall_s": round(wall, 1), "cpu_s": round(after.ru_utime - before.ru_utime, 1)}


def table(recipe: str, found: dict[str, list[dict[str, Any]]]) -> str:
    """One line a checkout: the turns, and the ratio of their means."""
    means = {name: sum(each["wall_s"] for each in turns) / len(turns) for name, turns in found.items()}
    lines = [f"{recipe}, from nothing", "", "| | wall | ratio | processor time |", "| --- | --- | --- | --- |"]
    for name, turns in found.items():
        walls, cpus = (", ".join(f"{each[key]:.0f}" for each in turns) for key in ("wall_s", "cpu_s"))
        lines.append(f"| {name} | {walls} s | {means[name] / means['before']:.2f} | {cpus} s |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
