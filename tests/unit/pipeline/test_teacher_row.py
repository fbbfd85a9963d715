"""The row of a teacher from outside, from its answers to the test spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tiny_job

from edgespec.artifact import Checkpoint
from edgespec.pipeline import teacher_row


def test_it_is_judged_on_the_test_spectra(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "job")
    y = job.spectra.y[job.splits.test]
    logits = np.eye(3, dtype=np.float32)[y]
    logits[0] = np.roll(logits[0], 1)
    np.savez(tmp_path / "teacher.npz", test=logits)
    facts = {"teacher": {"named": "program ask.py", "file": "teacher.npz", "notes": []}}
    (row,) = teacher_row.of(job, Checkpoint(tmp_path, "cnn", {}, 128, 3, facts=facts), 1)
    assert row.accuracy == np.round((len(y) - 1) / len(y), 5)
    assert (row.kind, row.name, row.model, row.bytes) == ("teacher", "teacher", "program ask.py", None)
    assert teacher_row.of(job, Checkpoint(tmp_path, "cnn", {}, 128, 3), 1) == []
