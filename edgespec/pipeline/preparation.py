"""What every step is handed: the data of a recipe, read, divided and checked against its steps."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgespec import datasets, models, own_code, plugins
from edgespec.compression.pruning import early_exit
from edgespec.data.splits import Splits, divide
from edgespec.errors import EdgespecError, Missing, Mistake, Mistakes
from edgespec.job import Job, Progress
from edgespec.recipe import Call
from edgespec.recipe.plan import Plan
from edgespec.recipe.schema import Binder
from edgespec.spectra import Spectra

LOUD = "*** data: embedded *** generated spectra, not measured ones: the figures show that the line works, not how it does on samples"


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
    _check_networks(checked, job)
    _check_exits(checked, job)
    _check_steps(checked, job)
    return job


def _check_steps(checked: Plan, job: Job) -> None:
    """Let steps that know it say that they cannot work on these data, before anything is trained."""
    for i, step in enumerate(checked.steps):
        check = getattr(plugins.find("steps", step.name), "check", None)
        if check is None:
            continue
        try:
            check(job, **step.keys)
        except Mistake as problem:
            place = checked.recipe.at(("steps", i, step.name))
            raise Mistake(f"{place}: step {i + 1} '{step.name}': {problem.message}", problem.hint) from None


def _check_networks(checked: Plan, job: Job) -> None:
    """Raise Mistake where the keys of a network make none for these data, before anything is trained. A recipe's own networks are not run for it."""
    for i, step in enumerate(checked.steps):
        for key in ("model", "student"):
            made = step.keys.get(key)
            for call in made if isinstance(made, list | tuple) else [made]:
                if not isinstance(call, Call) or own_code.is_own(call.name):
                    continue
                try:
                    models.build(call, points=job.front().points, classes=len(job.spectra.labels), seed=0)
                except Mistake as problem:
                    place = checked.recipe.at(("steps", i, step.name, key))
                    raise Mistake(f"{place}: step {i + 1} '{step.name}': {problem.message}", problem.hint) from None


def _check_exits(checked: Plan, job: Job) -> None:
    """Raise Mistake where a step leaves a network after a stage that it hasn't, before anything is trained."""
    wrong = early_exit.check(checked.steps, points=job.front().points, classes=len(job.spectra.labels))
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
        found = datasets.load(_unlearnt(call), axis=checked.data.axis, seed=checked.seed)
    except Missing as absent:
        return None, [f"unknown substances were not measured: {absent.message}"]
    known = {_plain(label) for label in spectra.labels}
    strange = [i for i, label in enumerate(found.labels) if _plain(label) not in known]
    rows = np.flatnonzero(np.isin(found.y, strange))
    if not len(rows):
        return None, [f"unknown substances were not measured: all of {found.name} are known"]
    return found[rows], []


def _unlearnt(call: Call) -> Call:
    """Let a spectrum stand under two labels where nobody learns them: they only say whether the model knows the substance."""
    keys = {**call.keys, "two_labels": "first"} if "two_labels" in call.keys else call.keys
    return Call(call.name, keys)


def _plain(label: str) -> str:
    """Bring a name to its letters and digits: Axinite-(Fe) is AxiniteFe."""
    return re.sub(r"[^a-z0-9]", "", label.lower())


def check_parts(plan: Plan, splits: Splits) -> None:
    """Check that every `on:` names a training part that the data has; known only once the data is read."""
    binder = Binder(plan.recipe.at)
    for i, step in enumerate(plan.steps):
        on = step.keys.get("on")
        if on is not None and on not in splits.names:
            hint = plugins.did_you_mean(on, splits.names)
            binder.wrong(
                ("steps", i, step.name, "on"), f"step {i + 1} '{step.name}': there is no training part {on!r}", hint
            )
    if binder.mistakes:
        raise Mistakes(binder.mistakes)
