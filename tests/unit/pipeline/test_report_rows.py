"""What the report says in words: where a teacher brought something, and where nothing."""

from __future__ import annotations

import pytest
import report_example

from edgespec.pipeline import report_rows
from edgespec.report import Report

NOTHING = "the teacher brings nothing here: train longer without a teacher, or ship the control"
UNSHOWN = "60 test spectra can't tell from nothing: train longer without a teacher, or ship the control"


def said(student: float, low: float, *controls: tuple[str, float]) -> str:
    taught = report_example.row(2, "distill", "step", student, scores={"low": low})
    rest = [report_example.row(2, name, "control", accuracy) for name, accuracy in controls]
    report = Report("hand", 0, {"source": "measured"}, rows=[taught, *rest])
    return " ".join(report_rows.remarks(report))


@pytest.mark.parametrize(
    ("control", "words", "not_words"),
    [
        (0.95, NOTHING, "can't tell"),
        (0.90, NOTHING, "can't tell"),
        (0.897, NOTHING, "can't tell"),
        (0.89, UNSHOWN, "brings nothing"),
        (0.86, UNSHOWN, "brings nothing"),
        (0.80, "+0.100 against the same student trained on its own labels alone.", "nothing"),
    ],
)
def test_a_student_no_better_than_its_control_is_told_to_go_without_a_teacher(
    control: float, words: str, not_words: str
) -> None:
    text = said(0.90, 0.85, ("control", control))
    assert words in text
    assert not_words not in text


def test_a_library_that_may_be_used_itself_is_told_beside_it() -> None:
    text = said(0.90, 0.85, ("control", 0.80), ("control library", 0.895))
    assert "+0.005 against the same student trained on library" in text
    assert "where the library itself may be used, distillation brings nothing worth the name" in text
    assert "ship the control" not in text


def test_without_a_control_nothing_is_said() -> None:
    assert said(0.90, 0.85) == ""
