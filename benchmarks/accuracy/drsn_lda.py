"""What leaving the DRSN early with LDA in its head costs and saves: accuracy a seed, latency against the unmodified network.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.drsn_lda

recipes/drsn_lda.yaml runs as it is on the ten minerals and, with a few keys changed (CHANGES), on the 192. Beside the file that it
ships stand the network of its first step, whole, as the plain default export and as our float32 export, and every exit of the pruned
network, fitted on the same training spectra. All are measured in one session, interleaved, one spectrum at a time on one thread. C
without a runtime has a session of its own, between two of ONNX Runtime's: its ratio is to their mean. The table of exits is told, not
chosen by: the recipe's exit is what its latency allows, its LDA's keys were set on validation spectra.
Prints Markdown and writes benchmarks/results/local/drsn_lda.json. A mean's interval is Student's t over the runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tools import kept
from benchmarks.tools.results import LOCAL, RECIPES
from edgespec import models, plugins, recipe
from edgespec.artifact import Checkpoint
from edgespec.bench import measure
from edgespec.bench.measurement import Measurement
from edgespec.evaluation import baselines, difference, robustness, scoring
from edgespec.graph import compatibility, exporter
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe import Call
from edgespec.recipe.plan import plan
from edgespec.steps import fuse_lda
from edgespec.targets import card as cards

RECIPE = RECIPES / "drsn_lda.yaml"
RESULTS = LOCAL
CHANGES: dict[str, list[str]] = {
    "rruff10": [],
    "minerals192": [
        kept.MINERALS192,
        "data.split={by: group, parts: given, valid: 0.1, valid_from: 4}",
        "steps.1.train.label_smoothing=0.1",
        "steps.1.train.fit={epochs: 30, batch: 64, lr: 3.0e-3}",
        "steps.2.prune.depths=[1, 2, 2]",
        "steps.2.prune.fit={epochs: 12, batch: 64, lr: 3.0e-3}",
        "steps.3.fuse_lda.after=2",
        "gates.accuracy=0.9",
        "gates.size=512 kB",
    ],
}
PLACES = (16, 32)
SHIPPED = ("float32", "cpu-int8")
SHIPPED_FILES = tuple(f"shipped, {name}" for name in SHIPPED)
WHOLE, WHOLE_OURS = "whole, default", "whole, float32"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append", help="0, 1 and 2 if not said")
    parser.add_argument("--task", choices=CHANGES, action="append", help="one data set only")
    parser.add_argument("--set", action="append", default=[], dest="change", help="a change for every run")
    parser.add_argument("--out", type=Path, default=Path("runs") / "drsn_lda")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / "drsn_lda.json"
    for task in asked.task or CHANGES:
        for seed in asked.seed or (0, 1, 2):
            made = once(task, seed, asked.change, asked.out / f"{task}-{seed}")
            found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            runs = [each for each in found.get(task, []) if each["seed"] != seed]
            found[task] = sorted([*runs, made], key=lambda each: int(each["seed"]))
            file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(table(task, each) for task, each in found.items()))


def once(task: str, seed: int, change: list[str], folder: Path) -> dict[str, Any]:
    """Run the recipe's steps with a seed, fit every exit, measure all files; a training that is there already is kept."""
    checked = plan(recipe.load(RECIPE, [f"seed={seed}", *CHANGES[task], *change]))
    job = preparation.prepare(checked, folder, Silent())
    if job.spectra.source != "measured":
        sys.exit("the embedded spectra stood in: set EDGESPEC_DATA to the folder of the real ones")
    made: list[Any] = []
    for number, step in enumerate(checked.steps, start=1):
        made.append(_made(job, step, folder / f"{number}-{step.name}", made[-1:]))
    trained, pruned, fused, shipped = *made[:3], made[-1]
    test = job.splits.test
    named = {"train": trained, "prune": pruned, "fuse_lda": fused}
    right = {name: scoring.score(job, each)[0].accuracy for name, each in named.items()}
    right |= {f"shipped, {name}": scoring.score(job, shipped.path(name))[0].accuracy for name in SHIPPED}
    robust = {name: robustness.measure(job, shipped.path(name))["mean"] for name in SHIPPED}
    linear = baselines.fit(_inside(job, folder / "0-linear"), job.splits.rows(None))
    right |= {name: scoring.score(job, linear.path(name))[0].accuracy for name in linear.variants}
    files = {WHOLE: folder / "whole-default.onnx", WHOLE_OURS: folder / "whole.onnx"}
    network, front = models.load(trained), job.front()
    exporter.export_default(network, files[WHOLE], front=front)
    exporter.export(network, files[WHOLE_OURS], front=front)
    keys = {name: checked.steps[2].keys[name] for name in ("shrinkage", "copies", "strength")}
    exits = [_exit(job, pruned, stage, places, keys, folder) for stage in range(1, 4) for places in PLACES]
    files |= {each["name"]: folder / f"{each['name']}.onnx" for each in exits}
    files |= {f"shipped, {name}": shipped.path(name) for name in SHIPPED}
    measured = _measured(job, files, seed, folder)
    c = _in_c(job, {name: files[name] for name in SHIPPED_FILES}, measured[WHOLE], {WHOLE: files[WHOLE]}, seed, folder)
    return {
        "seed": seed,
        "test_spectra": len(test),
        "accuracy": right,
        "robust": {"train": robustness.measure(job, trained)["mean"], **robust},
        "chosen": fused.facts["fuse_lda"],
        "train_seconds": trained.facts["history"]["seconds"],
        "exits": exits,
        "latency": {name: _latency(each, measured[WHOLE], measured[WHOLE_OURS]) for name, each in measured.items()},
        "c": c,
        "bytes": {name: path.stat().st_size for name, path in files.items()},
        "host": {key: measured[WHOLE].host.get(key) for key in ("cpu", "flags", "cores")},
    }


