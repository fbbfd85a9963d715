"""LiteRT (once TensorFlow Lite) on the CPU: what Android, Raspberry Pis and microcontrollers run.

It loads a .tflite, which is made of the ONNX file on the workstation: a device has no converter. The file holds the digest of the ONNX file
that it was made of, and is taken for no other. It takes one spectrum at a time.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert

from engines import cache, onnx_outline
from engines.onnx_outline import Outline
from refusal import RefusalError

CONVERTER = "edgespec.graph.litert.convert"
CONVERT_S = 600.0
ROUNDED = (
    "it is in {}: LiteRT's converter reads networks of torch, which have no rounded layers in our form; a float file that was sent in "
    "its place would be another model"
)
ANEW = "edgespec export --target NAME on the workstation makes it, and the bundle brings it along"


def version() -> str:
    """Give the runtime's version."""
    return importlib.metadata.version("ai-edge-litert")


def prepare(onnx: str, folder: str, precision: str) -> str:
    """Give the .tflite of a model: the one beside it, else one that is made now and kept in `folder`.

    Raises ValueError where the file is rounded or no model of one float spectrum, RefusalError 3 where the converter is not here.
    """
    _outline(onnx, precision)
    beside = _beside(onnx)
    if beside:
        return beside

    def build(part: Path) -> None:
        _convert(onnx, part)

    return cache.kept(
        onnx, folder, ".tflite", {"converter": _converter(), "packages": os.environ.get("EDGESPEC_LITERT", "")}, build
    )


def load(path: str, threads: int, precision: str = "") -> tuple[Callable[[Any], list[Any]], dict[str, Any]]:
    """Give a function from (n, points) float32 to the graph's outputs, and what really runs it.

    path: the ONNX file, whose .tflite lies beside it or is made where `engines.cache` says
    Raises ValueError where the file is no model of one float spectrum, RefusalError 3 where its .tflite is neither here nor can be made.
    """
    outline = _outline(path, precision)
    opened = _open(prepare(path, str(cache.place()), precision), threads)
    ends = opened.get_signature_list()
    (name,) = ends if len(ends) == 1 else ("",)
    signature = opened.get_signature_runner(name) if name else None
    taken = signature.get_input_details() if signature is not None else {}
    given = signature.get_output_details() if signature is not None else {}
    if list(taken) != [outline.input] or set(given) != set(outline.outputs):
        told = f"its .tflite takes {', '.join(taken)} and gives {', '.join(given)}; the ONNX file takes {outline.input}"
        raise ValueError(f"{told} and gives {', '.join(outline.outputs)}")
    facts: dict[str, Any] = {"providers": ["CPU float32 (XNNPACK)"], "threads": threads, "points": outline.points}
    facts.update(outputs=outline.outputs, metadata=outline.metadata)
    places = [int(given[each]["index"]) for each in outline.outputs]
    return _one_by_one(opened, int(taken[outline.input]["index"]), places), facts


def _one_by_one(opened: Any, into: int, out: list[int]) -> Callable[[Any], list[Any]]:
    put, run, get = opened.set_tensor, opened.invoke, opened.get_tensor

    def infer(x: Any) -> list[Any]:
        if len(x) == 1:
            put(into, x)
            run()
            return [get(place) for place in out]
        parts = [infer(np.ascontiguousarray(x[i : i + 1])) for i in range(len(x))]
        return [np.concatenate(each) for each in zip(*parts)]

    return infer


def _open(path: str, threads: int) -> Any:
    try:
        opened = litert.Interpreter(path, num_threads=threads)
        opened.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ValueError("its .tflite cannot be loaded: " + str(error).strip().splitlines()[0]) from error
    return opened


def _outline(onnx: str, precision: str) -> Outline:
    told = onnx_outline.read(onnx)
    if told.precision != "float32":
        raise ValueError(ROUNDED.format(told.precision))
    if precision not in ("", "float32"):
        raise ValueError("LiteRT is asked for float32 here, not for " + repr(precision))
    return told


def _beside(onnx: str) -> str:
    """Give the .tflite beside a model, "" where there is none. Raises ValueError where it was made of another model."""
    path = Path(onnx).with_suffix(".tflite")
    if not path.is_file():
        return ""
    if cache.digest(Path(onnx)).encode() not in path.read_bytes():
        raise ValueError(f"{path.name} beside it was made of another model: {ANEW}")
    return str(path)


def _converter() -> str:
    """Name the converter as far as what it makes depends on it. Raises RefusalError 3 where edgespec itself is not here: on a device."""
    try:
        found = importlib.util.find_spec(CONVERTER)
    except ImportError:
        found = None
    if found is None:
        raise RefusalError(3, "the model's .tflite is not beside it, and a device cannot make it", ANEW)
    sources = sorted(Path(str(found.origin)).parent.glob("*.py"))
    return " ".join(cache.digest(each)[:12] for each in sources)


def _convert(onnx: str, out: Path) -> None:
    """Let the workstation's program convert. Raises ValueError where it refuses the file, RefusalError 3 where the converter is not there."""
    command = [sys.executable, "-m", CONVERTER, str(Path(onnx).resolve()), str(out.resolve())]
    try:
        ended = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=CONVERT_S,
            check=False,
            env=dict(os.environ),
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"LiteRT's converter did not end within {CONVERT_S:.0f} s") from error
    if ended.returncode == 0 and out.is_file():
        return
    try:
        told = json.loads(ended.stdout.decode("utf-8", "replace"))
        said, hint = str(told["error"]), str(told["hint"])
    except (ValueError, KeyError, TypeError):
        lines = ended.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ValueError("LiteRT's converter failed: " + (lines[-1] if lines else "it said nothing")) from None
    if ended.returncode in (3, 4):
        raise RefusalError(ended.returncode, said, hint)
    raise ValueError(said)
