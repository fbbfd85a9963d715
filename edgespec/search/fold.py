"""One fold: the recipe's steps around it, and what each model that they make names rightly on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgespec import plugins
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.data.splits import Splits
from edgespec.evaluation import baselines, robustness, scoring
from edgespec.job import Job, few
from edgespec.recipe import Call, Split
from edgespec.training import batches

Right = dict[str, int]  # title of a model -> how many of a fold's spectra it names rightly
Robust = dict[str, float]  # title of a model -> share of them that it names rightly, the mean over the perturbations


def inside(job: Job, split: Split) -> Job:
    """Give the job without the test part that its data set names; all of its spectra where it names none."""
    if split.parts != "given":
        return job
    return replace(job, spectra=job.spectra[np.setdiff1d(np.arange(len(job.spectra)), job.splits.test)])


def unheld(parts: Splits) -> Splits:
    """Learn from the validation spectra too."""
    train = {name: np.union1d(parts.train[name], parts.valid[name]) for name in parts.train}
    return replace(parts, train=train, valid={name: rows[:0] for name, rows in parts.valid.items()})


def once(job: Job, steps: tuple[Call, ...], simple: bool, robust: Robust | None = None) -> Right:
    """Run the steps one after the other and count what every model that they make names rightly, the baselines first.

    robust: where it is given, it is filled too: each model is also asked for the perturbed spectra
    """
    with tempfile.TemporaryDirectory() as name:
        found = linear(job, steps, robust) if simple else {}
        before: Artifact | None = None
        for number, (step, own, made) in enumerate(through(job, steps, Path(name)), start=1):
            named = {f"{number} {title}": model for title, model in models(made, before, step.name)}
            found |= {title: right(own, model) for title, model in named.items()}
            if robust is not None:
                robust.update({title: robustness.measure(own, model)["mean"] for title, model in named.items()})
            before = made
    return found


def through(job: Job, steps: Iterable[Call], folder: Path) -> Iterator[tuple[Call, Job, Artifact]]:
    """Run steps one after the other, each in a folder of its own; give each step with its job and what it made."""
    made: Artifact | None = None
    for number, step in enumerate(steps, start=1):
        own = job.inside(fresh(folder, f"{number}-{step.name}"))
        made = plugins.find("steps", step.name).run(own, *([] if made is None else [made]), **step.keys)
        yield step, own, made


def fresh(folder: Path, name: str) -> Path:
    """Make a folder."""
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


def linear(job: Job, steps: tuple[Call, ...], robust: Robust | None = None) -> Right:
    """Count what each baseline names rightly, fitted on what each step learns from, as a run of the recipe does. robust: as for `once`"""
    learnt = [
        (step.keys["on"], step.keys.get("labels", "all")) for step in steps if "on" in step.keys and "fit" in step.keys
    ]
    test, found = job.splits.test, Right()
    for on, labels in dict.fromkeys(learnt):
        known = batches.labelled(job, job.splits.rows(on), few(labels))
        asked = batches.prepared(job, test).numpy()
        answers = {"1-NN cosine": baselines.nearest(job, known), **baselines.linear(job, known)}
        if machine := baselines.svm(job, known):
            answers["svm"] = machine[1]
        more = " ".join(filter(None, [on, f"({labels})" if labels != "all" else ""]))
        titles = {name: f"baseline {name} {more}".strip() for name in answers}
        found |= {
            titles[name]: int((each(asked).argmax(1) == job.spectra.y[test]).sum()) for name, each in answers.items()
        }
        if robust is not None:
            told = robustness.side_by_side(job, answers)
            robust.update({titles[name]: told[name]["mean"] for name in answers})
    return found
