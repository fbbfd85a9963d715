"""Do others measure what `edgespec bench` measures? The same file, the same thread, in turns: ours, theirs, ours, theirs.

    python -m benchmarks.latency.measuring [--rounds 12] [--seconds 1] [--networks NAME ...]

Theirs is what `onnxruntime_perf_test` does, written plainly (one warm-up, one bound input, runs for so long, P50), and OpenVINO's own
`benchmark_app` (extra `openvino`). A round is four fresh processes of one second each on one core. Told is the ratio of the medians of the
processes' medians, with a bootstrap interval over rounds; and ours against ours, which is the noise. A verdict needs its whole interval on
one side of the limit; else it is inconclusive. Both others leave out what ours includes: copying the spectrum in and, in `benchmark_app`, the call
from Python. So the loop is also run with that copy, and files of three sizes are measured. Writes benchmarks/results/local/measuring.json.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tools.results import LOCAL
from edgespec import models
from edgespec.data import preprocess
from edgespec.graph import exporter
from edgespec.recipe import Call
from edgespec.spectra import Axis
from edgespec.targets import card as cards
from edgespec.targets import runner
from edgespec.targets.card import Target

RESULTS = LOCAL
LOOP, COPYING, APP = "onnxruntime_perf_test's loop", "the same, copying each spectrum in", "benchmark_app"
OTHERS, OURS = 0.05, 0.03
RESAMPLES = 2000
Measure = Callable[[Path, float, int], float]
AXIS = Axis(150, 1172, 512)
PREPROCESS = (Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms"))
NETWORKS = {
    "cnn 8-16-32": Call("cnn", {"widths": [8, 16, 32]}),
    "cnn 32-64-128": Call("cnn", {"widths": [32, 64, 128]}),
    "efficientnet 0.5": Call("efficientnet", {"width": 0.5}),
}


def main() -> None:
    if sys.argv[1:2] == ["--app"]:
        app(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--loop", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--copy", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.loop:
        print(json.dumps(loop(Path(asked.loop[0]), Path(asked.loop[1]), asked.seconds, asked.copy)))
        return
    others: dict[str, Measure] = {LOOP: perf_test, COPYING: functools.partial(perf_test, copy=True)}
    if importlib.util.find_spec("openvino") is not None:
        others[APP] = benchmark_app
    load, found = os.getloadavg()[0], []
    with tempfile.TemporaryDirectory() as name:
        for title in asked.networks:
            folder = exported(NETWORKS[title], Path(name) / title)
            for other, theirs in others.items():
                told = compared(
                    folder, "openvino" if other == APP else "onnxruntime", theirs, asked.rounds, asked.seconds
                )
                found.append({"network": title, "theirs": other, **told})
                print(f"{title}, {other}: {json.dumps(told['others'])}", file=sys.stderr, flush=True)
    host = runner.call(cards.load("local"), ["hello", "--runtime", "onnxruntime"], Path())
    record = {
        "seconds": asked.seconds,
        "load1": [load, os.getloadavg()[0]],
        "cpu": host["cpu"],
        "cores": host["cores"],
        "comparisons": found,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "measuring.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(table(record))


def exported(model: Call, folder: Path) -> Path:
    """Export an untrained network with its preprocessing; give a folder with model.onnx and spectra.npy, which it takes."""
    folder.mkdir(parents=True)
    network = models.build(model, points=AXIS.points, classes=20, seed=0).eval()
    exporter.export(network, folder / "model.onnx", front=preprocess.build(PREPROCESS, AXIS.values()))
    np.save(folder / "spectra.npy", np.random.default_rng(0).gamma(2, size=(64, AXIS.points)).astype(np.float32))
    return folder


def compared(folder: Path, runtime: str, theirs: Measure, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure in turns; P50 in us of each process."""
    card = Target("local", runtime)
    took: dict[str, list[float]] = {"ours": [], "theirs": [], "ours again": [], "theirs again": []}
    core, block = ours(folder, card, 0.2)[1:]
    for _ in range(rounds):
        for name, times in took.items():
            times.append(ours(folder, card, seconds)[0] if "ours" in name else theirs(folder, seconds, core))
    return {
        "rounds": rounds,
        "calls_per_sample": block,
        "p50_us": {name: statistics.median(times) for name, times in took.items()},
        "others": ratio([took["ours"], took["ours again"]], [took["theirs"], took["theirs again"]], OTHERS),
        "ours": ratio([took["ours again"]], [took["ours"]], OURS),
        "processes_us": took,
    }


def ratio(ones: list[list[float]], others: list[list[float]], limit: float) -> dict[str, Any]:
    """Give the ratio of medians, its 95 % interval over rounds, and the verdict on it."""
    a, b = np.array(ones), np.array(others)
    draws = np.random.default_rng(0).integers(a.shape[1], size=(RESAMPLES, a.shape[1]))
    drawn = [float(np.median(a[:, draw]) / np.median(b[:, draw])) for draw in draws]
    low, high = np.quantile(drawn, [0.025, 0.975])
    inside, outside = 1 - limit <= low and high <= 1 + limit, high < 1 - limit or low > 1 + limit
    return {
        "ratio": float(np.median(a) / np.median(b)),
        "interval": [float(low), float(high)],
        "limit": limit,
        "verdict": "agrees" if inside else "differs" if outside else "inconclusive",
    }


