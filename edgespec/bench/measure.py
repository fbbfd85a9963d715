"""Measure models on a target and score the outputs that the target gave; or judge again what was recorded."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from edgespec import storage
from edgespec.bench import collect, paired, session
from edgespec.bench import measurement as stats
from edgespec.bench import warnings as bench_warnings
from edgespec.bench.measurement import Measurement, Samples
from edgespec.bench.protocol import QUICK, Protocol
from edgespec.bench.session import TWIN, Asked, Session
from edgespec.errors import Missing, Mistake
from edgespec.spectra import Floats, Ints
from edgespec.targets.card import Target

WARMUP_MAX_S = 10.0
MAX_S = 60.0


def measure(
    models: Mapping[str, Path],
    x: Floats,
    y: Ints,
    target: Target,
    folder: Path,
    *,
    reference: str,
    float_of: Mapping[str, str],
    protocol: Protocol = QUICK,
    seconds: float | None = None,
    seed: int = 0,
    against: Mapping[str, Sequence[str]] | None = None,
    worse: Mapping[str, Mapping[str, str]] | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Measurement]:
    """Measure all models in one session, interleaved, with the reference twice: its ratio to itself is the noise.

    models: variant -> ONNX file; x: (n, points) test spectra as the graph takes them; y: (n,) their labels
    reference: the variant that all others are compared with
    float_of: variant -> its float sibling, for those that were made to be faster
    protocol: how many processes, how long; seconds: of timed calls of each model in each, the protocol's if not said
    against: variant -> the promises that it breaks; worse: variant -> another -> why it answers worse; the recording keeps both
    Leaves `<target>.json` and `<target>.samples.npz`, which holds all that `judge` needs, in `folder`.
    Raises Mistake, Missing, Unreachable as `device.call` does, Mismatch where a model's outputs are no class scores;
    Mistake for a target that is emulated.
    """
    check_timed(target)
    _check(models, x, y, [reference, *float_of, *float_of.values()])
    folder.mkdir(parents=True, exist_ok=True)
    if seconds is not None:
        protocol = replace(protocol, seconds=seconds)
    asked = Asked(models, x, y, target, reference, float_of, protocol, seed, against or {}, worse or {})
    told = collect.ask(asked, folder, warmup_max_s=WARMUP_MAX_S, max_s=MAX_S, progress=progress)
    found = judge(told)
    told.save(folder / f"{target.name}.samples.npz")
    storage.write_json(folder / f"{target.name}.json", stats.to_record(found))
    return found


def check_timed(target: Target) -> None:
    """Raise Mistake for a target whose latencies mean nothing."""
    if target.source == "emulated":
        raise Mistake(
            f"target {target.name!r} is emulated: how long a model takes there says nothing",
            hint=f"edgespec matrix --target {shlex.quote(target.name)} compares its answers with those here",
        )


def replay(path: Path) -> tuple[Session, list[Measurement]]:
    """Judge a recording, with no target at all: the same measurements as when it was made. Raises Mistake where it is none."""
    told = session.load(path)
    return told, judge(told)


def judge(told: Session) -> list[Measurement]:
    """Turn what a target told into one measurement a model."""
    names = [*told.facts["files"], TWIN.format(told.facts["reference"])]
    samples = {name: told.samples(name) for name in names}
    rounds = [each["rounds"] for each in told.facts["processes"]]
    draws = stats.draw_rounds(rounds if len(rounds) > 1 else rounds[0], told.facts["seed"])
    high = {name: _share(told, each.size) for name, each in samples.items()}
    resampled = {name: stats.resample(each, draws, [0.5, high[name]]) for name, each in samples.items()}
    return [_measurement(name, told, samples, resampled) for name in told.facts["files"]]


def _check(models: Mapping[str, Path], x: Floats, y: Ints, named: Sequence[str]) -> None:
    unknown = [name for name in named if name not in models]
    if unknown:
        raise Mistake(f"there is no variant {unknown[0]!r} to measure", hint=f"there is: {', '.join(models)}")
    if x.ndim != 2 or not len(x) or len(x) != len(y):
        raise Mistake(f"{x.shape} spectra and {len(y)} labels cannot be scored", hint="(n, points) and (n,), n > 0")
    for name, path in models.items():
        if not path.is_file():
            raise Missing(f"variant {name!r}: {path} is not there", hint="edgespec compress makes it")


def _share(told: Session, n: int) -> float:
    """Give the rank, as a share of all, of the sample that counts as P90."""
    if not told.facts["protocol"]["early_stopping"]:
        return 0.9
    return (n - max(1, stats.over_latency(n, 0.9)) + 1) / n


def _measurement(
    name: str, told: Session, samples: Mapping[str, Samples], resampled: Mapping[str, stats.Floats]
) -> Measurement:
    facts, host, own = told.facts, told.host, samples[name]
    reference, protocol = facts["reference"], Protocol(**facts["protocol"])
    cold, loaded = facts["cold"][name], facts["processes"][0]["models"][name]
    ratio = partial(_ratio, samples, resampled)
    noise = max(abs(bound - 1) for bound in ratio(TWIN.format(reference), reference)[1])
    times, bounds = ratio(name, reference)
    p90 = stats.early_stopping(own, 0.9) if protocol.early_stopping else stats.quantile(own, 0.9)
    p99, p999 = stats.quantile(own, 0.99), stats.quantile(own, 0.999)
    p50_interval, p90_interval = (stats.interval(each / 1e6) for each in resampled[name].T)
    deviation, outliers = stats.outliers(own)
    apart = _apart(own, [each["rounds"] for each in facts["processes"]])
    energy = facts["energy"][name]
    return Measurement(
        target=facts["target"],
        variant=name,
        runtime=facts["runtime"],
        runtime_version=host["runtime_version"],
        provider=", ".join(loaded["providers"]),
        threads=loaded["threads"],
        digest=facts["files"][name]["digest"],
        n=own.size,
        rounds=len(own),
        p50_ms=stats.median(own) / 1e6,
        p50_interval_ms=p50_interval,
        p90_ms=None if p90 is None else p90 / 1e6,
        p90_interval_ms=None if p90 is None else p90_interval,
        p99_ms=None if p99 is None else p99 / 1e6,
        reference=reference,
        ratio=times,
        ratio_interval=bounds,
        noise=noise,
        cold_load_ms=cold["import_ms"] + cold["load_ms"],
        cold_first_ms=cold["first_ms"],
        peak_memory_bytes=int(cold["peak_memory"]),
        model_memory_bytes=int(cold["peak_memory"] - cold["peak_memory_before_load"]),
        size_bytes=facts["files"][name]["size_bytes"],
        scored=len(told.y),
        accuracy=float((told.outputs[name].argmax(axis=1) == told.y).mean()),
        agreement=stats.agreement(told.outputs[name], told.outputs[reference]),
        source=facts["source"],
        warnings=_warnings(name, told, own, noise=noise, apart=apart),
        host=host,
        mode=protocol.mode,
        processes=len(facts["processes"]),
        seconds=protocol.seconds,
        calls_per_sample=told.calls_per_sample(name),
        process_cov=apart,
        p999_ms=None if p999 is None else p999 / 1e6,
        max_ms=float(own.max()) / 1e6,
        mad_ms=deviation / 1e6,
        outliers=outliers,
        p_value=None if name == reference else stats.mann_whitney(own, samples[reference]),
        energy_mj=energy["mj"],
        energy_note=energy["reason"],
        throttled=told.throttled,
    )


def _ratio(
    samples: Mapping[str, Samples], resampled: Mapping[str, stats.Floats], one: str, other: str
) -> tuple[float, stats.Interval]:
    """Give the ratio of two medians, and its interval from the same rounds of both."""
    found = stats.median(samples[one]) / stats.median(samples[other])
    return found, stats.interval(resampled[one][:, 0] / resampled[other][:, 0])


def _warnings(name: str, told: Session, own: Samples, *, noise: float, apart: float | None) -> tuple[str, ...]:
    """List what speaks against a model's figures: the machine, the protocol, its processes, the runtime, a faster float file."""
    facts, host = told.facts, told.host
    warm = all(each["models"][name]["warmup"]["stable"] for each in facts["processes"])
    found = bench_warnings.of_machine(own, host, noise=noise, warm=warm)
    found += [*Protocol(**facts["protocol"]).doubts(), *bench_warnings.of_processes(apart, facts["differing"][name])]
    found += bench_warnings.of_runtime(facts["runtime"], host["runtime_version"])
    if name in facts["float_of"]:
        sibling = facts["float_of"][name]
        found += bench_warnings.against_float(name, sibling, paired.of_session(told)(name, sibling))
    return tuple(found)


def _apart(samples: Samples, rounds: Sequence[int]) -> float | None:
    """Give the standard deviation of the processes' medians over their mean, None where there is one process."""
    medians = [stats.median(each) for each in np.split(samples, np.cumsum(rounds)[:-1])]
    return float(np.std(medians, ddof=1) / np.mean(medians)) if len(medians) > 1 else None
