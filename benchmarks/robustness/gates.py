"""Do the gates cry wolf, and do they hear one? Thirty repetitions of no change, and planted regressions, on the machine at hand.

    python -m benchmarks.robustness.gates [--repeats 30] [--seconds 1] [--counts 5]

One small run on embedded spectra is judged against itself over and over, both sides measured in turns each time: every verdict
'fail' is a false alarm. Then every regression of `planted.py` is planted into a copy and judged by the baseline that the whole run left, and a slower
preprocessing in turns. Where valgrind is installed, the same file's instructions are counted several times, and those of the slower one beside its
time. Prints Markdown and writes benchmarks/results/local/gates.json.
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
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from benchmarks.robustness import planted
from benchmarks.tools.results import LOCAL
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
  - quantize: {max_drop: 0.05}
  - calibrate
targets: [local]
gates:
  regression: {accuracy: 1 %, size: 1 %, latency_p50: {local: 5 %}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30)
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
        found["planted"] = kept(base)
        found["in_turns"] = in_turns(base, asked.seconds)
        found["instructions"] = counted(base, asked.counts) if asked.counts else {}
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


def kept(base: Path) -> dict[str, dict[str, str]]:
    """Plant each regression into a copy of the run and judge it by the baseline that the whole run left."""
    run, found = planted.copy(base, base.parent / "kept" / "gates"), {}
    planted.as_if_idle(run)
    planted.promise(run, regression=planted.LIMITS)
    file = base.parent / "gates.json"
    planted.judge(run, update=True, baseline=file)
    for title, (harm, _) in {"nothing": (lambda _: None, set()), **planted.HARM}.items():
        harmed = planted.copy(run, base.parent / "harmed" / "gates")
        harm(harmed)
        found[title] = planted.verdicts(planted.judge(harmed, baseline=file))
        shutil.rmtree(harmed)
    return found


def in_turns(base: Path, seconds: float) -> dict[str, str]:
    """Judge a slower preprocessing against the whole run, both measured in turns."""
    harmed = planted.copy(base, base.parent / "late" / "gates")
    planted.change(harmed, planted.slower)
    return planted.verdicts(planted.judge(harmed, against=str(base), seconds=seconds))


def counted(base: Path, counts: int) -> dict[str, Any]:
    """Count one file several times, and the slower one beside its time."""
    run = Run(base)
    whole = base / run.report.last()[-1].file
    late = base.parent / "late.onnx"
    model = onnx.load(whole)
    planted.slower(model)
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
        "| planted | caught by |",
        "| --- | --- |",
    ]
    for title, verdicts in found["planted"].items():
        caught = [name for name, verdict in verdicts.items() if verdict == "fail"]
        unsure = [f"{name} (inconclusive)" for name, verdict in verdicts.items() if verdict == "inconclusive"]
        lines.append(f"| {title} | {', '.join([*caught, *unsure]) or f'all {len(verdicts)} pass'} |")
    late = ", ".join(f"{name} {verdict}" for name, verdict in found["in_turns"].items())
    lines.append(f"| a slower preprocessing, in turns | {late} |")
    if "spread" in (told := found["instructions"]):
        n = len(told["numbers"]["whole"])
        lines += [
            "",
            f"Instructions: {np.mean(told['numbers']['whole']) / 1e3:.0f} k, {n} counts differ by {told['spread']:.2%}; slower: {told['ratio']:.2f}",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
