"""What converting a DRSN's channels costs and saves: accuracy a seed, and latency against the network it was made from.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.channels --runs 3

The 12-block DRSN of recipes/drsn_channels.yaml is trained once a seed and converted in every way of VARIANTS, which the recipe's
own way heads; beside each stands the same small network trained from scratch for as long. Both ways with three blocks
lose the same; the recipe takes the faster. All float32 files and their int8 ones are measured in one session,
interleaved, one spectrum at a time on one thread; weights don't change a latency, so the first seed's files are measured.
Prints Markdown and writes benchmarks/results/local/channels.json. Losses are taken seed by seed against the original;
`edgespec/evaluation/difference.py` has their interval.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tools import kept
from benchmarks.tools.results import LOCAL, RECIPES
from edgespec import models, recipe
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.bench import measure
from edgespec.errors import BrokenPromise
from edgespec.evaluation import difference, scoring
from edgespec.graph import exporter
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe.plan import plan
from edgespec.steps import convert_channels, quantize, to_onnx, train
from edgespec.targets import card as cards

RECIPE = RECIPES / "drsn_channels.yaml"
RESULTS = LOCAL
CHANGES: dict[str, list[str]] = {
    "rruff10": [],
    "minerals192": [
        kept.MINERALS192,
        "data.split={by: group, parts: given, valid: 0.1}",
        "steps.1.fit.batch=64",
        "steps.2.fit.batch=64",
    ],
}
SHIPPED = "narrow 0.5, 3 blocks"
VARIANTS: dict[str, dict[str, Any]] = {
    SHIPPED: {},
    "fold 4, 3 blocks": {"how": "fold", "factor": 4, "depths": [1, 1, 1]},
    "fold 8, all 12 blocks": {"how": "fold", "factor": 8, "depths": None, "control": False},
    "narrow 0.5, all 12 blocks": {"how": "narrow", "share": 0.5, "depths": None, "control": False},
    "narrow 0.25, all 12 blocks": {"how": "narrow", "share": 0.25, "depths": None, "control": False},
}
ORIGINAL, PLAIN = "original, float32", "original, default"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--task", choices=CHANGES, action="append", help="one data set only")
    parser.add_argument("--variant", choices=VARIANTS, action="append", help="one conversion only")
    parser.add_argument("--seconds", type=float, default=5.0, help="of timed calls, for each file")
    parser.add_argument("--out", type=Path, default=Path("runs") / "channels")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    file = RESULTS / "channels.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for task in asked.task or CHANGES:
        found[task] = of_task(task, asked.variant or list(VARIANTS), asked.runs, asked.seconds, asked.out)
        RESULTS.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n\n".join(table(task, each) for task, each in found.items()))


def of_task(task: str, names: list[str], runs: int, seconds: float, out: Path) -> dict[str, Any]:
    """Convert with several seeds, judge every model on the test part, and measure the first seed's files."""
    accuracy: dict[str, list[float]] = {}
    facts: dict[str, Any] = {}
    measured: dict[str, Any] = {}
    tested, learnt = [], []
    for seed in range(runs):
        job, keys = prepared(task, seed, out / f"{task}-{seed}")
        tested.append(len(job.splits.test))
        learnt.append(len(job.splits.rows(None)))
        original = made(job, "original", train.run, **keys[0])
        models_by_name = {"original": original}
        for name in names:
            converted = made(job, name, convert_channels.run, original, **{**keys[1], **VARIANTS[name]})
            models_by_name[name] = converted
            models_by_name |= {f"{name}, from scratch": each for each in converted.controls.values()}
            facts[name] = {key: converted.facts.get(key) for key in ("how", "macs", "fold", "stride", "taken_over")}
            facts[name] |= {"keys": converted.keys, "params": scoring.weight(converted)["params"]}
        files = {name: exported(job, name, models_by_name[name]) for name in ["original", *names]}
        for name, each in {**models_by_name, **int8(files)}.items():
            accuracy.setdefault(name, []).append(right(job, each))
            print(f"{task} {seed} {name}: {accuracy[name][-1]:.4f}", file=sys.stderr, flush=True)
        measured = measured or latencies(job, files, models_by_name["original"], seconds)
    return {"test_spectra": tested, "learnt": learnt, "accuracy": accuracy, "facts": facts, **measured}


