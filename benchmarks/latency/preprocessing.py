"""What preprocessing in the graph costs, over the student network behind it; and three ways to bring a spectrum to another axis.

    python -m benchmarks.latency.preprocessing [--rounds 300]

One spectrum at a time, ONNX Runtime, one thread. The graphs of a table take turns, A B C A B C, a few calls each, so that what
the machine does meanwhile hits all of them. A cost is a graph's latency less that of a single Relu (what any call costs), for
the whole network behind its front less that of the network alone; the ratio is to the student network's latency less the
Relu's. All are medians; intervals: 95 %, by resampling rounds. Prints Markdown tables and writes
benchmarks/results/local/preprocessing.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.tools.results import LOCAL

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgespec import models
from edgespec.data import preprocess
from edgespec.data.layers import Blend
from edgespec.data.preprocess import Front
from edgespec.graph import assembly, exporter
from edgespec.recipe import Call, schema

RESULTS = LOCAL
AXIS = np.linspace(150.0, 1172.0, 512)
USUAL = [Call("highpass", {"window": 62.0}), Call("signed_sqrt"), Call("rms")]
UNEVEN = [200.0 + 2 * i + 0.5 * (i % 2) for i in range(400)]
KEYS: dict[str, dict[str, Any]] = {
    "crop": {"low": 200.0, "high": 1000.0},
    "resample": {"points": 256},
    "onto": {"places": UNEVEN},
}
MORE = {
    "savgol, slope": [Call("savgol", {"derivative": 1})],
    **{f"average, {n} points": [Call("average", {"window": 2.0 * n})] for n in (31, 33, 61, 101)},
    "snip, smooth 4": [Call("snip", {"smooth": 4.0})],
}
CALLS, WARM = 20, 200
Floats = NDArray[np.float64]


class Relu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.relu()


class Dense(nn.Module):
    """The interpolation as one matrix (own, wanted)."""

    def __init__(self, own: Floats, wanted: Floats) -> None:
        super().__init__()
        self.register_buffer("matrix", Blend(own, wanted)(torch.eye(len(own))))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix


class Windows(nn.Module):
    """The interpolation as small matrices: each 32 wanted points from the window of own ones that they lie in."""

    def __init__(self, own: Floats, wanted: Floats, block: int = 32) -> None:
        super().__init__()
        matrix = Blend(own, wanted)(torch.eye(len(own)))
        at = np.clip(np.searchsorted(own, wanted, side="right") - 1, 0, len(own) - 2)
        first, last = at[::block], at[block - 1 :: block] + 2
        self.wanted, self.width = len(wanted), int((last - first).max())
        starts = np.minimum(first, len(own) - self.width).tolist()
        parts = [matrix[s : s + self.width, i * block : (i + 1) * block] for i, s in enumerate(starts)]
        self.register_buffer("places", torch.cat([torch.arange(s, s + self.width) for s in starts]))
        self.register_buffer("parts", torch.stack(parts)[None])

    def forward(self, x: Tensor) -> Tensor:
        windows = torch.index_select(x, 1, self.places).reshape(-1, self.parts.shape[1], 1, self.width)
        return (windows @ self.parts).reshape(-1, self.wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    found = {
        "runtime": f"onnxruntime {onnxruntime.__version__}",
        "cpu": cpu(),
        "rounds": rounds,
        "calls_a_round": CALLS,
        "tables": {title: table(graphs, rounds) for title, graphs in everything().items()},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "preprocessing.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    show(found)


def everything() -> dict[str, dict[str, onnx.ModelProto]]:
    """Every graph that is measured, by table and name; each table has the single Relu and the student network."""
    student = models.build(Call("cnn", {"widths": [8, 16, 32]}), points=512, classes=192, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.onnx"
        exporter.export(student.eval(), path, front=Front(AXIS, AXIS, []))
        network = onnx.load(path)
    both = {"one Relu": only(Relu(), AXIS, AXIS), "student": network}
    usual = front(preprocess.build(USUAL, AXIS))
    apart = Front(AXIS, AXIS, [getattr(preprocess, each.name)(AXIS, **each.keys) for each in USUAL])
    whole = {
        "highpass, signed_sqrt, rms": usual,
        "the same, root and rms apart": front(apart),
        "student behind highpass, signed_sqrt, rms": assembly.joined(usual, network),
    }
    fronts = {name: [Call(name, KEYS.get(name, {}))] for name in schema.names("preprocess")} | MORE
    single = {name: front(preprocess.build(calls, AXIS)) for name, calls in fronts.items()}
    return {"usual": both | whole, "single": both | single, "another axis": both | axes()}


def axes() -> dict[str, onnx.ModelProto]:
    """An instrument's axis brought to the model's, in three forms that give the same answer."""
    found = {}
    for points in (1024, 2388):
        own = np.linspace(120.0, 1250.0, points)
        x = torch.rand(3, points, generator=torch.Generator().manual_seed(0))
        for title, kind in (("gather and blend", Blend), ("windows", Windows), ("dense matrix", Dense)):
            layer = kind(own, AXIS)
            torch.testing.assert_close(layer(x), Blend(own, AXIS)(x))
            found[f"{points} to 512 points: {title}"] = only(layer, own, AXIS)
    return found


def front(layers: Front) -> onnx.ModelProto:
    made = exporter.of_front(layers)
    assert made is not None
    return made


def only(layer: nn.Module, own: Floats, wanted: Floats) -> onnx.ModelProto:
    return front(Front(own, wanted, [layer]))


def session(model: onnx.ModelProto) -> Callable[[], None]:
    """One call on one spectrum, tensors bound once."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = 1, 1, 3
    opened = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = opened.get_inputs()[0]
    binding = opened.io_binding()
    x = np.random.default_rng(0).gamma(2, 500, size=(1, given.shape[1])).astype(np.float32)
    binding.bind_cpu_input(given.name, x)
    binding.bind_output(opened.get_outputs()[0].name, "cpu")
    return lambda: opened.run_with_iobinding(binding)


