"""Another instrument or laser: how a run's files do on its spectra, as they are and after they are corrected."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgespec import artifact as artifacts
from edgespec import datasets, models, storage
from edgespec.artifact import Checkpoint
from edgespec.errors import Mistake
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file
from edgespec.job import Job, Progress
from edgespec.pipeline import provenance
from edgespec.pipeline.run import Run
from edgespec.pipeline.up_to_date import data_digest
from edgespec.recipe import Call, plain
from edgespec.report import Report
from edgespec.runs import transfer_data
from edgespec.runs.standardise import Fitted
from edgespec.runs.transfer_data import Foreign
from edgespec.spectra import Axis, Floats, Spectra
from edgespec.training import batches

FORMAT = 1
TEACHER = "teacher (torch)"
CORRECTIONS = ("none", "affine", "ds", "pds")
Model = Callable[[Floats], NDArray[Any]]
Flags = NDArray[np.bool_]


def transfer(
    run: Run,
    data: Call,
    *,
    name: str,
    lasers: list[int],
    references: int,
    draws: int,
    seed: int,
) -> Report:
    """Judge every file that a run may ship, and its teacher, on another instrument's spectra.

    Leaves RUN/transfer/NAME.json and the same in the report; docs/report.md documents the fields.

    references: physical samples that the corrections are fitted on; they never count in the accuracy
    draws: how often they are drawn, seeded; one draw is luck
    Raises Mistake where nothing can be judged: no class or laser in common, no sample left; where the run's data changed.
    """
    for what, number in (("references", references), ("draws", draws)):
        if number < 1:
            raise Mistake(f"--{what} {number}: a correction is fitted on at least one", hint=f"--{what} 5")
    with run.locked():
        folder, job, result, progress = run.folder, run.job, run.report, run.progress
        files = _models(run)
        read = _read(data, lasers, job, run.plan.data.axis, progress)
        other = transfer_data.beside(read, job)
        if references >= len(other.samples):
            raise Mistake(
                f"--references {references}: DATA have {len(other.samples)} physical samples of known classes, none is left to judge",
                hint="fewer references, or more data",
            )
        drawn = [transfer_data.draw(other, references, np.random.default_rng([seed, 13, i])) for i in range(draws)]
        fitted = [transfer_data.fit(other, job.spectra.axis, chosen) for chosen in drawn]
        record = {"format": FORMAT, "name": name, "seed": seed, "references": references}
        record |= _told(read, other, data, lasers, job)
        record["draws"] = [
            {"references": chosen, "corrections": {each: _facts(found) for each, found in corrections.items()}}
            for chosen, corrections in zip(drawn, fitted, strict=True)
        ]
        record["home"] = _home(result, files)
        record["rows"] = _rows(files, other, drawn, fitted, progress)
        record["versions"] = provenance.versions()
        storage.write_json(folder / "transfer" / f"{name}.json", record)
        result.transfer[name] = record
        run.write()
    return result


def _models(run: Run) -> dict[str, Model]:
    """Give what is judged, raw spectra -> logits: the teacher where the run has one, then the files that it may ship."""
    made = [artifacts.read(run.folder / step["folder"])[0] for step in run.report.steps[:-1]]
    trained = [each for each in made if isinstance(each, Checkpoint)]
    found: dict[str, Model] = {TEACHER: partial(_answers, run.job, trained[0])} if len(trained) > 1 else {}
    candidates = [name for name, each in run.model.variants.items() if each.role == "candidate"]
    return found | {name: partial(onnx_file.run, run.model.path(name)) for name in candidates}


def _answers(job: Job, checkpoint: Checkpoint, x: Floats) -> NDArray[Any]:
    seen = batches.through(job.front(), torch.from_numpy(x))
    return batches.logits(models.load(checkpoint), seen).numpy()


def _read(data: Call, lasers: list[int], job: Job, axis: Axis, progress: Progress) -> Spectra:
    """Read the other instrument's spectra on the model's axis, those of some lasers where any are named."""
    progress.begin("read DATA", 1)
    found = datasets.load(data, axis=axis, seed=job.seed)  # generated ones: of the run's own samples
    progress.advance(1, f"{len(found)} spectra, {len(found.labels)} classes")
    progress.end()
    theirs, ours = found.technique, job.spectra.technique
    if theirs and ours and theirs != ours:
        raise Mistake(f"DATA are {theirs} spectra, the model was trained on {ours}", hint="no correction helps there")
    taken: Any = np.zeros(len(found)) if found.laser is None else found.laser
    known = [int(each) for each in np.unique(taken) if each]
    for laser in lasers:
        if laser not in known:
            hint = f"lasers: {', '.join(map(str, known)) or 'none is known, leave --laser out'}"
            raise Mistake(f"--laser {laser}: DATA have no spectrum that was taken with it", hint)
    return found[np.flatnonzero(np.isin(taken, lasers))] if lasers else found


def _rows(
    files: dict[str, Model],
    other: Foreign,
    drawn: list[list[str]],
    fitted: list[dict[str, Fitted | str]],
    progress: Progress,
) -> list[dict[str, Any]]:
    """Give one row a file and correction."""
    counts = np.array([~np.isin(other.sample, chosen) for chosen in drawn])
    found: list[dict[str, Any]] = []
    progress.begin("judge", len(files) * len(CORRECTIONS))
    for variant, model in files.items():
        plainly = np.tile(_right(model, other.x, other), (len(drawn), 1))
        for correction in CORRECTIONS:
            made = [each[correction] for each in fitted] if correction != "none" else []
            why = next((each for each in made if isinstance(each, str)), "")
            row: dict[str, Any] = {"variant": variant, "correction": correction, "unmeasured": why}
            if not why:
                changed = [_right(model, each.apply(other.x), other) for each in made if isinstance(each, Fitted)]
                right = np.array(changed) if made else plainly
                row["all"] = _accuracy(right, plainly, counts, other)
                row["unseen"] = None if other.seen is None else _accuracy(right, plainly, counts & ~other.seen, other)
            found.append(row)
            progress.advance(len(found), f"{variant}, correction {correction}")
    progress.end()
    return found


def _right(model: Model, x: Floats, other: Foreign) -> Flags:
    return np.asarray(model(x).argmax(1) == other.y)


def _accuracy(right: Flags, plainly: Flags, counts: Flags, other: Foreign) -> dict[str, Any] | None:
    """Score over draws, all (draws, n): the mean, its interval by sample, the range, and what the correction gains.

    The interval is that of each spectrum's mean over the draws in which it counts. None where a draw leaves none to count.
    """
    if not counts.any(1).all():
        return None
    each = [float(hit[kept].mean()) for hit, kept in zip(right, counts, strict=True)]
    gain = [now - float(hit[kept].mean()) for now, hit, kept in zip(each, plainly, counts, strict=True)]
    counted = counts.any(0)
    share: Any = ((right & counts).sum(0) / np.maximum(counts.sum(0), 1))[counted]
    low, high = scoring.interval(share, other.sample[counted])
    told: dict[str, Any] = {"n": int(counted.sum()), "samples": len(np.unique(other.sample[counted]))}
    told |= {"accuracy": float(np.mean(each)), "low": low, "high": high, "range": [min(each), max(each)], "draws": each}
    return told | {"gain": float(np.mean(gain)), "gain_range": [min(gain), max(gain)]}


def _told(read: Spectra, other: Foreign, data: Call, lasers: list[int], job: Job) -> dict[str, Any]:
    """Say what is judged, what was left out and why, and what the model has seen of it."""
    return {
        "data": {
            "load": plain(data), "lasers": lasers, "source": read.source, "digest": data_digest(read),
            "spectra": len(other.x), "samples": len(other.samples), "classes": len(np.unique(other.y)),
            "notes": list(read.notes),
        },
        "trained_on": {"digest": data_digest(job.spectra), "lasers": list(job.contract().laser)},
        "left_out": {"unknown_classes": other.left_out, "own_spectra": other.own},
        "seen_samples": None if other.seen is None else len(np.unique(other.sample[other.seen])),
        "paired_samples": len(other.pairs),
        "notes": transfer_data.notes(other, job),
    }  # fmt: skip


def _home(result: Report, files: dict[str, Model]) -> dict[str, Any]:
    """Give the same files' accuracy on the run's own test part."""
    rows = {row.variant: row for row in result.last()}
    first = result.reference()
    if first is not None and TEACHER in files:
        rows = {TEACHER: first, **rows}
    return {name: {key: row.scores[key] for key in ("n", "accuracy", "low", "high")} for name, row in rows.items()}


def _facts(found: Fitted | str) -> dict[str, Any]:
    return {"unmeasured": found} if isinstance(found, str) else found.facts
