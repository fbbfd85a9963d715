"""Every file of a run in every runtime at hand: do they say the same, are they right, and what do they take?

A cell is one file in one runtime, asked for the whole test part at batch 1, 2, 65 and 100 in a process of its own; then all that
answered are timed interleaved in one process. A cell disagrees where it names another label than the same file does in ONNX
Runtime, or than itself in another batch size, and the logits of the two labels are further apart than the margin of its precision.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from edgespec import artifact as artifacts
from edgespec import storage
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.bench import measure as bench_measure
from edgespec.bench import measurement as stats
from edgespec.errors import Missing, Mistake, Unreachable
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file
from edgespec.job import Progress
from edgespec.pipeline.run import Run
from edgespec.targets import card as cards
from edgespec.targets import runner
from edgespec.targets.card import Target

FORMAT = 1
REFERENCE, SOURCE = "onnxruntime", "float32"
RUNTIMES = (("onnxruntime", ""), ("openvino", "float32"), ("openvino", "bf16"), ("tensorrt_rtx", ""))
EXTRAS = {"openvino": "openvino", "tensorrt_rtx": "trt-check"}
MARGINS = {"float32": 1e-3, "fp16": 1e-2, "int8": 2e-2, "bf16": 5e-2}
"""How far apart, as a share of the largest logit, two labels' logits must be for their order to count, by precision."""
Array = NDArray[Any]


@dataclass(frozen=True)
class Cell:
    """One file in one runtime.

    verdict: "agrees", "disagrees", "builds" (it can only be parsed and built there), "refused" (by the runtime: `reason`)
    margin: as MARGINS has it; disagreements: spectra whose label differs from the same file's in ONNX Runtime, or between batch sizes, beyond it
    agreement, probability: share of labels, and largest difference of a probability, against the same file in ONNX Runtime
    agreement_float: share of labels against float32 in ONNX Runtime; ratio: of medians to the first file in ONNX Runtime
    """

    variant: str
    runtime: str
    precision: str
    version: str
    verdict: str
    reason: str = ""
    n: int = 0
    margin: float = 0.0
    disagreements: int = 0
    agreement: float | None = None
    probability: float | None = None
    agreement_float: float | None = None
    accuracy: float | None = None
    size_bytes: int = 0
    ratio: float | None = None
    ratio_interval: tuple[float, float] | None = None
    p50_ms: float | None = None
    samples: int = 0


@dataclass(frozen=True)
class Matrix:
    """All cells, what a ratio refers to, the machine, why runtimes are left out, and what a latency would be there."""

    cells: tuple[Cell, ...]
    reference: str
    host: Mapping[str, Any]
    absent: Mapping[str, str]
    source: str = "measured"

    @property
    def disagree(self) -> list[Cell]:
        """The cells that disagree."""
        return [each for each in self.cells if each.verdict == "disagrees"]


def measure(run: Run, *, seconds: float) -> Matrix:
    """Ask every file of a run in every runtime that is installed here; leaves bench/matrix.json.

    seconds: of timed calls for each cell, interleaved
    Raises Mistake where the run made no ONNX or its data have changed.
    """
    with run.locked():
        run.check_data()
        folder, model, seed, progress = run.folder, run.model, run.plan.seed, run.progress
        card = cards.load("local")
        x, y = run.test
        found, absent = _runtimes(card)
        pairs = [(name, *each) for name in ordered(model) for each in found]
        with tempfile.TemporaryDirectory(dir=folder, prefix=".matrix-") as work:
            request = _request(model, pairs, x, card, Path(work), seconds, seed)
            said = _asked(pairs, card, Path(work), progress)
            cells = judge(model, pairs, said, y)
            if (source := _torch(run)) is not None:
                cells = [*cells, _of_torch(source, said[f"{SOURCE} in {REFERENCE}"], y)]
            cells, host = _timed(cells, request, card, Path(work), seconds, seed, progress)
        made = Matrix(tuple(cells), cells[0].variant, host, absent)
        (folder / "bench").mkdir(exist_ok=True)
        storage.write_json(folder / "bench" / "matrix.json", {"format": FORMAT, "margins": MARGINS, **asdict(made)})
    return made


