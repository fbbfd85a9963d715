"""What a device loads and cannot make itself: made on this machine by the runner's own `prepare`, and sent along."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgespec import device_program, storage
from edgespec.errors import Mistake
from edgespec.targets import card as cards
from edgespec.targets.card import Target

CROSS, BUILT = "EDGESPEC_CROSS", "EDGESPEC_C_BUILT"
"""In a card's `env`: the compiler, with its flags, that makes C for the device here; what the device is told of it."""
BUILT_HERE = {"litert": ".tflite"}
"""Runtimes whose files the workstation makes, and the ending of such a file."""
CONVERT_S = 900.0
Call = Callable[[Target, Sequence[str], Path, float], dict[str, Any]]


def converter() -> Path:
    """Give the folder of LiteRT's converter: EDGESPEC_LITERT, else `litert` in edgespec's cache folder."""
    named = os.environ.get("EDGESPEC_LITERT")
    return Path(named) if named else storage.home() / "litert"


def crossed(target: Target) -> Target:
    """Tell a device that C comes compiled, for where it has no compiler: the card names one for its processor, and that is here."""
    words = shlex.split(target.env.get(CROSS, ""))
    if target.runtime != "c" or target.reach == "local" or not words or shutil.which(words[0]) is None:
        return target
    told = subprocess.run(
        [words[0], "--version"], capture_output=True, text=True, check=False, timeout=CONVERT_S
    ).stdout
    version = (told.splitlines() or [words[0]])[0].strip()
    return replace(target, env={**target.env, BUILT: f"{version}, on the workstation"})


def place_beside(target: Target, folder: Path, call: Call) -> None:
    """Put beside each ONNX file of a folder what the target's runtime loads of it; nothing where it makes that itself.

    A file that the runtime is known to reject gets none: the target then says so, in its place among the others.
    call: what asks a target's runner (`runner.call`)
    Raises Missing where what makes it is not here.
    """
    if target.env.get(BUILT):
        _compile_beside(target, folder)
    ending = BUILT_HERE.get(target.runtime)
    if ending is None or target.reach == "local":
        return
    for path in sorted(folder.glob("*.onnx")):
        if not path.with_suffix(ending).is_file():
            _place(replace(cards.load("local"), runtime=target.runtime), path, ending, call)


def _compile_beside(target: Target, folder: Path) -> None:
    """Compile each C file for the device. What does not compile is left to the device, which says so in its place among the others."""
    program = device_program.module("runtimes.c")
    for source in sorted(folder.glob("*.c")):
        made = source.with_suffix(".so")
        if not made.is_file():
            with contextlib.suppress(ValueError):
                program.compiled([*shlex.split(target.env[CROSS]), *shlex.split(program.FLAGS)], source, made)


def _place(here: Target, path: Path, ending: str, call: Call) -> None:
    with tempfile.TemporaryDirectory() as name:
        work, kept = Path(name), storage.home() / "prepared"
        shutil.copyfile(path, work / "model.onnx")
        import numpy as np  # a short command reads this module and never comes here

        np.save(work / "spectra.npy", np.zeros((1, 1), np.float32))
        request = {"runtime": here.runtime, "threads": 1, "spectra": "spectra.npy"}
        request["models"] = [{"name": path.stem, "file": "model.onnx"}]
        (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
        own = replace(here, env={**here.env, "EDGESPEC_PREPARED": str(kept)})
        try:
            (told,) = call(own, ["prepare", "request.json"], work, CONVERT_S)["models"]
        except Mistake:
            return
        shutil.copyfile(kept / told["file"], path.with_suffix(ending))
