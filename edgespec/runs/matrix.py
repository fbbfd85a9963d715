"""Every file of a run in every runtime at hand: do they say the same, are they right, and what do they take?

A cell is one file in one runtime, asked for the whole test part at batch 1, 2, 65 and 100 in a process of its own; then all that
answered are timed interleaved in one process. A cell disagrees where it names another label than the same file does in ONNX
Runtime, or than itself in another batch size, and the logits of the two labels are further apart than the margin of its precision.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import artifact as artifacts
from edgespec import storage
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.bench import collect
from edgespec.bench import measure as bench_measure
from edgespec.bench import measurement as stats
from edgespec.errors import Mismatch, Missing, Mistake, Unreachable
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file
from edgespec.job import Progress
from edgespec.pipeline.run import Run
from edgespec.runs.matrix_cells import (
    FORMAT,
    MARGINS,
    REFERENCE,
    SOURCE,
    Array,
    Cell,
    Matrix,
    judge,
    of_torch,
    ordered,
    title,
)
from edgespec.targets import built_here, runner
from edgespec.targets import card as cards
from edgespec.targets.card import Target

RUNTIMES = (("onnxruntime", ""), ("openvino", "float32"), ("openvino", "bf16"), ("litert", ""), ("tensorrt_rtx", ""))
EXTRAS = {"openvino": "openvino", "litert": "litert", "tensorrt_rtx": "trt-check"}


def measure(run: Run, *, seconds: float) -> Matrix:
    """Ask every file of a run in every runtime that is installed here; leaves bench/matrix.json.

    seconds: of timed calls for each cell, interleaved
    Raises Mistake where the run made no ONNX or its data have changed.
    """
    with run.locked():
        run.check_data()
        made = compare(run.model, *run.test, run.folder, seconds, run.plan.seed, run.progress, torch=_torch(run))
        (run.folder / "bench").mkdir(exist_ok=True)
        storage.write_json(run.folder / "bench" / "matrix.json", {"format": FORMAT, "margins": MARGINS, **asdict(made)})
    return made


def compare(
    model: OnnxModel,
    x: Array,
    y: Array | None,
    folder: Path,
    seconds: float,
    seed: int,
    progress: Progress,
    *,
    torch: Array | None = None,
) -> Matrix:
    """Ask every file of a model in every runtime that is installed here, and time them.

    x: (n, points) spectra; y: (n,) their labels, None where nobody knows them; folder: for what the runtimes write meanwhile
    torch: (n, classes) what the network that was exported says
    """
    card = cards.load("local")
    found, absent = _runtimes(card)
    pairs = [(name, *each) for name in ordered(model) for each in found]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".matrix-") as work:
        request = _request(model, pairs, x, card, Path(work), seconds, seed)
        said = _asked(pairs, card, Path(work), progress)
        for name in {pair[1] for pair in pairs if "lacks" in said[title(*pair)]}:
            absent[name] = next(
                told["lacks"] for pair in pairs if "lacks" in (told := said[title(*pair)]) and pair[1] == name
            )
        pairs = [pair for pair in pairs if pair[1] not in absent]
        cells = judge(model, pairs, said, y)
        if torch is not None:
            cells = [*cells, of_torch(torch, said[f"{SOURCE} in {REFERENCE}"], y)]
        cells, host = _timed(cells, request, card, Path(work), seconds, seed, progress)
    return Matrix(tuple(cells), cells[0].variant, host, absent)


def _runtimes(card: Target) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Give the runtimes that are installed, and why the others are not there."""
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as work:
        for name in dict.fromkeys(name for name, _ in RUNTIMES):
            try:
                runner.call(card, ["hello", "--runtime", name], Path(work))
            except (Missing, Unreachable) as problem:
                absent[name] = f"{problem.message}; pip install 'edgespec[{EXTRAS.get(name, name)}]'"
    return [each for each in RUNTIMES if each[0] not in absent], absent


