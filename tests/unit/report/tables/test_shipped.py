"""Each target's file is named with its size, its accuracy and the reason."""

from __future__ import annotations

from browser_page import whole

from edgespec.report import Report
from edgespec.report.tables import shipped


def test_each_target_has_its_file() -> None:
    found = whole()
    found.ships["jetson"] = {"variant": "float32", "why": "the card prefers it", "measured": False}
    assert shipped.rows(found) == [
        ["local", "cpu-int8", "25 kB", "0.900 [0.800, 0.970]", "cpu-int8 is recommended for target 'local'"],
        ["jetson", "float32", "40 kB", "0.920 [0.800, 0.970]", "the card prefers it"],
    ]


def test_a_run_that_chose_none_names_the_first_file_and_one_without_files_none() -> None:
    found = whole()
    found.ships, found.advice = {}, {}
    assert [row[:2] for row in shipped.rows(found)] == [["local", "float32"]]
    assert shipped.rows(Report("empty", 0, {})) == []
