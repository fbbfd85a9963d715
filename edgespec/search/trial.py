"""One trial: an ordinary run folder, its steps made or shared, its files measured on validation spectra; the test part is not looked at."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import models, storage
from edgespec.artifact import OnnxModel
from edgespec.bench import instructions, measure, paired, recommend, session
from edgespec.bench.measurement import Measurement
from edgespec.data import splits
from edgespec.data.splits import Splits
from edgespec.errors import Mistake
from edgespec.evaluation import scoring
from edgespec.evaluation.scoring import Scores
from edgespec.graph import compatibility, exporter
from edgespec.job import Job, Progress
from edgespec.pipeline import compress
from edgespec.pipeline.step_cache import Store
from edgespec.recipe import Call, Recipe, Split
from edgespec.recipe.plan import Plan, plan
from edgespec.spectra import Ints
from edgespec.targets.card import Target
from edgespec.training import batches

REFERENCE = "reference"
NETWORK = Call("cnn", {"widths": [16, 32, 64]})
SECONDS = 1.0
VALIDATION = "validation.json"


@dataclass(frozen=True)
class Setup:
    """Where trials run and what they are measured with.

    folder: the search's; job: the data, divided once for all trials; rows: validation spectra that trials are judged on
    target: where latency is measured, None where it is no objective
    counted: whether instructions are counted, by valgrind on this machine
    folds: what trials are judged on instead of `rows`: each fold by a network that learnt from the others
    """

    folder: Path
    job: Job
    rows: Ints
    target: Target | None
    counted: bool = False
    folds: tuple[Splits, ...] = ()

    @property
    def judges(self) -> Ints:
        """Rows of the spectra that a trial is judged on."""
        return np.concatenate([each.test for each in self.folds]) if self.folds else self.rows

    @property
    def watched(self) -> int:
        """Physical samples that a network in training is judged on."""
        return batches.samples(self.job, self.rows)


def run(setup: Setup, recipe: Recipe, number: int, hearing: compress.Hearing, progress: Progress) -> dict[str, Any]:
    """Run a trial's plain recipe in `trials/<number>` and give what it is worth, by validation; steps made before are kept.

    Raises what the steps raise, and Ended where `hearing` ends a training.
    """
    folder = setup.folder / "trials" / f"{number:04d}"
    with storage.lock(folder, wait=True):  # whoever was taken for dead may be slow only: its steps are kept
        started = time.monotonic()
        checked = plan(replace(recipe, path=folder / "recipe.yaml"))
        data = checked.data
        job = replace(
            setup.job, folder=folder, preprocess=tuple(data.preprocess), augment=data.augment, progress=progress
        )
        model = compress.make(checked, folder, job, Store(setup.folder / "steps"), hearing)
        if not isinstance(model, OnnxModel):
            raise Mistake("its last step leaves no ONNX file")
        found = _measured(setup, job, model, folder)
        if setup.folds:
            found |= _folded(setup, checked, job, str(found["variant"]), folder)
        found |= {"seconds": round(time.monotonic() - started, 1), "folder": f"trials/{number:04d}"}
        storage.write_json(folder / VALIDATION, found)
    return found


def rows(job: Job, ons: Sequence[str | None]) -> Ints:
    """Give the validation spectra that stand for the test part: of the last part that a step learns from.

    Raises Mistake where there are none.
    """
    named = [on for on in ons if on is not None]
    found = job.splits.rows(named[-1] if named else None, valid=True)
    if not len(found):
        raise Mistake("there are no validation spectra to choose by", hint="data.split.valid, a larger share")
    return found


def folded(job: Job, split: Split, ons: Sequence[str | None], count: int) -> tuple[Splits, ...]:
    """Divide what `rows` are drawn from into folds, none with a spectrum of the test part: each stands as the test part of one division.

    Raises Mistake where there are too few samples.
    """
    named = [on for on in ons if on is not None]
    on = named[-1] if named else None
    known = np.union1d(job.splits.rows(on), job.splits.rows(on, valid=True))
    found = []
    for fold in splits.folds(job.spectra[known], split, count, job.seed):
        mine = known[fold]
        parts = splits.around(job.spectra, split, np.union1d(mine, job.splits.test), job.seed)
        found.append(replace(parts, test=mine))
    return tuple(found)


def reference(folder: Path, job: Job) -> Path:
    """Give the file that every latency is compared with: one untrained network, the same for all trials of all searches on an axis."""
    path = folder / "reference.onnx"
    if not path.is_file():
        bare = replace(job, preprocess=())
        front = bare.front()
        network = models.build(NETWORK, points=front.points, classes=len(job.spectra.labels), seed=0)
        made = path.with_name(f".reference-{storage.digest(str(time.time_ns()))}.onnx")
        exporter.export(network, made, front=front)
        made.replace(path)
    return path


def _folded(setup: Setup, checked: Plan, job: Job, variant: str, folder: Path) -> dict[str, float]:
    """Run the trial's steps once more for each fold, and judge what they leave on it."""
    logits = []
    for number, parts in enumerate(setup.folds):
        place = folder / "folds" / str(number)
        own = replace(job, splits=parts, folder=place)
        *_, last = compress.unjudged(checked, place, own, Store(setup.folder / "steps"))
        model = last.artifact
        if not isinstance(model, OnnxModel):
            raise Mistake("its last step leaves no ONNX file")
        # rounding may have failed in a fold: its float file answers there, as it would be shipped
        names = [name for name, each in model.variants.items() if each.role == "candidate"]
        name = variant if variant in names else names[0]
        logits.append(scoring.answers(own, model.path(name), parts.test))
    return _told(setup.job, np.concatenate(logits), setup.judges)


