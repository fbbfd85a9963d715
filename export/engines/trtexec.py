"""TensorRT's own program as a runtime: it builds an engine, answers spectra and keeps its own clock.

`--exportTimes` is the same from TensorRT 8.2 to 11.1; what changes with the version are the flags (`build_flags`, `timing_flags`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines import built
from engines.onnx_outline import Outline

USUAL = "/usr/src/tensorrt/bin/trtexec"
AT_ONCE = 64  # spectra of one call; the engine is built for 1 to so many, and tuned for 1
WARM_MS = 200.0
BUILD_S, RUN_S = 900.0, 120.0
BANNER = re.compile(r"\[TensorRT v(\d+)\]")
NO_DRIVER = re.compile(r"error: 35|cudaError 35|insufficient for CUDA runtime|no CUDA-capable device", re.I)
NEWEST = (((10, 13), 24), ((10, 9), 22), ((10,), 20), ((0,), 17))  # first release -> the newest opset that it reads
REASONS = (
    (r"has type Int32 but must have", "a bias is rounded to int32: TensorRT takes the file 'portable-int8', not 'cpu-int8'"),
    (r"shiftIsAllZeros|[Nn]on-zero zero point", "a zero point is not 0: TensorRT takes the file 'portable-int8', not 'cpu-int8'"),
    (r"UINT8 zero_point only on DLA", "uint8 would be taken for int8 and clipped: TensorRT takes the file 'portable-int8'"),
    (r"checkQLinearConv|QLinear", "QOperator is not read by TensorRT: export Q/DQ"),
    (r"No importer registered for op: (\w+)|(\w+): UNSUPPORTED_NODE", "this TensorRT does not know an operator of it"),
    (r"[Oo]ut of memory|OutOfMemory", "the GPU has no memory left"),
)  # fmt: skip


def find() -> str:
    """Give the program: EDGESPEC_TRTEXEC, JetPack's usual place, else the first in PATH; "" where there is none."""
    for place in (os.environ.get("EDGESPEC_TRTEXEC", ""), USUAL, "trtexec"):
        found = shutil.which(os.path.expanduser(place)) if place else None
        if found:
            return found
    return ""


def version(program: str) -> tuple[int, int, int]:
    """Read the version that the program's banner tells: v8602 is 8.6.2, v101303 is 10.13.3. Raises ValueError."""
    ended = _run([program, "--help"], None, RUN_S)
    found = BANNER.search(ended.stdout)
    if found is None:
        raise ValueError(f"{program} tells no version: it printed {ended.stdout[:80]!r}")
    return built.number(found.group(1))


def check_opset(release: tuple[int, int, int], outline: Outline) -> None:
    """Refuse an opset that this TensorRT does not know: 8.x takes it and reduces over the wrong axes. Raises ValueError."""
    newest = next(opset for first, opset in NEWEST if release >= first)
    if outline.opset > newest:
        told = f"its opset is {outline.opset}, TensorRT {release[0]}.{release[1]} reads up to {newest}"
        raise ValueError(told + ": edgespec export --target, with a card of this JetPack")


def build_flags(release: tuple[int, int, int], outline: Outline) -> list[str]:
    """Give the flags that build an engine of a file's own precision: no TF32 where float32 was asked for."""
    flags = ["--noTF32"]
    if release[0] < 10:  # weakly typed: what may be used is said here, what is used by the Q/DQ and casts of the file
        flags += {"int8": ["--int8"], "fp16": ["--fp16"]}.get(outline.precision, [])
    elif release[0] == 10:
        flags.append("--stronglyTyped")  # in 11 every network is
    flags.append("--skipInference" if release >= (8, 6, 0) else "--buildOnly")
    for name, batch in () if outline.batch else (("min", 1), ("opt", 1), ("max", AT_ONCE)):
        flags.append(f"--{name}Shapes={outline.input}:{batch}x{outline.points}")
    return flags


def timing_flags(release: tuple[int, int, int]) -> list[str]:
    """Give the flags under which all versions time the same: CUDA graph, spinning, transfers of spectrum and answer included."""
    flags = ["--useCudaGraph", "--useSpinWait", f"--warmUp={WARM_MS:.0f}", "--duration=0", "--avgRuns=1"]
    return [*flags, "--includeDataTransfers"] if release[0] >= 11 else flags


def build(program: str, onnx: str, engine: Path, flags: Sequence[str], timing_cache: Path) -> None:
    """Build an engine here. Raises ValueError with what TensorRT complains of, a warning that uint8 is taken for int8 too."""
    command = [program, f"--onnx={onnx}", f"--saveEngine={engine}", f"--timingCacheFile={timing_cache}", *flags]
    said = _checked(command, None, BUILD_S)
    if "UINT8 zero_point only on DLA" in said:
        engine.unlink()
        raise ValueError(reason(said))
    if not engine.is_file():
        raise ValueError("trtexec says that it passed, but left no engine")


