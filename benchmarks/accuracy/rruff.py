"""The tables of real spectra: teacher, student, control, int8 and linear baselines, on splits that no physical sample crosses.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.rruff [TASK ...] [--part I/N]

| task | what is judged | trainings |
| --- | --- | --- |
| rruff10, hard13 | the recipe, grouped 4-fold | 3 divisions |
| minerals192 | the recipe on the split of its task list | 5 seeds |
| site | rruff_distill on the three divisions of minerals192_site.csv; and the same, site and test spectra as another instrument gives them | 3 |
| bacteria6 | six species, leaving one replicate out | 3 seeds each |
| chlorinated | learning from one small fold, judged on the other two | 3 seeds each |

Each training is kept in benchmarks/results/local/rruff.json as soon as it is over, and not done again; `--part 1/2` does every second one,
so two processes share the work. Without a task: the tables, as far as they go. Differences are paired, fold by fold; intervals are
Student's t over folds, widened for training sets that overlap (`edgespec/evaluation/difference.py`). The last two want `small.py` first.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from benchmarks.accuracy import small
from benchmarks.tools.results import LOCAL
from edgespec import plugins, storage
from edgespec import recipe as recipes
from edgespec.artifact import Artifact
from edgespec.data import splits
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation, provenance
from edgespec.recipe import Call
from edgespec.recipe.plan import Plan, plan
from edgespec.search import fold as fold_runs
from edgespec.search import folds_table

FILE = LOCAL / "rruff.json"
SHIFT, SIGMA, HUMP = 5.0, 5.0, (0.1, 0.5)  # cm-1, cm-1, share of the maximum: the other instrument


@dataclass(frozen=True)
class Training:
    """One line of steps on one division: where it belongs, what it is judged on, and how.

    other: the same spectra as another instrument would give them at the site; the library, and so the teacher, stay as they are
    choice: how the spectra of a small task are prepared (`small.py`)
    """

    task: str
    fold: int
    seed: int
    job: Job
    steps: tuple[Call, ...]
    other: Job | None = None
    choice: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.task} {self.fold} {self.seed}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="*", help=", ".join(TASKS))
    parser.add_argument("--part", default="1/1", help="I/N: the I-th of N processes that share the work")
    asked = parser.parse_args()
    if unknown := set(asked.task) - set(TASKS):
        parser.error(f"no task {', '.join(unknown)}: there is {', '.join(TASKS)}")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    mine, of = map(int, asked.part.split("/"))
    with tempfile.TemporaryDirectory() as name:
        numbered = itertools.count()
        for each in (each for task in asked.task for each in TASKS[task](Path(name))):
            if next(numbered) % of == mine - 1 and each.key not in known():
                keep(each, judged(each))
    print(tables(known()))


def judged(training: Training) -> dict[str, int]:
    """Count what each model of the line names rightly."""
    if training.other is None:
        return fold_runs.once(training.job, training.steps, simple=True)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        found: dict[str, int] = {}
        train, *rest = training.steps
        teacher = plugins.find("steps", train.name).run(
            training.job.inside(fold_runs.fresh(place, "train")), **train.keys
        )
        for title, job in (("", training.job), ("other instrument: ", training.other)):
            right = fold_runs.linear(job, training.steps)
            right |= {
                f"1 {each}": fold_runs.right(job, model) for each, model in fold_runs.models(teacher, None, train.name)
            }
            made: Artifact = teacher
            for number, step in enumerate(rest, start=2):
                before, own = made, job.inside(fold_runs.fresh(place, f"{title}{number}-{step.name}"))
                made = plugins.find("steps", step.name).run(own, before, **step.keys)
                each_made = fold_runs.models(made, before, step.name)
                right |= {f"{number} {each}": fold_runs.right(job, model) for each, model in each_made}
            found |= {f"{title}{each}": count for each, count in right.items()}
    return found


def keep(training: Training, right: dict[str, int]) -> None:
    """Write down one training, beside those of another process."""
    job = training.job
    told = {"task": training.task, "fold": training.fold, "seed": training.seed, "n": len(job.splits.test)}
    told |= {"learnt": len(job.splits.rows(None)), "code": provenance.whole_digest(), "right": right}
    told |= {"choice": list(training.choice)} if training.choice else {}
    with storage.turn(FILE.with_suffix(".lock")):
        storage.write_json(FILE, {**known(), training.key: told})
    last = list(right)[-1]
    print(f"{training.key}: {last} {right[last]} of {told['n']}", file=sys.stderr)


def known() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def recipe(name: str, *changes: str) -> Plan:
    """Bind a shipped recipe; a benchmark of real spectra takes no embedded ones."""
    return plan(recipes.load(plugins.path("recipes", name), changes))


def folded(task: str, name: str) -> Callable[[Path], Iterator[Training]]:
    """Give the recipe's grouped 4-fold cross-validation in three divisions."""

    def trainings(place: Path) -> Iterator[Training]:
        checked = recipe(name)
        job = real(preparation.prepare(checked, place, Silent()))
        for repeat in range(3):
            for fold, test in enumerate(splits.folds(job.spectra, checked.data.split, 4, repeat)):
                seed = repeat * 4 + fold
                parts = splits.around(job.spectra, checked.data.split, test, seed)
                yield Training(task, fold, seed, replace(job, splits=parts, seed=seed), checked.steps)

    return trainings


