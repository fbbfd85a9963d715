"""The 70 kB network of recipes/minerals192.yaml against shrinkage LDA and the nearest neighbour, paired by physical sample, clean and perturbed.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.paired_minerals whole
    EDGESPEC_DATA=... python -m benchmarks.accuracy.paired_minerals test
    EDGESPEC_DATA=... python -m benchmarks.accuracy.paired_minerals training [IDEA ...]

| mode | spectra | trainings |
| --- | --- | --- |
| whole | all 4,229, four folds by sample | five seeds a fold, the first of them up to int8 |
| test | the given test part | five seeds, all steps up to int8 |
| training | the training part alone, folds and seeds of `edgespec folds --folds 4 --seeds 2 --until fuse_lda` | two seeds a fold, no int8 |

`training` compares IDEAS with the recipe; nothing of the test part is read there. Perturbations are those of `edgespec folds --robust`, one at a
time: the axis off by 5 cm-1 (mean of both signs), fluorescence as high as the spectrum, white noise of 10 dB. Every finished training is kept in
benchmarks/results/local/paired_minerals.json. Intervals: benchmarks/tools/paired.py, by physical sample and over the trainings.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tools import paired
from benchmarks.tools.paired import Pair
from benchmarks.tools.results import LOCAL, RECIPES
from edgespec import plugins, recipe, storage
from edgespec.artifact import Artifact, OnnxModel
from edgespec.data import splits
from edgespec.data.perturbations import perturbed
from edgespec.errors import BrokenPromise
from edgespec.evaluation import baselines, scoring
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe import Call
from edgespec.recipe.plan import plan
from edgespec.search import fold as fold_runs
from edgespec.training import batches

FILE = LOCAL / "paired_minerals.json"
RECIPE = RECIPES / "minerals192.yaml"
WHOLE, TEST, TRAINING = "whole", "test", "training"
FOLDS, SEEDS, ROUNDED = 4, {WHOLE: 5, TEST: 5, TRAINING: 2}, {WHOLE: 1, TEST: 5, TRAINING: 0}
CONDITIONS = {
    "clean": [""],
    "±5 cm-1": ["shift +5", "shift -5"],
    "fluorescence 1.0": ["drift 1"],
    "SNR 10 dB": ["SNR 10 dB"],
}
NETWORK, INT8, LDA, NEAREST = "network, float32", "network, int8", "shrinkage LDA", "1-NN"
BY_SAMPLE = "data.split={by: group, test: 0.25, valid: 0.1, valid_from: 4}"
INSTRUMENT = "data.augment.instrument"
TRAIN = {"model": {"cnn": {"widths": [8, 16, 16, 16]}}, "label_smoothing": 0.1}
AGAIN = {"student": TRAIN["model"], "temperature": 2, "alpha": 0.5, "control": False}
FIT = {"epochs": 40, "batch": 64, "lr": 3e-3}
AVERAGED = "data.preprocess=[{{highpass: {{window: 62}}}}, {{average: {{window: {}}}}}, signed_sqrt, rms]"  # cm-1
IDEAS: dict[str, list[str]] = {
    "recipe": [],
    "noise 0.1": [f"{INSTRUMENT}.noise=0.1"],
    "average 6": [AVERAGED.format(6)],
    "average 10": [AVERAGED.format(10)],
    "average 10, shift 6": [AVERAGED.format(10), f"{INSTRUMENT}.shift=6"],
    "average 6, shift 6, noise 0.1, 100 epochs": [
        AVERAGED.format(6),
        f"{INSTRUMENT}.shift=6",
        f"{INSTRUMENT}.noise=0.1",
        "steps.1.train.fit.epochs=100",
    ],
    "shift 6, noise 0.06": [f"{INSTRUMENT}.shift=6", f"{INSTRUMENT}.noise=0.06"],
    "taught by itself": [
        "steps="
        + json.dumps(
            [{"train": {**TRAIN, "fit": FIT}}, {"distill": {**AGAIN, "fit": FIT}}, {"fuse_lda": {"blend": 0.5}}]
        )
    ],
}


@dataclass(frozen=True)
class Training:
    """One training: which idea, fold and seed, and its job."""

    idea: str
    fold: int
    seed: int
    job: Job
    steps: tuple[Call, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=(WHOLE, TEST, TRAINING))
    parser.add_argument("idea", nargs="*", help=f"in {TRAINING}: {', '.join(IDEAS)}")
    parser.add_argument("--rounds", type=int, default=5, help="only so many of the seeds of each fold (default: all)")
    asked = parser.parse_args()
    if unknown := set(asked.idea) - set(IDEAS):
        parser.error(f"no idea {', '.join(sorted(unknown))}: there is {', '.join(IDEAS)}")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    ideas = (asked.idea or list(IDEAS)) if asked.mode == TRAINING else ["recipe"]
    for idea in ideas:
        for each in trainings(asked.mode, idea, asked.rounds):
            key = f"{asked.mode}, {idea}, fold {each.fold}, seed {each.seed}"
            if key in known()["trainings"]:
                continue
            started = time.monotonic()
            made = judged(each, asked.mode)
            found = known()
            found["trainings"][key] = {
                **made,
                "seconds": round(time.monotonic() - started),
            }
            assert each.job.spectra.group is not None
            test = each.job.spectra.group[each.job.splits.test]
            found["samples"][f"{asked.mode}, fold {each.fold}"] = ",".join(map(str, test))
            storage.write_json(FILE, found)
            n = len(test)
            shares = {
                name: [round(float(paired.unpacked(word, n).mean()), 3) for word in right.values()]
                for name, right in made["right"].items()
            }
            print(f"{key}: {found['trainings'][key]['seconds']} s, {shares}", file=sys.stderr, flush=True)
    print(table(known(), asked.mode))


def known() -> dict[str, Any]:
    """Give what is finished: by training, model and perturbation, which test spectra are named rightly; the sample of each of a fold's spectra."""
    empty: dict[str, Any] = {"samples": {}, "trainings": {}}
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else empty


