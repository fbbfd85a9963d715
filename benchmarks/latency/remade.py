"""A finished run's ONNX files made again by this version, beside its own: what a change of the graph is worth without training anew.

    EDGESPEC_DATA=... python -m benchmarks.latency.remade runs/NAME [--rounds 100] [--pays]

NAME is a finished run whose last network goes through `to_onnx`, `quantize` (cpu) and `calibrate`; these three steps are done again with
their keys, in a folder that is gone afterwards. --pays: `quantize` with `pays: true` too, as a row of its own. All files are timed in turns
of 5 ms in shuffled order, in one process on one thread; ratios are of the two turns of a round, their intervals a bootstrap of rounds
(95 %). Accuracy is of the test part. Prints a Markdown table and adds to benchmarks/results/local/remade.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latency import larger
from benchmarks.tools.results import LOCAL
from edgespec import artifact as artifacts
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.graph import onnx_file
from edgespec.job import Job, Silent
from edgespec.pipeline.run import Run
from edgespec.steps import calibrate, quantize, to_onnx

FILE = LOCAL / "remade.json"
FLOAT, INT8 = "float32", "cpu-int8"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--pays", action="store_true")
    asked = parser.parse_args()
    run = Run(asked.run, Silent())
    with tempfile.TemporaryDirectory(prefix="edgespec-remade-") as name:
        files, told = remade(run, Path(name), asked.pays)
        x, y = run.test
        larger.POINTS = x.shape[1]
        rows = larger.timed([(row, "onnxruntime", path) for row, path in files.items()], np.float32(x), asked.rounds)
        for row, path in files.items():
            rows[row]["accuracy"] = float((onnx_file.run(path, x).argmax(1) == y).mean())
    found = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    found[asked.run.name] = {"cpu": larger.cpu(), "n": len(x), "rounds": asked.rounds, "rows": rows, "pays": told}
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def remade(run: Run, work: Path, pays: bool) -> tuple[dict[str, Path], dict[str, Any] | None]:
    """Give the run's own files and those made again, by row; and what the target said."""
    own, keys = run.model, {call.name: dict(call.keys) for call in run.plan.steps}
    files = {"float32, the run's own": own.path(FLOAT), "cpu-int8, the run's own": own.path(INT8)}
    made = _line(run.job, _network(run), keys, work / "plain", {})
    files |= {FLOAT: made.path(FLOAT), INT8: made.path(INT8)}
    if not pays:
        return files, None
    asked = _line(run.job, _network(run), keys, work / "pays", {"pays": True})
    if INT8 in asked.variants:
        files["cpu-int8, pays"] = asked.path(INT8)
    return files, asked.facts["pays"]


def _line(job: Job, network: Checkpoint, keys: Mapping[str, Any], work: Path, more: dict[str, Any]) -> OnnxModel:
    def inside(name: str) -> Job:
        (work / name).mkdir(parents=True)
        return replace(job, folder=work / name, progress=Silent(), unfinished=None)

    exported = to_onnx.run(inside("1"), network, **keys.get("to_onnx", {}))
    rounded = quantize.run(inside("2"), exported, **{**keys.get("quantize", {}), **more})
    found = calibrate.run(inside("3"), rounded, **keys.get("calibrate", {}))
    assert isinstance(found, OnnxModel)
    return found


def _network(run: Run) -> Checkpoint:
    for step in reversed(run.report.steps):
        found, _ = artifacts.read(run.folder / step["folder"])
        if isinstance(found, Checkpoint):
            return found
    raise SystemExit(f"{run.folder} holds no network")


def table(found: Mapping[str, Any]) -> str:
    """One line a file."""
    lines = ["| run | file | us | ratio to the run's own float32 | bytes | accuracy |", "| --- " * 6 + "|"]
    for title, each in found.items():
        for row, one in each["rows"].items():
            low, high = one["interval"]
            cells = [title, row, f"{one['us']:.1f}", f"{one['ratio']:.3f} [{low:.3f}, {high:.3f}]", str(one["bytes"])]
            lines.append("| " + " | ".join([*cells, f"{one['accuracy']:.3f}"]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