def judge(
    model: OnnxModel, pairs: Sequence[tuple[str, str, str]], said: Mapping[str, dict[str, Any]], y: Array
) -> list[Cell]:
    """Compare answers.

    said: title -> what the runner told, `answers` (batch size -> logits (n, classes)) among it where the cell answered, `error` where not
    """
    cells = []
    for variant, runtime, precision in pairs:
        told = said[title(variant, runtime, precision)]
        cell = Cell(variant, runtime, precision, told.get("runtime_version", ""), "refused", told.get("error", ""))
        cell = replace(cell, size_bytes=model.path(variant).stat().st_size)
        if "answers" not in told:
            cells.append(cell if cell.reason else replace(cell, verdict="builds"))
            continue
        own, plain = (said[title(name, REFERENCE, "")]["answers"]["1"] for name in (variant, SOURCE))
        cells.append(_judged(cell, told["answers"], own, plain, y))
    return cells


def title(variant: str, runtime: str, precision: str) -> str:
    """Name a cell."""
    return f"{variant} in {runtime}" + (f" {precision}" if precision else "")


def _judged(cell: Cell, answers: Mapping[str, Array], own: Array, plain: Array, y: Array) -> Cell:
    kind = "bf16" if cell.precision == "bf16" else "int8" if cell.variant.endswith("int8") else cell.variant
    margin = MARGINS.get(kind, MARGINS["float32"])
    first = next(iter(answers.values()))
    apart = np.zeros(len(y), dtype=bool)
    for each in answers.values():
        apart |= ~onnx_file.same(own, each, margin) | ~onnx_file.same(first, each, margin)
    broken = not all(np.isfinite(each).all() for each in answers.values())
    return replace(
        cell,
        verdict="disagrees" if apart.any() or broken else "agrees",
        reason="its answers are no numbers" if broken else "",
        n=len(y),
        margin=margin,
        disagreements=int(apart.sum()),
        agreement=_alike(own, first),
        probability=float(np.abs(softmax(own, axis=1) - softmax(first, axis=1)).max()),
        agreement_float=_alike(plain, first),
        accuracy=scoring.accuracy(first, y),
    )


def _alike(one: Array, other: Array) -> float:
    return float((one.argmax(1) == other.argmax(1)).mean())


def ordered(model: OnnxModel) -> list[str]:
    """Name the files: the plain default export first, as every ratio refers to it; it takes one spectrum at a time only."""
    names = list(model.variants)
    if SOURCE not in names:
        raise Mistake("the run has no float32 file to compare with", hint="a recipe with 'to_onnx'")
    return sorted(names, key=lambda name: model.variants[name].role != "reference")


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
    progress.begin("matrix", len(pairs))
    for done, pair in enumerate(pairs, start=1):
        name = title(*pair)
        try:
            asked = "single.json" if pair[0] == "default" else "request.json"
            told = runner.call(card, ["answers", asked, "--model", name], work, timeout_s=300)
            if told["answered"]:
                with np.load(work / f"{name}.npz") as arrays:
                    told["answers"] = {size: arrays[size] for size in arrays.files}
        except (Mistake, Missing, Unreachable) as problem:
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
    with np.load(work / answer["samples"]) as arrays:
        told = enumerate(answer["models"])  # nanoseconds of a block of calls, where calls are short
        samples = {each["name"]: arrays[f"ns_{i}"] / each["block"] for i, each in told}
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


def _of_torch(source: Array, told: Mapping[str, Any], y: Array) -> Cell:
    import torch

    cell = Cell(SOURCE, "torch", "", torch.__version__, "agrees")
    own = told["answers"]["1"]
    return replace(_judged(cell, {"all": source}, own, own, y), size_bytes=0)
