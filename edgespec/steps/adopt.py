"""A model that was trained elsewhere stands at the start of the line: imported from others, a step of another run, or an ONNX file.

A checkpoint can be trained on. An ONNX file is final: what works on ONNX files works on it, training and pruning do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Len

from edgespec import artifact, models, storage
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.errors import Mistake
from edgespec.graph.foreign import adoption
from edgespec.job import Folder, Job
from edgespec.recipe import Call, plain
from edgespec.training import batches, others_weights
from edgespec.training import teacher as teachers

HINT = "a folder that `edgespec import` wrote, or that of a step of another run, such as runs/NAME/1-train"


ONE = "adopt: {checkpoint: FOLDER} for a network to train on, {weights: FILE, model: cnn} for weights alone, {onnx: FILE} for a finished model"
SHOWN = 3
COUNT = "num_batches_tracked"  # older versions of torch did not save it
Labels = Annotated[Sequence[str], Len(2)]


def run(
    job: Job,
    *,
    checkpoint: Folder | None = None,
    onnx: Folder | None = None,
    weights: Folder | None = None,
    model: Annotated[Call, "models"] | None = None,
    labels: Labels | None = None,
    preprocess: Literal["inside", "recipe"] = "inside",
    output: str | None = None,
    answers: Literal["auto", "logits", "probabilities", "labels"] = "auto",
) -> Artifact:
    """Take over a trained model: a checkpoint with the very classes of the data on their axis, or a classifier as an ONNX file.

    checkpoint: its folder, as seen from where edgespec runs: one that `edgespec import` wrote, or a step's of another run.
    onnx: instead, an ONNX file with one spectrum as input; its answers are proved to stay the same.
    weights: instead, a file of weights (.safetensors, .pth, .pt) of the network that `model` names; no code in it is run.
    model: with weights, the network: one of edgespec's, or a file beside the recipe.
    labels: what the file's classes are called, in the file's order; its own names if not said.
    preprocess: `inside` where the file takes raw spectra; `recipe` where it was trained behind data.preprocess, which then stands before it.
    output: the file's output that holds the classes, where several could be meant.
    answers: what that output holds; auto decides by its numbers and says it.
    """
    told = {
        "onnx": onnx,
        "checkpoint": checkpoint,
        "weights": weights,
        "model": model,
        "labels": labels,
        "output": output,
        "answers": answers,
    }
    if gives({**told, "preprocess": preprocess}) is OnnxModel:
        _check_place(job, preprocess)
        return adoption.adopt(job, adoption.Told(Path(str(onnx)), labels, output, answers))
    if weights is not None and model is not None:
        return _of_weights(job, Path(weights), model)
    return _checkpoint(job, str(checkpoint))


def gives(keys: Mapping[str, Any]) -> type[Artifact]:
    """Give the kind of artifact that the keys ask for. Raises Mistake where they name no model, or two."""
    if sum(keys.get(key) is not None for key in ("checkpoint", "onnx", "weights")) != 1:
        raise Mistake("'adopt' takes one of 'checkpoint', 'onnx' and 'weights'", ONE)
    if (keys.get("weights") is None) != (keys.get("model") is None):
        raise Mistake("'weights' and 'model' go together: the file holds numbers, the model says what they are", ONE)
    if keys.get("onnx") is not None:
        return OnnxModel
    defaults = {"labels": None, "preprocess": "inside", "output": None, "answers": "auto"}
    if said := [name for name, value in defaults.items() if keys.get(name, value) != value]:
        raise Mistake(f"{said[0]!r} belongs to 'onnx': a checkpoint says it itself", ONE)
    return Checkpoint


def _check_place(job: Job, preprocess: str) -> None:
    """Refuse what is not clear: does the model hold the preprocessing of the recipe, or stand behind it?"""
    ours = _shown(plain(list(job.preprocess)))
    if preprocess == "inside" and job.preprocess:
        raise Mistake(
            f"'preprocess' is inside: the model takes raw spectra, but the recipe has data.preprocess: {ours}",
            hint="data.preprocess: [] where the model prepares them itself; adopt: {..., preprocess: recipe} where it was trained behind this list",
        )
    if preprocess == "recipe" and not job.preprocess:
        raise Mistake(
            "'preprocess' is recipe, but the recipe's data.preprocess is empty",
            hint="write in data.preprocess what the model was trained behind; preprocess: inside where it takes raw spectra",
        )


def _checkpoint(job: Job, checkpoint: str) -> Checkpoint:
    found, record = _checked(job, checkpoint)
    for fact in ("labels", "axis", "preprocess"):
        if fact not in found.facts:
            job.progress.say(f"{checkpoint} does not say its {fact}: that they are the recipe's is taken on trust")
    adopted = {"folder": checkpoint, "step": record.get("step"), "digest": record.get("digest")}
    return batches.save(models.load(found), found.model, job, facts={**found.facts, "adopted": adopted})


def _of_weights(job: Job, path: Path, model: Call) -> Checkpoint:
    """Put somebody's weights into the network that they are of. Raises Mistake where names or shapes differ."""
    network = models.build(model, points=job.front().points, classes=len(job.spectra.labels), seed=job.seed)
    found, own = others_weights.read(path), network.state_dict()
    odd = [f"{name} is missing" for name in own if name not in found and not name.endswith(COUNT)]
    odd += [f"{name} is not known" for name in found if name not in own]
    odd += [
        f"{name} is {tuple(value.shape)} instead of {tuple(own[name].shape)}"
        for name, value in found.items()
        if name in own and value.shape != own[name].shape
    ]
    if odd:
        more = f", and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
        raise Mistake(
            f"{path}: not the weights of this {model.name}: {', '.join(odd[:SHOWN])}{more}",
            hint="the keys of `model`, data.axis and the classes as they were in training",
        )
    network.load_state_dict(found, strict=False)
    for fact in ("labels", "axis", "preprocess"):
        job.progress.say(f"{path} does not say its {fact}: that they are the recipe's is taken on trust")
    adopted = {"file": str(path), "sha256": storage.file_digest(path)}
    return batches.save(network, model.name, job, facts={"adopted": adopted})


def check(job: Job, *, checkpoint: Folder | None = None, **_: Any) -> None:
    """Raise Mistake where a checkpoint is of other classes, another axis or preprocessing: known before anything is run."""
    if checkpoint is not None:
        _checked(job, checkpoint)


def _checked(job: Job, checkpoint: str) -> tuple[Checkpoint, dict[str, Any]]:
    found, record = _read(Path(checkpoint))
    axis, labels = batches.axis(job), ", ".join(job.spectra.labels)
    hint = f"the recipe has data.axis: {{low: {axis['low']:g}, high: {axis['high']:g}, points: {axis['points']}}}; classes: {labels}"
    teachers.check(job, found, called=f"checkpoint {checkpoint}", hint=hint)
    _check_preprocess(job, found, checkpoint)
    return found, record


def _read(folder: Path) -> tuple[Checkpoint, dict[str, Any]]:
    try:
        found, record = artifact.read(folder)
    except artifact.UNUSABLE as problem:
        raise type(problem)(problem.message, HINT) from None
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
