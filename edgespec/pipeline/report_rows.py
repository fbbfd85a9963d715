"""Turn what a step left into rows of the report: scored on the test part, perturbed, weighed, compared with step 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec.artifact import Artifact, Checkpoint, OnnxModel, Variant, read
from edgespec.evaluation import robustness, scoring, uncertainty
from edgespec.evaluation.difference import Mean
from edgespec.evaluation.scoring import LoadedModel
from edgespec.job import Job
from edgespec.pipeline import comparison, teacher_row
from edgespec.recipe import Call
from edgespec.report import Report, Row, right_answers
from edgespec.report.tables import quantization

WORTH = 0.005  # a gain below this is none


def after(
    job: Job, made: Artifact, number: int, step: Call, seconds: float, before: Artifact | None, report: Report
) -> list[Row]:
    """Give a step's rows: its model, its controls, or each file that it made or changed."""
    reference = _reference(job, made, number, report)
    if isinstance(made, Checkpoint):
        loaded = scoring.load(job, made)
        found = [_of_checkpoint(job, loaded, made, number, step.name, "step", seconds, reference)]
        found[0] = replace(found[0], reject=uncertainty.measure(job, loaded), pruning=_pruning(made))
        for name, control in made.controls.items():
            title, beside = name.replace("-", " ", 1), scoring.load(job, control)
            found.append(_of_checkpoint(job, beside, control, number, title, "control", None, reference))
        found[0] = replace(found[0], on=step.keys.get("on") or "", labels=step.keys.get("labels", ""))
        found += teacher_row.of(job, made, number)
        _perturb(job, made, found[:1], [loaded], report)
        return found
    known = before.variants if isinstance(before, OnnxModel) and step.name != "calibrate" else {}
    new = [name for name, each in made.variants.items() if each.role == "candidate" and name not in known]
    files = [scoring.load(job, made.path(name)) for name in new]  # each is loaded once, for all that its row says
    pairs = zip(new, files, strict=True)
    found = [_of_variant(job, file, made, name, number, step.name, seconds, reference) for name, file in pairs]
    _perturb(job, made, found, files, report)
    return found


def remarks(report: Report) -> list[str]:
    """Say in words what the table shows and a hurried reader might miss."""
    found = [each for each in (_gain(report), *_conversions(report), *quantization.remarks(report)) if each]
    if report.data["source"] == "embedded":
        found.insert(
            0,
            "data: embedded. These spectra are generated: the figures say that the line works, not how it does on your samples.",
        )
    return found


def _gain(report: Report) -> str:
    student = next((row for row in report.rows if row.kind == "step" and row.name == "distill"), None)
    controls = [row for row in report.rows if student and row.kind == "control" and row.step == student.step]
    if student is None or not controls:
        return ""
    parts = []
    for row in controls:
        source = "on its own labels alone" if row.name == "control" else f"on {row.name.removeprefix('control ')}"
        gain = comparison.apart(report, student, row)
        parts.append(f"{gain.worded()} against the same student trained {source}")
        if row.name == "control" and (doubt := _doubt(student, gain)):
            parts.append(doubt)
    if len(controls) > 1 and student.accuracy - max(row.accuracy for row in controls[1:]) < 0.02:
        parts.append("so where the library itself may be used, distillation brings nothing worth the name")
    return "distillation: " + "; ".join(parts) + "."


def _conversions(report: Report) -> list[str]:
    """Say what each conversion or pruning gained over the same small network that never saw the original, and where it saved no time."""
    found, words = [], {"convert_channels": "conversion", "prune": "pruning"}
    for row in report.rows:
        control = next((each for each in report.rows if each.kind == "control" and each.step == row.step), None)
        if row.name in words and row.kind == "step" and control is not None:
            gain = comparison.apart(report, row, control)
            nothing = "; so the original brings nothing here: train the small network by itself"
            verdict = nothing if gain.mean < WORTH else ""
            found.append(
                f"{words[row.name]}: {gain.worded()} against the same network trained from scratch for as long{verdict}."
            )
        if row.pruning and not row.pruning["latency"]["falls"]:
            share, latency = row.pruning["after"]["macs"] / row.pruning["before"]["macs"], row.pruning["latency"]
            found.append(
                f"pruning: {share:.0%} of the MACs are left, but latency on {latency['target']} did not fall ({latency['ratio']:.2f}x)."
            )
    return found


def _doubt(student: Row, gain: Mean) -> str:
    """Say where the teacher brought nothing, or nothing that so few test spectra could show."""
    advice = "train longer without a teacher, or ship the control"
    if gain.mean < WORTH:
        return f"so the teacher brings nothing here: {advice}"
    if gain.low is None or gain.low <= 0:
        return f"which {student.scores['n']} test spectra can't tell from nothing: {advice}"
    return ""


def _pruning(made: Checkpoint) -> dict[str, Any]:
    """Give what a step that prunes says of it, without the histories of its training and the list of channels."""
    known = dict(made.facts.get("pruning", {}))
    if known:
        known["rounds"] = [{key: each[key] for key in each if key != "history"} for each in known["rounds"]]
        del known["kept"]
    return known


