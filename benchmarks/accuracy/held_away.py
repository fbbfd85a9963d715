"""Spectra of instruments that training never saw: what helps the network of recipes/minerals192.yaml there, and what it costs on the others.

    EDGESPEC_DATA=... python -m benchmarks.accuracy.held_away [IDEA ...]

Test: minerals measured at 780 and 785 nm, or at 532 nm, a third of the samples at a time. Learnt from: the other lasers' spectra of the other
samples. Test spectra of minerals that are not learnt in a fold are left out. The network is that of the recipe with its front, augmentation and
40 epochs; no LDA, no int8.

| idea | what is changed |
| --- | --- |
| recipe | nothing |
| others as classes | the 1,140 other minerals of the npz (the tested lasers left out) are further classes, whose outputs are cut off afterwards |
| weights averaged | the mean of the last quarter's weights, statistics of the norms taken anew (Izmailov et al. 2018, arXiv:1803.05407) |
| others, averaged | both |
| taught by itself | a second network of the same kind learns from the first (temperature 2, alpha 0.5) |

Perturbations are those of paired_minerals. Finished trainings are kept in benchmarks/results/local/held_away.json. Differences are paired, with 95 %
intervals by physical sample, then over trainings (benchmarks/tools/paired.py).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, update_bn

from benchmarks.accuracy import paired_minerals as minerals
from benchmarks.tools import paired
from benchmarks.tools.paired import Pair
from benchmarks.tools.results import LOCAL
from edgespec import models, recipe, storage
from edgespec.data import splits
from edgespec.evaluation import scoring
from edgespec.job import Fit, Job, Silent
from edgespec.pipeline import preparation
from edgespec.recipe import Call
from edgespec.recipe.plan import plan
from edgespec.recipe.schema import Binder
from edgespec.search import fold as fold_runs
from edgespec.spectra import Spectra
from edgespec.training import batches, loop

FILE = LOCAL / "held_away.json"
LASERS = {"780 and 785 nm": [780, 785], "532 nm": [532]}
FOLDS = 3
IDEAS = ("recipe", "others as classes", "weights averaged", "others, averaged", "taught by itself")
LDA, NEAREST = minerals.LDA, minerals.NEAREST
NETWORK = Call("cnn", minerals.TRAIN["model"]["cnn"])
Answer = Callable[[Any], Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("idea", nargs="*", help=", ".join(IDEAS))
    asked = parser.parse_args()
    if unknown := set(asked.idea) - set(IDEAS):
        parser.error(f"no idea {', '.join(sorted(unknown))}: there is {', '.join(IDEAS)}")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    for held, number, job, others in divisions():
        for idea in asked.idea or IDEAS:
            key = f"{held}, {number}, {idea}"
            if key in known()["trainings"]:
                continue
            started = time.monotonic()
            answers = {idea: network(idea, job, others)}
            if idea == "recipe":
                answers |= minerals.simple(job)
            found = known()
            right = minerals.named(job, answers)
            found["trainings"][key] = {"right": right, "learnt": len(job.splits.rows(None))}
            found["samples"][f"{held}, {number}"] = ",".join(job.spectra.group[job.splits.test])  # type: ignore[index]
            storage.write_json(FILE, found)
            n = len(job.splits.test)
            clean = {name: round(float(paired.unpacked(each["clean"], n).mean()), 3) for name, each in right.items()}
            print(f"{key}: {time.monotonic() - started:.0f} s, {clean}", file=sys.stderr, flush=True)
    print(table(known()))


def known() -> dict[str, Any]:
    """Give what is finished: by training, model and perturbation, which test spectra are named rightly; the sample of each test spectrum."""
    empty: dict[str, Any] = {"samples": {}, "trainings": {}}
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else empty


def divisions() -> Iterator[tuple[str, int, Job, Spectra]]:
    """Give each division: what is held away, fold, job, and the other minerals' spectra of the lasers that are not."""
    checked = plan(recipe.load(minerals.RECIPE, [minerals.BY_SAMPLE]))
    with tempfile.TemporaryDirectory() as name:
        whole = preparation.prepare(checked, Path(name), Silent())
    spectra, others = whole.spectra, whole.unknown
    if spectra.source != "measured" or spectra.laser is None or others is None or others.laser is None:
        sys.exit("the embedded spectra stood in: set EDGESPEC_DATA to the folder of the real ones")
    for held, lasers in LASERS.items():
        away = np.isin(spectra.laser, lasers)
        for number, fold in enumerate(splits.folds(spectra, checked.data.split, FOLDS, 0)):
            around = splits.around(spectra, checked.data.split, fold, number)
            kept = {name: rows[~away[rows]] for name, rows in around.train.items()}
            valid = {name: rows[~away[rows]] for name, rows in around.valid.items()}
            test = fold[away[fold]]
            learnt = np.unique(spectra.y[np.concatenate(list(kept.values()))])
            parts = replace(around, train=kept, valid=valid, test=test[np.isin(spectra.y[test], learnt)])
            job = replace(whole, splits=parts, seed=number, unknown=None)
            yield held, number, job, others[np.flatnonzero(~np.isin(others.laser, lasers))]


def network(idea: str, job: Job, others: Spectra) -> Answer:
    """Train the network of an idea: raw spectra -> (n, classes)."""
    if idea == "taught by itself":
        return taught(job)
    wide = with_classes(job, others) if idea.startswith("others") else job
    trained = once(wide, averaged=idea.endswith("averaged"))
    front, classes = job.front(), len(job.spectra.labels)

    def answer(raw: Any) -> Any:
        seen = batches.through(front, torch.from_numpy(np.ascontiguousarray(raw, np.float32)))
        return batches.logits(trained, seen).numpy()[:, :classes]

    return answer


