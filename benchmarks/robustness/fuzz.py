"""Feed hostile files to every reader of foreign bytes, each in a child process with limits, and keep what is found.

    python -m benchmarks.robustness.fuzz [--hours H] [--inputs N] [--harness NAME]

Each harness of tests/attacks gets as many hostile files, or as much time, as the others. Where atheris is installed it steers a part of
them by the code that they reach. A child may take 4 GiB more than it has; a case may take 5 s. What is found is made smaller and lies in
tests/attacks/corpus/<harness>/ from then on, where tests/attacks/test_fuzz.py feeds it again. Prints Markdown and writes
benchmarks/results/robustness/fuzz.json.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FunctionType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "helpers"))
STEERED = os.environ.get("EDGESPEC_FUZZ_WAY") == "atheris"

if STEERED:  # what is imported below counts the branches that it takes
    import atheris

    with atheris.instrument_imports(include=["edgespec"]):
        import fuzzing

        fuzzing.finding(os.environ["EDGESPEC_FUZZ_NAME"], fuzzing.seeds(os.environ["EDGESPEC_FUZZ_NAME"])[0])
else:
    import fuzzing

from benchmarks.tools.results import RESULTS  # noqa: E402

FILE = RESULTS / "robustness" / "fuzz.json"
PATIENCE_S = 60.0  # of wall time for a case that is begun: longer than 5 s of a processor that others hold as well
SLICE = 5000  # cases in a child: it ends before what leaks in a library weighs
FIRST = ("report", "front", "bundle", "recipe", "device_answers", "device_lines", "device_arrays", "names", "page")
GUIDED = 0.3  # share of the slices that atheris steers, where it is installed
SLOW = {
    "page": 0.002,
    "report": 0.002,
    "device_lines": 0.2,
    "front": 0.02,
    "onnx": 0.2,
    "recipe": 0.1,
    "training_state": 0.05,
}
SLOW |= dict.fromkeys(("h5", "mat", "parquet", "xlsx", "device_answers", "bundle", "recording", "names"), 0.05)
"""Inputs of a reader against those of the others: some draw a page, start a process or ask a model for each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="at most")
    parser.add_argument("--inputs", type=int, default=500_000, help="in all")
    parser.add_argument("--harness", choices=fuzzing.names(), help="only this one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS, metavar=("NAME", "SEED", "COUNT", "WAY"))
    asked = parser.parse_args()
    if asked.child:
        child(asked.child[0], int(asked.child[1]), int(asked.child[2]), asked.child[3])
        return
    chosen = [asked.harness] if asked.harness else sorted(fuzzing.names(), key=lambda name: (name not in FIRST, name))
    found = run(chosen, asked.inputs, time.monotonic() + asked.hours * 3600, asked.seed)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table(found))
    sys.exit(1 if found["findings"] else 0)


def run(names: list[str], inputs: int, until: float, seed: int) -> dict[str, Any]:
    """Feed all harnesses, slice by slice in turns; give counts, seconds and what was found."""
    began, guided = time.monotonic(), importlib.util.find_spec("atheris") is not None
    weights = {name: SLOW.get(name, 1.0) for name in names}
    wanted = {name: round(inputs * weight / sum(weights.values())) for name, weight in weights.items()}
    counts = {name: {"inputs": 0, "steered": 0, "seconds": 0.0, "findings": 0} for name in names}
    findings: dict[str, dict[str, Any]] = {}
    turn = 0
    while time.monotonic() < until and any(counts[name]["inputs"] < wanted[name] for name in names):
        for name in names:
            left = wanted[name] - int(counts[name]["inputs"])
            if left <= 0 or time.monotonic() > until:
                continue
            way = "atheris" if guided and random.Random(f"{seed} {turn} {name}").random() < GUIDED else "mutations"
            start = time.monotonic()
            fed, new = slice_of(name, seed * 1_000_003 + turn, min(left, SLICE), way, until)
            counts[name]["inputs"] += fed
            counts[name]["steered"] += fed if way == "atheris" else 0
            counts[name]["seconds"] = round(counts[name]["seconds"] + time.monotonic() - start, 1)
            for place, raw, told in new:
                if f"{name}: {place}" not in findings:
                    counts[name]["findings"] += 1
                    findings[f"{name}: {place}"] = {
                        "file": keep(name, raw, place),
                        "told": told.strip().splitlines()[-1][:200],
                    }
                    print(f"{name}: {place}", file=sys.stderr, flush=True)
        turn += 1
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "atheris": guided,
        "limits": {"seconds": fuzzing.SECONDS, "bytes": fuzzing.MEMORY},
        "inputs": sum(int(each["inputs"]) for each in counts.values()),
        "seconds": round(time.monotonic() - began, 1),
        "harnesses": {name: {"reader": fuzzing.harness(name).READER, **counts[name]} for name in names},
        "findings": findings,
    }


