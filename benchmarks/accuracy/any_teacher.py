"""A small network taught by this project's teacher, by a program of somebody else's, and by nobody, on the same spectra.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.any_teacher [--rocket PYTHON] [TASK ...]

| task | what is learnt from, what judges |
| --- | --- |
| site | 192 minerals: library and site of minerals192_site.csv; its test part, a division a seed |
| parkinson | dried saliva of 60 people: three quarters of the people, drawn with the seed; the others |

The student is the CNN 8-16-32; all that teach learn from the spectra that the student learns from, and the student has all labels. Teachers:
PACE and a CNN 16-32-64 (`ours`), examples/teachers/svm.py (`svm`) and, where --rocket names a Python that has aeon, examples/teachers/rocket.py
(`rocket`). Nothing was chosen here: temperature 2 and alpha 0.5 are what recipes/rruff10.yaml ships with. Three seeds each; what is finished
is kept in benchmarks/results/local/any_teacher.json. A difference is paired, spectrum by spectrum; its interval counts
physical samples over all seeds (`edgespec/evaluation/difference.py`).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tools.results import LOCAL
from edgespec import plugins, storage
from edgespec import recipe as recipes
from edgespec.artifact import Artifact, Checkpoint
from edgespec.evaluation import difference, scoring
from edgespec.evaluation.difference import Mean
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe.plan import plan

FILE = LOCAL / "any_teacher.json"
SEEDS = 3
DATA = {
    "site": """\
data:
  load: {{rruff: {{task: minerals192_site.csv, split: {seed}}}}}
  axis: {{low: 150, high: 1172, points: 512}}
  preprocess: [{{highpass: {{window: 62}}}}, signed_sqrt, rms]
  augment: {{instrument: {{shift: 6, stretch: 0.003, blur: 4, tilt: 0.25, drift: 3, noise: 0.08}}}}
  split: {{by: group, parts: given, valid: 0.1}}
""",
    "parkinson": """\
data:
  load: {{arrays: {{file: ramanbench/parkinson.npz, x: x, y: y, wavenumber: wavenumber, labels: labels, group: group}}}}
  axis: {{low: 401, high: 1600, points: 512}}
  preprocess: [snv]
  augment: {{instrument: {{shift: 1, stretch: 0.0005, blur: 1, tilt: 0.1, drift: 0.1, noise: 0.01}}}}
  split: {{by: group, test: 0.25, valid: 0.15}}
""",
}
TRAIN = "  - train: {model: [{pace: {dim: 256}}, {cnn: {widths: [16, 32, 64]}}], fit: {epochs: 30, batch: 64, lr: 2.0e-3}}\n"
DISTILL = """\
  - distill: {{{teacher}student: {{cnn: {{widths: [8, 16, 32]}}}}, temperature: 2, alpha: 0.5, fit: {{epochs: 80, batch: 64, lr: 3.0e-3}}}}
