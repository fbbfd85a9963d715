"""Trained on the embedded spectra alone, judged on real ones: what a model learns from `minerals`, and what carries over.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.embedded [--seeds 3] [--teacher]
    python -m benchmarks.accuracy.embedded --million        # how fast the generator draws a million spectra, and in what memory

Networks and linear baselines learn from generated spectra of 20 minerals by the first step of recipes/rruff_distill.yaml, and
name RRUFF's spectra of the same minerals. No physical sample is on two sides: every second one of a mineral made the band table, every
second of the rest ("tuning") chose settings, the others ("held away") only judge; that is checked before anything is learnt. Unoriented
spectra are RRUFF's own files; oriented ones show crystals of the same samples at given angles, resampled by who published them.
Then parts of the instrument model are left out, one at a time, with no augmentation that would put them back; those networks, and
the one that they are compared with, learn for 10 epochs. With --teacher that recipe's teacher learns too (longer than all the rest).

Intervals are 95 %, drawn anew (2,000 times) over physical samples and seeds. Prints Markdown and writes
benchmarks/results/local/embedded.json. Trainings are kept in --out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.datasets.asked import SETS, Asked, outside
from benchmarks.tables.carried import confusion, difference, share, table
from benchmarks.tools import kept
from benchmarks.tools.results import LOCAL as RESULTS
from benchmarks.tools.results import RECIPES
from edgespec import recipe, storage
from edgespec.artifact import Checkpoint
from edgespec.errors import EdgespecError, Mistake
from edgespec.evaluation import baselines, scoring
from edgespec.job import Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe import Call
from edgespec.recipe.plan import Plan, plan
from edgespec.steps import train
from edgespec.training import batches

RECIPE = RECIPES / "rruff_distill.yaml"
PARTS = ("drift", "composition", "orientation", "broadening", "noise", "spikes", "axis_error")
SPECTRA = 5  # of a generated physical sample
SMALL = Call("cnn", {"widths": [8, 16, 32]})
Named = NDArray[np.int64]  # (n,) index of the label that each real spectrum is given
Answers = dict[str, tuple[float, Named]]  # by who learnt; and the share of generated test spectra that it names rightly


@dataclass(frozen=True)
class Line:
    """One way to learn: what is drawn, whether the recipe's augmentation varies it further, which networks learn, and how long if not
    as the recipe says."""

    title: str
    load: dict[str, Any] = field(default_factory=dict)
    augment: bool = True
    networks: tuple[str, ...] = ("cnn",)
    epochs: int | None = None


WHOLE = Line("all of it", augment=False, epochs=10)
ABLATION = [
    *(replace(WHOLE, title=f"without {part}", load={part: 0.0}) for part in PARTS),
    replace(WHOLE, title="none of it", load=dict.fromkeys(PARTS, 0.0)),
]
FIRST = Line("as the recipe")
# of 0, 0.3, 0.6, 1, 1.5 and 2.5, LDA named most of the tuning spectra with 0 and 0.3
CALM = Line("composition 0.3", {"composition": 0.3})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=60, help="generated physical samples a mineral")
    parser.add_argument("--out", type=Path, default=Path("runs") / "embedded")
    parser.add_argument("--teacher", action="store_true")
    parser.add_argument("--million", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    file = RESULTS / "embedded.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    try:
        first = replace(FIRST, networks=("cnn", "teacher")) if given.teacher else FIRST
        lines = [first, CALM, WHOLE, *ABLATION]
        found |= {"million": million()} if given.million else judged(lines, given.seeds, given.samples, given.out)
    except EdgespecError as problem:
        sys.exit(f"error: {problem.message}\nhint:  {problem.hint}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found["million"]) if given.million else table(found))


def million() -> list[dict[str, Any]]:
    """Draw a hundredth of a million spectra, then all of them, in a process that does nothing else."""
    command = [sys.executable, "-m", "benchmarks.datasets.drawing", "10000", "1000000"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def judged(lines: list[Line], seeds: int, samples: int, out: Path) -> dict[str, Any]:
    """Learn and judge every line with every seed."""
    checked = plan(recipe.load(RECIPE))
    asked = outside(checked.data.axis)
    learnt = {line.title: [learn(line, checked, seed, samples, asked, out) for seed in range(seeds)] for line in lines}
    named = {t: {who: np.array([each[who][1] for each in runs]) for who in runs[0]} for t, runs in learnt.items()}
    right = {title: {who: each == asked.y for who, each in mine.items()} for title, mine in named.items()}
    whole = right[WHOLE.title]
    cost = {
        line.title: {who: difference(asked, 1.0 * whole[who] - each) for who, each in right[line.title].items()}
        for line in ABLATION
    }
    title, who = best({t: mine for t, mine in right.items() if t not in cost}, asked.part == SETS[0])
    return {
        "recipe": RECIPE.stem,
        "seeds": seeds,
        "samples": samples,
        "labels": list(asked.labels),
        "asked": {
            name: {"spectra": int(mask.sum()), "samples": len(set(asked.group[mask]))}
            for name, mask in asked.masks().items()
        },
        "generated": {t: {who: [each[who][0] for each in runs] for who in runs[0]} for t, runs in learnt.items()},
        "accuracy": {t: {who: share(asked, each) for who, each in mine.items()} for t, mine in right.items()},
        "cost": cost,
        "chosen": f"{title}: {who}",
        "confusion": confusion(asked, named[title][who]),
        "versions": {name: version(name) for name in ("torch", "numpy", "scikit-learn")},
    }


def best(right: dict[str, dict[str, NDArray[np.bool_]]], tuning: NDArray[np.bool_]) -> tuple[str, str]:
    """Give the line and who learnt that name most of the tuning spectra; nothing else is looked at."""
    pairs = [(title, who) for title, mine in right.items() for who in mine]
    return max(pairs, key=lambda pair: float(right[pair[0]][pair[1]][:, tuning].mean()))


def learn(line: Line, checked: Plan, seed: int, samples: int, asked: Asked, out: Path) -> Answers:
    """Train what the line names, and the baselines, on generated spectra, and ask them about the others."""
    call = Call("minerals", {"samples": samples, "spectra": SPECTRA, **line.load})
    augment = checked.data.augment if line.augment else None
    data = replace(checked.data, load=call, augment=augment, unknown=None)
    folder = out / f"{line.title.replace(' ', '_')}-{seed}"
    job = beside(preparation.prepare(replace(checked, seed=seed, data=data), folder, Silent()), asked)
    known, test = job.splits.rows(None), job.splits.test
    rows = np.concatenate([test, np.arange(len(job.spectra) - len(asked.y), len(job.spectra))])
    prepared = batches.prepared(job, rows).numpy()
    simple = {"nearest": baselines.nearest(job, known), **baselines.linear(job, known)}
    logits = {name: answer(prepared) for name, answer in simple.items()}
    for name in line.networks:
        step = checked.steps[0].keys
        fit = replace(step["fit"], epochs=line.epochs or step["fit"].epochs)
        keys = {"model": SMALL if name == "cnn" else step["model"], "fit": fit}
        told = {**keys, "seed": seed, "augment": augment, "learnt": storage.digest(job.spectra.x[known], known)}
        made = kept.made(folder / name, "train", told, [], partial(trained, job, keys))
        logits[name] = scoring.answers(job, made, rows)
    named = {name: each.argmax(1) for name, each in logits.items()}
    found = {
        name: (float(np.mean(each[: len(test)] == job.spectra.y[test])), each[len(test) :])
        for name, each in named.items()
    }
    right = {name: np.mean((each == asked.y)[asked.part == SETS[0]]) for name, (_, each) in found.items()}
    words = ", ".join(f"{name} {value:.3f}" for name, value in right.items())
    print(f"{line.title}, seed {seed}, tuning spectra: {words}", file=sys.stderr, flush=True)
    return found


def trained(job: Job, keys: dict[str, Any], folder: Path) -> Checkpoint:
    return train.run(job.inside(folder), **keys)


def beside(job: Job, asked: Asked) -> Job:
    """Put the spectra asked about behind the generated ones, in no part of the job."""
    made = job.spectra
    if made.labels != asked.labels or made.group is None:
        raise Mistake("the real spectra are of other minerals than the generated ones", hint="the 20 of minerals.csv")
    x, y = np.concatenate([made.x, asked.x]), np.concatenate([made.y, asked.y])
    return replace(job, spectra=replace(made, x=x, y=y, group=np.concatenate([made.group, asked.group]), part=None))


if __name__ == "__main__":
    main()
