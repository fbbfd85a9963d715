"""What a device loads and cannot make itself: made on this machine by the runner's own `prepare`, and sent along."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgespec import storage
from edgespec.errors import Mistake
from edgespec.targets import card as cards
from edgespec.targets.card import Target

BUILT_HERE = {"litert": ".tflite"}
"""Runtimes whose files the workstation makes, and the ending of such a file."""
CONVERT_S = 900.0
Call = Callable[[Target, Sequence[str], Path, float], dict[str, Any]]


def converter() -> Path:
    """Give the folder of LiteRT's converter: EDGESPEC_LITERT, else `litert` in edgespec's cache folder."""
    named = os.environ.get("EDGESPEC_LITERT")
    return Path(named) if named else storage.home() / "litert"


def place_beside(target: Target, folder: Path, call: Call) -> None:
    """Put beside each ONNX file of a folder what the target's runtime loads of it; nothing where it makes that itself.

    A file that the runtime is known to reject gets none: the target then says so, in its place among the others.
    call: what asks a target's runner (`runner.call`)
    Raises Missing where what makes it is not here.
    """
    ending = BUILT_HERE.get(target.runtime)
    if ending is None or target.reach == "local":
        return
    for path in sorted(folder.glob("*.onnx")):
        if not path.with_suffix(ending).is_file():
            _place(replace(cards.load("local"), runtime=target.runtime), path, ending, call)


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
