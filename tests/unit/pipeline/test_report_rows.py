"""What the report says in words: where a teacher brought something, and where nothing."""

from __future__ import annotations

import numpy as np
import pytest
import report_example

from edgespec.pipeline import report_rows
from edgespec.report import Report, Row, right_answers

NOTHING = "the teacher brings nothing here: train longer without a teacher, or ship the control"
UNSHOWN = "60 test spectra can't tell from nothing: train longer without a teacher, or ship the control"
N = 60


def answers(row: Row, wrong: int) -> Row:
    """Have a row name all spectra but the first few rightly; each spectrum is a physical sample of its own."""
    row.right = {right_answers.CLEAN: right_answers.pack(np.arange(N) >= wrong)}
    row.scores["accuracy"] = 1 - wrong / N
    return row


def said(student: int, *controls: tuple[str, int]) -> str:
    taught = answers(report_example.row(2, "distill", "step", 0.0), student)
    rest = [answers(report_example.row(2, name, "control", 0.0), wrong) for name, wrong in controls]
    report = Report("hand", 0, {"source": "measured", "test": N}, rows=[taught, *rest])
    return " ".join(report_rows.remarks(report))


@pytest.mark.parametrize(
    ("control", "words", "not_words"),
    [
        (3, NOTHING, "can't tell"),
        (6, NOTHING, "can't tell"),
        (7, UNSHOWN, "brings nothing"),
        (9, UNSHOWN, "brings nothing"),
        (24, "+0.300 [+0.1", "nothing"),
    ],
)
def test_a_student_no_better_than_its_control_is_told_to_go_without_a_teacher(
    control: int, words: str, not_words: str
) -> None:
    text = said(6, ("control", control))
    assert words in text
    assert not_words not in text


def test_a_library_that_may_be_used_itself_is_told_beside_it() -> None:
    text = said(6, ("control", 24), ("control library", 7))
    assert "+0.017 [-0.04" in text
    assert "against the same student trained on library" in text
    assert "where the library itself may be used, distillation brings nothing worth the name" in text
    assert "ship the control" not in text


def test_a_report_that_kept_no_answers_tells_a_gain_without_an_interval() -> None:
    rows = [report_example.row(2, "distill", "step", 0.9), report_example.row(2, "control", "control", 0.8)]
    text = " ".join(report_rows.remarks(Report("hand", 0, {"source": "measured", "test": N}, rows=rows)))
    assert "+0.100 against the same student" in text


def test_without_a_control_nothing_is_said() -> None:
    assert said(6) == ""
