"""Whom a student learns from: programs, files, the mean of several; a program is asked once about the same spectra."""

from __future__ import annotations

import sys
from pathlib import Path

import asked as helper
import numpy as np
import pytest
import tiny_job

from edgespec.compression.teachers import asking, questions
from edgespec.compression.teachers.asking import Teacher
from edgespec.errors import Mistake
from edgespec.job import Job


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    return tiny_job.job(tmp_path / "job")


def test_a_program_teaches_and_is_asked_once(job: Job, tmp_path: Path) -> None:
    script = helper.program(tmp_path)
    teacher = Teacher(command=[sys.executable, str(script)])
    found = asking.ask(job, teacher, "library", 2)
    y = job.spectra.y[job.splits.rows("library")]
    assert (found.views[0].argmax(1) == y).mean() > 0.8
    (kept,) = (tmp_path / "home" / "asked").glob("*.npz")
    before = kept.stat().st_mtime_ns
    again = asking.ask(job, teacher, "library", 2)
    np.testing.assert_array_equal(again.test, found.test)
    assert kept.stat().st_mtime_ns == before, "the program was not asked again"
    kept.write_bytes(kept.read_bytes()[:100])
    np.testing.assert_array_equal(asking.ask(job, teacher, "library", 2).test, found.test)
    script.write_text(script.read_text() + "\n# another program\n")
    asking.ask(job, teacher, "library", 2)
    assert len(list((tmp_path / "home" / "asked").glob("*.npz"))) == 2


def test_of_several_the_mean_teaches(job: Job, tmp_path: Path) -> None:
    asked = questions.make(job, "library", 1, "prepared")
    for name, share in (("a", [1.0, 0, 0]), ("b", [0, 1.0, 0])):
        np.savez(tmp_path / f"{name}.npz", probabilities=np.tile(share, (len(asked.ask), 1)), questions=asked.digest())
    script = helper.program(
        tmp_path / "p", helper.KNOWS.replace("p / p.sum(1, keepdims=True)", "np.tile([0, 1.0, 0], (len(ask), 1))")
    )
    both = Teacher(command=[sys.executable, str(script)], answers=str(tmp_path / "a.npz"))
    found = asking.ask(job, both, "library", 1)
    np.testing.assert_allclose(np.exp(found.test[0]), [0.5, 0.5, 1e-6], atol=1e-5)
    assert "mean of 2" in found.notes[0]
    taught = asking.as_teacher(job, found)
    assert (taught.classes, taught.points, len(taught.views)) == (3, 128, 1)


@pytest.mark.parametrize("keys", [{}, {"command": []}, {"command": ["a"], "questions": "csv"}])
def test_a_teacher_that_is_none_is_a_mistake(keys: dict[str, object]) -> None:
    with pytest.raises(Mistake) as caught:
        Teacher(**keys)  # type: ignore[arg-type]
    assert caught.value.hint
