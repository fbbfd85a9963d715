"""What a teacher is asked: the student's varied training spectra, the validation and the test spectra, in one fixed order."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.io
import torch

from edgespec import storage
from edgespec.job import Job
from edgespec.spectra import Floats, Ints
from edgespec.training import batches
from edgespec.training import teacher as teachers

Kind = Literal["prepared", "raw"]
REPEATED = 32  # spectra that are asked about twice: their answers tell whether the rows kept their order


@dataclass(frozen=True)
class Questions:
    """Spectra to be answered, and those to learn from.

    ask: (m, points) float32: `views` variations of each training spectrum one behind the other, validation, test, then REPEATED of these again
    rows: (n,) of the training part; valid, test: rows of these parts; repeated: (REPEATED,) places in `ask` of those asked twice
    train: (n, points), the training spectra as they are; kind: "prepared" as the network sees them, "raw" as they were measured
    """

    ask: Floats
    rows: Ints
    valid: Ints
    test: Ints
    repeated: Ints
    train: Floats
    views: int
    kind: Kind

    @property
    def sizes(self) -> dict[str, int]:
        """How many rows of `ask` each part has, in their order."""
        return {
            "view": self.views * len(self.rows),
            "valid": len(self.valid),
            "test": len(self.test),
            "repeated": len(self.repeated),
        }

    def digest(self) -> str:
        """Tell these questions from others."""
        return hashlib.sha256(np.ascontiguousarray(self.ask).tobytes() + self.kind.encode()).hexdigest()[:32]


def make(job: Job, on: str | None, views: int, kind: Kind) -> Questions:
    """Make the questions of a distillation: the same spectra that the student will see.

    on: the training part; views: variations of each spectrum
    """
    rows, valid, test = job.splits.rows(on), job.splits.rows(on, valid=True), job.splits.test
    varied = [batches.another(job, rows, seed=teachers.view_seed(job, view)) for view in range(views)]
    plain = [torch.from_numpy(job.spectra.x[part]) for part in (valid, test)]
    raw = torch.cat([*varied, *plain])
    ask = _as(job, raw, kind)
    repeated = np.random.default_rng([job.seed, 29]).choice(len(ask), min(REPEATED, len(ask)), replace=False)
    train = _as(job, torch.from_numpy(job.spectra.x[rows]), kind)
    return Questions(np.concatenate([ask, ask[repeated]]), rows, valid, test, repeated, train, views, kind)


def arrays(job: Job, asked: Questions, on: str | None) -> dict[str, Any]:
    """Give what a teacher needs, by name; the labels of the test spectra are not among it."""
    y, group = job.spectra.y, job.spectra.group
    parts = np.repeat(np.array(list(asked.sizes)), list(asked.sizes.values()))
    found: dict[str, Any] = {
        "ask": asked.ask,
        "ask_part": parts,
        "train_x": asked.train,
        "train_y": y[asked.rows],
        "valid_y": y[asked.valid],
        "labels": np.array(job.spectra.labels),
        "axis_cm1": job.spectra.axis,
        "seed": np.array(job.seed),
        "kind": np.array(asked.kind),
        "on": np.array(on or ""),
        "questions": np.array(asked.digest()),
    }
    if group is not None:
        found["train_sample"] = group[asked.rows]
    return found


def write(path: Path, found: dict[str, Any]) -> None:
    """Write the questions as .npz, or as .mat where the name ends so."""
    held = io.BytesIO()
    if path.suffix == ".mat":
        scipy.io.savemat(held, found, do_compression=True)
    else:
        np.savez(held, **found)
    storage.write(path, held.getvalue())


def _as(job: Job, raw: torch.Tensor, kind: Kind) -> Floats:
    found = batches.through(job.front(), raw) if kind == "prepared" else raw
    return found.numpy().astype(np.float32)
