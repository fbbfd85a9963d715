"""The engineer's part stands folded at the end of a run; the chemist's does not."""

from __future__ import annotations

from browser_page import shown, whole

from edgespec.report.html_sections import ENGINEER, sections


def test_the_engineers_sections_are_the_last_ones() -> None:
    found = sections(whole(), "run1")
    folded = [each.title for each in found if each.engineer]
    assert folded == [
        "Latency on local",
        "What pruning took",
        "What int8 costs each layer",
        "Targets",
        "Data and machine",
    ]
    assert folded == [each.title for each in found[-len(folded) :]]


def test_the_page_folds_them_and_nothing_else_of_a_run() -> None:
    before, fold, after = shown().partition('<details class="engineer">')
    assert fold
    assert ENGINEER in after
    assert "Latency on local</h3>" in after
    assert "What each step cost</h3>" in before
    assert "Confusion" in before
