"""Does a file get the label that the pipeline gives it, and a raw spectrum that of its processed twin?

    EDGESPEC_DATA=... python -m benchmarks.accuracy.native runs/rruff10 runs/hard13 runs/minerals192

For each run: every RRUFF text file of its test part goes to `edgespec predict` as a user would send it, and its label is
compared with the one that the same file gets inside the pipeline; then RRUFF's RAW files (with their background) of minerals that the
model knows are compared with the Processed file of the same measurement. Prints a table, writes benchmarks/results/local/native.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools.results import LOCAL
from edgespec import report
from edgespec.cli.console import Bars
from edgespec.contract import load
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file
from edgespec.pipeline import run_folder
from edgespec.pipeline.run import Run

RESULTS = LOCAL
TWINS = "native_oriented_2026_subset.zip"
MARGIN = 1e-3  # of the largest logit: labels nearer than this are a tie


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    asked = parser.parse_args()
    data = Path(os.environ["EDGESPEC_DATA"]) / "rruff"
    found = [judge(run, data) for run in asked.runs]
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "native.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(
        "| run, file | native test files | same label as the pipeline | ties | RAW/Processed pairs | same label | 95 % |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for each in found:
        n, same, pairs, twins = each["files"], each["same"], each["pairs"], each["twins_same"]
        low, high = scoring.interval(np.arange(pairs) < twins, None)
        print(
            f"| {each['run']}, {each['variant']} | {n} | {same} | {each['ties']} | {pairs} | {twins / pairs:.3f} | {low:.3f} - {high:.3f} |"
        )


def judge(run: Path, data: Path) -> dict[str, Any]:
    variant = "cpu-int8"
    path = run_folder.model(run, variant)
    with tempfile.TemporaryDirectory() as name:
        files = native(run, data, Path(name))
        told = predicted(path, list(files))
    job = Run(run, Bars()).job
    logits = (
        onnx_file.run(path, job.spectra.x[list(files.values())]) if files else np.zeros((0, len(load(path).labels)))
    )
    labels = load(path).labels
    same = ties = 0
    for answer, row in zip(told, logits, strict=True):
        agrees = answer["label"] == labels[int(row.argmax())]
        near = row.max() - row[labels.index(answer["label"])] <= MARGIN * np.abs(logits).max()
        same, ties = same + agrees, ties + (near and not agrees)
    with tempfile.TemporaryDirectory() as name:
        pairs = [pair for pair in twins(data, Path(name)) if pair[0].name.partition("__")[0] in labels]
        both = predicted(path, [each for pair in pairs for each in pair])
    agree = sum(a["label"] == b["label"] for a, b in zip(both[::2], both[1::2], strict=True))
    return {
        "run": report.read(run).recipe if run.name == report.read(run).recipe else run.name,
        "variant": variant, "files": len(files), "same": same, "ties": ties, "pairs": len(pairs), "twins_same": agree,
    }  # fmt: skip


def native(run: Path, data: Path, folder: Path) -> dict[Path, int]:
    """Unpack the native text files of a run's test part; give each with its row in the pipeline's spectra."""
    job = Run(run, Bars()).job
    call = report.read(run)
    task = json.loads(json.dumps(_tree(run)))["data"]["load"]["rruff"].get("task")
    if not task or not (data / task).exists():
        sys.exit(f"{call.recipe}: its data are no task list")
    found: dict[Path, int] = {}
    with open(data / task, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if "archive" not in rows[0]:
        return {}
    test, archives = set(job.splits.test.tolist()), {}
    if len(rows) != len(job.spectra):
        sys.exit(
            f"{task}: {len(rows)} rows, {len(job.spectra)} spectra: duplicates were dropped, rows can't be told apart"
        )
    for i, row in enumerate(rows):
        if i not in test or ("native" not in row["archive"] and "excellent_unoriented" not in row["archive"]):
            continue
        archive = archives.setdefault(row["archive"], zipfile.ZipFile(data / row["archive"]))
        member = next(each for each in archive.namelist() if each.endswith(row["file"]))
        (folder / row["file"]).write_bytes(archive.read(member))
        found[folder / row["file"]] = i
    return found


def _tree(run: Path) -> dict[str, Any]:
    import yaml

    tree: dict[str, Any] = yaml.safe_load((run / "recipe.yaml").read_text(encoding="utf-8"))
    return tree


def twins(data: Path, folder: Path) -> list[tuple[Path, Path]]:
    """Unpack RRUFF's RAW files and their Processed twins: the same sample, angle and orientation."""
    kinds: dict[str, dict[str, Path]] = {}
    with zipfile.ZipFile(data / TWINS) as archive:
        for member in archive.namelist():
            match = re.fullmatch(r"(.*__Raman__.*__)Raman_Data_(RAW|Processed)__.*\.txt", Path(member).name)
            if match:
                path = folder / Path(member).name
                path.write_bytes(archive.read(member))
                kinds.setdefault(match[1], {})[match[2]] = path
    return [(each["RAW"], each["Processed"]) for each in kinds.values() if len(each) == 2]


def predicted(path: Path, files: list[Path]) -> list[dict[str, Any]]:
    """Ask `edgespec predict`, as a user would; every file must be answered."""
    if not files:
        return []
    command = [sys.executable, "-m", "edgespec", "predict", str(path), "--json", *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(ended.stdout)
    if told["refused"]:
        sys.exit(f"{len(told['refused'])} files were refused: {told['refused'][:3]}")
    by_file = {each["file"]: each for each in told["results"]}
    return [by_file[str(each)] for each in files]


if __name__ == "__main__":
    main()
