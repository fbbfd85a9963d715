"""The program on the device's side, and the only code that times a model: numpy, one runtime, nothing else.

    python runner.py hello --runtime onnxruntime             what this machine is
    python runner.py cold REQUEST.json --model NAME          a fresh process: load, first answer, memory
    python runner.py bench REQUEST.json                      latencies and outputs of all models, interleaved

One JSON object on stdout, everything else on stderr. Exit code 0; 2 for a request, model or spectrum that is wrong and
3 for a runtime that is missing, both as {"error", "hint"}. Paths in a request are relative to its folder.

What is timed: one call at batch 1, from a spectrum in memory to the answer in memory. Copying the spectrum into the
bound input is inside; reading files is not. The cost of reading the clock is inside too, and reported (`clock_ns`).
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import itertools
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

try:
    import numpy as np
except ImportError as missing:
    print(json.dumps({"error": str(missing), "hint": sys.executable + " -m pip install numpy"}))
    sys.exit(3)

LIMITS = {
    "warmup_ms": 200.0,  # at least this long and 10 calls for each model ...
    "warmup_max_ms": 10_000.0,  # ... and until two blocks agree, or this long
    "slot_ms": 5.0,  # how long a model runs before the next one's turn
    "settle": 5,  # untimed calls that open a slot, a quarter of it at most: they bring the weights back into the cache
    "seconds": 2.0,  # timed calls of each model, together
    "min_samples": 700,
    "max_seconds": 60.0,  # a model; wins over the two above, but not over FEWEST_ROUNDS
    "seed": 0,  # the order of the spectra
}
FEWEST_ROUNDS = 11  # of which each gives one call at least: no median from fewer
MOST_CALLS = 1000  # in a slot
AGREE = 0.01  # of two warm-up blocks' medians
FLAGS: tuple[str, ...] = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx_vnni",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
)
FLAGS += ("amx_tile", "amx_int8", "amx_bf16", "neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2")


class RefusalError(Exception):
    """What the asker can mend: told as JSON, with an exit code."""

    def __init__(self, code: int, error: str, hint: str = "") -> None:
        super().__init__(error)
        self.code = code
        self.answer = {"error": error, "hint": hint}


class Loaded(NamedTuple):
    """A model that is ready to answer."""

    name: str
    infer: Callable[[Any], Any]
    facts: dict[str, Any]


class Parser(argparse.ArgumentParser):
    """Refuses in JSON, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        """Refuse arguments."""
        raise RefusalError(2, message, self.format_usage().strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one command and print one JSON object."""
    answer_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is not the answer
    try:
        answer, code = _answer(arguments), 0
    except RefusalError as refusal:
        answer, code = refusal.answer, refusal.code
    with answer_to:
        json.dump(answer, answer_to)
    return code


def _answer(arguments: Sequence[str] | None) -> dict[str, Any]:
    parser = Parser(prog="runner.py")
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    commands.add_parser("hello").add_argument("--runtime", required=True)
    commands.add_parser("bench").add_argument("request", type=Path)
    cold = commands.add_parser("cold")
    cold.add_argument("request", type=Path)
    cold.add_argument("--model", required=True)
    asked = parser.parse_args(arguments)
    if asked.command == "hello":
        return hello(asked.runtime)
    request = read_request(asked.request)
    if asked.command == "cold":
        return first_answer(request, asked.model)
    return bench(request, asked.request.parent)


def hello(runtime: str) -> dict[str, Any]:
    """Tell what this machine is, as far as its latencies depend on it."""
    load_average = state()["load1"]
    cores = pin(1)
    flags = _cpuinfo("flags") or _cpuinfo("Features")
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "runtime": runtime,
        "runtime_version": find_runtime(runtime).version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpuinfo("model name") or _text("/proc/device-tree/model").strip("\0") or platform.processor(),
        "flags": [flag for flag in FLAGS if flag in flags.split()],
        "cores": os.cpu_count(),
        "load1": load_average,
        "governor": _text(f"/sys/devices/system/cpu/cpu{(cores or [0])[0]}/cpufreq/scaling_governor") or None,
        "affinity": cores,
    }


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
    unknown = set(given) - set(needed) - set(LIMITS)
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
    found = [each for each in request["models"] if each["name"] == name]
    if not found:
        known = ", ".join(each["name"] for each in request["models"])
        raise RefusalError(2, f"the request has no model {name!r}", "there is: " + known)
    pin(request["threads"])
    spectrum = np.array(read_spectra(request["spectra"])[:1])
    begin = time.perf_counter_ns()
    runtime = find_runtime(request["runtime"])
    imported, memory_before = time.perf_counter_ns(), peak_memory()
    model = open_model(runtime, found[0], request["threads"], spectrum.shape[1])
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

    Leaves beside the request `outputs-<i>.npy`, the first output (n, classes) of model i, and `samples.npz`: one array
    `ns_<i>` (rounds, calls) of nanoseconds for each model.
    """
    cores = pin(request["threads"])
    x = np.ascontiguousarray(read_spectra(request["spectra"]))
    runtime = find_runtime(request["runtime"])
    models = [open_model(runtime, each, request["threads"], x.shape[1]) for each in request["models"]]
    rows = [x[i : i + 1] for i in np.random.RandomState(int(request["seed"])).permutation(len(x))]
    warm = [warm_up(model.infer, rows, request) for model in models]
    for i, model in enumerate(models):
        np.save(str(folder / f"outputs-{i}.npy"), answers(model, x))
    slots = [calls_in_slot(each["median_ns"], request["slot_ms"]) for each in warm]
    before, begin = state(cores), time.perf_counter()
    samples = interleave([model.infer for model in models], slots, rows, request)
    after, wall_s = state(cores), time.perf_counter() - begin
    arrays: dict[str, Any] = {f"ns_{i}": np.array(each) for i, each in enumerate(samples)}
    np.savez_compressed(str(folder / "samples.npz"), **arrays)
    return {
        "samples": "samples.npz",
        "affinity": cores,
        "clock_ns": statistics.median(time_calls(lambda x: [], rows[:1] * 1000)),
        "wall_s": wall_s,
        "before": before,
        "after": after,
        "other_cores": others(before, after, wall_s),
        "models": [
            dict(model.facts, name=model.name, outputs=f"outputs-{i}.npy", warmup=warm[i], calls=slots[i])
            for i, model in enumerate(models)
        ],
    }


def find_runtime(name: str) -> Any:
    """Import the runtime's file, by path and under another name, so that it can import the package of its own name."""
    files = {path.stem: path for path in (Path(__file__).resolve().parent / "runtimes").glob("*.py")}
    if name not in files:
        raise RefusalError(2, f"there is no runtime {name!r} here", "there is: " + ", ".join(sorted(files)))
    spec = importlib.util.spec_from_file_location("runtime_" + name, str(files[name]))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    except ImportError as error:
        hint = f"{sys.executable} -m pip install {(error.name or name).split('.')[0]}"
        raise RefusalError(3, f"{name} cannot be used here: {error}", hint) from error
    return module


def open_model(runtime: Any, model: dict[str, str], threads: int, points: int) -> Loaded:
    """Load a model and check that it takes these spectra."""
    try:
        infer, facts = runtime.load(model["file"], threads)
    except ValueError as error:
        raise RefusalError(2, f"model {model['name']!r} cannot be loaded: {error}") from error
    if facts["points"] != points:
        told = f"model {model['name']!r} takes spectra of {facts['points']} points, these have {points}"
        raise RefusalError(2, told, "put the spectra on the model's axis first")
    return Loaded(model["name"], infer, facts)


def read_spectra(path: str) -> Any:
    """Open (n, points) float32 without reading it all."""
    try:
        x = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise RefusalError(2, f"cannot read the spectra: {error}") from error
    if x.ndim != 2 or not x.size or x.dtype != np.float32:
        raise RefusalError(2, f"{path} holds {x.dtype} {x.shape}, not float32 (n, points)")
    return x


def warm_up(
    infer: Callable[[Any], Any],
    rows: list[Any],
    limits: dict[str, Any],
    clock: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, Any]:
    """Run until two successive blocks have medians within 1 %; give how long it took and whether it succeeded."""
    stream = itertools.cycle(rows)
    medians: list[float] = []
    calls, begin = 0, clock()
    while True:
        samples: list[int] = []
        opened = clock()
        while len(samples) < 5 or clock() - opened < limits["warmup_ms"] * 1e6 / 2:
            samples += time_calls(infer, itertools.islice(stream, 5), clock)
        medians.append(statistics.median(samples))
        calls += len(samples)
        stable = len(medians) > 1 and abs(medians[-1] - medians[-2]) < AGREE * medians[-2]
        spent_ms = (clock() - begin) / 1e6
        if stable or spent_ms >= limits["warmup_max_ms"]:
            return {"stable": stable, "calls": calls, "ms": spent_ms, "median_ns": medians[-1]}


def calls_in_slot(median_ns: float, slot_ms: float) -> int:
    """Give every model the same time in a round, not the same number of calls."""
    return max(1, min(MOST_CALLS, round(slot_ms * 1e6 / max(median_ns, 1))))


def answers(model: Loaded, x: Any) -> Any:
    """Ask for every spectrum at batch 1, as it is timed: (n, classes)."""
    return np.concatenate([np.array(model.infer(x[i : i + 1])[0]) for i in range(len(x))])


def interleave(
    infers: list[Callable[[Any], Any]],
    slots: list[int],
    rows: list[Any],
    limits: dict[str, Any],
    clock: Callable[[], int] = time.perf_counter_ns,
) -> list[list[list[int]]]:
    """Time the models in turns, A B C, B C A, C A B ..., so that what the machine does meanwhile hits them alike.

    Gives for each model its rounds, and for each round the nanoseconds of each call. No sample is left out.
    """
    count = len(infers)
    streams = [itertools.cycle(rows) for _ in infers]
    samples: list[list[list[int]]] = [[] for _ in infers]
    spent, turns, begin = [0] * count, 0, clock()
    collects = gc.isenabled()
    gc.disable()
    try:
        while True:
            for k in ((turns + i) % count for i in range(count)):
                for row in itertools.islice(streams[k], int(min(limits["settle"], max(1, slots[k] // 4)))):
                    infers[k](row)
                samples[k].append(time_calls(infers[k], itertools.islice(streams[k], slots[k]), clock))
                spent[k] += sum(samples[k][-1])
            turns += 1
            long_enough = min(spent) >= limits["seconds"] * 1e9 and turns * min(slots) >= limits["min_samples"]
            too_long = clock() - begin >= limits["max_seconds"] * count * 1e9
            if turns >= FEWEST_ROUNDS and (long_enough or too_long):
                return samples
    finally:
        if collects:
            gc.enable()


def time_calls(
    infer: Callable[[Any], Any], rows: Iterable[Any], clock: Callable[[], int] = time.perf_counter_ns
) -> list[int]:
    """Time one call a spectrum, in nanoseconds."""
    samples = []
    for row in rows:
        begin = clock()
        infer(row)
        samples.append(clock() - begin)
    return samples


def pin(threads: int) -> list[int]:
    """Bind this process to as many cores as it has threads, the fastest ones; [] where the system has no such thing."""
    if not hasattr(os, "sched_setaffinity"):
        return []

    def fastest(core: int) -> tuple[int, int]:
        return int(_text(f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq") or 0), core

    try:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0), key=fastest)[-threads:])
    except OSError:
        return []
    return sorted(os.sched_getaffinity(0))


def state(cores: Sequence[int] = (0,)) -> dict[str, Any]:
    """Tell how the machine is now: load, clock, and processor seconds that all and that this process have had."""
    core = (list(cores) or [0])[0]
    khz = _text(f"/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq")
    mhz = float(khz) / 1e3 if khz else float(_cpuinfo("cpu MHz") or 0)
    ticks = [int(each) for each in _text("/proc/stat").split("\n")[0].split()[1:9]]
    busy_s = (sum(ticks) - sum(ticks[3:5])) / os.sysconf("SC_CLK_TCK") if ticks else None  # without idle and iowait
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"load1": load_average, "mhz": mhz or None, "busy_s": busy_s, "own_s": sum(os.times()[:2])}


def others(before: dict[str, Any], after: dict[str, Any], wall_s: float) -> float | None:
    """Give how many cores others kept busy meanwhile, None where the system doesn't tell."""
    if before["busy_s"] is None:
        return None
    all_s, own_s = after["busy_s"] - before["busy_s"], after["own_s"] - before["own_s"]
    return float(max(0.0, all_s - own_s) / max(wall_s, 1e-9))


def peak_memory() -> int:
    """Give the most memory that this process has held, in bytes.

    Linux hands ru_maxrss down through exec, so a child of a large program would report its parent; VmHWM is its own.
    """
    for line in _text("/proc/self/status").split("\n"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    import resource  # not on every system, and not needed above

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _cpuinfo(key: str) -> str:
    for line in _text("/proc/cpuinfo").split("\n"):
        if line.split(":")[0].strip() == key:
            return line.split(":", 1)[1].strip()
    return ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