def trainings(mode: str, idea: str, rounds: int) -> Iterator[Training]:
    """Give every training of a mode with its own division and seed, as `edgespec folds` does for the folds."""
    changes = ["data.unknown=null", *([BY_SAMPLE] if mode == WHOLE else []), *IDEAS[idea]]
    checked = plan(recipe.load(RECIPE, changes))
    with tempfile.TemporaryDirectory() as name:
        whole = preparation.prepare(checked, Path(name), Silent())
    if whole.spectra.source != "measured":
        sys.exit("the embedded spectra stood in: set EDGESPEC_DATA to the folder of the real ones")
    names = [step.name for step in checked.steps]
    short = checked.steps[: names.index("fuse_lda") + 1]
    long = short if mode == TRAINING else checked.steps[: names.index("quantize") + 1]
    if mode == TEST:
        for seed in range(min(rounds, SEEDS[mode])):
            with tempfile.TemporaryDirectory() as name:
                again = plan(recipe.load(RECIPE, [f"seed={seed}", *changes]))
                yield Training(idea, 0, seed, preparation.prepare(again, Path(name), Silent()), long)
        return
    job = fold_runs.inside(whole, checked.data.split)
    for again_ in range(min(rounds, SEEDS[mode])):
        for number, test in enumerate(splits.folds(job.spectra, checked.data.split, FOLDS, 0)):
            seed = checked.seed + number * SEEDS[mode] + again_
            parts = splits.around(job.spectra, checked.data.split, test, seed)
            steps = long if again_ < ROUNDED[mode] else short
            yield Training(idea, number, seed, replace(job, splits=parts, seed=seed), steps)


def judged(training: Training, mode: str) -> dict[str, Any]:
    """Train once; give which test spectra each model names rightly, clean and under each perturbation."""
    job, steps = training.job, training.steps
    with tempfile.TemporaryDirectory() as name:
        made: Artifact | None = None
        models: dict[str, Any] = {}
        facts: dict[str, Any] = {"learnt": len(job.splits.rows(None))}
        for number, step in enumerate(steps, start=1):
            run = plugins.find("steps", step.name).run
            before = [] if made is None else [made]
            try:
                made = run(job.inside(fold_runs.fresh(Path(name), f"{number}-{step.name}")), *before, **step.keys)
            except (
                BrokenPromise
            ) as problem:  # int8 costs more validation accuracy than the recipe allows: measured all the same, and said
                facts["refused"] = problem.message
                keys = {**step.keys, "max_drop": 1.0, "min_agreement": 0.0}
                made = run(job.inside(fold_runs.fresh(Path(name), f"{number}-forced")), *before, **keys)
            if step.name == "fuse_lda":
                models[NETWORK] = scoring.load(job, made).logits  # type: ignore[arg-type]
        if isinstance(made, OnnxModel) and "cpu-int8" in made.variants:
            models[INT8] = scoring.load(job, made.path("cpu-int8")).logits
            facts["bytes"] = made.path("cpu-int8").stat().st_size
        if training.idea == "recipe":
            models |= simple(job)
        return {**facts, "right": named(job, models)}