class Engine:
    """A built engine that is asked through trtexec: a process each time.

    at_once: spectra that one call takes; times: how this clock replaces the caller's; facts: what is learnt while timing
    """

    def __init__(self, program: str, release: tuple[int, int, int], engine: str, outline: Outline) -> None:
        self.program, self.release, self.engine, self.outline = program, release, engine, outline
        self.at_once = outline.batch or AT_ONCE
        self.facts: dict[str, Any] = {}
        self.compute: list[float] = []

    def __call__(self, x: Any) -> list[Any]:
        """(n, points) -> every output, (n, ...)."""
        parts = [self._answer(x[i : i + self.at_once]) for i in range(0, len(x), self.at_once)]
        return [np.concatenate(each) for each in zip(*parts)]

    def times(self, rows: Sequence[Any]) -> list[int]:
        """Time as many calls as there are rows, all on the first: nanoseconds from a spectrum in the host's memory to its answer there."""
        with tempfile.TemporaryDirectory(prefix="edgespec-trt-") as work:
            given = self._given(rows[0], work)
            more = [f"--iterations={len(rows) + 5}", "--exportTimes=times.json", *timing_flags(self.release)]
            _checked([self.program, *given, *more], work, RUN_S)
            told = [each for each in _json(Path(work) / "times.json") if each["startComputeMs"] >= WARM_MS]
        if len(told) < len(rows):  # 8.x tells its warm-up too; nothing but that is left out
            raise ValueError(f"trtexec timed {len(told)} calls, {len(rows)} were asked for")
        self.compute += [each["computeMs"] for each in told]
        self.facts["compute_p50_ms"] = float(np.median(self.compute))
        return [max(1, round(each["latencyMs"] * 1e6)) for each in told[: len(rows)]]

    def _answer(self, x: Any) -> list[Any]:
        with tempfile.TemporaryDirectory(prefix="edgespec-trt-") as work:
            once = ["--warmUp=0", "--duration=0", "--iterations=1", "--exportOutput=out.json"]
            _checked([self.program, *self._given(x, work), *once], work, RUN_S)
            told = {each["name"]: each for each in _json(Path(work) / "out.json")}
        found = []
        for name in self.outline.outputs:
            if name not in told:
                raise ValueError(f"trtexec gives no output {name!r}: {', '.join(sorted(told))}")
            shape = [int(each) for each in told[name]["dimensions"].split("x")]
            found.append(np.array(told[name]["values"], np.float32).reshape(shape))
        return found

    def _given(self, x: Any, work: str) -> list[str]:
        np.ascontiguousarray(x, np.float32).tofile(str(Path(work) / "x.bin"))
        name = self.outline.input
        shapes = [] if self.outline.batch else [f"--shapes={name}:{len(x)}x{self.outline.points}"]
        return [f"--loadEngine={self.engine}", *shapes, f"--loadInputs={name}:x.bin"]


def reason(said: str) -> str:
    """Word what a build complains of: its first error, and what mends it."""
    if NO_DRIVER.search(said) and not any(re.search(pattern, said) for pattern, _ in REASONS):
        return "no NVIDIA driver answered (CUDA error 35): an engine can only be built on a machine with the target GPU"
    lines = [line for line in said.splitlines() if re.search(r"\[E\]|UINT8 zero_point", line)]
    lines = [re.sub(r"^.*?\[[EW]\]\s*", "", line) for line in lines if not NO_DRIVER.search(line)]
    first = lines[0].strip() if lines else (said.strip().splitlines() or ["nothing said"])[-1]
    mend = [text for pattern, text in REASONS if re.search(pattern, said)]
    return f"{mend[0]} ({first})" if mend else first


def _checked(command: list[str], work: str | None, limit_s: float) -> str:
    ended = _run(command, work, limit_s)
    if ended.returncode != 0 or "&&&& FAILED" in ended.stdout:
        raise ValueError(reason(ended.stdout))
    return ended.stdout


def _run(command: list[str], work: str | None, limit_s: float) -> Any:
    try:
        return subprocess.run(
            command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit_s, check=False,
            encoding="utf-8", errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"trtexec did not end within {limit_s:.0f} s") from error
    except OSError as error:
        raise ValueError(f"{command[0]} cannot be run: {error}") from error


def _json(path: Path) -> Any:
    """Read what trtexec exported; it writes what is no number as C++ does, not as JSON."""
    text = path.read_text(encoding="utf-8")
    return json.loads(re.sub(r"(?<=[\s,\[])-?(nan|inf)(?=[\s,\]])", "NaN", text))