"""
STEPS = {
    "ours": TRAIN + DISTILL.format(teacher=""),
    "svm": DISTILL.format(teacher="teacher: {command: [{python}, examples/teachers/svm.py]}, control: false, "),
    "rocket": DISTILL.format(teacher="teacher: {command: [{python}, examples/teachers/rocket.py]}, control: false, "),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="*", help=", ".join(DATA))
    parser.add_argument("--rocket", default="", metavar="PYTHON", help="a Python that has aeon")
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    pythons = {"ours": "", "svm": sys.executable} | ({"rocket": asked.rocket} if asked.rocket else {})
    for task, seed, teacher in itertools.product(asked.task or DATA, range(SEEDS), pythons):
        key = f"{task} {seed} {teacher}"
        if key not in known():
            with tempfile.TemporaryDirectory() as name:
                made = taught(task, seed, STEPS[teacher].replace("{python}", pythons[teacher]), Path(name))
            storage.write_json(FILE, {**known(), key: made})
            print(f"{key}: {accuracies(made)}", file=sys.stderr)
    print(table(known()))


def taught(task: str, seed: int, steps: str, place: Path) -> dict[str, Any]:
    """Train one line; give which test spectra each model of it names rightly, and of which physical sample each is."""
    path = place / "line.yaml"
    path.write_text(f"schema: 1\nseed: {seed}\n{DATA[task].format(seed=seed)}steps:\n{steps}", encoding="utf-8")
    checked = plan(recipes.load(path))
    job = preparation.prepare(checked, place, Silent())
    if job.spectra.source != "measured" or job.spectra.group is None:
        sys.exit("set EDGESPEC_DATA to the folder of the real spectra")
    test, made, right = job.splits.test, None, {}
    for number, step in enumerate(checked.steps, start=1):
        folder = place / f"{number}-{step.name}"
        folder.mkdir()
        before: tuple[Artifact, ...] = () if made is None else (made,)
        made = plugins.find("steps", step.name).run(job.inside(folder), *before, **step.keys)
        right |= {"teacher": told(job, made)} if step.name == "train" else {}
        asked = folder / "teacher.npz"
        if asked.is_file():
            with np.load(asked) as answers:
                right["teacher"] = (answers["test"].argmax(1) == job.spectra.y[test]).astype(int).tolist()
    assert isinstance(made, Checkpoint)
    right["student"] = told(job, made)
    right |= {name: told(job, each) for name, each in made.controls.items()}
    kept = {name: "".join(map(str, each)) for name, each in right.items()}
    return {"right": kept, "sample": ",".join(str(each) for each in job.spectra.group[test])}


def told(job: Job, model: Any) -> list[int]:
    test = job.splits.test
    found: list[int] = (scoring.answers(job, model, test).argmax(1) == job.spectra.y[test]).astype(int).tolist()
    return found


def known() -> dict[str, Any]:
    """Give what is finished: of each line the right answers, 0 or 1 a spectrum in one word, and the samples with commas between them."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def unpacked(made: dict[str, Any]) -> dict[str, Any]:
    right = {name: [int(each) for each in word] for name, word in made["right"].items()}
    return {"right": right, "sample": made["sample"].split(",")}


def accuracies(made: dict[str, Any]) -> str:
    return ", ".join(f"{name} {np.mean(each):.3f}" for name, each in unpacked(made)["right"].items())


def apart(pairs: list[tuple[list[int], list[int], list[str]]]) -> Mean:
    """Give the mean difference of several seeds with its 95 % interval by physical sample.

    pairs: of each seed, what one model names rightly, what the other does, and the sample of each spectrum
    """
    gaps = np.concatenate([np.subtract(mine, other) for mine, other, _ in pairs])
    return difference.of_samples(gaps, np.concatenate([each for _, _, each in pairs]))


def table(found: dict[str, Any]) -> str:
    lines = [
        "| task | taught by | teacher, three seeds | student, three seeds | mean | to nobody, paired |",
        "| --- " * 6 + "|",
    ]
    found = {key: unpacked(each) for key, each in found.items()}
    for task in DATA:
        alone = [found.get(f"{task} {seed} ours") for seed in range(SEEDS)]
        if not all(alone):
            continue
        control = [each["right"]["control"] for each in alone if each]
        lines.append(f"| {task} | nobody | | {_each(control)} | {np.mean([np.mean(each) for each in control]):.3f} | |")
        for teacher in STEPS:
            made = [found.get(f"{task} {seed} {teacher}") for seed in range(SEEDS)]
            if not all(made):
                continue
            told = [each for each in made if each]
            student, theirs = ([each["right"][name] for each in told] for name in ("student", "teacher"))
            samples = [each["sample"] for each in told]
            gain = apart(list(zip(student, control, samples, strict=True)))
            lines.append(
                f"| {task} | {teacher} | {_each(theirs)} | {_each(student)} | {np.mean([np.mean(each) for each in student]):.3f}"
                f" | {gain.worded()} |"
            )
    return "\n".join(lines)


def _each(right: list[list[int]]) -> str:
    return ", ".join(f"{np.mean(each):.3f}" for each in right)


if __name__ == "__main__":
    main()
