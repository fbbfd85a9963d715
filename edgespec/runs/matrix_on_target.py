"""A run's files on a target: do they load there, and do they say what they say here?

What is asked of an emulated target, whose latencies mean nothing; and of any other before something is shipped to it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgespec import storage
from edgespec.artifact import OnnxModel
from edgespec.bench import collect
from edgespec.errors import Mismatch, Mistake
from edgespec.graph import onnx_file
from edgespec.graph.c import source
from edgespec.graph.compatibility import CODE
from edgespec.job import Progress
from edgespec.pipeline.run import Run
from edgespec.runs import matrix_cells
from edgespec.runs.matrix_cells import FORMAT, MARGINS, REFERENCE, Array, Matrix
from edgespec.spectra import Ints
from edgespec.targets import card as cards
from edgespec.targets import runner
from edgespec.targets.card import Target

SPECTRA = 128
LIMIT_S = 1200.0  # an emulator takes some hundred times as long


def compare(run: Run, card: Target) -> Matrix:
    """Ask every file of a run here in ONNX Runtime and in the target's runtime on the target; leaves bench/matrix-<target>.json.

    Asked are 128 spectra of the test part, evenly over it. Nothing is timed.
    Raises Mistake where the run made no ONNX or its data have changed; what `runner.call` raises where the target doesn't answer.
    """
    with run.locked():
        folder, job, test = run.folder, run.job, run.job.splits.test
        rows = test[np.unique(np.linspace(0, len(test) - 1, SPECTRA).astype(int))]
        with tempfile.TemporaryDirectory(dir=folder, prefix=".matrix-") as work:
            made = of_files(
                run.model, job.spectra.x[rows], job.spectra.y[rows], card, Path(work), progress=run.progress
            )
        (folder / "bench").mkdir(exist_ok=True)
        kept = {"format": FORMAT, "margins": MARGINS, **asdict(made)}
        storage.write_json(folder / "bench" / f"matrix-{card.name}.json", kept)
    return made


def of_files(model: OnnxModel, x: Array, y: Ints, card: Target, work: Path, *, progress: Progress) -> Matrix:
    """Compare the answers of files to the same spectra, here and on the target.

    x: (n, points) as the graphs take them; y: (n,) their labels; work: an empty folder
    """
    here, names = cards.load("local"), matrix_cells.ordered(model)
    there = f"{card.runtime} on {card.name}"
    said: dict[str, dict[str, Any]] = {}
    for where, runtime, title in ((here, REFERENCE, REFERENCE), (card, card.runtime, there)):
        progress.say(f"{where.name}: {len(names)} files answer {len(x)} spectra")
        own = work / where.name
        own.mkdir()
        said |= {
            matrix_cells.title(name, title, ""): told
            for name, told in _asked(model, names, x, where, runtime, own).items()
        }
    host = runner.call(card, ["hello", "--runtime", card.runtime], work, timeout_s=LIMIT_S)
    pairs = [(name, title, "") for name in names for title in (REFERENCE, there)]
    return Matrix(tuple(matrix_cells.judge(model, pairs, said, y)), names[0], host, {}, card.source)


def _asked(
    model: OnnxModel, names: Sequence[str], x: Array, card: Target, runtime: str, work: Path
) -> Mapping[str, dict[str, Any]]:
    """Ask all files in one process, whose start is what takes long in an emulator."""
    found: dict[str, dict[str, Any]] = {}
    files = {}
    for name in names:
        try:
            files[name] = _put(model.path(name), work, name, runtime)
        except Mistake as problem:  # an operator that has no C
            found[name] = {"name": name, "error": problem.message}
    np.save(work / "spectra.npy", np.ascontiguousarray(x, np.float32))
    request: dict[str, Any] = {"runtime": runtime, "threads": card.threads, "spectra": "spectra.npy"}
    for batches, asked in (
        ([1], ["default"]),
        (list(onnx_file.BATCHES), [each for each in names if each != "default"]),
    ):
        models = [{"name": name, "file": files[name]} for name in asked if name in files]
        if not models:
            continue
        (work / "request.json").write_text(json.dumps({**request, "models": models, "batches": batches}), "utf-8")
        for told in runner.call(card, ["answers", "request.json"], work, timeout_s=LIMIT_S)["models"]:
            if told["name"] not in names:
                raise Mismatch(f"target {card.name!r} answers for a model that it was not sent: {told['name']!r}")
            if told.get("answered"):
                told["answers"] = collect.arrays_of(work / f"{told['name']}.npz", card.name)
            found[told["name"]] = told
    return found


def _put(path: Path, work: Path, name: str, runtime: str) -> str:
    """Put what a runtime loads of a file into a folder: the file itself, or the C code that is made of it; give its name there."""
    if runtime not in CODE:
        shutil.copyfile(path, work / f"{name}.onnx")
        return f"{name}.onnx"
    storage.write(work / f"{name}.c", source.source(path).whole.encode())
    return f"{name}.c"
