"""What a run can be compared by: taken from its folder, and kept as a baseline that a person commits.

A baseline is JSON, small enough to be read in a review, with a seal over all of it. It is keyed by the test spectra, by the device and mode of
each latency and by what counted the instructions; another key is told and skipped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from edgespec import __version__, contract, report, storage, unpacking
from edgespec.artifact import OnnxModel
from edgespec.bench import instructions, warnings
from edgespec.errors import Missing, Mistake, Unreachable
from edgespec.evaluation import robustness
from edgespec.graph import arithmetic, onnx_file
from edgespec.job import Job, Progress
from edgespec.pipeline.run import Run
from edgespec.report import Report, Row, choice
from edgespec.runs.gate import chance
from edgespec.runs.gate.side import File, Latency, Score, Side

FORMAT = 2
NONE, SHIPPED, ALL = "none", "shipped", "all"
DEVICE = ("cpu", "gpu", "machine", "cores", "runtime", "runtime_version", "driver", "governor", "power_mode")
UPDATE = "edgespec gate --update-baseline writes one, and a person commits it"
CONTRACT = (
    "axis",
    "window",
    "unit",
    "technique",
    "intensity",
    "laser",
    "min_coverage",
    "preprocess",
    "labels",
    "score",
)
ADAPTER = TypeAdapter(Side)
LARGEST = 64_000_000


def of_run(run: Run, *, count: str | Sequence[str] = NONE) -> Side:
    """Ask all files of a run that may be shipped for the test spectra, as they are and perturbed.

    count: whose instructions are counted, where valgrind is: NONE, SHIPPED, ALL, or variants by name
    Raises Mistake where the run made no ONNX, or its data have changed.
    """
    folder, job, result, model = run.folder, run.job, run.report, run.model
    x, y = run.test
    names = [job.spectra.labels[i] for i in y]
    files = {name: model.path(name) for name, each in model.variants.items() if each.role == "candidate"}
    labels = list(contract.load(next(iter(files.values()))).labels)
    labels += sorted(set(names) - set(labels))
    ships = shipped(model, result)
    chosen = {NONE: [], SHIPPED: ships, ALL: list(files)}[count] if isinstance(count, str) else count
    who, counts = _counted({name: files[name] for name in chosen if name in files}, x, folder, run.progress)
    rows = {row.variant: row for row in result.last()}
    return Side(
        where=str(folder),
        recipe=result.recipe,
        version=__version__,
        data=_identity(job),
        labels=tuple(labels),
        true=tuple(labels.index(each) for each in names),
        sample=_samples(job),
        files={name: _file(job, path, labels, counts.get(name), rows.get(name)) for name, path in files.items()},
        shipped=tuple(ships),
        counted=who,
        latency={name: _latencies(result, name, list(files)) for name in result.bench},
    )


def shipped(model: OnnxModel, result: Report) -> list[str]:
    """Name the files that a run ships, one a target, that for this machine first."""
    able = [name for name, each in model.variants.items() if each.role == "candidate"]
    return [name for name in choice.variants(result) if name in able] or able[:1]


def write(side: Side, path: Path) -> None:
    """Keep a baseline."""
    plain = json.loads(json.dumps({"format": FORMAT, **side.plain(), "where": path.name}, allow_nan=False))
    storage.write(path, json.dumps({**plain, report.SEAL: report.seal(plain)}, ensure_ascii=False) + "\n")


def read(path: Path) -> Side:
    """Read a baseline. Raises Missing where there is none, Mistake where it is damaged, edited or of another format."""
    try:
        if path.stat().st_size > LARGEST:
            raise Mistake(f"{path} is not a baseline: it has more than {LARGEST // 1_000_000} MB", hint=UPDATE)
        plain = unpacking.parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(plain, dict) or "format" not in plain:
            raise Mistake(f"{path} is not a baseline: it has no 'format'", hint=UPDATE)
        if plain["format"] != FORMAT:
            raise Mistake(
                f"{path} is a baseline of format {plain['format']!r}, this edgespec reads {FORMAT}", hint=UPDATE
            )
        if plain.pop(report.SEAL, None) != report.seal(plain):
            raise Mistake(f"{path} was changed after edgespec wrote it, or damaged: its seal is another", hint=UPDATE)
        del plain["format"]
        return ADAPTER.validate_json(json.dumps(plain))
    except FileNotFoundError:
        raise Missing(f"there is no baseline {path}", hint=UPDATE) from None
    except OSError as problem:
        raise Mistake(f"the baseline {path} cannot be read: {problem.strerror}") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise Mistake(f"the baseline {path} is damaged: {where}: {first['msg']}", hint=UPDATE) from None
    except (ValueError, TypeError, RecursionError) as problem:
        raise Mistake(f"the baseline {path} is damaged: {problem}", hint=UPDATE) from None


def _counted(
    files: Mapping[str, Path], x: Any, folder: Path, progress: Progress
) -> tuple[dict[str, Any], dict[str, float]]:
    if not files:
        return {}, {}
    try:
        return instructions.count(files, x, folder / "bench", progress.say)
    except (Missing, Unreachable) as absent:
        progress.say(f"note: {absent.message}; {absent.hint}")
        return {}, {}


def _identity(job: Job) -> str:
    """Digest which spectra were judged; an axis, a preprocessing or a name of another kind leaves them the same spectra."""
    rows, spectra = job.splits.test, job.spectra
    which = spectra.x[rows] if spectra.group is None else [str(each) for each in spectra.group[rows]]
    drawn = job.seed if spectra.source == "embedded" else 0
    return storage.digest(which, drawn)


def _samples(job: Job) -> tuple[int, ...]:
    rows, group = job.splits.test, job.spectra.group
    numbers = np.arange(len(rows)) if group is None else np.unique(group[rows], return_inverse=True)[1]
    return tuple(int(each) for each in numbers)


def _file(job: Job, path: Path, labels: Sequence[str], count: float | None, row: Row | None) -> File:
    """Name the spectra as this file's own contract does."""
    x = job.spectra.x[job.splits.test]
    said = contract.load(path)
    named = onnx_file.run(path, x).argmax(axis=1)
    params, macs = arithmetic.weigh(path)
    spoken = tuple(labels.index(said.labels[i]) for i in named)
    robust = tuple(round(float(each), 3) for each in robustness.right(job, path))
    scores = {} if row is None else _scores(row, len(x))
    return File(
        path.stat().st_size, storage.file_digest(path), params, macs, spoken, count, robust, scores, _words(said, path)
    )


