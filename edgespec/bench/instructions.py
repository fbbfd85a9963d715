"""Instructions of one inference, counted by valgrind: what latency is on a machine that nobody disturbs.

The real runtime answers in valgrind's callgrind, in parts of so many answers each. Between the parts the loop calls getppid, at which
callgrind writes down what it has counted: a part holds inference alone. Counting begins when the model is loaded (vgdb tells valgrind): the
start of Python would take most of the time. Only the first thread counts: ONNX Runtime starts others at its import, which do much in one
run and next to nothing in another. Counts follow the latency of the same file changed (benchmarks/robustness/gates.py measures both); two
processors differ in what an instruction takes, so it is no latency.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import plugins, storage, unpacking
from edgespec.errors import Missing, Unreachable
from edgespec.spectra import Floats

PARTS, CALLS, AGREE = 3, 200, 0.02  # CALLS: at most; a slow model answers less often, as export/measure/loop.py decides
READY, GO = "ready", "go"
MARK = "getppid"  # what export/measure/loop.py calls between its parts
SPECTRA, TIMEOUT_S = 20, 1200.0
COUNT = re.compile(r"^totals: ([0-9]+)", re.MULTILINE)
OUT = "counts"
THREAD = "01"  # the first
RUNTIME = "onnxruntime"
GET = "get it from your system: apt install valgrind, dnf install valgrind, brew install valgrind"


def counter() -> dict[str, Any]:
    """Tell what counts here: valgrind, the runtime and the machine that it plays. Raises Missing without valgrind."""
    found = shutil.which("valgrind")
    if not found:
        raise Missing("instructions can't be counted: valgrind is not installed", hint=GET)
    told = subprocess.run([found, "--version"], capture_output=True, encoding="utf-8", timeout=60, check=False)
    said = told.stdout.strip()
    import importlib.metadata

    return {
        "valgrind": said.removeprefix("valgrind-"),
        RUNTIME: importlib.metadata.version(RUNTIME),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def count(
    files: Mapping[str, Path], x: Floats, folder: Path, say: Callable[[str], None] = lambda line: None
) -> tuple[dict[str, Any], dict[str, float]]:
    """Count the instructions of one inference of each file on these spectra (n, points), one at a time.

    folder: where counts are kept, by the file's digest and what counted it; a file is counted once
    Gives what counted, and the count of each file. Raises Missing without valgrind, Unreachable where the runtime dies in it.
    """
    who = counter()
    store = folder / "instructions.json"
    kept: dict[str, float] = _kept(store)
    found = {}
    for number, (name, path) in enumerate(files.items(), start=1):
        key = storage.digest(who, storage.file_digest(path), x[:SPECTRA])
        if key not in kept:
            say(
                f"file {number} of {len(files)}: counting the instructions of {name} in valgrind, mostly under a minute"
            )
            begun = time.monotonic()
            kept[key] = _count(path, x[:SPECTRA])
            storage.write_json(store, kept)
            say(f"{name}: {kept[key]:,.0f} instructions an inference, counted in {time.monotonic() - begun:.0f} s")
        found[name] = kept[key]
    return who, found


def _kept(store: Path) -> dict[str, float]:
    try:
        found = unpacking.parse_json(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _count(path: Path, x: Floats) -> float:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shutil.copyfile(path, work / f"model{path.suffix}")
        np.save(work / "spectra.npy", np.ascontiguousarray(x, np.float32))
        models = [{"name": "model", "file": f"model{path.suffix}"}]
        request = {"runtime": RUNTIME, "threads": 1, "spectra": "spectra.npy", "models": models}
        (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
        parts, calls = _parts(work)
        return agreed(parts) / calls


def agreed(parts: Sequence[int]) -> int:
    """Give the least of the parts' counts: a part may do more than another, never less.

    Raises Unreachable where they do not agree within AGREE, or no part was counted.
    """
    least = min(parts, default=0)
    if least <= 0 or max(parts) - least > AGREE * least:
        told = ", ".join(f"{each:,}" for each in parts) or "none"
        raise Unreachable(
            f"counts of the same {CALLS} answers differ: {told}",
            hint="what runs beside the model differs each time: another version of valgrind, or a larger model",
        )
    return least


def _parts(work: Path) -> tuple[list[int], int]:
    """Give the instructions of each part of a process that answers PARTS times CALLS spectra or fewer, and how many calls a part had."""
    runner = plugins.shipped("export", "runner.py").resolve()
    asked = ["loop", "request.json", "--model", "model", "--calls", str(CALLS), "--parts", str(PARTS), "--wait"]
    tool = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--dump-before={MARK}", "--instr-atstart=no"]
    steady = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (work / "told").open("wb") as out, (work / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [*tool, f"--callgrind-out-file={work / OUT}", sys.executable, str(runner), *asked],
            cwd=work,
            stdout=out,
            stderr=errors,
            env={**os.environ, **steady},
        )
        try:
            _begin(process, work)
            process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired as late:
            raise Unreachable(
                f"valgrind did not end within {TIMEOUT_S:.0f} s", hint="a smaller model, or no other work"
            ) from late
        finally:
            process.kill()
            process.wait()
    # the first of the files is of what was before the first mark
    files = [work / f"{OUT}.{number}-{THREAD}" for number in range(2, PARTS + 2)]
    found = [COUNT.search(each.read_text(encoding="utf-8")) for each in files if each.is_file()]
    if process.returncode or len(found) < PARTS or not all(found):
        raise _failed((work / "errors").read_bytes())
    calls = int(unpacking.parse_json((work / "told").read_text(encoding="utf-8"))["calls"])
    return [int(each[1]) for each in found if each], calls


def _begin(process: subprocess.Popen[bytes], work: Path) -> None:
    """Let the loop begin, counted, once the model is loaded: the start of Python would take most of the time if it were counted."""
    end = time.monotonic() + TIMEOUT_S
    while not (work / READY).exists():
        if process.poll() is not None:
            return  # its last words tell why
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired("valgrind", TIMEOUT_S)
        time.sleep(0.05)
    switch = ["vgdb", f"--pid={process.pid}", "instrumentation", "on"]
    try:
        told = subprocess.run(switch, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Unreachable(f"valgrind's vgdb does not start counting here: {problem}", hint=GET) from None
    if told.returncode:
        raise _failed(told.stderr)
    (work / GO).touch()


def _failed(said: bytes) -> Unreachable:
    last = said.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    return Unreachable(f"{RUNTIME} does not run in valgrind here: {last[0]}", hint="another version of valgrind")