def minerals192(place: Path) -> Iterator[Training]:
    for seed in range(5):
        checked = recipe("minerals192", f"seed={seed}")
        yield Training("minerals192", 0, seed, real(preparation.prepare(checked, place, Silent())), checked.steps)


def site(place: Path) -> Iterator[Training]:
    for division in range(3):
        checked = recipe("rruff_distill", f"seed={division}", f"data.load.rruff.split={division}")
        job = real(preparation.prepare(checked, place, Silent()))
        yield Training("site", division, division, job, checked.steps, elsewhere(job))


def elsewhere(job: Job) -> Job:
    """Let site and test be measured on another instrument: axis off by 5 cm-1, broadened by 5 cm-1, on a broad hump."""
    spectra, rng = job.spectra, np.random.default_rng([job.seed, 23])
    axis, x = spectra.axis, spectra.x.copy()
    step = float(axis[1] - axis[0])
    hump = np.exp(-0.5 * ((axis - axis.mean()) / (0.3 * (axis[-1] - axis[0]))) ** 2)
    rows = np.setdiff1d(np.arange(len(x)), np.union1d(job.splits.train["library"], job.splits.valid["library"]))
    for row in rows:
        moved = np.interp(axis - SHIFT, axis, gaussian_filter1d(x[row], SIGMA / step, mode="nearest"))
        x[row] = moved + rng.uniform(*HUMP) * np.abs(moved).max() * hump
    return replace(job, spectra=replace(spectra, x=x.astype(np.float32)))


def small_task(task: str) -> Callable[[Path], Iterator[Training]]:
    """Give a small task's three folds with three seeds each, spectra prepared as was chosen inside what is learnt from."""

    def found(place: Path) -> Iterator[Training]:
        for fold, seed, checked, job, choice in small.trainings(task, place):
            yield Training(task, fold, seed, job, checked.steps, choice=choice)

    return found


def real(job: Job) -> Job:
    if job.spectra.source != "measured":
        sys.exit("the embedded spectra stood in: set EDGESPEC_DATA to the folder of the real ones")
    return job


TASKS: dict[str, Callable[[Path], Iterator[Training]]] = {
    "rruff10": folded("rruff10", "rruff10"),
    "hard13": folded("hard13", "hard13"),
    "minerals192": minerals192,
    "site": site,
    "bacteria6": small_task("bacteria6"),
    "chlorinated": small_task("chlorinated"),
}


def tables(told: dict[str, Any]) -> str:
    """Word every task's results as Markdown, with the differences that matter."""
    return "\n\n".join(
        table(task, [each for each in told.values() if each["task"] == task])
        for task in TASKS
        if any(each["task"] == task for each in told.values())
    )


def table(task: str, done: list[dict[str, Any]]) -> str:
    found = {"folds": averaged(done) if task in small.TASKS else done}
    each = folds_table.shares(found)
    lines = [f"**{task}** ({len(done)} trainings, {done[0]['n']} test spectra in the first)", ""]
    if chosen := sorted({(told["fold"], *told["choice"]) for told in done if "choice" in told}):
        lines += [
            f"prepared as chosen: {'; '.join(f'fold {fold}: ' + ', '.join(words) for fold, *words in chosen)}",
            "",
        ]
    lines += ["| model | mean | sd |", "| --- | --- | --- |"]
    lines += [f"| {title} | {x.mean():.3f} | {x.std(ddof=1) if len(x) > 1 else 0:.3f} |" for title, x in each.items()]
    lines.append("")
    for start in ("", "other instrument: "):
        own = {title.removeprefix(start): x for title, x in each.items() if title.startswith(start)}
        own = {title: x for title, x in own.items() if start or not title.startswith("other instrument")}
        for what, one, other in pairs(own):
            lines.append(folds_table.worded(f"{start}{what}", folds_table.difference(own[one], own[other], found)))
    return "\n".join(lines)


def averaged(done: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give one line a fold: seeds share its test spectra, so they are no folds of their own."""
    lines = []
    for fold in sorted({each["fold"] for each in done}):
        own = [each for each in done if each["fold"] == fold]
        mean = {title: float(np.mean([each["right"][title] for each in own])) for title in own[0]["right"]}
        # with LDA the line is one step longer
        lines.append({**own[0], "right": {title.lstrip("345 "): share for title, share in mean.items()}})
    common = [title for title in lines[0]["right"] if all(title in each["right"] for each in lines)]
    return [{**each, "right": {title: each["right"][title] for title in common}} for each in lines]


def pairs(each: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name what is to be compared: the last file with the float one, its teacher, its controls and the best linear model."""
    names = list(each)
    if not names:
        return
    last = names[-1]
    students = [name for name in names if name.endswith((" distill", " train"))]
    for other in students[::-1]:
        yield f"{last} - {other}", last, other
    for control in (name for name in names if " control" in name and not name.startswith("baseline")):
        yield f"{students[-1]} - {control}", students[-1], control
    for kind in ("linear", "1-NN"):
        simple = [name for name in names if name.startswith("baseline") and ("1-NN" in name) == (kind == "1-NN")]
        if simple:
            best = max(simple, key=lambda name: float(each[name].mean()))
            yield f"{last} - {best}", last, best


if __name__ == "__main__":
    main()
