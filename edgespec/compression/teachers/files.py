"""Teachers that are files: an ONNX classifier with or without a contract, or a step of another run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from edgespec import artifact, contract, models
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.compression.teachers.questions import Kind, Questions
from edgespec.errors import Mismatch, Mistake, StorageError
from edgespec.graph import onnx_file
from edgespec.job import Job
from edgespec.recipe import plain
from edgespec.spectra import interpolate
from edgespec.training import batches
from edgespec.training import teacher as teachers

NEAR = 1e-2  # how far from 1 the rows of probabilities may sum
SHIPPED = ("int8", "float32")
Array = NDArray[np.float64]


def of_onnx(job: Job, path: Path, asked: Questions, raw: NDArray[np.float32]) -> Array:
    """Ask an ONNX classifier: (m, classes) probabilities in the order of the data's labels.

    With a contract it gets raw spectra on its own axis; without one what the questions hold, (m, points).
    raw: (m, points), the questions as raw spectra on the data's axis
    Raises Mistake where it is no classifier of such spectra, or its classes are others.
    """
    if not path.is_file():
        raise Mistake(f"teacher: there is no file {path}", hint="as seen from where edgespec runs")
    said = _contract(path)
    x = asked.ask if said is None else _onto(raw, job.spectra.axis, said.values())
    try:
        opened = onnx_file.session(path)
        out = onnx_file.ask_all(opened, x)
    except Exception as problem:  # noqa: BLE001  (what ONNX Runtime raises has no common base)
        raise Mistake(
            f"teacher: {path.name} cannot be asked about {x.shape[1]} points: {_first(problem)}",
            hint="one input (n, points)",
        ) from None
    p = _probabilities(out, len(x), path.name)
    labels = job.spectra.labels
    if said is not None:
        if sorted(said.labels) != sorted(labels):
            odd = sorted(set(said.labels) ^ set(labels))
            raise Mistake(
                f"teacher: {path.name} names other classes than the data: {', '.join(odd[:5])}",
                hint=", ".join(labels[:10]),
            )
        return p[:, [said.labels.index(label) for label in labels]]
    if p.shape[1] != len(labels):
        raise Mistake(
            f"teacher: {path.name} answers {p.shape[1]} classes, the data have {len(labels)}",
            hint="the very classes of the data, in their order",
        )
    return p


def of_checkpoint(job: Job, folder: Path, raw: NDArray[np.float32]) -> Array:
    """Ask a step of another run, such as runs/NAME/1-train: (m, classes) probabilities. raw: (m, points) on the data's axis."""
    found, _ = artifact.read(folder)
    if isinstance(found, OnnxModel):
        name = next((each for each in SHIPPED if each in found.variants), next(iter(found.variants)))
        return of_onnx(job, found.path(name), _none(raw), raw)
    teachers.check(job, found, called=f"teacher {folder}")
    _same_preprocessing(job, found, folder)
    network = models.load(found)
    logits = batches.logits(network, batches.through(job.front(), torch.from_numpy(raw)))
    return torch.softmax(logits.double(), 1).numpy()


def _none(raw: NDArray[np.float32]) -> Questions:
    empty = np.zeros(0, np.int64)
    kind: Kind = "raw"
    return Questions(raw, empty, empty, empty, empty, raw[:0], 0, kind)


def _same_preprocessing(job: Job, found: Checkpoint, folder: Path) -> None:
    theirs = found.facts.get("preprocess")
    if theirs is not None and theirs != plain(list(job.preprocess)):
        raise Mistake(
            f"teacher {folder} was trained behind another preprocessing", hint="the same data.preprocess as its recipe"
        )


def _contract(path: Path) -> contract.Contract | None:
    try:
        model = onnx.load(str(path), load_external_data=False)
        properties = {each.key: each.value for each in model.metadata_props}
    except (OSError, PermissionError) as problem:
        raise StorageError(f"{path} cannot be read: {problem.strerror}", hint="check its permissions") from None
    except Exception as problem:  # noqa: BLE001  (protobuf's own errors, and what a damaged file provokes)
        raise Mistake(f"teacher: {path.name} is not an ONNX file: {_first(problem)}", hint="export it again") from None
    if not any(key.startswith(contract.PREFIX) for key in properties):
        return None
    try:
        return contract.of_properties(properties, path.name)
    except Mismatch as problem:
        raise Mistake(f"teacher: {problem.message}", problem.hint) from None


def _onto(raw: NDArray[np.float32], axis: Array, wanted: Array) -> NDArray[np.float32]:
    """Bring raw spectra (m, points) to a contract's axis."""
    rises = wanted[0] < wanted[-1]
    places = wanted if rises else wanted[::-1]
    found = np.stack([interpolate(axis, row.astype(np.float64), places)[0] for row in raw])
    return found if rises else np.ascontiguousarray(found[:, ::-1])


def _probabilities(out: dict[str, Any], n: int, name: str) -> Array:
    """Take probabilities out of a model's answers: its own, or the softmax of its logits."""
    scores = {key: np.asarray(value) for key, value in out.items()}
    fit = {
        key: value for key, value in scores.items() if value.ndim == 2 and len(value) == n and value.dtype.kind == "f"
    }
    if not fit:
        told = ", ".join(f"{key} {value.dtype} {value.shape}" for key, value in scores.items())
        raise Mistake(
            f"teacher: {name} answers {told}, no number a class", hint="logits or probabilities, (n, classes)"
        )
    chosen = next((fit[key] for key in ("probabilities", "logits") if key in fit), next(iter(fit.values()))).astype(
        np.float64
    )
    if not np.isfinite(chosen).all():
        row = int((~np.isfinite(chosen).all(axis=1)).argmax())
        raise Mistake(
            f"teacher: {name} has no finite answer to row {row} of the questions",
            hint="what does it do with such spectra?",
        )
    if (chosen >= 0).all() and (np.abs(chosen.sum(axis=1) - 1) < NEAR).all():
        return chosen
    raised = np.exp(chosen - chosen.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float64)


def _first(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0][:200] if str(problem).strip() else type(problem).__name__
