"""Cross-validate a recipe inside its training data: each fold is the test part of the recipe's own line of steps.

    EDGESPEC_DATA=... python benchmarks/folds.py recipes/cov_pace.yaml --until train --repeats 3
    EDGESPEC_DATA=... python benchmarks/folds.py recipes/cov_pace.yaml --until train --set steps.1.model.pace.dim=128 --tag dim128 \\
        --against benchmarks/results/local/folds-cov_pace.json

A test part that the data set gives is taken away first, so whatever is chosen here was chosen without it. Folds keep physical
samples whole. Prints a Markdown table and writes benchmarks/results/local/folds-<recipe>[-tag].json.

Differences are taken fold by fold. Their 95 % interval is Student's t over the folds, widened for training sets that overlap
(Nadeau, Bengio 2003, Mach. Learn. 52, 239: the variance of the mean is (1 / folds + test / training) times the folds' own).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from edgespec import plugins
from edgespec import recipe as recipes
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.data import splits
from edgespec.data.splits import Splits
from edgespec.errors import EdgespecError, Mistake
from edgespec.evaluation import baselines, scoring
from edgespec.job import Job, Silent, few
from edgespec.pipeline import preparation
from edgespec.recipe import Call, Split
from edgespec.recipe.plan import plan, until
from edgespec.training import batches

RESULTS = Path(__file__).parent / "results" / "local"
Right = dict[str, int]  # title of a model -> how many of a fold's spectra it names rightly


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[], dest="change", help="a change to the recipe, key=value")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=1, help="divisions into folds")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each fold")
    parser.add_argument("--until", help="the last step that runs: its number or name")
    parser.add_argument(
        "--valid", type=float, help="share for validation; 0: all is learnt from, the last epoch counts"
    )
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--tag", default="", help="ends the result's name")
    parser.add_argument("--out", type=Path, help="where the result is written")
    parser.add_argument("--against", type=Path, help="a result of the same folds, to be compared fold by fold")
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    other = json.loads(asked.against.read_text(encoding="utf-8")) if asked.against else None
    try:
        found = validate(
            asked.recipe,
            asked.change,
            count=asked.folds,
            repeats=asked.repeats,
            seeds=asked.seeds,
            stop=asked.until,
            valid=asked.valid,
            simple=not asked.no_baselines,
        )
    except EdgespecError as problem:
        sys.exit(f"error: {problem.message}\nhint:  {problem.hint}")
    file = asked.out or RESULTS / f"folds-{'-'.join(filter(None, [asked.recipe.stem, asked.tag]))}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found, other))


def validate(
    path: Path,
    change: list[str],
    *,
    count: int = 5,
    repeats: int = 1,
    seeds: int = 1,
    stop: str | None = None,
    valid: float | None = None,
    simple: bool = True,
) -> dict[str, Any]:
    """Run the recipe's steps with each fold as the test part; fold f of repeat r learns with a seed of its own.

    valid: share of what is learnt from that is kept for validation, 0 for none; as the recipe says if not said
    """
    checked = plan(recipes.load(path, [*change, *([f"data.split.valid={valid}"] if valid else [])]))
    steps, split = checked.steps[: until(checked, stop)], checked.data.split
    with tempfile.TemporaryDirectory() as name:
        whole = preparation.prepare(checked, Path(name), Silent())
        job = inside(whole, split)
        found, started = [], time.monotonic()
        for repeat in range(repeats):
            for number, test in enumerate(splits.folds(job.spectra, split, count, repeat)):
                for again in range(seeds):
                    seed = checked.seed + (repeat * count + number) * seeds + again
                    parts = splits.around(job.spectra, split, test, seed)
                    mine = replace(job, splits=unheld(parts) if valid == 0 else parts, seed=seed)
                    right = once(mine, steps, simple)
                    told = {"repeat": repeat, "fold": number, "seed": seed, "n": len(test)}
                    found.append({**told, "learnt": len(mine.splits.rows(None)), "right": right})
                    last = list(right)[-1]
                    seconds = time.monotonic() - started
                    print(f"{repeat}.{number}: {last} {right[last]} of {len(test)}, {seconds:.0f} s", file=sys.stderr)
    notes = [note for note in job.splits.notes if "one sample only" not in note]
    return {
        "recipe": path.stem,
        "change": change,
        "until": steps[-1].name,
        "valid": split.valid if valid is None else valid,
        "source": job.spectra.source,
        "spectra": len(job.spectra),
        "left_out": len(whole.spectra) - len(job.spectra),
        "samples": None if job.spectra.group is None else len(set(job.spectra.group.tolist())),
        "notes": notes,
        "folds": found,
    }


def inside(job: Job, split: Split) -> Job:
    """Give the job without the test part that its data set names; all of its spectra where it names none."""
    if split.parts != "given":
        return job
    return replace(job, spectra=job.spectra[np.setdiff1d(np.arange(len(job.spectra)), job.splits.test)])


def unheld(parts: Splits) -> Splits:
    """Learn from the validation spectra too."""
    train = {name: np.union1d(parts.train[name], parts.valid[name]) for name in parts.train}
    return replace(parts, train=train, valid={name: rows[:0] for name, rows in parts.valid.items()})


def once(job: Job, steps: tuple[Call, ...], simple: bool) -> Right:
    """Run the steps one after the other and count what every model that they make names rightly, the baselines first."""
    with tempfile.TemporaryDirectory() as name:
        found = linear(job, steps) if simple else {}
        made: Artifact | None = None
        for number, step in enumerate(steps, start=1):
            own = job.inside(fresh(Path(name), f"{number}-{step.name}"))
            before = made
            made = plugins.find("steps", step.name).run(own, *([] if before is None else [before]), **step.keys)
            found |= {f"{number} {title}": right(own, model) for title, model in models(made, before, step.name)}
    return found


def fresh(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def models(made: Artifact, before: Artifact | None, step: str) -> list[tuple[str, Checkpoint | Path]]:
    """List what a step made that answers: a checkpoint, its controls before it, or every candidate file that is new."""
    if isinstance(made, Checkpoint):
        return [*made.controls.items(), (step, made)]
    known = before.variants if isinstance(before, OnnxModel) else {}
    new = [name for name, each in made.variants.items() if each.role == "candidate" and name not in known]
    return [(f"{step} {name}", made.path(name)) for name in new]


def right(job: Job, model: Checkpoint | Path) -> int:
    """Count the test spectra that a model names rightly."""
    test = job.splits.test
    return int((scoring.answers(job, model, test).argmax(1) == job.spectra.y[test]).sum())


def linear(job: Job, steps: tuple[Call, ...]) -> Right:
    """Count what each baseline names rightly, fitted on what each step learns from, as a run of the recipe does."""
    learnt = [
        (step.keys["on"], step.keys.get("labels", "all")) for step in steps if "on" in step.keys and "fit" in step.keys
    ]
    test, found = job.splits.test, {}
    for on, labels in dict.fromkeys(learnt):
        known = batches.labelled(job, job.splits.rows(on), few(labels))
        answers = {"1-NN cosine": baselines.nearest(job, known, test), **baselines.linear(job, known, test)}
        for name, answer in answers.items():
            title = " ".join(filter(None, ["baseline", name, on, f"({labels})" if labels != "all" else ""]))
            found[title] = int((answer.argmax(1) == job.spectra.y[test]).sum())
    return found


def shares(found: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Give each model's accuracy by fold."""
    return {
        title: np.array([each["right"][title] / each["n"] for each in found["folds"]])
        for title in found["folds"][0]["right"]
    }