def slice_of(name: str, seed: int, count: int, way: str, until: float) -> tuple[int, list[tuple[str, bytes, str]]]:
    """Feed a slice in a child; give how many were fed, and each finding: its place, the file, what was told.

    A child that dies, or is silent for too long, is itself a finding: the case that it had begun.
    """
    current = fuzzing.scratch() / "current"
    current.unlink(missing_ok=True)
    words = [sys.executable, "-m", "benchmarks.robustness.fuzz", "--child", name, str(seed), str(count), way]
    told_to = {"EDGESPEC_FUZZ_CURRENT": str(current), "EDGESPEC_FUZZ_WAY": way, "EDGESPEC_FUZZ_NAME": name}
    environment = {**os.environ, **told_to, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdout is not None
    found, fed, silent = [], 0, False
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            heard = ready.select(PATIENCE_S)
            if not heard or time.monotonic() > until:
                silent = not heard
                process.kill()
                break
            line = process.stdout.readline()
            if not line:
                break
            told = json.loads(line)
            fed = told["fed"]
            if "place" in told:
                found.append((told["place"], bytes.fromhex(told["raw"]), told["told"]))
    over = time.monotonic() > until and not silent  # ended by us
    code = 0 if process.wait() and over else process.returncode
    process.stdout.close()
    if (silent or code != 0) and current.exists():
        what = "is silent" if silent else f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        found.append((what, current.read_bytes(), what))
        fed += 1
    return fed, found


def keep(name: str, raw: bytes, place: str) -> str:
    """Keep a finding in the corpus, as small as it can be made; give its file."""
    if " at " in place:
        raw = fuzzing.smallest(name, raw, place)
    folder = fuzzing.CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(raw).hexdigest()[:12]}.bin"
    path.write_bytes(raw)
    return path.relative_to(fuzzing.FOLDER.parents[1]).as_posix()


def child(name: str, seed: int, count: int, way: str) -> None:
    """Be the child: feed cases, tell on standard output how far it is and what was found."""
    current, out = os.environ["EDGESPEC_FUZZ_CURRENT"], os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    seen: set[str] = set()
    last = time.monotonic()
    fed = 0

    def one(raw: bytes) -> None:
        nonlocal fed, last
        Path(current).write_bytes(raw)
        found = fuzzing.finding(name, raw)
        fed += 1
        if found is not None and found.place not in seen:
            seen.add(found.place)
            print(
                json.dumps({"fed": fed, "place": found.place, "raw": raw.hex(), "told": found.told}),
                file=out,
                flush=True,
            )
        elif time.monotonic() - last > 1 or fed >= count:
            last = time.monotonic()
            print(json.dumps({"fed": fed}), file=out, flush=True)
        if fed >= count:
            Path(current).unlink(missing_ok=True)
            os._exit(0)

    if way == "atheris":
        _steered(name, seed, one)
    for raw in fuzzing.cases(name, seed):
        one(raw)


def _steered(name: str, seed: int, one: Any) -> None:
    """Let atheris choose the cases by the code that they reach; it does not return."""
    for module in [each for title, each in sys.modules.items() if title.startswith("edgespec.device_program.")]:
        for each in vars(module).values():
            if isinstance(each, FunctionType) and each.__module__ == module.__name__:
                atheris.instrument_func(each)
    folder = Path(tempfile.mkdtemp(dir=fuzzing.scratch()))
    for i, raw in enumerate(fuzzing.seeds(name)):
        (folder / f"seed-{i}").write_bytes(raw)
    atheris.Setup(
        [
            sys.argv[0],
            f"-seed={seed % 2**31 + 1}",
            "-max_len=65536",
            "-verbosity=0",
            "-print_final_stats=0",
            str(folder),
        ],
        one,
    )
    atheris.Fuzz()


def table(found: dict[str, Any]) -> str:
    """Give the counts as Markdown."""
    lines = [
        "| harness | reader | inputs | steered by atheris | findings | s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, each in found["harnesses"].items():
        lines.append(
            f"| {name} | {each['reader']} | {each['inputs']:,} | {each['steered']:,} | {each['findings']} | {each['seconds']:.0f} |"
        )
    return "\n".join([*lines, "", f"{found['inputs']:,} inputs in {found['seconds']:.0f} s; {found['machine']}"])


if __name__ == "__main__":
    main()
