"""Run a recipe from data to report: each step kept where nothing that made it has changed, made anew where something has."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from edgespec import artifact as artifacts
from edgespec import datasets, early, plugins, provenance, report, rows, storage, training
from edgespec.artifact import Artifact
from edgespec.errors import EdgespecError, Missing, Mistake
from edgespec.finished import data_digest, fingerprint
from edgespec.job import Job, Progress, few
from edgespec.plan import Plan, check_parts, plan, until
from edgespec.recipe import Call, Recipe, plain
from edgespec.report import Report, Row
from edgespec.spectra import Spectra
from edgespec.splits import divide

Seen = Callable[[Report], None]
LOUD = "*** data: embedded *** generated spectra, not measured ones: the figures show that the line works, not how it does on samples"


@dataclass(frozen=True)
class Made:
    """A finished step: what it left, how it scored, the digest of all that made it, and whether it was there already."""

    artifact: Artifact
    rows: list[Row]
    digest: str
    kept: bool


def compress(
    recipe: Recipe, folder: Path, *, stop: str | None, progress: Progress, seen: Seen = lambda _: None
) -> Report:
    """Run the recipe's steps and give its report; what is already made and still true is kept.

    folder: the run folder; stop: `--until`; seen: hears the report after every step
    Raises Mistakes of the recipe before anything is written, EdgespecErrors of the data and the steps as they come.
    """
    checked = plan(recipe)
    last = until(checked, stop)
    with storage.lock(folder):
        job = prepare(checked, folder, progress)
        before = _before(folder)
        result = _start(checked, job)
        storage.write(folder / "recipe.yaml", yaml.safe_dump(plain(recipe.tree), sort_keys=False, allow_unicode=True))
        storage.write_json(folder / "environment.json", result.environment)
        _run(checked.steps[:last], job, result, folder, seen)
        result.notes += rows.remarks(result)
        if before and _digests(before) == _digests(result):
            result.bench, result.advice = before.bench, before.advice  # measured on these very files
            result.transfer = before.transfer
        result.finished = fingerprint(recipe, job.spectra, stop)
        report.write(result, folder)
        return result


def prepare(checked: Plan, folder: Path, progress: Progress) -> Job:
    """Read the data and divide it: everything a step is handed."""
    data = checked.data
    progress.begin("read the data", 1)
    try:
        spectra = datasets.load(data.load, axis=data.axis, seed=checked.seed)
    except EdgespecError as problem:
        problem.message = f"{checked.recipe.at(('data', 'load', data.load.name))}: {problem.message}"
        raise
    progress.advance(1, f"{len(spectra)} spectra, {len(spectra.labels)} classes")
    progress.end()
    if spectra.source == "embedded":
        progress.say(LOUD)
    splits = divide(spectra, data.split, checked.seed)
    check_parts(checked, splits)
    unknown, notes = _unknown(checked, spectra)
    spectra = replace(spectra, notes=(*spectra.notes, *notes))
    job = Job(spectra, splits, tuple(data.preprocess), data.augment, folder, checked.seed, progress, unknown)
    _check_exits(checked, job)
    return job


def _check_exits(checked: Plan, job: Job) -> None:
    """Raise Mistake where a step leaves a network after a stage that it hasn't, before anything is trained."""
    wrong = early.check(checked.steps, points=training.front(job).points, classes=len(job.spectra.labels))
    if wrong:
        i, problem = wrong
        place = checked.recipe.at(("steps", i, checked.steps[i].name, "after"))
        text = f"{place}: step {i + 1} '{checked.steps[i].name}': {problem.message}"
        raise Mistake(text, problem.hint)


def _unknown(checked: Plan, spectra: Spectra) -> tuple[Spectra | None, list[str]]:
    """Read the spectra of what no model is to know; where they are not at hand, that is noted and nothing is measured on them."""
    call = checked.data.unknown
    if call is None:
        return None, []
    try:
        found = datasets.load(call, axis=checked.data.axis, seed=checked.seed)
    except Missing as absent:
        return None, [f"unknown substances were not measured: {absent.message}"]
    known = {_plain(label) for label in spectra.labels}
    strange = [i for i, label in enumerate(found.labels) if _plain(label) not in known]
    rows = np.flatnonzero(np.isin(found.y, strange))
    if not len(rows):
        return None, [f"unknown substances were not measured: all of {found.name} are known"]
    return found[rows], []


def _plain(label: str) -> str:
    """Bring a name to its letters and digits: Axinite-(Fe) is AxiniteFe."""
    return re.sub(r"[^a-z0-9]", "", label.lower())


