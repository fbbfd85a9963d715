"""The questions of a distillation: the student's own views, in a fixed order, without the answers of the test part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import tiny_job
import torch

from edgespec.compression.teachers import questions
from edgespec.job import Job
from edgespec.training import batches
from edgespec.training import teacher as teachers


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path / "job")


def test_the_questions_are_what_the_student_will_see(job: Job) -> None:
    asked = questions.make(job, "library", 2, "prepared")
    rows = job.splits.rows("library")
    second = batches.varied(job, rows, seed=teachers.view_seed(job, 1))
    np.testing.assert_array_equal(asked.ask[len(rows) : 2 * len(rows)], second.numpy())
    assert len(asked.ask) == sum(asked.sizes.values())
    np.testing.assert_array_equal(asked.ask[-len(asked.repeated) :], asked.ask[asked.repeated])
    test = asked.ask[2 * len(rows) + len(asked.valid) :][: len(asked.test)]
    np.testing.assert_array_equal(test, batches.prepared(job, job.splits.test).numpy())


def test_raw_questions_become_the_prepared_ones(job: Job) -> None:
    raw, prepared = (questions.make(job, "library", 1, kind) for kind in ("raw", "prepared"))
    np.testing.assert_array_equal(batches.through(job.front(), torch.from_numpy(raw.ask)).numpy(), prepared.ask)
    assert raw.digest() != prepared.digest()
    assert prepared.digest() == questions.make(job, "library", 1, "prepared").digest()
    assert prepared.digest() != questions.make(job, "site", 1, "prepared").digest()


@pytest.mark.parametrize("ending", [".npz", ".mat"])
def test_the_file_names_what_a_teacher_needs_and_no_label_of_the_test_part(
    job: Job, tmp_path: Path, ending: str
) -> None:
    asked = questions.make(job, "library", 1, "prepared")
    path = tmp_path / f"q{ending}"
    questions.write(path, questions.arrays(job, asked, "library"))
    held = dict(np.load(path)) if ending == ".npz" else scipy.io.loadmat(path, squeeze_me=True)
    assert held["ask"].shape == asked.ask.shape
    assert held["train_y"].tolist() == job.spectra.y[asked.rows].tolist()
    assert [str(each).strip() for each in held["labels"]] == list(job.spectra.labels)
    parts = [str(each).strip() for each in held["ask_part"]]
    assert {part: parts.count(part) for part in set(parts)} == asked.sizes
    assert not any("test" in name for name in held)
    assert str(held["questions"]) == asked.digest()
