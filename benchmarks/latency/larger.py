"""Larger networks than the small CNN, untrained: our files beside those of others, bare (no preprocessing, no answer), one thread.

    python -m benchmarks.latency.larger [--rounds 60] [--before FOLDER] [--keep FOLDER]

DRSN of 12 blocks and PACE of dim 1024: our float32, cpu-int8 and portable-int8 in ONNX Runtime and OpenVINO, the plain default export,
ONNX Runtime's own U8S8, NNCF in OpenVINO (its environment is made as `latency.peers` makes it), LiteRT where its converter is here
(edgespec setup litert | sh). All are timed in turns of 5 ms in shuffled order, in one process; ratios are of the two turns of a round,
their intervals a bootstrap of rounds (95 %). --keep: leaves our files in a folder; --before: such a folder of an earlier version, whose
files get rows of their own. Prints a Markdown table and writes benchmarks/results/local/larger.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from benchmarks.latency import peer_files, peer_list, peer_worker
from benchmarks.tools import environments
from benchmarks.tools.results import LOCAL
from edgespec import models
from edgespec.compression.quantization import int8, ranges
from edgespec.data import preprocess
from edgespec.errors import EdgespecError
from edgespec.graph import assembly, exporter, names
from edgespec.recipe import Call
from edgespec.targets import built_here

FILE = LOCAL / "larger.json"
NETWORKS = {"drsn": Call("drsn", {"widths": [16, 32, 64]}), "pace": Call("pace", {"dim": 1024})}
POINTS, CLASSES, SPECTRA, TURN_NS, RESAMPLES = 512, 192, 64, 5_000_000, 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    told: dict[str, Any] = {"cpu": cpu(), "rounds": asked.rounds, "networks": {}}
    for title in NETWORKS:
        with tempfile.TemporaryDirectory(prefix="edgespec-larger-") as name:
            work = Path(name)
            rows, files, lost = made(title, work, asked.before)
            told["networks"][title] = {"rows": timed(files, rows, asked.rounds), "lost": lost}
            if asked.keep:
                asked.keep.mkdir(parents=True, exist_ok=True)
                for path in work.glob("*.onnx"):
                    shutil.copyfile(path, asked.keep / f"{title}-{path.name}")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(table(told))


def made(title: str, work: Path, before: Path | None) -> tuple[Any, list[tuple[str, str, Path]], dict[str, str]]:
    """Write all files of a network; give the spectra, (row, runtime, file) of each, and what could not be made."""
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(size=(SPECTRA, POINTS)), 1)
    x = (x / x.std(1, keepdims=True)).astype(np.float32)
    np.save(work / "rows.npy", x)
    network = models.build(NETWORKS[title], points=POINTS, classes=CLASSES, seed=0).eval()
    front = preprocess.build([], np.linspace(150, 1172, POINTS))
    float32 = work / "float32.onnx"
    exporter.export(network, float32, front=front)
    exporter.export_default(network, work / "default.onnx", front=front)
    _named(float32, work / "bare.onnx")
    ready = int8.ready(assembly.network(onnx.load(float32)))
    ends = ranges.cut(ranges.observe(ready, x), "minmax")
    for flavour in int8.FLAVOURS:
        onnx.save(names.shortened(int8.make(flavour, ready, ends, bits=7)), work / f"{int8.variant(flavour)}.onnx")
    files = [("ours float32", "onnxruntime", float32), ("ours float32, OpenVINO", "openvino", float32),
             ("ours cpu-int8", "onnxruntime", work / "cpu-int8.onnx"), ("ours cpu-int8, OpenVINO", "openvino", work / "cpu-int8.onnx"),
             ("ours portable-int8, OpenVINO", "openvino", work / "portable-int8.onnx"),
             ("default export", "onnxruntime", work / "default.onnx")]  # fmt: skip
    for name in ("float32", "cpu-int8") if before else ():
        assert before is not None
        files.append((f"ours {name}, before", "onnxruntime", before / f"{title}-{name}.onnx"))
    lost = {}
    for row, runtime, make in (
        ("ONNX Runtime U8S8", "onnxruntime", lambda: _static(work / "bare.onnx", work / "static.onnx", x)),
        ("NNCF int8, OpenVINO", "openvino", lambda: _nncf(work)),
        ("LiteRT float32", "litert", lambda: _litert(float32, work / "model.tflite")),
    ):
        try:
            files.append((row, runtime, make()))
        except (EdgespecError, environments.NotInstalledError, peer_files.CannotBeMadeError, subprocess.CalledProcessError) as problem:  # fmt: skip
            lost[row] = str(problem).strip().splitlines()[0]
    return x, files, lost


def timed(files: list[tuple[str, str, Path]], x: Any, rounds: int) -> dict[str, Any]:
    """Time all files in turns; each row has its median, its ratio to our float32 file with its interval, its bytes and answers."""
    calls = {
        row: peer_worker.RUNTIMES[runtime](str(file), {"points": POINTS, "name": row}) for row, runtime, file in files
    }
    logits = {row: np.concatenate([np.array(call(each[None])).reshape(1, -1) for each in x]) for row, call in calls.items()}  # fmt: skip
    rng = np.random.default_rng(0)
    took: dict[str, list[float]] = {row: [] for row in calls}
    for _ in range(rounds):
        for row in rng.permutation(list(calls)):
            own, end = [], time.perf_counter_ns() + TURN_NS
            while time.perf_counter_ns() < end or len(own) < 3:
                spectrum = x[len(own) % len(x)][None]
                begun = time.perf_counter_ns()
                calls[row](spectrum)
                own.append(time.perf_counter_ns() - begun)
            took[row].append(float(np.median(own)))
    reference, found = files[0][0], {}
    for row, runtime, file in files:
        ratios = np.array(took[row]) / np.array(took[reference])
        drawn = np.median(ratios[rng.integers(rounds, size=(RESAMPLES, rounds))], axis=1)
        apart = np.abs(logits[row] - logits[reference]).max() / np.abs(logits[reference]).max()
        size = file.with_suffix(".bin").stat().st_size if file.suffix == ".xml" else 0
        found[row] = {
            "runtime": runtime,
            "us": float(np.median(took[row])) / 1e3,
            "ratio": float(np.median(ratios)),
            "interval": [float(each) for each in np.quantile(drawn, [0.025, 0.975])],
            "bytes": file.stat().st_size + size,
            "apart": float(apart),
        }
    return found


def table(told: dict[str, Any]) -> str:
    """One line a file."""
    lines = [
        told["cpu"],
        "",
        "| network | file | us | ratio to our float32 | bytes | logits apart |",
        "| --- " * 6 + "|",
    ]
    for title, network in told["networks"].items():
        for row, each in network["rows"].items():
            low, high = each["interval"]
            lines.append(
                f"| {title} | {row} | {each['us']:.0f} | {each['ratio']:.2f} [{low:.2f}, {high:.2f}] | {each['bytes']} | {each['apart']:.2g} |"
            )
        lines += [f"| {title} | {row} | {why} | | | |" for row, why in network["lost"].items()]
    return "\n".join(lines)


def _named(source: Path, out: Path) -> None:
    """Call the input as peers' tools expect it."""
    model = onnx.load(source)
    assembly.rename(model, assembly.SPECTRUM, assembly.PREPARED)
    onnx.save(model, out)


def _static(source: Path, out: Path, x: Any) -> Path:
    from onnxruntime.quantization import QuantType

    return peer_files.static(source, out, x, QuantType.QUInt8)


def _nncf(work: Path) -> Path:
    out = work / "nncf.xml"
    peer_files.by(peer_list.python("openvino"), peer_files.NNCF, work / "bare.onnx", out, work / "rows.npy")
    return out


def _litert(source: Path, out: Path) -> Path:
    built_here.converter()
    done = subprocess.run(
        [sys.executable, "-m", "edgespec.graph.litert.convert", str(source), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise peer_files.CannotBeMadeError((done.stdout or done.stderr).strip())
    return out


def cpu() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = file.read().splitlines()
    model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    flags = next(line for line in lines if line.startswith("flags")).split()
    return f"{model}, {', '.join(each for each in ('avx2', 'avx512f', 'avx512_vnni', 'amx_int8') if each in flags)}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