def _reference(job: Job, made: Artifact, number: int, report: Report) -> NDArray[Any] | None:
    """Give the labels that step 1's model names on the test part."""
    if number == 1 or not report.steps:
        return None
    first, _ = read(job.folder.parent / report.steps[0]["folder"])
    source: Checkpoint | Path = first if isinstance(first, Checkpoint) else first.path("float32")
    return scoring.answers(job, source, job.splits.test).argmax(1)  # type: ignore[no-any-return]


def _perturb(job: Job, made: Artifact, found: list[Row], models: Sequence[LoadedModel], report: Report) -> None:
    """Fill in how robust the models of these rows are, against step 1 and against the float file that each was made from."""
    job.progress.begin("robustness", len(found))
    for done, (row, model) in enumerate(zip(found, models, strict=True), start=1):
        row.robustness = robustness.measure(job, model)
        row.right = {**row.right, **row.robustness.pop("right")}
        named = len(row.robustness["accuracy"])
        job.progress.advance(done, f"{row.robustness['mean']:.3f} on average over {named} perturbations")
    job.progress.end()
    files = {row.variant: row for row in [*report.rows, *found] if row.kind == "variant"}
    for row in found:
        sibling = made.variants[row.variant].sibling if isinstance(made, OnnxModel) else ""
        against = robustness.drop(row, files.get(sibling))
        row.robustness |= robustness.drop(row, report.reference())
        row.robustness |= {f"{key}_float": value for key, value in against.items()}


def _of_checkpoint(
    job: Job,
    loaded: LoadedModel,
    made: Checkpoint,
    number: int,
    name: str,
    kind: str,
    seconds: float | None,
    reference: NDArray[Any] | None,
) -> Row:
    scored, logits = scoring.score(job, loaded)
    weight = scoring.weight(made, network=loaded.network)
    row = Row(number, name, kind, describe(made), scores=scored.plain(), seconds=seconds, **weight)
    used: dict[str, Any] = {
        "spectra_used": made.facts.get("spectra_used"),
        "labels_used": made.facts.get("labels_used"),
    }
    return replace(row, temperature=made.facts.get("temperature"), **used, **_answered(job, logits, reference))


def _of_variant(
    job: Job,
    loaded: LoadedModel,
    made: OnnxModel,
    name: str,
    number: int,
    step: str,
    seconds: float,
    reference: NDArray[Any] | None,
) -> Row:
    scored, logits = scoring.score(job, loaded)
    variant = made.variants[name]
    row = Row(
        number,
        step,
        "variant",
        made.model,
        variant=name,
        scores=scored.plain(),
        seconds=seconds,
        **scoring.weight(made, name),
    )
    known = uncertainty.measure(job, loaded) if variant.facts.get("reject") else {}
    return replace(
        row, temperature=variant.temperature, file=variant.file, reject=known, rounding=_rounding(variant),
        **_answered(job, logits, reference),
    )  # fmt: skip


def _rounding(variant: Variant) -> dict[str, Any]:
    """Give what a report tells of a rounded file's making; nothing of a float one."""
    facts = variant.facts
    if "validation" not in facts:
        return {}
    lost = {key: round(facts["validation"][key], 5) for key in ("drop", "agreement", "divergence")}
    known = facts.get("training", {})
    trained = {key: each if key == "helped" else round(each["divergence"], 6) for key, each in known.items()}
    if "float_layers" not in facts:
        return {
            "flavour": variant.file.removesuffix(".onnx"),
            **lost,
            "float_layers": [],
            "layers": [],
            "training": trained,
        }
    return {
        "flavour": facts["flavour"],
        **{key: facts["calibration"][key] for key in ("method", "tried")},
        **lost,
        "float_layers": facts["float_layers"],
        "layers": facts["layers"],
        "training": trained,
    }


def _answered(job: Job, logits: NDArray[Any], reference: NDArray[Any] | None) -> dict[str, Any]:
    """Count the answers class by class and, where there is a reference, compare them with its own."""
    y, named = job.spectra.y[job.splits.test], logits.argmax(1)
    counts: dict[str, Any] = {"confusion": scoring.confusion(logits, y)}
    counts["right"] = {right_answers.CLEAN: right_answers.pack(named == y)}
    if reference is None:
        return counts
    return {
        **counts,
        "agreement": round(float((named == reference).mean()), 5),
        "drop": round(float((reference == y).mean() - (named == y).mean()), 5),
    }


def describe(made: Checkpoint) -> str:
    """Word a model in a few characters: its name, its widths, how many blocks; of an ensemble, each member's."""
    return _described(made.model, made.keys)


def _described(model: str, keys: dict[str, Any]) -> str:
    if members := keys.get("members"):
        return " + ".join(_described(*pair) for each in members for pair in each.items())
    widths, layout = keys.get("widths"), keys.get("layout")
    if layout:
        return f"{model} {len(layout) - 2} blocks"
    found = f"{model} {'-'.join(map(str, widths))}" if widths is not None and np.size(widths) else model
    fold = f" fold {keys['fold']}" if keys.get("fold", 1) > 1 else ""
    return f"{found} x {sum(keys['depths'])}{fold}" if "depths" in keys else found
