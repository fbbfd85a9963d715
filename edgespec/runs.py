"""A run folder that is already there: open it, and measure on targets what it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgespec import advice, measurement, pipeline, recipe, report, storage, target
from edgespec import artifact as artifacts
from edgespec import bench as measuring
from edgespec.artifact import OnnxModel
from edgespec.errors import Mistake
from edgespec.finished import data_digest
from edgespec.gate import broken
from edgespec.job import Job, Progress
from edgespec.measurement import Measurement
from edgespec.plan import Plan, plan
from edgespec.protocol import QUICK, Protocol
from edgespec.report import Report

REFERENCE = "default"
ONLY_COMPARED = "it is only here to be compared with"


def bench(
    folder: Path,
    names: Sequence[str],
    *,
    protocol: Protocol = QUICK,
    seconds: float | None = None,
    host: str = "",
    progress: Progress,
) -> Report:
    """Measure all files of a run, the plain default export and the linear baselines on each target, interleaved.

    protocol: how many processes, how long; seconds: of timed calls of each file in each, the protocol's if not said
    host: the address of the target that is reached by ssh, instead of its card's
    Leaves `bench/<target>.json`, the raw samples beside it, and the recommendation in the report.
    Raises Mistake where the run made no ONNX or its data have changed; Missing where a runtime is not installed.
    """
    cards = target.cards(names, host)
    with storage.lock(folder):
        checked, job, result = opened(folder, progress)
        model = last(folder, result)
        files = _files(folder, model, result)
        siblings = {name: each.sibling for name, each in model.variants.items() if each.sibling}
        rows = job.splits.test
        x, y = job.spectra.x[rows], job.spectra.y[rows]
        for card in cards:
            found = measuring.measure(
                files, x, y, card, folder / "bench", reference=REFERENCE, float_of=siblings, protocol=protocol,
                seconds=seconds, seed=checked.seed, progress=progress.say,
            )  # fmt: skip
            found = [_of_this_run(each, model) for each in found]
            chosen = advice.recommend(found, lambda each: _against(each, checked, result, model))
            result.bench[card.name] = measurement.to_record(found)
            result.advice[card.name] = asdict(chosen)
        result.notes = _notes(result)
        result.gates = []
        report.write(result, folder)
    return result


def opened(folder: Path, progress: Progress) -> tuple[Plan, Job, Report]:
    """Open a run: its plan, its data and its report. Raises Mistake where its data have changed since."""
    result = report.read(folder)
    checked = plan(recipe.load(folder / "recipe.yaml"))
    job = pipeline.prepare(checked, folder, progress)
    if data_digest(job.spectra) != result.data["digest"]:
        raise Mistake(f"the data of {folder} have changed since it was made", hint="edgespec compress makes it anew")
    return checked, job, result


def last(folder: Path, result: Report) -> OnnxModel:
    """Give the ONNX files that the last step left. Raises Mistake where it left none."""
    if not result.steps:
        raise Mistake(f"{folder} has no finished step", hint="edgespec compress goes on where it stopped")
    found, _ = artifacts.read(folder / result.steps[-1]["folder"])
    if not isinstance(found, OnnxModel):
        raise Mistake(f"{folder} has nothing to measure: its last step leaves no ONNX", hint="add the step 'to_onnx'")
    return found


def _files(folder: Path, model: OnnxModel, result: Report) -> dict[str, Path]:
    """Give what is measured: the reference first, then the run's own files, then the linear baselines."""
    own = {name: model.path(name) for name in sorted(model.variants, key=lambda name: name != REFERENCE)}
    return own | {_title(row): folder / row.file for row in result.rows if row.model == "linear"}


def _title(row: report.Row) -> str:
    return f"{row.variant} {row.on}".strip() + (f" ({row.labels})" if row.labels != "all" else "")


def _of_this_run(each: Measurement, model: OnnxModel) -> Measurement:
    """Leave out a remark that a reference need not hear."""
    return each if each.variant in model.variants else replace(each, warnings=())


def _against(each: Measurement, checked: Plan, result: Report, model: OnnxModel) -> list[str]:
    """Give the promises that a measured file breaks."""
    if each.variant not in model.variants or model.variants[each.variant].role != "candidate":
        return [ONLY_COMPARED]
    return broken(checked.gates, result, each.variant)


def _notes(result: Report) -> list[str]:
    """Keep what compress noted and add what the measurement taught about the linear baselines."""
    kept = [note for note in result.notes if not note.startswith("on ")]
    for name, chosen in result.advice.items():
        measured = {each["variant"]: each for each in result.bench[name]["measurements"]}
        mine = measured.get(chosen["variant"])
        linear = [
            (title, measured[title])
            for row in result.rows
            if row.model == "linear" and (title := _title(row)) in measured
        ]
        better = [(title, each) for title, each in linear if mine and _as_good(each, mine)]
        if mine and better:
            title, each = min(better, key=lambda pair: pair[1]["p50_ms"])
            times = mine["p50_ms"] / each["p50_ms"]
            kept.append(
                f"on {name} the linear model '{title}' is as accurate ({each['accuracy']:.3f}) and {times:.1f} times faster: consider it."
            )
    return kept


def _as_good(linear: dict[str, Any], mine: dict[str, Any]) -> bool:
    return bool(linear["accuracy"] >= mine["accuracy"] and linear["p50_ms"] < mine["p50_ms"])
