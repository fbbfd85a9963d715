"""TensorRT: its Python package where that works, else its own program trtexec; an engine is built where it runs, once."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines import built, cache, onnx_outline, tensorrt_api, trtexec
from refusal import RefusalError

try:
    import tensorrt as package
except ImportError:
    package = None

WHY = "" if package is None else tensorrt_api.usable(package)
PROGRAM = trtexec.find()
if (package is None or WHY) and not PROGRAM:
    raise RefusalError(
        3,
        WHY
        or "TensorRT cannot be used here: neither its Python package nor trtexec is here (pip alone only fetches a stub)",
        "on a Jetson: sudo apt install nvidia-tensorrt, or name trtexec in the card; else a machine with the target GPU",
    )
PYTHON = package is not None and not WHY


def version() -> str:
    """Give TensorRT's version."""
    return str(package.__version__) if PYTHON else ".".join(map(str, _release()))


def prepare(onnx: str, folder: str, precision: str) -> str:
    """Build an engine, unless one of this file, TensorRT, GPU and flags is kept in `folder`.

    precision: what the file must be in: float32, fp16 or int8; "" takes what it is in
    Raises ValueError with what TensorRT complains of, or where the file is in another precision.
    """
    told = onnx_outline.read(onnx)
    if precision and precision != told.precision:
        raise ValueError(
            f"it is in {told.precision}, {precision} was asked for: with TensorRT precision lives in the file"
        )
    trtexec.check_opset(_release(), told)
    facts = {"tensorrt": version(), "device": _device(), "by": "python" if PYTHON else "trtexec"}
    if PYTHON:
        major = _release()[0]
        return cache.kept(
            onnx, folder, ".engine", facts, lambda part: tensorrt_api.build(package, onnx, part, told, major)
        )
    flags = trtexec.build_flags(_release(), told)
    timing = Path(folder).resolve() / "timing.cache"

    def build(part: Path) -> None:
        trtexec.build(PROGRAM, str(Path(onnx).resolve()), part.resolve(), flags, timing)

    return cache.kept(onnx, folder, ".engine", dict(facts, flags=flags), build)


def load(path: str, threads: int, precision: str = "") -> tuple[Callable[[Any], list[Any]], dict[str, Any]]:
    """Give a function from (n, points) float32 to the graph's outputs, and what really runs it. Raises ValueError.

    path: the ONNX file; its engine is what the bundle's build_engine.sh made, else built now where `prepare` has not done it
    """
    told = onnx_outline.read(path)
    engine = built.find(path, _release()) or prepare(path, str(cache.place()), precision)
    facts = {"threads": threads, "points": told.points, "outputs": told.outputs, "metadata": told.metadata}
    if PYTHON:
        return tensorrt_api.load(package, engine, told), dict(facts, providers=[f"TensorRT {told.precision}"])
    asked = trtexec.Engine(PROGRAM, _release(), str(Path(engine).resolve()), told)
    asked.facts = dict(facts, providers=[f"TensorRT {told.precision} (trtexec)"])
    return asked, asked.facts


@functools.lru_cache(maxsize=None)
def _release() -> tuple[int, int, int]:
    if PYTHON:
        numbers = [int(each) for each in str(package.__version__).split(".")[:3]]
        return numbers[0], numbers[1], numbers[2]
    try:
        return trtexec.version(PROGRAM)
    except ValueError as error:
        raise RefusalError(
            3, f"TensorRT cannot be used here: {error}", "name its trtexec in the target's card"
        ) from error


def _device() -> str:
    """Name the GPU: an engine runs on no other."""
    board = Path("/proc/device-tree/model")
    names = [board.read_text(encoding="utf-8", errors="replace").strip("\0 \n")] if board.is_file() else []
    try:
        asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        told = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, check=False)
        names += told.stdout.decode("utf-8", "replace").strip().splitlines() if told.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired):
        pass
    return "; ".join(names) or "unknown"
