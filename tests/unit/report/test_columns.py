"""Cells in columns: words to the left, figures to the right."""

from __future__ import annotations

from edgespec.report.columns import columns


def test_words_left_and_figures_right() -> None:
    lines = columns(["step", "size"], [["a", "1 kB"], ["long one", "100 kB"]]).splitlines()
    assert lines == ["step        size", "a           1 kB", "long one  100 kB"]


def test_no_rows() -> None:
    assert columns(["file", "label"], []) == "file  label"