def difference(mine: NDArray[np.float64], other: NDArray[np.float64], found: dict[str, Any]) -> dict[str, float]:
    """Give the mean paired difference over the folds, and half of its 95 % interval."""
    gap = mine - other
    if len(gap) < 2:
        return {"mean": float(gap.mean()), "half": float("nan")}
    overlap = float(np.mean([each["n"] / each["learnt"] for each in found["folds"]]))
    error = float(np.sqrt((1 / len(gap) + overlap) * gap.var(ddof=1)))
    return {"mean": float(gap.mean()), "half": float(stats.t.ppf(0.975, len(gap) - 1)) * error}


def table(found: dict[str, Any], other: dict[str, Any] | None = None) -> str:
    """Word the result as Markdown; `other` is a result of the same folds, whose last model this one's is compared with."""
    each = shares(found)
    counts = {title: sum(fold["right"][title] for fold in found["folds"]) for title in each}
    n = sum(fold["n"] for fold in found["folds"])
    by = "physical sample" if found["samples"] else "spectrum (no physical samples are known, which may flatter)"
    lines = [
        f"{found['recipe']} {' '.join(found['change'])}: {found['spectra']} spectra ({found['source']}), "
        f"{found['left_out']} of a given test part left out; {len(found['folds'])} folds by {by}; "
        f"about {np.mean([fold['learnt'] for fold in found['folds']]):.0f} learnt from, {found['valid']:g} kept for validation",
        *found["notes"],
        "",
        "| model | mean | sd over folds | right |",
        "| --- | --- | --- | --- |",
    ]
    for title, values in each.items():
        spread = values.std(ddof=1) if len(values) > 1 else float("nan")
        lines.append(
            f"| {title} | {values.mean():.4f} | {spread:.4f} | {counts[title]} of {n} ({counts[title] / n:.4f}) |"
        )
    last = list(each)[-1]
    linear = [title for title in each if title.startswith("baseline")]
    lines.append("")
    if linear:
        best = max(linear, key=lambda title: each[title].mean())
        lines.append(worded(f"'{last}' against '{best}'", difference(each[last], each[best], found)))
    if other:
        same = [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in found["folds"]]
        if same != [{key: fold[key] for key in ("repeat", "fold", "n")} for fold in other["folds"]]:
            raise Mistake("the other result is of other folds", hint="the same --folds, --repeats and --seeds")
        theirs = shares(other)
        name = list(theirs)[-1]
        title = f"'{last}' against '{name}' of {other['recipe']} {' '.join(other['change'])}"
        lines.append(worded(title, difference(each[last], theirs[name], found)))
    return "\n".join(lines)


def worded(what: str, gap: dict[str, float]) -> str:
    low, high = gap["mean"] - gap["half"], gap["mean"] + gap["half"]
    return f"{what}: {gap['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"


if __name__ == "__main__":
    main()