def table(graphs: dict[str, onnx.ModelProto], rounds: int) -> dict[str, Any]:
    medians = measured({name: session(each) for name, each in graphs.items()}, rounds)
    return {name: told(name, model, medians) for name, model in graphs.items()}


def measured(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, Floats]:
    """(rounds,) medians in microseconds."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(WARM):
            call()
    for _ in range(rounds):
        for name, call in calls.items():
            samples = np.empty(CALLS)
            for i in range(CALLS):
                start = time.perf_counter_ns()
                call()
                samples[i] = time.perf_counter_ns() - start
            found[name].append(float(np.median(samples)) / 1e3)
    return {name: np.array(each) for name, each in found.items()}


def told(name: str, model: onnx.ModelProto, medians: dict[str, Floats]) -> dict[str, Any]:
    empty = medians["student"] if name.startswith("student behind ") else medians["one Relu"]
    cost, student = medians[name] - empty, medians["student"] - medians["one Relu"]
    draws = np.random.default_rng(0).integers(len(cost), size=(2000, len(cost)))
    ratios = np.median(cost[draws], axis=1) / np.median(student[draws], axis=1)
    return {
        "us": round(float(np.median(medians[name])), 2),
        "cost_us": round(float(np.median(cost)), 2),
        "ratio": round(float(np.median(cost) / np.median(student)), 3),
        "ratio_interval": [round(float(each), 3) for each in np.quantile(ratios, [0.025, 0.975])],
        "nodes": len(model.graph.node),
        "bytes": len(model.SerializeToString()),
    }


def cpu() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def show(found: dict[str, Any]) -> None:
    print(f"{found['cpu']}, {found['runtime']}")
    for rows in found["tables"].values():
        print("\n| graph | latency | cost | of the student | nodes | size |\n| --- | --- | --- | --- | --- | --- |")
        for name, each in rows.items():
            low, high = each["ratio_interval"]
            cells = [
                f"{each['us']:.1f} us",
                f"{each['cost_us']:.1f} us",
                f"{each['ratio']:.2f} [{low:.2f}, {high:.2f}]",
            ]
            print(f"| {name} | {' | '.join(cells)} | {each['nodes']} | {each['bytes'] / 1e3:.1f} kB |")


if __name__ == "__main__":
    main()
