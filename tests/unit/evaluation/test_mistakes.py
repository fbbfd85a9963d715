"""Wrong answers are told with the file, the sample and the spectrum; names of others cannot break a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job

from edgespec.evaluation import mistakes
from edgespec.report.figures import thumbnail


def asked(named: np.ndarray[Any, Any], sure: np.ndarray[Any, Any]) -> Any:
    """Give a model that gives each test spectrum one class (n,) with one probability (n,)."""
    rest = (1 - sure) / 2
    return lambda x: np.log(np.where(np.arange(3) == named[:, None], sure[:, None], rest[:, None]))


@pytest.fixture
def job(tmp_path: Path) -> Any:
    made = tiny_job.job(tmp_path / "job")
    where = np.array([f"spectra.csv row {i}" for i in range(len(made.spectra))])
    return replace(made, spectra=replace(made.spectra, where=where))


def test_the_surest_wrong_answers_are_told_with_their_file(job: Any) -> None:
    rows, y = job.splits.test, job.spectra.y
    named = y[rows].copy()
    named[[0, 3, 5]] = (named[[0, 3, 5]] + 1) % 3
    sure = np.full(len(rows), 0.6)
    sure[3] = 0.9
    found = mistakes.mistakes(job, {"one": asked(named, sure), "right": asked(y[rows], sure)})
    assert found["files"]["right"] == {"wrong": 0, "answers": []}
    one = found["files"]["one"]
    assert one["wrong"] == 3
    spectra = [found["spectra"][each["spectrum"]] for each in one["answers"]]
    assert [each["where"] for each in spectra] == [f"spectra.csv row {rows[i]}" for i in (3, 0, 5)]
    assert [each["class"] for each in spectra] == [y[rows[i]] for i in (3, 0, 5)]
    assert [each["named"] for each in one["answers"]] == [named[i] for i in (3, 0, 5)]
    assert one["answers"][0]["probability"] == pytest.approx(0.9)
    assert spectra[0]["sample"] == job.spectra.group[rows[3]]
    x = job.spectra.x[rows[3]]
    assert np.corrcoef(thumbnail.unpack(spectra[0]["curve"]), x)[0, 1] > 0.999
    assert set(found["means"]) == {str(c) for i in (0, 3, 5) for c in (y[rows[i]], named[i])}
    json.dumps(found, allow_nan=False)


def test_no_more_are_kept_than_are_shown_and_two_files_share_their_spectra(job: Any) -> None:
    rows = job.splits.test
    wrong = (job.spectra.y[rows] + 1) % 3
    sure = np.linspace(0.5, 0.9, len(rows))
    assert len(rows) > mistakes.SHOWN or pytest.fail("the test part is too small to tell")
    found = mistakes.mistakes(job, {"one": asked(wrong, sure), "two": asked(wrong, sure)})
    assert [len(each["answers"]) for each in found["files"].values()] == [mistakes.SHOWN] * 2
    assert found["files"]["one"]["wrong"] == len(rows)
    assert len(found["spectra"]) == mistakes.SHOWN


def test_names_with_hidden_signs_and_data_without_names_are_no_trouble(job: Any) -> None:
    rows, n = job.splits.test, len(job.spectra)
    wrong, sure = (job.spectra.y[rows] + 1) % 3, np.full(len(rows), 0.7)
    strange = replace(job.spectra, where=np.array(["a\u202e\udc80\x1b.txt"] * n))
    found = mistakes.mistakes(replace(job, spectra=strange), {"one": asked(wrong, sure)})
    assert found["spectra"][0]["where"] == r"a\u202e\udc80\x1b.txt"
    json.dumps(found, ensure_ascii=False).encode()
    bare = replace(job.spectra, where=None, group=None)
    found = mistakes.mistakes(replace(job, spectra=bare), {"one": asked(wrong, sure)})
    assert (found["spectra"][0]["where"], found["spectra"][0]["sample"]) == ("", "")