def _scores(row: Row, n: int) -> dict[str, Score]:
    """Give the figures of a row that are no share of spectra named rightly, with their standard errors."""
    found = {}
    told, reject = row.scores, row.reject
    if told.get("ece") is not None:
        found["ece"] = Score(told["ece"], (told["ece_high"] - told["ece_low"]) / 3.92)
    if reject.get("auroc_unknown") is not None:
        error = chance.auroc_error(reject["auroc_unknown"], n, reject["unknown"]["spectra"])
        found["unknown_auroc"] = Score(reject["auroc_unknown"], error)
    if reject.get("accepted") is not None:
        share = reject["accepted"]
        found["accepted"] = Score(share, float(np.sqrt(share * (1 - share) / n)))
    return found


def _words(said: contract.Contract, path: Path) -> dict[str, str]:
    """Put what a file expects and answers into words that two files share where they are the same."""
    import onnx

    plain = said.plain()
    found = {key: json.dumps(plain[key], ensure_ascii=False) for key in CONTRACT if key in plain}
    graph = onnx.load(path, load_external_data=False).graph
    return {**found, "outputs": ", ".join(each.name for each in graph.output)}


def _latencies(result: Report, name: str, able: Sequence[str]) -> tuple[Latency, ...]:
    return tuple(
        Latency(
            variant=each["variant"],
            device=device(each),
            mode=each.get("mode", "quick"),
            p50_ms=each["p50_ms"],
            p50_interval_ms=tuple(each["p50_interval_ms"]),
            p90_ms=each["p90_ms"],
            p90_interval_ms=None if each["p90_interval_ms"] is None else tuple(each["p90_interval_ms"]),
            cold_start_ms=each["cold_load_ms"] + each["cold_first_ms"],
            memory_bytes=each["peak_memory_bytes"],
            energy_mj=each["energy_mj"],
            noise=each["noise"],
            busy=warnings.busy(each["host"]),
        )
        for each in result.bench[name]["measurements"]
        if each["variant"] in able and each["source"] == "measured"
    )


def device(measured: Mapping[str, Any]) -> dict[str, Any]:
    """Give what two latencies must share to be compared."""
    facts = {**measured["host"], **{key: measured[key] for key in ("runtime", "runtime_version") if key in measured}}
    kept = {key: facts[key] for key in DEVICE if facts.get(key) not in (None, "", [])}
    return {**kept, "threads": measured["threads"]}
