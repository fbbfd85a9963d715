"""Train on 532 nm, judge on other lasers, several divisions into training and test samples; also with a wrong axis planted.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.transfer --runs 5

Prints a Markdown table and writes benchmarks/results/local/laser532_transfer.json. Accuracy is of the int8 file on samples
that the model did not learn from; `edgespec/evaluation/difference.py` has the interval of a gain.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools.results import LOCAL as RESULTS
from edgespec import datasets, plugins, recipe, report
from edgespec.evaluation import difference
from edgespec.recipe import Call
from edgespec.spectra import Axis

ARCHIVE, VARIANT = "excellent_unoriented_subset.zip", "cpu-int8"
A, B = 8.0, 1.003  # planted: what is read as v truly is A + B v
KEPT, AXIS_KEPT = ("n", "samples", "accuracy", "gain", "gain_range"), ("shift_cm1", "stretch", "fitted")
LASERS = {"780 nm": ["780"], "785 nm": ["785"], "514 nm": ["514"], "780 nm, wrong axis": []}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs") / "transfer")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    wrong = planted(asked.out / "wrong_axis.npz")
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in range(asked.runs):
        folder = asked.out / f"laser532-{seed}"
        edgespec("compress", "recipes/laser532.yaml", "--set", f"seed={seed}", "--out", str(folder))
        learnt = sum(report.read(folder).data["train"].values())
        for name, lasers in LASERS.items():
            data = [ARCHIVE, *(word for laser in lasers for word in ("--laser", laser))] if lasers else [str(wrong)]
            told = json.loads(edgespec("transfer", str(folder), *data, "--json"))
            found.setdefault(name, []).append(brief(told, learnt))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "laser532_transfer.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def edgespec(*arguments: str) -> str:
    command = [sys.executable, "-m", "edgespec", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def planted(path: Path) -> Path:
    """Write the 780 nm spectra as an instrument would give them whose axis is wrong."""
    axis = Axis(110, 1215, 1106)
    minerals = recipe.load(plugins.path("recipes", "laser532")).tree["data"]["load"]["rruff"]["minerals"]
    keys = {"path": ARCHIVE, "laser": [780], "minerals": minerals, "refused": "skip"}
    found = datasets.load(Call("rruff", keys), axis=axis, seed=0)
    read = (axis.values() - A) / B
    np.savez(path, x=found.x, y=np.array(found.labels)[found.y], wavenumber=read, group=found.group)
    return path


def brief(record: dict[str, Any], learnt: int) -> dict[str, Any]:
    """Keep what the table and a doubter need."""
    rows = [row for row in record["rows"] if row["variant"] == VARIANT and not row["unmeasured"]]
    return {
        "home": record["home"][VARIANT],
        "learnt": learnt,
        "seen_samples": record["seen_samples"],
        "samples": record["data"]["samples"],
        "unseen": {row["correction"]: {key: row["unseen"][key] for key in KEPT} for row in rows},
        "all": {row["correction"]: {key: row["all"][key] for key in KEPT} for row in rows},
        "affine": [[draw["corrections"]["affine"][key] for key in AXIS_KEPT] for draw in record["draws"]],
        "digest": record["data"]["digest"],
        "versions": record["versions"],
    }


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """Word it as Markdown."""
    lines = [
        "| judged on | unseen spectra | correction | accuracy, mean (each run) | gain |",
        "| --- | --- | --- | --- | --- |",
    ]
    home = [each["home"]["accuracy"] for each in next(iter(found.values()))]
    counts = [each["home"]["n"] for each in next(iter(found.values()))]
    lines.append(f"| 532 nm, its own | {spread(counts)} | | {told(home)} | |")
    for name, runs in found.items():
        for correction in runs[0]["unseen"]:
            scores = [run["unseen"][correction] for run in runs]
            counts = [each["n"] for each in scores], [run["learnt"] for run in runs]
            gain = "" if correction == "none" else difference.of([each["gain"] for each in scores], *counts).worded()
            cells = [
                name,
                spread([each["n"] for each in scores]),
                correction,
                told([each["accuracy"] for each in scores]),
            ]
            lines.append(f"| {' | '.join(cells)} | {gain} |")
    return "\n".join(lines)


def told(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})"


def spread(counts: list[int]) -> str:
    return f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])


if __name__ == "__main__":
    main()
