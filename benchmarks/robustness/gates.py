"""Do the gates cry wolf, and do they hear one? Fifty repetitions of no change, and planted regressions, on the machine at hand.

    python -m benchmarks.robustness.gates [--repeats 50] [--seconds 1] [--counts 5]

One small run on embedded spectra is judged against itself over and over, both sides measured in turns each time: every verdict
'fail' is a false alarm. Then copies of it are harmed (3 % more bytes, labels swapped, noise in the last layer that costs some points of
accuracy, slower preprocessing) and judged. Where valgrind is installed, the same file's instructions are counted several times, and
those of the slower one beside its time. Prints Markdown and writes benchmarks/results/local/gates.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from benchmarks.tools.results import LOCAL
from edgespec import report, storage
from edgespec.bench import instructions
from edgespec.errors import Missing
from edgespec.pipeline import provenance
from edgespec.pipeline.run import Run
from edgespec.runs import gate

FILE = LOCAL / "gates.json"
RECIPE = """\
schema: 1
seed: 0
data:
  load: {minerals: {samples: 12, spectra: 5}}
  axis: {low: 150, high: 1172, points: 512}
  preprocess: [{highpass: {window: 62}}, signed_sqrt, rms]
  augment: instrument
  split: {by: group, test: 0.25, valid: 0.15}
steps:
  - train: {model: {cnn: {widths: [8, 16, 32]}}, fit: {epochs: 12, batch: 32}}
  - to_onnx
  - calibrate
targets: [local]
gates:
  regression: {accuracy: 1 %, size: 1 %, latency_p50: {local: 5 %}}
