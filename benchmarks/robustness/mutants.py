"""Plant small faults in the modules that decide, one at a time: do their tests notice?

    python -m benchmarks.robustness.mutants [--module PART]... [--most N] [--again]

A fault is a mutant: a comparison turned, a number changed, a statement dropped (`benchmarks/tools/mutation.py`). A module's tests run once without
a fault, then for each mutant in a copy of this process, where only that module differs; the sources on disk stay as they are. A mutant that
no test notices survives: either a test is missing, or the mutant decides nothing else. At most N mutants a module are tried, drawn by a fixed seed.
--again tries only those that survived in the recorded run, with the tests that exist now. Needs `fork` (Linux, macOS).
Prints Markdown and writes benchmarks/results/robustness/mutants.json after each module.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import importlib.machinery
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import zlib
from pathlib import Path
from types import CodeType
from typing import Any

from benchmarks.tools.mutation import Mutant, mutants
from benchmarks.tools.results import RESULTS

TOP = Path(__file__).parents[2]
FILE = RESULTS / "robustness" / "mutants.json"
MOST = 30  # mutants a module
LEAST_S, TIMES = 20.0, 3.0  # a mutant may take so long, or so many times as long as its tests without a fault
STEP_S = 0.02
MEMORY = 6 * 2**30  # bytes more than this process has
FIRST = (
    "torch", "torch.onnx", "onnx", "onnxruntime", "onnxscript", "scipy.stats", "scipy.special", "sklearn.metrics", "hypothesis", "pydantic",
    "rich.console", "yaml", "jinja2", "pytest", "_pytest.assertion.rewrite",
)  # fmt: skip
"""Libraries that this process loads once, for all its copies."""

CALM = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # of what is loaded already
UNIT = "tests/unit/"
GATE = [f"{UNIT}runs/gate/test_{name}.py" for name in ("verdicts", "regression", "growth", "chance")]
INT8 = f"{UNIT}compression/quantization/test_"
FILES = [f"{INT8}lint.py", f"{UNIT}steps/test_quantize.py", f"{INT8}fake_quant.py"]
TESTS: dict[str, tuple[list[str], str]] = {
    "edgespec/evaluation/scoring.py": ([f"{UNIT}evaluation/test_scoring.py"], "not its_file_score_and_weigh"),
    "edgespec/evaluation/calibration.py": ([f"{UNIT}evaluation/test_calibration.py"], ""),
    "edgespec/evaluation/conformal.py": ([f"{UNIT}evaluation/test_conformal.py"], ""),
    "edgespec/evaluation/difference.py": ([f"{UNIT}evaluation/test_difference.py"], ""),
    "edgespec/evaluation/reject_score.py": ([f"{UNIT}evaluation/test_reject_score.py"], ""),
    "edgespec/evaluation/uncertainty.py": (
        [f"{UNIT}evaluation/test_uncertainty.py", f"{UNIT}evaluation/test_reject_score.py"],
        "",
    ),
    **{f"edgespec/runs/gate/{name}.py": (GATE, "") for name in ("chance", "growth", "regression", "verdicts")},
    "edgespec/runs/gate/baseline.py": ([f"{UNIT}runs/gate/test_baseline.py", *GATE], ""),
    "edgespec/bench/measurement.py": ([f"{UNIT}bench/test_measurement.py"], ""),
    "edgespec/bench/paired.py": ([f"{UNIT}bench/test_paired.py", f"{UNIT}bench/test_recommend.py"], ""),
    "edgespec/bench/recommend.py": ([f"{UNIT}bench/test_recommend.py"], ""),
    "edgespec/bench/warnings.py": ([f"{UNIT}bench/test_warnings.py", f"{UNIT}bench/test_measurement.py"], ""),
    "export/measure/timing.py": ([f"{UNIT}export/measure/test_timing.py"], ""),
    **{
        f"edgespec/compression/quantization/{name}.py": ([f"{INT8}{name}.py"], "")
        for name in ("calibration_data", "lint", "ranges", "sensitivity")
    },
    **{
        f"edgespec/compression/quantization/{name}.py": (FILES, "not recurrent")
        for name in ("fake_quant", "int8", "qdq", "variants")
    },
}
"""A module that decides -> its tests, and which of them (pytest -k)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", action="append", default=[], help="Part of a path; all modules if not said.")
    parser.add_argument("--most", type=int, default=MOST, help=f"Mutants a module (default: {MOST}).")
    parser.add_argument("--again", action="store_true", help="Try only the mutants that survived before.")
    asked = parser.parse_args()
    from edgespec import storage
    from edgespec.pipeline import provenance

    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"modules": {}}
    environment = provenance.environment()
    load()
    for path in TESTS:
        if asked.module and not any(part in path for part in asked.module):
            continue
        before = kept["modules"].get(path)
        if asked.again and not before:
            continue
        result = again(path, before) if asked.again else first(path, asked.most, before or {})
        kept["modules"][path] = result
        print(f"{path}: {result['killed']} killed, {len(result['survivors'])} left", flush=True)
        storage.write_json(FILE, {"machine": environment, "modules": kept["modules"]})
    print(table(kept["modules"]))


def load() -> None:
    """Load what all copies of this process need, and no module of edgespec."""
    for name in FIRST:
        importlib.import_module(name)


