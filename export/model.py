"""A model that is ready to answer, and the runtime that runs it."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from refusal import RefusalError

TARGET = "target.json"
CODE = ("c", "cortex_m")  # runtimes that compile what lies beside the model
RUNTIMES = Path(__file__).resolve().parent / "runtimes"


class Loaded(NamedTuple):
    """A model that is ready to answer.

    infer: (n, points) float32 -> the outputs, which hold until its next call
    facts: what really runs it, and `points`
    outputs: names of what it answers, in their order; metadata: what the file says of itself
    """

    name: str
    infer: Callable[[Any], Any]
    facts: dict[str, Any]
    outputs: list[str]
    metadata: dict[str, str]


def find_runtime(name: str | None) -> Any:
    """Import the runtime's file, by path and under another name, so that it can import the package of its own name.

    name: None takes the only one there is, or onnxruntime
    """
    files = {path.stem: path for path in RUNTIMES.glob("*.py")}
    if name is None:
        name = next(iter(files)) if len(files) == 1 else "onnxruntime"
    if name not in files:
        raise RefusalError(2, f"there is no runtime {name!r} here", "there is: " + ", ".join(sorted(files)))
    spec = importlib.util.spec_from_file_location("runtime_" + name, str(files[name]))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    except ImportError as error:
        hint = f"{sys.executable} -m pip install {(error.name or name).split('.')[0]}"
        raise RefusalError(3, f"{name} cannot be used here: {error}", hint) from error
    return module


def of_bundle(asked: str | None, folder: Path) -> Any:
    """Import the runtime that a bundle is for, by its target.json, unless another is asked for; without either as `find_runtime`.

    A bundle's C code is compiled and run only where that runtime is asked for: without it the ONNX file answers, which the code was made of.
    Raises RefusalError where target.json cannot be read, and where the runtime is missing: another one is never taken unasked.
    """
    if asked is not None or not (folder / TARGET).is_file():
        return find_runtime(asked)
    try:
        told = json.loads((folder / TARGET).read_text(encoding="utf-8"))
        name = told["runtime"]
        if not isinstance(name, str):
            raise TypeError("its runtime is not a name")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        told_ = f"{folder / TARGET} does not tell the runtime: {type(problem).__name__}"
        raise RefusalError(2, told_, "export the bundle anew, or name one: --runtime onnxruntime") from None
    try:
        return find_runtime("onnxruntime" if name in CODE else name)
    except RefusalError as missing:
        if missing.code != 3:
            raise
        others = sorted(path.stem for path in RUNTIMES.glob("*.py") if path.stem != name)
        other = f"; --runtime {others[0]} asks the same file in another runtime" if others else ""
        raise RefusalError(3, missing.answer["error"], missing.answer["hint"] + other) from missing


def open_model(runtime: Any, model: dict[str, str], threads: int, points: int | None = None) -> Loaded:
    """Load a model, in its `precision` where it names one; where `points` are given, check that it takes spectra of so many."""
    asked = [model["precision"]] if model.get("precision") else []
    try:
        infer, facts = runtime.load(model["file"], threads, *asked)
    except ValueError as error:
        told = f"model {model['name']!r} cannot be loaded: {error}"
        raise RefusalError(2, told, _remedy(runtime, str(error))) from error
    if points is not None and facts["points"] != points:
        told = f"model {model['name']!r} takes spectra of {facts['points']} points, these have {points}"
        raise RefusalError(2, told, "put the spectra on the model's axis first")
    outputs, metadata = facts.pop("outputs", []), facts.pop("metadata", {})
    return Loaded(model["name"], infer, facts, outputs, metadata)


def _remedy(runtime: Any, error: str) -> str:
    if "build_engine.sh" in error:
        return "sh build_engine.sh, in the bundle"
    if re.search(
        r"unsupported model ir version|opset \d+ is under development|guarantees.*opset", error, re.IGNORECASE
    ):
        old = f"it is newer than {runtime.version()} of its runtime here reads"
        return f"{old}: a newer runtime, or 'opset' and 'ir_version' of the target's card and edgespec export --target"
    return "is it an ONNX file, and whole?"