def prepared(task: str, seed: int, folder: Path) -> tuple[Job, list[dict[str, Any]]]:
    """Read the data as the recipe does, and give the keys of its steps."""
    checked = plan(recipe.load(RECIPE, [f"seed={seed}", *CHANGES[task]]))
    job = preparation.prepare(checked, folder, Silent())
    if job.spectra.source != "measured":
        sys.exit("the embedded spectra stood in: set EDGESPEC_DATA to the folder of the real ones")
    return job, [step.keys for step in checked.steps]


def made(job: Job, name: str, run: Any, *before: Any, **keys: Any) -> Any:
    """Keep what an earlier call made under this name, or make it."""
    folder = job.folder / name.replace(", ", "-").replace(" ", "_")
    return kept.made(folder, run.__module__, keys, list(before), lambda part: run(job.inside(part), *before, **keys))


def exported(job: Job, name: str, checkpoint: Checkpoint) -> OnnxModel:
    """Give the float32 file and, where it keeps within a point of validation accuracy, the int8 one."""
    plain: OnnxModel = made(job, f"{name}, onnx", to_onnx.run, checkpoint)
    try:
        return made(job, f"{name}, int8", quantize.run, plain)  # type: ignore[no-any-return]
    except BrokenPromise as problem:
        print(f"{name}: {problem.message}", file=sys.stderr)
        return plain


def int8(files: dict[str, OnnxModel]) -> dict[str, Path]:
    return {f"{name}, int8": each.path("cpu-int8") for name, each in files.items() if "cpu-int8" in each.variants}


def right(job: Job, model: Checkpoint | Path) -> float:
    rows = job.splits.test
    return scoring.accuracy(scoring.answers(job, model, rows), job.spectra.y[rows])


def latencies(job: Job, files: dict[str, OnnxModel], original: Checkpoint, seconds: float) -> dict[str, Any]:
    """Measure all files in one session against the original's float32 one."""
    paths = {f"{name}, float32": each.path("float32") for name, each in files.items()} | int8(files)
    paths[PLAIN] = job.folder / "default.onnx"
    exporter.export_default(models.load(original), paths[PLAIN], front=job.front())
    x, y = job.spectra.x[job.splits.test], job.spectra.y[job.splits.test]
    told = measure.measure(
        paths, x, y, cards.load("local"), job.folder / "bench", reference=ORIGINAL, float_of={}, seconds=seconds
    )
    host = told[0].host
    return {
        "latency": {
            each.variant: {
                "us": each.p50_ms * 1e3,
                "n": each.n,
                "ratio": each.ratio,
                "ratio_interval": each.ratio_interval,
                "noise": each.noise,
                "bytes": each.size_bytes,
            }
            for each in told
        },
        "host": {key: host.get(key) for key in ("cpu", "flags", "cores")},
    }


def table(task: str, found: dict[str, Any]) -> str:
    """Word one data set's results as Markdown: accuracy, its paired loss against the original, latency over the original's."""
    original = np.array(found["accuracy"]["original"])
    lines = [
        f"{task}: {len(original)} seeds, {found['test_spectra'][0]} test spectra in the first, {found['host']['cpu']}",
        "",
        "| model | parameters | MACs | accuracy, mean (each seed) | gain over the original | latency over the original's float32 | kB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, values in found["accuracy"].items():
        base = name.removesuffix(", int8").removesuffix(", from scratch")
        facts = found["facts"].get(base)
        weight = f"{facts['params'] / 1e3:.0f} k | {facts['macs']['after'] / 1e6:.2f} M" if facts else " | "
        cost = found["latency"].get(name if name.endswith("int8") else f"{name}, float32")
        low, high = cost["ratio_interval"] if cost else (0, 0)
        ratio = f"{cost['ratio']:.3f} [{low:.3f}, {high:.3f}] | {cost['bytes'] / 1e3:.0f}" if cost else " | "
        each = ", ".join(f"{value:.3f}" for value in values)
        gain = (
            ""
            if name == "original"
            else difference.of(list(np.array(values) - original), found["test_spectra"], found["learnt"]).worded()
        )
        lines.append(f"| {name} | {weight} | {np.mean(values):.3f} ({each}) | {gain} | {ratio} |")
    plain = found["latency"][PLAIN]
    lines += ["", f"The original's plain default export takes {plain['ratio']:.2f} times as long as its float32 one."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
