"""A teacher's answers: what is no probability of each class for each question is told with its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asked as helper
import numpy as np
import pytest
import tiny_job

from edgespec.compression.teachers import answers, questions
from edgespec.compression.teachers.questions import Questions
from edgespec.errors import Mistake
from edgespec.job import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path / "job")


@pytest.fixture
def asked(job: Job) -> Questions:
    return questions.make(job, "library", 2, "prepared")


def spoilt(p: np.ndarray, row: int, values: Any) -> np.ndarray:
    p[row] = values
    return p


WRONG: dict[str, tuple[Any, str]] = {
    "rows": (lambda p: p[:-1], "probabilities are wanted"),
    "columns": (lambda p: p[:, :2], "probabilities are wanted"),
    "text": (lambda p: p.astype(str), "probabilities are wanted"),
    "nan": (lambda p: spoilt(p, 3, np.nan), "row 3 holds a value that is not finite"),
    "infinite": (lambda p: spoilt(p, 3, np.inf), "row 3 holds a value that is not finite"),
    "negative": (lambda p: spoilt(p, 4, [1.5, -0.5, 0]), "row 4 holds a negative probability"),
    "logits": (lambda p: p * 7, "does not sum to 1"),
    "percent": (lambda p: p * 100, "more rows) does not sum to 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_answer_is_told_with_its_row(case: str, job: Job, asked: Questions, tmp_path: Path) -> None:
    change, said = WRONG[case]
    np.savez(tmp_path / "a.npz", probabilities=change(helper.even(asked, 3)), questions=asked.digest())
    with pytest.raises(Mistake) as caught:
        answers.read(tmp_path / "a.npz", asked, job.spectra.labels, by_file=True)
    assert said in caught.value.message
    assert caught.value.message.startswith("a.npz: ")
    assert caught.value.hint


def test_answers_to_other_questions_are_not_taken(job: Job, asked: Questions, tmp_path: Path) -> None:
    p = helper.even(asked, 3)
    np.savez(tmp_path / "a.npz", probabilities=p)
    np.savez(tmp_path / "b.npz", probabilities=p, questions="0" * 32)
    np.savez(tmp_path / "c.npz", p=p)
    for name, said in (
        ("a", "does not say which questions"),
        ("b", "answers other questions"),
        ("c", "no array 'probabilities'"),
    ):
        with pytest.raises(Mistake, match=said):
            answers.read(tmp_path / f"{name}.npz", asked, job.spectra.labels, by_file=True)
    assert answers.read(tmp_path / "a.npz", asked, job.spectra.labels, by_file=False).shape == p.shape
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 rubbish")
    with pytest.raises(Mistake, match=r"d\.npz"):
        answers.read(tmp_path / "d.npz", asked, job.spectra.labels, by_file=True)


def test_rows_out_of_order_are_noticed(job: Job, asked: Questions, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    p = np.eye(3)[rng.integers(3, size=len(asked.ask))]
    p[-len(asked.repeated) :] = p[asked.repeated]
    assert answers.checked(p, asked, job.spectra.labels, "here").shape == p.shape
    with pytest.raises(Mistake, match="asked about twice are named differently"):
        answers.checked(p[rng.permutation(len(p))], asked, job.spectra.labels, "here")


def test_classes_in_another_order_are_brought_to_ours(job: Job, asked: Questions, tmp_path: Path) -> None:
    p = np.tile([0.7, 0.2, 0.1], (len(asked.ask), 1))
    labels = list(job.spectra.labels)
    np.savez(tmp_path / "a.npz", probabilities=p, classes=np.array(labels[::-1]))
    found = answers.read(tmp_path / "a.npz", asked, job.spectra.labels, by_file=False)
    assert found[0].tolist() == [0.1, 0.2, 0.7]
    np.savez(tmp_path / "b.npz", probabilities=p, classes=np.array(["x", *labels[1:]]))
    with pytest.raises(Mistake, match="its classes are not the data's"):
        answers.read(tmp_path / "b.npz", asked, job.spectra.labels, by_file=False)


def test_each_part_gets_its_answers_as_logits(job: Job, asked: Questions) -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(3), len(asked.ask))
    found = answers.of(p, asked)
    assert [len(each) for each in found.views] == [len(asked.rows)] * 2
    np.testing.assert_allclose(np.exp(found.views[1]), p[len(asked.rows) : 2 * len(asked.rows)], rtol=1e-5)
    start = 2 * len(asked.rows)
    np.testing.assert_allclose(np.exp(found.valid), p[start : start + len(asked.valid)], rtol=1e-5)
    np.testing.assert_allclose(np.exp(found.test), p[start + len(asked.valid) :][: len(asked.test)], rtol=1e-5)