def with_classes(job: Job, others: Spectra) -> Job:
    """Add the other minerals' spectra to what is learnt from, as classes behind those of the task."""
    mine = job.spectra
    names, y = np.unique(others.y, return_inverse=True)
    both = Spectra(
        x=np.concatenate([mine.x, others.x]),
        axis=mine.axis,
        y=np.concatenate([mine.y, y + len(mine.labels)]),
        labels=(*mine.labels, *(f"other {others.labels[i]}" for i in names)),
        group=np.concatenate([mine.group, others.group]),  # type: ignore[arg-type]  # both are RRUFF's, which names samples
    )
    extra = np.arange(len(mine), len(both))
    first = next(iter(job.splits.train))
    train = {**job.splits.train, first: np.concatenate([job.splits.train[first], extra])}
    return replace(job, spectra=both, splits=replace(job.splits, train=train))


def once(job: Job, *, averaged: bool) -> nn.Module:
    """Train the recipe's network; averaged: leave it with the mean of the weights of the last quarter of its epochs."""
    rows, valid, fit = job.splits.rows(None), job.splits.rows(None, valid=True), Fit(**minerals.FIT)
    trained = models.build(NETWORK, points=job.front().points, classes=len(job.spectra.labels), seed=job.seed)
    mean, seen = AveragedModel(trained), 0
    accuracy = batches.accuracy(job, valid)

    def epoch_of(epoch: int) -> tuple[Tensor, ...]:
        return batches.varied(job, rows, seed=job.seed * 1000 + epoch), batches.labels(job, rows)

    def judge(model: nn.Module) -> float:
        nonlocal seen
        seen += 1
        if seen > fit.epochs * 3 // 4:
            mean.update_parameters(model)
        return accuracy(model)

    loss = partial(functional.cross_entropy, label_smoothing=minerals.TRAIN["label_smoothing"])
    loop.fit(
        trained, job, fit, epoch_of=epoch_of, loss=loss, judge=judge, judged=batches.samples(job, valid), what="train"
    )
    if not averaged:
        return trained
    update_bn(torch.split(epoch_of(fit.epochs)[0], fit.batch), mean)
    return mean.module


def taught(job: Job) -> Answer:
    """Train the recipe's network, and a second one from its answers."""
    written = [{"train": {**minerals.TRAIN, "fit": minerals.FIT}}, {"distill": {**minerals.AGAIN, "fit": minerals.FIT}}]
    with tempfile.TemporaryDirectory() as name:
        steps = [Binder(str).call("steps", each, (), "") for each in written]
        made = [each for _, _, each in fold_runs.through(job, steps, Path(name))][-1]
        return scoring.load(job, made).logits  # type: ignore[arg-type]  # a step that trains leaves a checkpoint


def table(found: dict[str, Any]) -> str:
    """Word accuracies, and paired differences to the recipe's network, as Markdown."""
    lines = []
    for held in LASERS:
        shares = {name: _shares(found, held, name) for name in (*IDEAS, LDA, NEAREST)}
        shares = {name: each for name, each in shares.items() if each["clean"]}
        lines += [f"\nheld away: {held}\n", "| model | trainings | " + " | ".join(minerals.CONDITIONS) + " |"]
        lines.append("| --- " * (len(minerals.CONDITIONS) + 2) + "|")
        for name, each in shares.items():
            cells = [f"{np.concatenate([one[0] for one in told.values()]).mean():.3f}" for told in each.values()]
            lines.append(f"| {name} | {len(each['clean'])} | {' | '.join(cells)} |")
        for name, each in shares.items():
            if name != "recipe":
                lines.append(
                    f"| {name} - recipe | | {' | '.join(map(_gap, each.values(), shares['recipe'].values()))} |"
                )
    return "\n".join(lines)


def _shares(found: dict[str, Any], held: str, name: str) -> dict[str, dict[str, tuple[Any, Any, int]]]:
    """Give by condition and fold: (n,) share of its perturbations under which a spectrum is named rightly, its sample, what was learnt from."""
    idea = name if name in IDEAS else "recipe"
    told: dict[str, dict[str, tuple[Any, Any, int]]] = {condition: {} for condition in minerals.CONDITIONS}
    for number in map(str, range(FOLDS)):
        made = found["trainings"].get(f"{held}, {number}, {idea}")
        if made is None:
            continue
        sample = np.array(found["samples"][f"{held}, {number}"].split(","))
        for condition, kinds in minerals.CONDITIONS.items():
            words = [made["right"][name][kind or "clean"] for kind in kinds]
            share = np.mean([paired.unpacked(word, len(sample)) for word in words], axis=0)
            told[condition][number] = (share, sample, made["learnt"])
    return told


def _gap(mine: dict[str, tuple[Any, Any, int]], other: dict[str, tuple[Any, Any, int]]) -> str:
    gap = [Pair(mine[key][0], other[key][0], mine[key][1], mine[key][2]) for key in mine if key in other]
    spread = paired.by_run(gap)
    low = "" if spread.low is None else f"; [{spread.low:+.3f}, {spread.high:+.3f}]"
    return f"{paired.by_sample(gap).worded()}{low}"


if __name__ == "__main__":
    main()