def _run(steps: tuple[Call, ...], job: Job, result: Report, folder: Path, seen: Seen) -> None:
    base = _digest(job, result.data["digest"])
    for on, labels in _learnt_from(steps):
        made = _baselines(job, on, labels, base, folder)
        result.rows += made.rows
    parent, before = base, None
    for number, step in enumerate(steps, start=1):
        made = _keep_or_make(job, step, number, before, parent, result, folder)
        before, parent = made.artifact, made.digest
        result.rows += made.rows
        seconds = sum(row.seconds or 0 for row in made.rows[:1])
        result.steps.append(
            {
                "number": number,
                "name": step.name,
                "folder": f"{number}-{step.name}",
                "seconds": seconds,
                "kept": made.kept,
                "digest": made.digest,
            }
        )
        report.write(result, folder)
        seen(result)


def _digests(result: Report) -> list[str]:
    return [step["digest"] for step in result.steps]


def _before(folder: Path) -> Report | None:
    """Give the report of an earlier run in this folder, if it can be read."""
    try:
        return report.read(folder)
    except Mistake:
        return None


def _start(checked: Plan, job: Job) -> Report:
    spectra, splits = job.spectra, job.splits
    data: dict[str, Any] = {
        "name": spectra.name or checked.data.load.name,
        "source": spectra.source,
        "digest": data_digest(spectra),
        "classes": len(spectra.labels),
        "labels": list(spectra.labels),
        "axis": plain(checked.data.axis),
        "samples": len(set(spectra.group.tolist())) if spectra.group is not None else None,
        "train": {name: len(each) for name, each in splits.train.items()},
        "valid": {name: len(each) for name, each in splits.valid.items()},
        "test": len(splits.test),
        "notes": [*spectra.notes, *splits.notes],
    }
    return Report(checked.recipe.name, checked.seed, data, environment=provenance.environment())


def _learnt_from(steps: tuple[Call, ...]) -> list[tuple[str | None, str]]:
    """Give each (part, labels) that a step learns from: the baselines stand on the same."""
    found = [(step.keys["on"], step.keys.get("labels", "all")) for step in steps if step.name in ("train", "distill")]
    found += [(None, "all") for step in steps if step.name == "adopt"]  # what it learnt from is not here; the data are
    return list(dict.fromkeys(found))


def _baselines(job: Job, on: str | None, labels: str, base: str, folder: Path) -> Made:
    name = "-".join(["0-baselines", on or "all", *([labels.replace(" ", "-")] if few(labels) else [])])
    key = storage.digest("baselines", on, labels, base, provenance.whole_digest(), provenance.versions())
    kept = _kept(folder / name, key)
    if kept is not None:
        return kept
    with storage.whole_folder(folder / name) as part:
        made, found = rows.of_baselines(job.inside(part), on, labels)
        for row in found:
            row.file = f"{name}/{row.file}" if row.file else ""
        artifacts.seal(
            made, {"step": "baselines", "digest": key, "data": job.spectra.source, "rows": [vars(row) for row in found]}
        )
    return Made(artifacts.moved(made, folder / name), found, key, False)


def _keep_or_make(
    job: Job, step: Call, number: int, before: Artifact | None, parent: str, result: Report, folder: Path
) -> Made:
    name = f"{number}-{step.name}"
    code = provenance.code_digest(step)
    key = storage.digest(number, step.plain(), parent, code, provenance.versions(), provenance.outside(step))
    kept = _kept(folder / name, key)
    if kept is not None:
        job.progress.say(f"{name}: kept")
        return kept
    started = time.monotonic()
    with storage.whole_folder(folder / name) as part:
        run = plugins.find("steps", step.name).run
        own = job.inside(part)
        made: Artifact = run(own, *([] if before is None else [before]), **step.keys)
        seconds = round(time.monotonic() - started, 2)
        found = rows.after(own, made, number, step, seconds, before, result)
        for row in found:
            row.file = f"{name}/{row.file}" if row.file else ""
        record = {
            "step": step.name,
            "number": number,
            "keys": plain(step.keys),
            "digest": key,
            "parent": parent,
            "code": code,
        }
        record |= {
            "seed": job.seed,
            "data": result.data["source"],
            "seconds": seconds,
            "rows": [vars(row) for row in found],
        }
        artifacts.seal(made, record)
    return Made(artifacts.moved(made, folder / name), found, key, False)


def _kept(folder: Path, key: str) -> Made | None:
    """Give what a step left before, where it is whole and made by the very same."""
    try:
        found, record = artifacts.read(folder)
        if record["digest"] == key:
            return Made(found, [Row(**row) for row in record["rows"]], key, True)
    except (Mistake, KeyError, TypeError):
        return None  # damaged or of another format: it is made anew
    return None


def _digest(job: Job, data: str) -> str:
    """Digest what all steps share: the data, how they are divided, prepared and varied, the seed."""
    splits = [each for part in (job.splits.train, job.splits.valid) for name in part for each in (name, part[name])]
    shared = (plain(list(job.preprocess)), plain(job.augment), job.seed)
    unknown = "" if job.unknown is None else data_digest(job.unknown)
    return storage.digest(data, *splits, job.splits.test, *shared, unknown)