def _request(
    model: OnnxModel,
    pairs: Sequence[tuple[str, str, str]],
    x: Array,
    card: Target,
    work: Path,
    seconds: float,
    seed: int,
) -> dict[str, Any]:
    for name in model.variants:
        shutil.copyfile(model.path(name), work / f"{name}.onnx")
    np.save(work / "spectra.npy", np.ascontiguousarray(x, np.float32))
    models = [
        {"name": title(*each), "file": f"{each[0]}.onnx", "runtime": each[1], "precision": each[2]} for each in pairs
    ]
    request: dict[str, Any] = {
        "runtime": REFERENCE,
        "threads": card.threads,
        "spectra": "spectra.npy",
        "models": models,
    }
    request |= {
        "warmup_max_ms": bench_measure.WARMUP_MAX_S * 1e3,
        "seconds": seconds,
        "max_seconds": bench_measure.MAX_S,
        "seed": seed,
    }
    for name, batches in (("request", list(onnx_file.BATCHES)), ("single", [1])):
        (work / f"{name}.json").write_text(json.dumps({**request, "batches": batches}), encoding="utf-8")
    return request


def _asked(
    pairs: Sequence[tuple[str, str, str]], card: Target, work: Path, progress: Progress
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    lacking: dict[str, dict[str, Any]] = {}
    progress.begin("matrix", len(pairs))
    for done, pair in enumerate(pairs, start=1):
        name = title(*pair)
        if pair[1] in lacking:  # what makes its files is not here, whichever file it is
            found[name] = lacking[pair[1]]
            continue
        try:
            asked = "single.json" if pair[0] == "default" else "request.json"
            told = runner.call(card, ["answers", asked, "--model", name], work, timeout_s=300)
            if told["answered"]:
                told["answers"] = collect.arrays_of(work / f"{name}.npz", card.name)
        except Missing as problem:
            told = {"lacks": f"{problem.message}; {problem.hint}"}
            if pair[1] in built_here.BUILT_HERE:
                lacking[pair[1]] = told
            else:
                told = {"error": problem.message.partition(": ")[2]}
        except (Mistake, Mismatch, Unreachable) as problem:
            told = {"error": problem.message.partition("cannot be loaded: ")[2] or problem.message.partition(": ")[2]}
        found[name] = told
        progress.advance(done, name)
    progress.end()
    return found


def _timed(
    cells: list[Cell],
    request: dict[str, Any],
    card: Target,
    work: Path,
    seconds: float,
    seed: int,
    progress: Progress,
) -> tuple[list[Cell], dict[str, Any]]:
    """Time all cells that answered, in turns in one process, and give their ratios to the first."""
    able = {title(each.variant, each.runtime, each.precision) for each in cells if each.agreement is not None}
    models = [each for each in request["models"] if each["name"] in able]
    (work / "bench.json").write_text(json.dumps({**request, "models": models}), encoding="utf-8")
    progress.say(f"{len(models)} cells in turns, {seconds:g} s each")
    limit = 300 + len(models) * (bench_measure.WARMUP_MAX_S + bench_measure.MAX_S)
    answer = runner.call(card, ["bench", "bench.json"], work, timeout_s=limit)
    arrays = collect.samples_of(work / answer["samples"], [each["name"] for each in answer["models"]], card.name)
    # nanoseconds of a block of calls, where calls are short
    samples = {each["name"]: arrays[f"{each['name']}.ns"] / each["block"] for each in answer["models"]}
    first = samples[models[0]["name"]]
    draws = stats.draw_rounds(len(first), seed)
    drawn = {name: stats.resample(each, draws, [0.5])[:, 0] for name, each in samples.items()}
    for i, cell in enumerate(cells):
        name = title(cell.variant, cell.runtime, cell.precision)
        if name in samples:
            cells[i] = replace(
                cell,
                p50_ms=stats.median(samples[name]) / 1e6,
                samples=int(samples[name].size),
                ratio=stats.median(samples[name]) / stats.median(first),
                ratio_interval=stats.interval(drawn[name] / drawn[models[0]["name"]]),
            )
    return cells, {**runner.call(card, ["hello", "--runtime", REFERENCE], work), "other_cores": answer["other_cores"]}


def _torch(run: Run) -> Array | None:
    """Give the logits of the network that was exported, divided by the temperature that its file has; None where there is none."""
    for step in reversed(run.report.steps[:-1]):
        found, _ = artifacts.read(run.folder / step["folder"])
        if isinstance(found, Checkpoint):
            logits = scoring.answers(run.job, found, run.job.splits.test)
            own = found.facts.get("temperature", 1.0)
            return logits * (own / run.model.variants[SOURCE].temperature)  # type: ignore[no-any-return]
    return None
