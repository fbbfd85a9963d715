"""Does a search beat the recipe that was written by hand? Its winner and the hand-written one, trained anew, on the same test part.

    EDGESPEC_DATA=... edgespec search recipes/hard13_search.yaml --trials 30 --folds 4
    EDGESPEC_DATA=... python -m benchmarks.accuracy.searching runs/hard13_search

The winner is chosen by folds outside the test part, by a rule fixed before: of the trials whose file is smaller than that of trial 0000
(the recipe by hand), and faster by more than both intervals, the most accurate on the folds; of equals the smaller. Both are then
trained with `--seeds` seeds, validation drawn anew each time as recipes/hard13.yaml says (0.1 of the samples), on what is outside the
search's test part, which no trial was chosen by; a difference is taken seed by seed. Latency: the files of the first seed in turns in
one session.
Prints Markdown and writes benchmarks/results/local/searching.json with the search's whole front.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools.results import LOCAL
from edgespec import plugins, recipe
from edgespec.artifact import Artifact, OnnxModel
from edgespec.bench import measure
from edgespec.data import splits
from edgespec.errors import EdgespecError, Mistake
from edgespec.evaluation import difference, scoring
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe import Split, search_ranges
from edgespec.recipe.plan import Plan, plan
from edgespec.search import pareto
from edgespec.targets import card as cards

RESULTS = LOCAL
BY_HAND, VALID, SECONDS = 0, 0.1, 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    try:
        found = compare(asked.folder, asked.seeds)
    except EdgespecError as problem:
        sys.exit(f"error: {problem.message}\nhint:  {problem.hint}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "searching.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def compare(folder: Path, seeds: int) -> dict[str, Any]:
    """Train the winner and the hand-written recipe with the same seeds, and measure their files together."""
    found = pareto.read(folder)
    winner = chosen(found)
    numbers = {"by hand": BY_HAND, "searched": winner["number"]}
    with tempfile.TemporaryDirectory() as name:
        made = {title: trained(folder, found, number, seeds, Path(name)) for title, number in numbers.items()}
        files = {title: each["file"] for title, each in made.items()}
        job = made["by hand"]["job"]
        rows = job.splits.test
        measured = measure.measure(
            files,
            job.spectra.x[rows],
            job.spectra.y[rows],
            cards.load("local"),
            Path(name) / "bench",
            reference="by hand",
            float_of={},
            seconds=SECONDS,
        )
    latency = {
        each.variant: {
            "p50_ms": each.p50_ms,
            "ratio": each.ratio,
            "interval": each.ratio_interval,
            "noise": each.noise,
            "warnings": each.warnings,
        }
        for each in measured
    }
    told = {
        title: {key: each[key] for key in ("number", "variant", "bytes", "right", "accuracy", "learnt")}
        for title, each in made.items()
    }
    trials = [{key: value for key, value in each.items() if key != "worker"} for each in found["trials"]]
    search = {**{key: value for key, value in found.items() if key != "storage"}, "trials": trials}
    return {"n": len(rows), "seeds": seeds, "models": told, "latency": latency, "search": search}


def chosen(found: pareto.Found) -> dict[str, Any]:
    """Give the winner by the rule above."""
    whole = [each for each in found["trials"] if each["state"] == "complete" and "same_as" not in each]
    hand = next((each for each in whole if each["number"] == BY_HAND), None)
    if hand is None:
        raise Mistake(
            "trial 0000, the recipe by hand, is not complete", hint="edgespec search goes on where it stopped"
        )
    less = [each for each in whole if each["size"] < hand["size"] and each["latency"]["high"] < hand["latency"]["low"]]
    if not less:
        raise Mistake("no trial is both smaller and clearly faster than the recipe by hand", hint="more --trials")
    return min(less, key=lambda each: (-each["accuracy"], each["size"]))


def trained(folder: Path, found: pareto.Found, number: int, seeds: int, work: Path) -> dict[str, Any]:
    """Train one trial's recipe with each seed and count what its file names rightly on the search's test part."""
    written = search_ranges.drawn(recipe.load(folder / "recipe.yaml"), pareto.of(found, number)["params_drawn"])
    checked = plan(written)
    whole = preparation.prepare(checked, work, Silent())
    split = replace(checked.data.split, valid=VALID)
    right, size, learnt, path, name = [], [], [], None, ""
    for seed in range(seeds):
        job = of_seed(whole, split, seed, work / f"{number}-{seed}")
        model = run(checked, job)
        # the file of a run: the smallest candidate of the last step, which is int8 where rounding cost no accuracy on validation
        name = min(
            (n for n, v in model.variants.items() if v.role == "candidate"), key=lambda n: model.path(n).stat().st_size
        )
        out = scoring.answers(job, model.path(name), job.splits.test)
        right.append(int((out.argmax(1) == job.spectra.y[job.splits.test]).sum()))
        learnt.append(len(job.splits.rows(None)))
        size.append(model.path(name).stat().st_size)
        path = path or model.path(name)
        print(f"trial {number:04d}, seed {seed}: {right[-1]} of {len(out)}, {size[-1] / 1e3:.1f} kB", file=sys.stderr)
    accuracy = [each / len(whole.splits.test) for each in right]
    return {
        "number": number,
        "variant": name,
        "bytes": size,
        "right": right,
        "accuracy": accuracy,
        "learnt": learnt,
        "file": path,
        "job": whole,
    }


def of_seed(whole: Job, split: Split, seed: int, folder: Path) -> Job:
    folder.mkdir(parents=True)
    parts = splits.around(whole.spectra, split, whole.splits.test, seed)
    return replace(whole, splits=parts, seed=seed, folder=folder)


def run(checked: Plan, job: Job) -> OnnxModel:
    made: Artifact | None = None
    for number, step in enumerate(checked.steps, start=1):
        inside = job.folder / f"{number}-{step.name}"
        inside.mkdir()
        made = plugins.find("steps", step.name).run(job.inside(inside), *([] if made is None else [made]), **step.keys)
    if not isinstance(made, OnnxModel):
        raise Mistake("the recipe leaves no ONNX")
    return made


def table(found: dict[str, Any]) -> str:
    """Word the result as Markdown."""
    lines = [
        f"{pareto.told(found['search'])}. Test part: {found['n']} spectra, {found['seeds']} trainings each.",
        "",
        "| recipe | trial | accuracy, mean (each seed) | size | latency p50 | of the time by hand |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for title, each in found["models"].items():
        latency = found["latency"][title]
        low, high = latency["interval"]
        seeds = ", ".join(f"{value:.3f}" for value in each["accuracy"])
        lines.append(
            f"| {title} | {each['number']:04d} | {np.mean(each['accuracy']):.3f} ({seeds}) | {np.mean(each['bytes']) / 1e3:.1f} kB "
            f"| {latency['p50_ms'] * 1e3:.1f} us | {latency['ratio']:.2f} [{low:.2f}, {high:.2f}] |"
        )
    hand, searched = (np.array(found["models"][title]["accuracy"]) for title in ("by hand", "searched"))
    gap = searched - hand
    told = difference.of(list(gap), [found["n"]] * len(gap), found["models"]["searched"]["learnt"]).worded()
    lines += [
        "",
        f"accuracy, searched against by hand, seed by seed: {told}",
    ]
    noise = max(each["noise"] for each in found["latency"].values())
    lines.append(f"noise of the session: {noise:.0%}; " + "; ".join(found["latency"]["searched"]["warnings"]))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