"""
TURNS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=1.0, help="of timed calls for each side")
    parser.add_argument("--counts", type=int, default=5, help="how often the same file's instructions are counted")
    parser.add_argument("--only-instructions", action="store_true", help="count again; the other results stay")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = made(Path(name))
        if asked.only_instructions:
            found = json.loads(FILE.read_text(encoding="utf-8"))
            found["instructions"] = counted(base, asked.counts)
            FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(table(found))
            return
        found = {"machine": provenance.environment()}
        found["no_change"] = unchanged(base, asked.repeats, asked.seconds)
        found["planted"] = {title: planted(base, title, asked.seconds) for title in HARM}
        found["instructions"] = counted(base, asked.counts)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))


def made(place: Path) -> Path:
    (place / "gates.yaml").write_text(RECIPE, encoding="utf-8")
    run, folder = [sys.executable, "-m", "edgespec"], place / "run"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    environment = {key: value for key, value in os.environ.items() if key != "EDGESPEC_DATA"}
    subprocess.run([*run, "compress", str(place / "gates.yaml"), "--out", str(folder)], env=environment, **quiet)
    subprocess.run([*run, "bench", str(folder), "--target", "local"], env=environment, **quiet)
    return folder


def unchanged(base: Path, repeats: int, seconds: float) -> dict[str, Any]:
    """Judge a run against itself, over and over."""
    verdicts: dict[str, Counter[str]] = {}
    ratios = []
    for _ in range(repeats):
        judged = gate.judge(Run(base), gate.Asked(against=str(base), seconds=seconds))
        for each in judged.report.gates:
            verdicts.setdefault(each["metric"], Counter())[each["verdict"]] += 1
            if each["metric"] == "latency_p50":
                ratios.append(each["measured"])
    return {"repeats": repeats, "seconds": seconds, "verdicts": verdicts, "ratios": ratios}


def planted(base: Path, title: str, seconds: float) -> dict[str, Any]:
    """Harm a copy and judge it against the whole one."""
    folder = base.parent / "harmed"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    path = folder / report.read(folder).last()[-1].file
    model = onnx.load(path)
    HARM[title](model)
    onnx.save(model, path)
    record = path.parent / "artifact.json"
    told = json.loads(record.read_text(encoding="utf-8"))
    told["files"] = {each: storage.file_digest(path.parent / each) for each in told["files"]}
    record.write_text(json.dumps(told), encoding="utf-8")
    judged = gate.judge(Run(folder), gate.Asked(against=str(base), seconds=seconds))
    return {each["metric"]: {"verdict": each["verdict"], "said": each["message"]} for each in judged.report.gates}


def heavier(model: Any) -> None:
    entry = model.metadata_props.add()
    entry.key, entry.value = "ballast", "x" * (model.ByteSize() * 3 // 100)


def swapped(model: Any) -> None:
    for each in model.metadata_props:
        if each.key == "edgespec.labels":
            names = json.loads(each.value)
            each.value = json.dumps([names[1], names[0], *names[2:]])


def blunter(model: Any) -> None:
    """Noise in the last layer, as a rounding that went wrong would leave it."""
    last = next(node for node in model.graph.node if node.op_type == "Gemm")
    weight = next(each for each in model.graph.initializer if each.name == last.input[1])
    values = numpy_helper.to_array(weight)
    noise = np.random.default_rng(0).normal(0, 1.5 * values.std(), values.shape).astype(np.float32)
    weight.CopyFrom(numpy_helper.from_array(values + noise, weight.name))


def slower(model: Any) -> None:
    """The same answers: the spectrum is turned over and back first."""
    name = model.graph.input[0].name
    for node in model.graph.node:
        for k, each in enumerate(node.input):
            if each == name:
                node.input[k] = f"turned_{TURNS}"
    for i in range(TURNS):
        node = onnx.helper.make_node("Neg", [f"turned_{i}" if i else name], [f"turned_{i + 1}"])
        model.graph.node.insert(i, node)


HARM: dict[str, Callable[[Any], None]] = {
    "3 % more bytes": heavier,
    "two labels swapped": swapped,
    "a blunter last layer": blunter,
    "a slower preprocessing": slower,
}


def counted(base: Path, counts: int) -> dict[str, Any]:
    """Count one file several times, and the slower one beside its time."""
    run = Run(base)
    whole = base / run.report.last()[-1].file
    late = base.parent / "late.onnx"
    model = onnx.load(whole)
    slower(model)
    onnx.save(model, late)
    x, _ = run.test
    numbers: dict[str, list[float]] = {"whole": [], "slower": []}
    try:
        for i in range(counts):
            files = {"whole": whole, **({"slower": late} if i == 0 else {})}
            with tempfile.TemporaryDirectory() as work:
                who, once = instructions.count(files, x, Path(work))
            for each, number in once.items():
                numbers[each].append(number)
    except Missing as absent:
        return {"why": absent.message}
    spread = max(numbers["whole"]) / min(numbers["whole"]) - 1
    return {
        "counted": who,
        "numbers": numbers,
        "spread": spread,
        "ratio": numbers["slower"][0] / np.mean(numbers["whole"]),
    }


def table(found: dict[str, Any]) -> str:
    same = found["no_change"]
    lines = [
        f"No change, {same['repeats']} times:",
        "",
        "| promise | pass | inconclusive | fail |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {each.get('pass', 0)} | {each.get('inconclusive', 0)} | {each.get('fail', 0)} |"
        for name, each in same["verdicts"].items()
    ]
    low, high = min(same["ratios"]), max(same["ratios"])
    lines += [
        "",
        f"Ratios of latencies of the same file: {low:.3f} to {high:.3f}",
        "",
        "| planted | verdicts |",
        "| --- | --- |",
    ]
    for title, each in found["planted"].items():
        said = ", ".join(f"{name} {told['verdict']}" for name, told in each.items())
        lines.append(f"| {title} | {said} |")
    if "spread" in (told := found["instructions"]):
        n = len(told["numbers"]["whole"])
        lines += [
            "",
            f"Instructions: {np.mean(told['numbers']['whole']) / 1e3:.0f} k, {n} counts differ by {told['spread']:.2%}; slower: {told['ratio']:.2f}",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
