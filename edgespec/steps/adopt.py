"""A model that was trained elsewhere stands at the start of the line: imported from others, or a step of another run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgespec import artifact, models
from edgespec.artifact import Checkpoint
from edgespec.errors import Mistake
from edgespec.job import Folder, Job
from edgespec.recipe import plain
from edgespec.training import batches
from edgespec.training import teacher as teachers

HINT = "a folder that `edgespec import` wrote, or that of a step of another run, such as runs/NAME/1-train"


def run(job: Job, *, checkpoint: Folder) -> Checkpoint:
    """Take over a trained checkpoint, if it names the very classes of the data, in their order, on their axis.

    checkpoint: its folder, as seen from where edgespec runs: one that `edgespec import` wrote, or a step's of another run.
    """
    found, record = check(job, checkpoint=checkpoint)
    for fact in ("labels", "axis", "preprocess"):
        if fact not in found.facts:
            job.progress.say(f"{checkpoint} does not say its {fact}: that they are the recipe's is taken on trust")
    adopted = {"folder": checkpoint, "step": record.get("step"), "digest": record.get("digest")}
    return batches.save(models.load(found), found.model, job, facts={**found.facts, "adopted": adopted})


def check(job: Job, *, checkpoint: str) -> tuple[Checkpoint, dict[str, Any]]:
    """Read the checkpoint and raise Mistake where it is of other classes, another axis or preprocessing: known before anything is run."""
    found, record = _read(Path(checkpoint))
    axis, labels = batches.axis(job), ", ".join(job.spectra.labels)
    hint = f"the recipe has data.axis: {{low: {axis['low']:g}, high: {axis['high']:g}, points: {axis['points']}}}; classes: {labels}"
    teachers.check(job, found, called=f"checkpoint {checkpoint}", hint=hint)
    _check_preprocess(job, found, checkpoint)
    return found, record


def _read(folder: Path) -> tuple[Checkpoint, dict[str, Any]]:
    try:
        found, record = artifact.read(folder)
    except Mistake as problem:
        raise Mistake(problem.message, HINT) from None
    if not isinstance(found, Checkpoint):
        raise Mistake(f"{folder} holds ONNX files, no weights that could be trained or exported", HINT)
    return found, record


def _check_preprocess(job: Job, found: Checkpoint, folder: str) -> None:
    theirs, ours = found.facts.get("preprocess"), plain(list(job.preprocess))
    if theirs is not None and theirs != ours:
        raise Mistake(
            f"checkpoint {folder} was trained behind the preprocessing {_shown(theirs)}, the recipe has {_shown(ours)}",
            hint="write the same data.preprocess: the network knows no other spectra",
        )


def _shown(calls: list[dict[str, Any]]) -> str:
    """Write a preprocessing as a recipe would."""
    words = []
    for call in calls:
        for name, keys in call.items():
            told = ", ".join(f"{key}: {value}" for key, value in keys.items())
            words.append(f"{name}: {{{told}}}" if told else name)
    return f"[{', '.join(words)}]"
