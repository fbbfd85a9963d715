"""Measure a run's variants on a target, score the outputs that the target gave, and say which variant to use there."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgespec import measurement as stats
from edgespec import storage
from edgespec.device import call
from edgespec.errors import Mismatch, Missing, Mistake
from edgespec.measurement import Measurement, Samples
from edgespec.spectra import Floats, Ints
from edgespec.target import Target

TWIN = "{} again"
WARMUP_MAX_S = 10.0
MAX_S = 60.0


@dataclass(frozen=True)
class Advice:
    """Which variant a target should run.

    variant: None where none keeps the promises
    why: one sentence
    refused: what speaks against each of the others
    """

    variant: str | None
    why: str
    refused: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Session:
    """What the target told of all models in one session, by name; the reference is in it twice.

    host: its facts; models: how each was loaded and warmed up; cold: its fresh process
    samples: (rounds, calls) ns; resampled: their P50 and P90, (RESAMPLES, 2) ns; outputs: (n, classes)
    """

    host: dict[str, Any]
    models: dict[str, dict[str, Any]]
    cold: dict[str, dict[str, float]]
    samples: dict[str, Samples]
    resampled: dict[str, NDArray[np.float64]]
    outputs: dict[str, NDArray[Any]]


def measure(
    models: Mapping[str, Path],
    x: Floats,
    y: Ints,
    target: Target,
    folder: Path,
    *,
    reference: str,
    float_of: Mapping[str, str],
    seconds: float = 2.0,
    seed: int = 0,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Measurement]:
    """Measure all models in one session, interleaved, with the reference twice: its ratio to itself is the noise.

    models: variant -> ONNX file; x: (n, points) test spectra as the graph takes them; y: (n,) their labels
    reference: the variant that all others are compared with
    float_of: variant -> its float sibling, for those that were made to be faster
    seconds: of timed calls, for each model
    Leaves `<target>.json` and `<target>.samples.npz` in `folder`: an array (rounds, calls) of nanoseconds a variant.
    Raises Mistake, Missing, Unreachable as `device.call` does, Mismatch where a model's outputs are no class scores.
    """
    _check(models, x, y, [reference, *float_of, *float_of.values()])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bench-") as work:
        session = _ask(models, x, target, Path(work), reference, seconds, seed, progress)
    found = [
        _measurement(name, path, session, y, target, reference, float_of.get(name)) for name, path in models.items()
    ]
    kept = io.BytesIO()
    arrays: dict[str, Any] = {f"{name}.ns": each for name, each in session.samples.items()}
    np.savez_compressed(kept, **arrays)
    storage.write(folder / f"{target.name}.samples.npz", kept.getvalue())
    storage.write_json(folder / f"{target.name}.json", stats.to_record(found))
    return found


def recommend(measurements: Sequence[Measurement], keeps: Callable[[Measurement], list[str]]) -> Advice:
    """Name the fastest variant that keeps the promises; of those that can't be told from it, the smallest file.

    measurements: of one target; keeps: the promises that a measurement breaks, in words.
    Recommends a variant whose median is slower than the reference's only where no other keeps the promises: a size, say.
    """
    broken = {each.variant: keeps(each) for each in measurements}
    against = {each.variant: [*broken[each.variant], *_slower(each)] for each in measurements}
    fit = [each for each in measurements if not against[each.variant]]
    late = [each for each in measurements if not broken[each.variant]]
    if late and not fit:
        against |= {each.variant: [] for each in late}
    fit = fit or late
    if not fit:
        refused = {variant: tuple(reasons) for variant, reasons in against.items()}
        return Advice(None, "no variant keeps the promises here", refused)
    fastest = min(fit, key=lambda each: each.ratio)
    best = min((each for each in fit if _tied(each, fastest)), key=lambda each: (each.size_bytes, each.ratio))
    for each in fit:
        if each is not best:
            tied = _tied(each, best) and _tied(best, each)
            against[each.variant].append(
                f"no faster than {best.variant}, and larger" if tied else f"slower than {best.variant}"
            )
    return Advice(best.variant, _why(best, fastest, measurements), {k: tuple(v) for k, v in against.items() if v})


def _check(models: Mapping[str, Path], x: Floats, y: Ints, named: Sequence[str]) -> None:
    unknown = [name for name in named if name not in models]
    if unknown:
        raise Mistake(f"there is no variant {unknown[0]!r} to measure", hint=f"there is: {', '.join(models)}")
    if x.ndim != 2 or not len(x) or len(x) != len(y):
        raise Mistake(f"{x.shape} spectra and {len(y)} labels cannot be scored", hint="(n, points) and (n,), n > 0")
    for name, path in models.items():
        if not path.is_file():
            raise Missing(f"variant {name!r}: {path} is not there", hint="edgespec compress makes it")


def _ask(
    models: Mapping[str, Path],
    x: Floats,
    target: Target,
    work: Path,
    reference: str,
    seconds: float,
    seed: int,
    progress: Callable[[str], None],
) -> Session:
    files = {**models, TWIN.format(reference): models[reference]}
    progress(f"{target.name}: {target.runtime}")
    hello = call(target, ["hello", "--runtime", target.runtime], work)
    _write_request(files, x, target, work, seconds, seed)
    cold = {}
    for name in models:
        progress(f"{target.name}: {name} in a fresh process")
        cold[name] = call(target, ["cold", "request.json", "--model", name], work, timeout_s=300)
    progress(f"{target.name}: {len(files)} models in turns, {seconds:g} s each")
    scoring_s = 2 * len(x) * sum(each["first_ms"] for each in cold.values()) / 1e3
    timing_s = len(files) * (WARMUP_MAX_S + max(MAX_S, seconds))
    answer = call(target, ["bench", "request.json"], work, timeout_s=120 + scoring_s + timing_s)
    told = {each["name"]: each for each in answer["models"]}
    with np.load(work / answer["samples"]) as arrays:
        samples = {name: arrays[f"ns_{i}"] for i, name in enumerate(files)}
    outputs = {name: _scores(work / told[name]["outputs"], name, len(x)) for name in models}
    facts = {key: answer[key] for key in ("affinity", "clock_ns", "wall_s", "before", "after", "other_cores")}
    draws = stats.draw_rounds(len(samples[reference]), seed)
    resampled = {name: stats.resample(each, draws, [0.5, 0.9]) for name, each in samples.items()}
    return Session({**hello, **facts}, told, cold, samples, resampled, outputs)


def _write_request(files: Mapping[str, Path], x: Floats, target: Target, work: Path, seconds: float, seed: int) -> None:
    for i, path in enumerate(files.values()):
        shutil.copyfile(path, work / f"{i}.onnx")
    np.save(work / "spectra.npy", np.ascontiguousarray(x, np.float32))
    request = {
        "runtime": target.runtime,
        "threads": target.threads,
        "spectra": "spectra.npy",
        "models": [{"name": name, "file": f"{i}.onnx"} for i, name in enumerate(files)],
        "warmup_max_ms": WARMUP_MAX_S * 1e3,
        "seconds": seconds,
        "max_seconds": max(MAX_S, seconds),
        "seed": seed,
    }
    (work / "request.json").write_text(json.dumps(request), encoding="utf-8")


def _scores(path: Path, name: str, n: int) -> NDArray[Any]:
    scores: NDArray[Any] = np.load(path)
    if scores.ndim != 2 or len(scores) != n:
        raise Mismatch(f"{name} answers {n} spectra with {scores.shape}, not with (n, classes) scores")
    broken = int((~np.isfinite(scores)).any(axis=1).sum())
    if broken:
        raise Mismatch(
            f"{name} answers {broken} of {n} spectra with scores that are no numbers",
            hint="a half-precision overflow, or a spectrum that is constant or not finite",
        )
    return scores


def _measurement(
    name: str, path: Path, session: Session, y: Ints, target: Target, reference: str, sibling: str | None
) -> Measurement:
    samples, told, cold = session.samples[name], session.models[name], session.cold[name]
    _, self_bounds = _ratio(session, TWIN.format(reference), reference)
    noise = max(abs(bound - 1) for bound in self_bounds)
    ratio, ratio_interval = _ratio(session, name, reference)
    p90, p99 = stats.quantile(samples, 0.90), stats.quantile(samples, 0.99)
    p50_interval, p90_interval = (stats.interval(each / 1e6) for each in session.resampled[name].T)
    warnings = stats.machine_warnings(samples, session.host, noise=noise, warm=told["warmup"]["stable"])
    if sibling is not None:
        warnings += stats.against_float(name, sibling, *_ratio(session, name, sibling), noise)
    return Measurement(
        target=target.name,
        variant=name,
        runtime=target.runtime,
        runtime_version=session.host["runtime_version"],
        provider=", ".join(told["providers"]),
        threads=told["threads"],
        digest=storage.file_digest(path),
        n=samples.size,
        rounds=len(samples),
        p50_ms=stats.median(samples) / 1e6,
        p50_interval_ms=p50_interval,
        p90_ms=None if p90 is None else p90 / 1e6,
        p90_interval_ms=None if p90 is None else p90_interval,
        p99_ms=None if p99 is None else p99 / 1e6,
        reference=reference,
        ratio=ratio,
        ratio_interval=ratio_interval,
        noise=noise,
        cold_load_ms=cold["import_ms"] + cold["load_ms"],
        cold_first_ms=cold["first_ms"],
        peak_memory_bytes=int(cold["peak_memory"]),
        model_memory_bytes=int(cold["peak_memory"] - cold["peak_memory_before_load"]),
        size_bytes=path.stat().st_size,
        scored=len(y),
        accuracy=float((session.outputs[name].argmax(axis=1) == y).mean()),
        agreement=stats.agreement(session.outputs[name], session.outputs[reference]),
        warnings=tuple(warnings),
        host=session.host,
    )


def _ratio(session: Session, one: str, other: str) -> tuple[float, stats.Interval]:
    """Give the ratio of two medians, and its interval from the same rounds of both."""
    ratio = stats.median(session.samples[one]) / stats.median(session.samples[other])
    return ratio, stats.interval(session.resampled[one][:, 0] / session.resampled[other][:, 0])


def _slower(measured: Measurement) -> list[str]:
    return [f"{measured.ratio:.2f} times slower than {measured.reference}"] if measured.ratio > 1 else []


def _tied(one: Measurement, other: Measurement) -> bool:
    """Can't `one` be told to be slower than `other`?"""
    return one.ratio_interval[0] * (1 - one.noise) <= other.ratio_interval[1] * (1 + other.noise)


def _why(best: Measurement, fastest: Measurement, measurements: Sequence[Measurement]) -> str:
    told = f"{best.variant} is recommended for target {best.target!r}"
    lines = [line for each in measurements for line in each.warnings]
    no_help = [line for line in lines if "times slower than" in line or "can't be told to be faster than" in line]
    told = "; ".join([*no_help, told])
    if best.variant == best.reference:
        return told if no_help else f"{told}: nothing faster keeps the promises"
    if best.ratio > 1:
        return f"{told}: nothing that answers as fast as {best.reference} keeps the promises"
    if best is not fastest:
        return f"{told}: it can't be told to be slower than {fastest.variant}, and it is smaller"
    return f"{told}: it answers {1 / best.ratio:.2f} times faster than {best.reference}"