def ours(folder: Path, card: Target, seconds: float) -> tuple[float, int, int]:
    """Give the median in us of one process of `edgespec bench`, the core that it took, and its calls in a sample."""
    models = [{"name": "model", "file": "model.onnx"}]
    request = {"runtime": card.runtime, "threads": 1, "spectra": "spectra.npy", "models": models, "seconds": seconds}
    (folder / "request.json").write_text(json.dumps({**request, "warmup_max_ms": 1000}), encoding="utf-8")
    answer = runner.call(card, ["bench", "request.json"], folder, timeout_s=300)
    block = answer["models"][0]["block"]
    with np.load(folder / answer["samples"]) as samples:
        return (
            float(np.quantile(samples["ns_0"], 0.5, method="inverted_cdf")) / block / 1e3,
            answer["affinity"][0],
            block,
        )


def perf_test(folder: Path, seconds: float, core: int, copy: bool = False) -> float:
    """Give the P50 in us of the plain loop, in a process of its own on one core; `copy` has it take a new spectrum each time."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.latency.measuring",
        "--loop",
        str(folder / "model.onnx"),
        str(folder / "spectra.npy"),
    ]
    said = _on(core, [*command, "--seconds", str(seconds), *(["--copy"] if copy else [])])
    return float(json.loads(said)["p50_us"])


def loop(model: Path, spectra: Path, seconds: float, copy: bool) -> dict[str, float]:
    """Run a session on bound tensors for so long, as onnxruntime_perf_test does: one warm-up, every run timed, P50.

    copy: each run begins with copying the next spectrum into the bound one
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    x = np.load(spectra)
    bound, rows = x[:1].copy(), itertools.cycle([x[i : i + 1] for i in range(len(x))])
    given = onnxruntime.OrtValue.ortvalue_from_numpy(bound)
    binding.bind_ortvalue_input(session.get_inputs()[0].name, given)
    for output in session.get_outputs():
        binding.bind_output(output.name)
    session.run_with_iobinding(binding)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        row = next(rows)
        begin = time.perf_counter_ns()
        if copy:
            bound[...] = row
        session.run_with_iobinding(binding)
        times.append(time.perf_counter_ns() - begin)
    return {"p50_us": statistics.median(times) / 1e3, "runs": len(times)}


def benchmark_app(folder: Path, seconds: float, core: int) -> float:
    """Give the median in us that OpenVINO's own program comes to: one thread, one stream, float32, synchronous calls."""
    settings = ["-d", "CPU", "-hint", "none", "-nthreads", "1", "-nstreams", "1", "-api", "sync"]
    more = ["-infer_precision", "f32", "-shape", f"[1,{AXIS.points}]", "-t", str(max(1, round(seconds)))]
    said = _on(
        core,
        [
            sys.executable,
            "-m",
            "benchmarks.latency.measuring",
            "--app",
            "-m",
            str(folder / "model.onnx"),
            *settings,
            *more,
        ],
    )
    return float(json.loads(said.splitlines()[-1])["p50_us"])


def app(arguments: list[str]) -> None:
    """Run benchmark_app and print its median as it computes it: what it reports itself is rounded to 10 us."""
    from openvino.tools.benchmark import benchmark as parts
    from openvino.tools.benchmark.main import main as run

    measured, own = [], parts.Benchmark.main_loop

    def heard(*given: Any) -> Any:
        measured.append(own(*given))
        return measured[0]

    parts.Benchmark.main_loop = heard
    sys.argv[1:] = arguments
    try:
        run()
    finally:
        print("\n" + json.dumps({"p50_us": measured[0][1] * 1e3}))


def _on(core: int, command: list[str]) -> str:
    def bind() -> None:
        os.sched_setaffinity(0, [core])

    return subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=bind).stdout


def table(record: dict[str, Any]) -> str:
    """Give the comparisons as Markdown."""
    lines = [
        "| network, float32 | theirs | ours | theirs' P50 | ours / theirs | within 5 % | ours / ours | within 3 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in record["comparisons"]:
        cells = [each["network"], each["theirs"]]
        cells += [f"{each['p50_us'][name]:.1f} us" for name in ("ours", "theirs")]
        for key in ("others", "ours"):
            found = each[key]
            cells += [
                f"{found['ratio']:.3f} [{found['interval'][0]:.3f}, {found['interval'][1]:.3f}]",
                found["verdict"],
            ]
        lines.append("| " + " | ".join(cells) + " |")
    rounds = record["comparisons"][0]["rounds"]
    return "\n".join(
        [
            *lines,
            "",
            f"{record['cpu']}, {record['cores']} cores, load {record['load1'][0]:.1f}; {rounds} rounds of four processes",
        ]
    )


if __name__ == "__main__":
    main()
