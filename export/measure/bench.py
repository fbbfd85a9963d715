"""Measure what a request names: a fresh process of one model, or all models in turns."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from measure.machine import others, peak_memory, pin, state
from measure.timing import (
    FEWEST_ROUNDS,
    LIMITS,
    calls_in_sample,
    calls_in_slot,
    interleave,
    time_calls,
    timer_step,
    warm_up,
)
from model import Loaded, find_runtime, open_model
from refusal import RefusalError


def read_request(path: Path) -> dict[str, Any]:
    """Read what is to be measured, fill in the limits it leaves open, and refuse what it can't mean."""
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusalError(2, f"cannot read the request {path}: {error}") from error
    needed = {"runtime": str, "threads": int, "spectra": str, "models": list}
    for key, kind in needed.items():
        if not isinstance(given, dict) or not isinstance(given.get(key), kind):
            raise RefusalError(2, f"{path}: {key!r} is missing, or no {kind.__name__}")
    unknown = set(given) - set(needed) - set(LIMITS) - {"batches"}
    wrong = [key for key in LIMITS if not isinstance(given.get(key, 0), (int, float)) or given.get(key, 0) < 0]
    if unknown or wrong:
        raise RefusalError(2, f"{path}: no good: {', '.join(sorted(unknown) + wrong)}", "limits are numbers")
    models = given["models"]
    if not models or not all(
        isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("file"), str)
        for each in models
    ):
        raise RefusalError(2, f"{path}: 'models' is not a list of name and file")
    if given["threads"] < 1 or len({each["name"] for each in models}) < len(models):
        raise RefusalError(2, f"{path}: at least one thread, and each model a name of its own")
    files = [dict(each, file=str(path.parent / each["file"])) for each in models]
    return dict(LIMITS, **dict(given, models=files, spectra=str(path.parent / given["spectra"])))


def first_answer(request: dict[str, Any], name: str) -> dict[str, Any]:
    """Load one model in this fresh process and ask it once; memory is that of the whole process, in bytes.

    The file may lie in the system's cache: this is a restart of the program, not of the machine.
    """
    one = named(request, name)
    pin(request["threads"])
    spectrum = np.array(read_spectra(request["spectra"])[:1])
    begin = time.perf_counter_ns()
    runtime = find_runtime(request["runtime"])
    imported, memory_before = time.perf_counter_ns(), peak_memory()
    model = open_model(runtime, one, request["threads"], spectrum.shape[1])
    loaded = time.perf_counter_ns()
    model.infer(spectrum)
    done = time.perf_counter_ns()
    return {
        "import_ms": (imported - begin) / 1e6,
        "load_ms": (loaded - imported) / 1e6,
        "first_ms": (done - loaded) / 1e6,
        "peak_memory_before_load": memory_before,
        "peak_memory": peak_memory(),
    }


def bench(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Warm every model up, take its answers to all spectra, then measure them all in turns.

    A model of the request may say its `calls` (samples in a round) and `block` (calls in a sample), as an earlier process told them.
    Leaves beside the request `outputs-<i>.npy`, the first output (n, classes) of model i, and `samples.npz`: one array
    `ns_<i>` (rounds, samples) for each model, the nanoseconds of `block` calls each.
    """
    from measure.sensor_log import Watch, summary  # only now: `cold` weighs what a program that answers weighs

    cores = pin(request["threads"])
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    models = opened(request, x.shape[1])
    rows = [x[i : i + 1] for i in np.random.RandomState(int(request["seed"])).permutation(len(x))]
    with Watch(cores) as watch:
        warm = [warm_up(model.infer, rows, request) for model in models]
        for i, model in enumerate(models):
            np.save(str(folder / f"outputs-{i}.npy"), answers(model, x))
        blocks, slots = _portions(models, warm, request)
        before, begin, begun = state(cores), time.perf_counter(), time.monotonic()
        samples = interleave([model.infer for model in models], slots, rows, request, blocks=blocks)
        after, wall_s = state(cores), time.perf_counter() - begin
        during = watch.lines(begun)
        idle = [line for line in watch.lines() if line["t"] < begun]
    arrays: dict[str, Any] = {f"ns_{i}": np.array(each) for i, each in enumerate(samples)}
    np.savez_compressed(str(folder / "samples.npz"), **arrays)
    return {
        "samples": "samples.npz",
        "affinity": cores,
        "clock_ns": statistics.median(time_calls(lambda x: [], rows[:1] * 1000)),
        "timer_step_ns": timer_step(),
        "wall_s": wall_s,
        "before": before,
        "after": after,
        "other_cores": others(before, after, wall_s),
        "sensors": summary(idle, during),
        "models": [
            dict(
                model.facts,
                name=model.name,
                outputs=f"outputs-{i}.npy",
                warmup=warm[i],
                calls=slots[i],
                block=blocks[i],
            )
            for i, model in enumerate(models)
        ],
    }


def opened(request: dict[str, Any], points: int) -> list[Loaded]:
    """Load all models of a request, each in its own runtime where it names one."""
    names = {each.get("runtime", request["runtime"]) for each in request["models"]}
    runtimes = {name: find_runtime(name) for name in sorted(names)}
    return [
        open_model(runtimes[each.get("runtime", request["runtime"])], each, request["threads"], points)
        for each in request["models"]
    ]


def named(request: dict[str, Any], name: str) -> dict[str, Any]:
    """Give what a request says of one model. Raises RefusalError where it has none of that name."""
    found = [each for each in request["models"] if each["name"] == name]
    if not found:
        known = ", ".join(each["name"] for each in request["models"])
        raise RefusalError(2, f"the request has no model {name!r}", "there is: " + known)
    return dict(found[0])


def answers(model: Loaded, x: Any) -> Any:
    """Ask for every spectrum at batch 1, as it is timed: (n, classes); a model that is another program takes many at once."""
    step = getattr(model.infer, "at_once", 1)
    return np.concatenate([np.array(model.infer(x[i : i + step])[0]) for i in range(0, len(x), step)])


def _portions(models: list[Loaded], warm: list[dict[str, Any]], request: dict[str, Any]) -> tuple[list[int], list[int]]:
    """Give the calls in a sample and the samples in a round of each model: what the request says, else by what a call took.

    A model that is another program (`times`) keeps its own clock, so no blocks; and it takes a second to start, so its turns are few and long.
    """
    step_ns, blocks, slots = timer_step(), [], []
    for model, each, told in zip(models, request["models"], warm):
        alone = hasattr(model.infer, "times")
        block = 1 if alone else calls_in_sample(told["median_ns"], step_ns, request["block_us"])
        blocks.append(each.get("block") or block)
        slot_ms = max(request["slot_ms"], request["seconds"] * 1e3 / FEWEST_ROUNDS if alone else 0.0)
        slots.append(each.get("calls") or calls_in_slot(told["median_ns"] * blocks[-1], slot_ms))
    return blocks, slots


def read_spectra(path: str) -> Any:
    """Open (n, points) float32 without reading it all."""
    try:
        x = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise RefusalError(2, f"cannot read the spectra: {error}") from error
    if x.ndim != 2 or not x.size or x.dtype != np.float32:
        raise RefusalError(2, f"{path} holds {x.dtype} {x.shape}, not float32 (n, points)")
    return x