def simple(job: Job) -> dict[str, Any]:
    """Fit shrinkage LDA and the nearest neighbour on what the network learns from: raw spectra -> (n, classes)."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rows, front = job.splits.rows(None), job.front()
    x, y = batches.prepared(job, rows).numpy().astype(np.float64), job.spectra.y[rows]
    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x, y)
    nearest = baselines.nearest(job, rows)

    def seen(raw: Any) -> Any:
        return batches.through(front, torch.from_numpy(np.ascontiguousarray(raw, np.float32))).numpy()

    def lda(raw: Any) -> Any:
        out = np.full((len(raw), len(job.spectra.labels)), -np.inf)
        out[:, fitted.classes_] = fitted.decision_function(seen(raw).astype(np.float64))
        return out

    return {LDA: lda, NEAREST: lambda raw: nearest(seen(raw))}


def named(job: Job, models: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Ask every model for the test spectra under each perturbation, the same draws for all of them."""
    test = job.splits.test
    x, y = job.spectra.x[test], job.spectra.y[test]
    found: dict[str, dict[str, str]] = {name: {} for name in models}
    for kind in [kind for kinds in CONDITIONS.values() for kind in kinds]:
        changed = perturbed(kind, x, job.spectra.axis, job.seed) if kind else x
        for name, logits in models.items():
            found[name][kind or "clean"] = paired.packed(logits(changed).argmax(1) == y)
    return found


def right(found: dict[str, Any], mode: str, idea: str, model: str, condition: str) -> dict[str, tuple[Any, Any, int]]:
    """Give by fold and seed: (n,) share of a condition's perturbations under which a spectrum is named rightly, its sample, what was learnt from."""
    told, start = {}, f"{mode}, {idea}, "
    for key, made in found["trainings"].items():
        if key.startswith(f"{start}fold ") and model in made["right"]:
            one = key.removeprefix(start)
            sample = np.array(found["samples"][f"{mode}, {one.split(', ')[0]}"].split(","))
            words = [made["right"][model][kind or "clean"] for kind in CONDITIONS[condition]]
            share = np.mean([paired.unpacked(word, len(sample)) for word in words], axis=0)
            told[one] = (share, sample, made["learnt"])
    return told


def pairs(mine: dict[str, tuple[Any, Any, int]], other: dict[str, tuple[Any, Any, int]]) -> list[Pair]:
    """Put two models side by side in the trainings that both have."""
    return [Pair(mine[key][0], other[key][0], mine[key][1], mine[key][2]) for key in mine if key in other]


def table(found: dict[str, Any], mode: str) -> str:
    """Word a mode's accuracies and paired differences as Markdown."""
    models = [(idea, NETWORK) for idea in IDEAS] if mode == TRAINING else []
    models += [("recipe", name) for name in (LDA, NEAREST)] if mode == TRAINING else []
    models = models or [("recipe", name) for name in (NETWORK, INT8, LDA, NEAREST)]
    models = [each for each in models if any(key.startswith(f"{mode}, {each[0]}, fold") for key in found["trainings"])]

    def title(idea: str, model: str) -> str:
        return f"{model}: {idea}" if mode == TRAINING and model == NETWORK else model

    lines = ["| model | trainings | " + " | ".join(CONDITIONS) + " |", "| --- " * (len(CONDITIONS) + 2) + "|"]
    for idea, model in models:
        each = {name: right(found, mode, idea, model, name) for name in CONDITIONS}
        cells = [f"{np.concatenate([one[0] for one in told.values()]).mean():.3f}" for told in each.values()]
        lines.append(f"| {title(idea, model)} | {len(next(iter(each.values())))} | {' | '.join(cells)} |")
    lines += [
        "",
        "| difference, by physical sample; over trainings | " + " | ".join(CONDITIONS) + " |",
        "| --- " * (len(CONDITIONS) + 1) + "|",
    ]
    first = [each for each in models if each[1] in (NETWORK, INT8)]
    against = [("recipe", name) for name in (LDA, NEAREST)]
    compared = [(mine, other) for mine in first for other in against if mode != TRAINING or mine[0] == "recipe"]
    compared += [(mine, ("recipe", NETWORK)) for mine in first if mine[0] != "recipe"]
    for mine, other in compared:
        cells = []
        for name in CONDITIONS:
            gap = pairs(right(found, mode, *mine, name), right(found, mode, *other, name))
            spread = paired.by_run(gap)
            low = "" if spread.low is None else f"; [{spread.low:+.3f}, {spread.high:+.3f}]"
            cells.append(f"{paired.by_sample(gap).worded()}{low}")
        lines.append(f"| {title(*mine)} - {title(*other)} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