def _told(job: Job, logits: Any, rows: Ints) -> dict[str, float]:
    group = None if job.spectra.group is None else job.spectra.group[rows]
    scores: Scores = scoring.judge(logits, job.spectra.y[rows], group)
    told = {"accuracy": scores.accuracy, "low": scores.low, "high": scores.high}
    return {key: round(each, 5) for key, each in told.items()}


def _measured(setup: Setup, job: Job, model: OnnxModel, folder: Path) -> dict[str, Any]:
    names = [name for name, each in model.variants.items() if each.role == "candidate"]
    if setup.target is None:
        variant = min(names, key=lambda name: model.path(name).stat().st_size)
        latency = None
    else:
        variant, latency = _timed(setup, setup.target, job, model, names, folder)
    told = _told(job, scoring.answers(job, model.path(variant), setup.rows), setup.rows)
    weight = scoring.weight(model, variant)
    kept = {"params": weight["params"], "macs": weight["macs"], "size": weight["bytes"]}
    if setup.counted:
        x = job.spectra.x[setup.rows]
        kept["instructions"] = round(instructions.count({variant: model.path(variant)}, x, setup.folder)[1][variant])
    return {"variant": variant, **told, **kept, "latency": latency}


def _timed(
    setup: Setup, target: Target, job: Job, model: OnnxModel, names: Sequence[str], folder: Path
) -> tuple[str, dict[str, Any]]:
    """Give the fastest file and its latency beside the reference network's, both measured in turns in one session."""
    files = {REFERENCE: reference(setup.folder, job), **{name: model.path(name) for name in names}}
    siblings = {name: model.variants[name].sibling for name in names if model.variants[name].sibling in files}
    files = compatibility.as_run(files, target, folder / "search" / target.name)
    x, y = job.spectra.x[setup.rows], job.spectra.y[setup.rows]
    with storage.turn(storage.home() / "measuring.lock"):  # one worker of this machine at a time
        found = measure.measure(
            files, x, y, target, folder / "search", reference=REFERENCE, float_of=siblings, seconds=SECONDS
        )
    recorded = session.load(folder / "search" / f"{target.name}.samples.npz")
    chosen = recommend.recommend(
        found,
        lambda each: ["it is what the others are compared with"] * (each.variant == REFERENCE),
        paired.of_session(recorded),
    )
    told = {each.variant: each for each in found}
    name = str(chosen.variant)
    return name, _latency(told[name], told[REFERENCE])


def _latency(mine: Measurement, other: Measurement) -> dict[str, Any]:
    host = mine.host
    return {
        "target": mine.target,
        "ratio": round(mine.ratio, 4),
        "low": round(mine.ratio_interval[0], 4),
        "high": round(mine.ratio_interval[1], 4),
        "noise": round(mine.noise, 4),
        "p50_ms": mine.p50_ms,
        "reference_ms": other.p50_ms,
        "host": " ".join(str(host[key]) for key in ("cpu", "machine") if host.get(key)),
    }


def values(found: dict[str, Any], objectives: Sequence[str]) -> list[float]:
    """Give a trial's objectives as numbers; latency is the ratio to the reference network's in the same session."""
    return [float(found["latency"]["ratio"] if name == "latency" else found[name]) for name in objectives]


def digest(job: Job, rows: Ints) -> str:
    """Digest what trials are judged on, so that workers with other data notice."""
    return storage.digest(np.asarray(job.spectra.y[rows]), job.spectra.x[rows], list(job.spectra.labels))