def first(path: str, most: int, before: dict[str, Any]) -> dict[str, Any]:
    """Try a module's mutants; give the counts and those that survive. What the record says of one that survived before is kept."""
    whole = mutants(ast.parse((TOP / path).read_text(encoding="utf-8")))
    order = list(range(len(whole)))
    random.Random(zlib.crc32(path.encode())).shuffle(order)
    chosen = sorted(order[:most])
    ends = tried(path, chosen)
    counts = {name: sum(end == name for end in ends.values()) for name in ("killed", "timed out", "survived")}
    survivors = [told(whole[i], i, before) for i in chosen if ends[i] == "survived"]
    return {
        "possible": len(whole),
        "tried": len(chosen),
        **counts,
        "survived_before": counts["survived"],
        "survivors": survivors,
    }


def again(path: str, before: dict[str, Any]) -> dict[str, Any]:
    """Try those that survived once more."""
    whole = mutants(ast.parse((TOP / path).read_text(encoding="utf-8")))
    left = [each["number"] for each in before["survivors"] if each["said"] == whole[each["number"]].said]
    if len(left) < len(before["survivors"]):
        raise SystemExit(f"{path} has changed since it was recorded; run it without --again")
    ends = tried(path, left)
    survivors = [told(whole[i], i, before) for i in left if ends[i] == "survived"]
    counts = {name: before[name] + sum(end == name for end in ends.values()) for name in ("killed", "timed out")}
    return {**before, **counts, "survived": len(survivors), "survivors": survivors}


def told(mutant: Mutant, number: int, before: dict[str, Any]) -> dict[str, Any]:
    """Give a survivor for the record: its number and place, what was changed, and `why` that decides nothing (written by a person)."""
    why = next((each.get("why", "") for each in before.get("survivors", []) if each["said"] == mutant.said), "")
    return {"number": number, "line": mutant.line, "said": mutant.said, "why": why}


def tried(path: str, numbers: list[int]) -> dict[int, str]:
    """Run a module's tests without a fault, then with each mutant; give how each ended."""
    end, seconds = child(path, None, 600.0)
    if end != "survived":
        raise SystemExit(f"{path}: its tests fail without any fault ({end})")
    ends = {}
    for number in numbers:
        ends[number], _ = child(path, number, max(LEAST_S, TIMES * seconds))
        print(".!t"[("killed", "survived", "timed out").index(ends[number])], end="", file=sys.stderr, flush=True)
    return ends


def child(path: str, number: int | None, limit: float) -> tuple[str, float]:
    """Run a module's tests in a copy of this process: "killed" where a test fails, "survived" where all pass, or "timed out"; and for how long.

    Seconds are counted as this process sleeps them: while it is stopped as a whole, none pass.
    """
    folder = tempfile.mkdtemp()
    if (pid := os.fork()) == 0:
        os.setsid()
        try:
            os._exit(tests(path, number, folder))
        except BaseException as why:  # noqa: BLE001  (whatever it is, the copy ends here)
            print(why, file=sys.stderr, flush=True)
            os._exit(1)
    code, seconds = None, 0.0
    while code is None and seconds < limit:
        time.sleep(STEP_S)
        seconds += STEP_S
        done, status = os.waitpid(pid, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if done else None
    with contextlib.suppress(ProcessLookupError):  # what the tests started, too
        os.killpg(pid, signal.SIGKILL)
    if code is None:
        os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)
    return "timed out" if code is None else "killed" if code else "survived", seconds


def tests(path: str, number: int | None, folder: str) -> int:
    """Be the copy: load the module with its fault, run the tests, give pytest's exit code."""
    import pytest

    soft = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0
    )
    if soft:
        resource.setrlimit(resource.RLIMIT_AS, (soft + MEMORY, soft + MEMORY))
    if number is not None:
        planted(TOP / path, number)
    for name in [each for each in sys.modules if each.partition(".")[0] == "edgespec"]:
        del sys.modules[name]
    where = os.open(os.environ.get("EDGESPEC_MUTANTS_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(where, 1)
    os.dup2(where, 2)
    os.chdir(TOP)
    files, only = TESTS[path]
    words = [each for each in files if Path(each).exists()]
    try:
        return int(
            pytest.main(
                [
                    *words,
                    "-x",
                    "-q",
                    "-k",
                    only,
                    "-p",
                    "no:cacheprovider",
                    "--basetemp",
                    f"{folder}/t",
                    "--tb=line",
                    *CALM,
                ]
            )
        )
    finally:
        sys.stdout.flush()


def planted(path: Path, number: int) -> None:
    """From now on the module at this path is loaded with its fault."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    mutants(tree)[number].plant()
    code = compile(tree, str(path), "exec", dont_inherit=True)
    ours = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> CodeType | None:
        return code if Path(self.path) == path else ours(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def table(modules: dict[str, Any]) -> str:
    """Give the counts as Markdown."""
    lines = ["| module | mutants, of all | survived before | now | killed | timed out |", "| --- " * 6 + "|"]
    for path, each in modules.items():
        numbers = (
            f"{each['tried']} of {each['possible']}",
            each["survived_before"],
            each["survived"],
            each["killed"],
            each["timed out"],
        )
        lines.append(f"| `{path.removesuffix('.py')}` | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
