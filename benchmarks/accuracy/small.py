"""Two small tasks that no shipped recipe is for; how their spectra are prepared is chosen inside what is learnt from.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.small [TASK ...]

| task | what is learnt from, what judges | what judges a choice, inside what is learnt from |
| --- | --- | --- |
| bacteria6 | six species: two replicates, the third | each of the two replicates, by what the other one taught |
| chlorinated | mixtures of solvents: one small fold, the other two | four folds by spectrum (no mixtures are known) |

A choice is a preprocessing, a variation and a head; each is tried with the student alone, and the one with the most right answers is
written to benchmarks/results/local/small.json for `benchmarks/accuracy/rruff.py`. What there is to choose from was drawn up after a first line,
the first choice of each list with distillation and without LDA, had been below the linear models on the test parts.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from benchmarks.tools.results import LOCAL
from edgespec import plugins, storage
from edgespec import recipe as recipes
from edgespec.artifact import Checkpoint
from edgespec.data import splits
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe.plan import Plan, plan
from edgespec.search import fold as fold_runs

FILE = LOCAL / "small.json"
LINE = """\
schema: 1
data:
  load: {{arrays: {{root: {place}, npz: {task}.npz, x: x, y: y, wavenumber: wavenumber}}}}
  axis: {axis}
  preprocess: {preprocess}
  augment: {{instrument: {augment}}}
  split: {{by: spectrum, test: 0.3, valid: {valid}}}
steps:
{steps}
"""
STUDENT = "{cnn: {widths: [8, 16, 32]}}"
ALONE = f"  - train: {{model: {STUDENT}, fit: {{epochs: 80, batch: 32, lr: 3.0e-3}}}}"
WHOLE = f"""\
  - train: {{model: {{efficientnet: {{width: 0.25}}}}, fit: {{epochs: 40, batch: 32, lr: 3.0e-3}}}}
  - distill: {{student: {STUDENT}, alpha: 0.5, fit: {{epochs: 80, batch: 32, lr: 3.0e-3}}}}
{{head}}  - to_onnx
  - quantize: {{max_drop: 0.05, min_agreement: 0.9}}"""
HEADS = {"softmax": None, "blend": 0.5, "lda": 1.0}  # LDA's share of the head
AUGMENT = {
    "another": {"drift": 0.3},
    "same": {"shift": 1, "stretch": 0, "blur": 2, "tilt": 0.1, "drift": 0.3},  # one instrument, one axis
}


@dataclass(frozen=True)
class Task:
    """What a task's lines say before any choice."""

    axis: str
    valid: float
    preprocess: dict[str, str]


TASKS = {
    "bacteria6": Task(
        axis="{low: 600, high: 1800, points: 512}",
        valid=0.15,
        preprocess={
            "polynomial": "[{polynomial: {degree: 5}}, snv]",
            "smoothed": "[{savgol: {window: 26}}, {polynomial: {degree: 5}}, snv]",
            "highpass": "[average, {highpass: {window: 124}}, snv]",
            "slope": "[{savgol: {window: 26, derivative: 1}}, snv]",
        },
    ),
    "chlorinated": Task(
        axis="{low: 351, high: 3500, points: 1024}",
        valid=0.1,
        preprocess={
            "snv": "[snv]",
            "rms": "[rms]",
            "highpass": "[{highpass: {window: 62}}, snv]",
            "slope": "[{savgol: {window: 18, derivative: 1}}, snv]",
        },
    ),
}
Choice = tuple[str, str, str]  # preprocessing, variation, head


def main() -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    for task, fold in itertools.product(sys.argv[1:] or TASKS, range(3)):
        key = f"{task} {fold}"
        if key in known():
            continue
        with tempfile.TemporaryDirectory() as name:
            tried = compared(task, fold, Path(name))
        with storage.turn(FILE.with_suffix(".lock")):
            storage.write_json(FILE, {**known(), key: tried})
        print(f"{key}: {', '.join(best(tried))}, {max(tried['right'].values())} of {tried['n']}", file=sys.stderr)