def _made(job: Job, step: Call, folder: Path, before: list[Any]) -> Any:
    run = plugins.find("steps", step.name).run
    return kept.made(folder, step.name, step.keys, before, lambda part: run(job.inside(part), *before, **step.keys))


def _inside(job: Job, folder: Path) -> Job:
    folder.mkdir(parents=True, exist_ok=True)
    return replace(job, folder=folder, progress=Silent())


def _exit(job: Job, trained: Checkpoint, stage: int, places: int, keys: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Leave after one stage with LDA in the head, whatever it costs, and judge it on the test part."""
    name = f"after {stage}, {places} places"
    made = fuse_lda.run(_inside(job, folder / name), trained, after=stage, positions=places, max_drop=1.0, **keys)
    exporter.export(models.load(made), folder / f"{name}.onnx", front=job.front())
    scored, _ = scoring.score(job, made)
    facts = made.facts["fuse_lda"]["chosen"]
    weight = scoring.weight(made)
    return {"name": name, "accuracy": scored.accuracy, "macs": weight["macs"], "params": weight["params"], **facts}


def _measured(
    job: Job, files: dict[str, Path], seed: int, folder: Path, target: str = "local"
) -> dict[str, Measurement]:
    rows = job.splits.test
    x, y = job.spectra.x[rows], job.spectra.y[rows]
    out, card = folder / f"bench-{target}", cards.load(target)
    files = compatibility.as_run(files, card, out)
    found = measure.measure(files, x, y, card, out, reference=next(iter(files)), float_of={}, seconds=3.0, seed=seed)
    return {each.variant: each for each in found}


def _in_c(
    job: Job, files: dict[str, Path], before: Measurement, whole: dict[str, Path], seed: int, folder: Path
) -> dict[str, Any]:
    """Time the shipped files as C, and the whole network in ONNX Runtime once more behind them."""
    found = _measured(job, files, seed, folder, "c_x86")
    (again,) = _measured(job, whole, seed, folder / "again").values()
    mean = (before.p50_ms + again.p50_ms) / 2
    return {
        name: {
            "us": each.p50_ms * 1e3,
            "n": each.n,
            "ratio": each.p50_ms / mean,
            "whole_us": [before.p50_ms * 1e3, again.p50_ms * 1e3],
        }
        for name, each in found.items()
    }


def _latency(each: Measurement, whole: Measurement, ours: Measurement) -> dict[str, Any]:
    return {
        "us": each.p50_ms * 1e3,
        "n": each.n,
        "ratio": each.ratio,
        "ratio_interval": each.ratio_interval,
        "ratio_to_float32": each.p50_ms / ours.p50_ms,
        "noise": whole.noise,
    }


def table(task: str, found: list[dict[str, Any]]) -> str:
    """Word one data set's runs as Markdown: accuracy, and latency over both exports of the whole network."""
    lines = [
        f"{task}: {len(found)} runs, {found[0]['test_spectra']} test spectra each, {found[0]['host']['cpu']}",
        "",
        "| model | accuracy, mean with interval (each run) | latency over the default export | over our float32 | kB |",
        "| --- | --- | --- | --- | --- |",
    ]
    accuracy = {
        WHOLE: [run["accuracy"]["train"] for run in found],
        **{each["name"]: [run["exits"][i]["accuracy"] for run in found] for i, each in enumerate(found[0]["exits"])},
        **{f"shipped, {name}": [run["accuracy"][f"shipped, {name}"] for run in found] for name in SHIPPED},
    }
    accuracy[WHOLE_OURS] = accuracy[WHOLE]
    for name in found[0]["latency"]:
        each = ", ".join(f"{value:.3f}" for value in accuracy[name])
        ratios = [[run["latency"][name][key] for run in found] for key in ("ratio", "ratio_to_float32")]
        cells = [f"{np.mean(every):.3f} ({min(every):.3f} to {max(every):.3f})" for every in ratios]
        size = found[0]["bytes"][name] / 1000
        lines.append(
            f"| {name} | {difference.mean(accuracy[name]).worded(sign='')} ({each}) | {cells[0]} | {cells[1]} | {size:.0f} |"
        )
    in_c = [run["c"] for run in found if "c" in run]  # runs of older versions have none
    for name in in_c[0] if in_c else ():
        ratios = [each[name]["ratio"] for each in in_c]
        cell = f"{np.mean(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}; {len(ratios)} runs)"
        lines.append(f"| {name}, as C | the same | {cell} | | |")
    for name, row in (
        ("shrinkage LDA of the spectra", "lda"),
        ("logistic regression of the spectra", "logistic"),
    ):
        each = [run["accuracy"][row] for run in found]
        told = ", ".join(f"{value:.3f}" for value in each)
        lines.append(f"| {name} | {difference.mean(each).worded(sign='')} ({told}) | | | |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
