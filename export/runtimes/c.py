"""C without a runtime: a model's own code, compiled by this machine's C compiler and called directly.

The code is what `edgespec export --target c_x86` writes. An ONNX file is run by the code that lies beside it under the same name and says
that it was made of that file. Whoever asks for this runtime compiles and runs the code: ask only for code that you trust.

A device without a compiler runs what the workstation compiled for it and put beside the code, and says whose compiler that was (BUILT).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engines import cache, onnx_outline
from refusal import RefusalError

FLAGS = "-O3 -fno-math-errno -fno-trapping-math"
NATIVE = ("-march=native", "-mcpu=native", "")  # x86; Arm; a compiler or an emulator that knows neither
FIXED = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC"]
LIMIT_S = 600.0
COMPILERS = ("cc", "gcc", "clang")
FACTS = re.compile(rb"points=(\d+) workspace=(\d+) outputs=([\w:,]+) sha256=([0-9a-f]{64})")
ALIGN = 64
WHY = {
    -1: "the spectrum holds NaN or infinity",
    -2: "the workspace is too small",
    -3: "the workspace is not aligned",
    -4: "the model has no finite answer to the spectrum",
}
HINT = "apt install gcc (or EDGESPEC_CC=path/of/a/compiler); or gcc for this processor on the workstation: docs/c.md"
BUILT = "EDGESPEC_C_BUILT"  # what compiled the code that came along, where something did


def version() -> str:
    """Give the compiler and its version. Raises RefusalError 3 where there is none."""
    if _came_along():
        return os.environ[BUILT][:80]
    words = [*_compiler(), "--version"]
    told = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT_S).stdout
    return (told.splitlines() or ["unknown"])[0].strip()[:80]


def prepare(onnx: str, folder: str, precision: str) -> str:
    """Compile the model's code into `folder`, unless it is kept there. Raises ValueError where it does not compile."""
    if onnx.endswith(".so"):
        return onnx
    source = _source(Path(onnx))
    if _came_along():
        library = source.with_suffix(".so")
        if not library.is_file():
            raise ValueError(
                f"there is no compiler here, and {source.name} came without what the workstation made of it"
            )
        return str(library)
    flags, native = shlex.split(os.environ.get("EDGESPEC_CFLAGS") or FLAGS), _native()
    facts = {"compiler": version(), "flags": [*flags, native], "machine": _processor()}
    header = source.with_suffix(".h")
    if header.is_file():
        facts["header"] = cache.digest(header)

    def build(part: Path) -> None:
        compiled([*_compiler(), *flags, *([native] if native else [])], source, part)

    return cache.kept(str(source), folder, ".so", facts, build)


def compiled(compiler: list[str], source: Path, out: Path) -> None:
    """Compile code with a compiler and its flags. Raises ValueError where that fails."""
    words = [*compiler, *FIXED, "-o", str(out), str(source), "-lm"]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    if ended.returncode:
        told = next((line for line in ended.stderr.splitlines() if "error" in line), ended.stderr[-200:])
        raise ValueError(f"{words[0]} does not compile {source.name}: {told.strip()[:200]}")


def load(path: str, threads: int, precision: str = "") -> tuple[Callable[[Any], list[Any]], dict[str, Any]]:
    """Give a function from (n, points) float32 to the graph's outputs, and what really runs it: spectra are answered one by one.

    path: model.c, an ONNX file with its code beside it, or compiled code (.so)
    The arrays that the function gives hold until its next call.
    Raises ValueError where there is no such code or it does not compile, RefusalError 3 without a compiler.
    """
    if precision not in ("", "float32"):
        raise ValueError("the precision of C code lies in its file, not in " + repr(precision))
    library = prepare(path, str(cache.place()), precision)
    try:
        code = ctypes.CDLL(os.path.abspath(library))
        found = FACTS.fullmatch(ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(code, "model_facts"))))
        run = code.model_run
    except (OSError, AttributeError, ValueError) as error:
        raise ValueError(f"it is not code that edgespec wrote for this machine: {error}") from error
    if found is None:
        raise ValueError("it does not tell its points, workspace and outputs")
    points, workspace = int(found[1]), int(found[2])
    outputs = [(name, int(size)) for name, size in (each.split(":") for each in found[3].decode().split(","))]
    facts = {"providers": ["C"], "threads": 1, "points": points, "outputs": [name for name, _ in outputs]}
    metadata = onnx_outline.read(path).metadata if path.endswith(".onnx") else {}
    facts.update(metadata=metadata, code_bytes=os.path.getsize(library))
    return _called(run, points, workspace, outputs), facts


def _called(run: Any, points: int, workspace: int, outputs: list[tuple[str, int]]) -> Callable[[Any], list[Any]]:
    """Bind the arrays once: a call then costs a copy of the spectrum and one jump. The arguments have C's own types, so nothing is converted."""
    spectrum = np.zeros((1, points), np.float32)
    room = np.zeros(workspace + ALIGN, np.uint8)
    answer = np.zeros(sum(size for _, size in outputs) + 2, np.float32)
    begin = room.ctypes.data + -room.ctypes.data % ALIGN
    a, b, c, d = (ctypes.c_void_p(spectrum.ctypes.data), ctypes.c_void_p(begin), ctypes.c_size_t(workspace),
                  ctypes.c_void_p(answer.ctypes.data))  # fmt: skip
    parts, at = [], 0
    for _, size in outputs:
        parts.append(answer[None, at : at + size])
        at += size

    def infer(x: Any, room: Any = room) -> list[Any]:
        if len(x) == 1:
            spectrum[...] = x
            if code := run(a, b, c, d):
                raise ValueError(WHY.get(code, "the code ends with %d" % code))
            return parts
        answers = [np.empty((len(x), size), np.float32) for _, size in outputs]
        for i in range(len(x)):
            for whole, one in zip(answers, infer(x[i : i + 1])):
                whole[i] = one[0]
        return answers

    return infer


def _source(path: Path) -> Path:
    """Give the code of a model. Raises ValueError where there is none, or it is of another file."""
    if path.suffix != ".onnx":
        return path
    source = path.with_suffix(".c")
    if not source.is_file():
        raise ValueError(f"there is no {source.name} beside {path.name}: edgespec export --target c_x86 writes it")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest.encode() not in source.read_bytes():
        raise ValueError(f"{source.name} was not made of this {path.name}: export both anew")
    return source


def _came_along() -> bool:
    """Tell that there is no compiler here, and that the workstation sends compiled code."""
    if not os.environ.get(BUILT):
        return False
    try:
        return not _compiler()
    except RefusalError:
        return True


def _compiler() -> list[str]:
    named = os.environ.get("EDGESPEC_CC")
    words = shlex.split(named) if named else [next((each for each in COMPILERS if shutil.which(each)), "")]
    if not words or not words[0] or shutil.which(words[0]) is None:
        raise RefusalError(3, "there is no C compiler here" + (f": {named}" if named else ""), HINT)
    return words


def _native() -> str:
    """Give the flag by which the compiler takes what this processor has."""
    for flag in NATIVE:
        words = [*_compiler(), *([flag] if flag else []), "-x", "c", "-E", "-", "-o", os.devnull]
        if not subprocess.run(words, input=b"", capture_output=True, check=False, timeout=LIMIT_S).returncode:
            return flag
    return ""


def _processor() -> str:
    """Name what the processor can do: code that was compiled for another one may not run."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    told = [line for line in lines if line.split(":")[0].strip() in ("flags", "Features", "model name")][:2]
    return hashlib.sha256("".join(told).encode()).hexdigest()