def compared(task: str, fold: int, place: Path) -> dict[str, Any]:
    """Count, for every choice, what students that saw a part of what is learnt from name rightly of the rest."""
    right: dict[str, int] = {}
    for preprocess, augment in itertools.product(TASKS[task].preprocess, AUGMENT):
        checked, job, learnt, part = spectra(task, fold, place, (preprocess, augment, "softmax"), ALONE)
        inner = replace(job, spectra=job.spectra[learnt])
        tests = splits.folds(inner.spectra, checked.data.split, 4, fold) if part is None else judges(part[learnt])
        total = 0
        for number, test in enumerate(tests):
            parts = splits.around(inner.spectra, checked.data.split, test, number)
            total += len(test)
            with tempfile.TemporaryDirectory() as name:
                own = replace(inner, splits=parts, seed=number)
                for head, count in heads(own, checked, Path(name)).items():
                    key = " ".join((preprocess, augment, head))
                    right[key] = right.get(key, 0) + count
    return {"right": right, "n": total}


def judges(replicate: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [np.flatnonzero(replicate == each) for each in np.unique(replicate)]


def heads(job: Job, checked: Plan, place: Path) -> dict[str, int]:
    """Train the student once and give it each head."""
    (train,) = checked.steps
    made: Checkpoint = plugins.find("steps", train.name).run(job.inside(fold_runs.fresh(place, "train")), **train.keys)
    found = {"softmax": fold_runs.right(job, made)}
    for head, blend in HEADS.items():
        if blend:
            own = job.inside(fold_runs.fresh(place, head))
            found[head] = fold_runs.right(job, plugins.find("steps", "fuse_lda").run(own, made, blend=blend))
    return found


def trainings(task: str, place: Path) -> Iterator[tuple[int, int, Plan, Job, Choice]]:
    """Give three folds and three seeds, each fold with the choice that was made inside what it learns from."""
    for fold, seed in itertools.product(range(3), range(3)):
        if f"{task} {fold}" not in known():
            sys.exit(f"nothing was chosen for {task} yet: python -m benchmarks.accuracy.small {task}")
        choice = best(known()[f"{task} {fold}"])
        share = HEADS[choice[2]]
        line = WHOLE.replace("{head}", f"  - fuse_lda: {{blend: {share}}}\n" if share else "")
        checked, job, learnt, _ = spectra(task, fold, place, choice, line)
        # validation takes spectra of what is learnt from, and says nothing of a third replicate
        test = np.setdiff1d(np.arange(len(job.spectra)), learnt)
        parts = splits.around(job.spectra, checked.data.split, test, seed)
        yield fold, seed, checked, replace(job, splits=parts, seed=seed), choice


def spectra(
    task: str, fold: int, place: Path, choice: Choice, steps: str
) -> tuple[Plan, Job, NDArray[np.int64], NDArray[np.int64] | None]:
    """Bind the line and read the spectra: with them the rows that the fold learns from, and each row's replicate if it has one."""
    archive = data(task, f"{task}.npz")
    with np.load(archive) as file:
        arrays = {"x": file["X"].astype(np.float32), "y": file["label_names"][file["y"]]}
        part = file["replicate"] if task == "bacteria6" else None
        axis = file["axis_cm1"][0] if task == "bacteria6" else file["axis_cm1"]
        if task == "bacteria6":
            learnt = np.flatnonzero(part != fold + 1)
        else:
            stands = np.flatnonzero(file["fold"])  # two spectra stand in no fold
            arrays = {name: each[stands] for name, each in arrays.items()}
            learnt = np.flatnonzero(file["fold"][stands] == fold + 1)
    np.savez(place / f"{task}.npz", **arrays, wavenumber=axis)
    known, (preprocess, augment, _) = TASKS[task], choice
    written = place / f"{task}.yaml"
    keys = {
        "preprocess": known.preprocess[preprocess],
        "augment": yaml.safe_dump(AUGMENT[augment], default_flow_style=True),
    }
    told = {**vars(known), **keys, "steps": steps, "place": place, "task": task}
    written.write_text(LINE.format(**told), encoding="utf-8")
    checked = plan(recipes.load(written))
    return checked, preparation.prepare(checked, place, Silent()), learnt, part


def best(tried: dict[str, Any]) -> Choice:
    """Give the choice with the most right answers, the earlier one of two."""
    preprocess, augment, head = max(tried["right"], key=lambda key: tried["right"][key]).split()
    return preprocess, augment, head


def known() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def data(*names: str) -> Path:
    found = Path(os.environ.get("EDGESPEC_DATA", ".")).joinpath(*names)
    if not found.exists():
        sys.exit(f"{found} is not there: set EDGESPEC_DATA to the folder that holds {names[0]}")
    return found


if __name__ == "__main__":
    main()
