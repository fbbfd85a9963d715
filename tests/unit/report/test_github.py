"""Verdicts as JUnit, as a job's summary and as annotations at the recipe's lines."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from report_example import report

from edgespec.report import Report, github, junit
from edgespec.runs.gate.verdicts import Verdict

VERDICTS = [
    Verdict("accuracy", "", 0.5, 0.9, "pass", "float32", "", ""),
    Verdict(
        "size", "", 20_000, 25_000, "fail", "cpu-int8", "size is 25 kB, 5 kB over\nthe 20 kB <&>", "a narrower, one"
    ),
    Verdict("latency_p90", "local", 1e-5, 1e-5, "inconclusive", "cpu-int8", "too near", "a quieter machine"),
    Verdict("macs", "", 10, None, "unmeasured", "", "unmeasured: nothing", "nothing"),
    Verdict("accuracy", "", 0.01, None, "unmeasured", "", "accuracy: skipped: other 100 %", "", True, None, True),
    Verdict("size", "", 0.01, 25_000, "pass", "float32", "size 25 kB after 25 kB", "", True, 25_000),
]


@pytest.fixture
def judged() -> Report:
    found = report()
    found.gates = [each.plain() for each in VERDICTS]
    return found


@pytest.mark.parametrize(("unsure", "failures", "skipped"), [("warn", 1, 2), ("fail", 2, 1)])
def test_junit_holds_a_case_a_promise(judged: Report, tmp_path: Path, unsure: str, failures: int, skipped: int) -> None:
    junit.write(judged, tmp_path / "gate.xml", inconclusive=unsure)
    suite = Xml.parse(tmp_path / "gate.xml").getroot().find("testsuite")
    assert suite is not None
    assert suite.attrib | {"name": ""} == {
        "name": "", "tests": "6", "failures": str(failures), "errors": "1", "skipped": str(skipped),
    }  # fmt: skip
    cases = {case.attrib["name"]: case for case in suite}
    assert set(cases) == {
        "accuracy", "size", "latency_p90 local", "macs", "accuracy against the baseline", "size against the baseline",
    }  # fmt: skip
    told = cases["size"].find("failure")
    assert told is not None
    assert told.attrib["message"] == "size is 25 kB, 5 kB over\nthe 20 kB <&>"
    assert told.text == "a narrower, one"
    assert cases["accuracy"].find("failure") is None


def test_the_summary_is_added_to_what_other_steps_wrote(judged: Report, tmp_path: Path) -> None:
    place = tmp_path / "summary.md"
    place.write_text("before\n")
    github.append(judged, place)
    lines = place.read_text().splitlines()
    assert lines[0] == "before"
    assert "edgespec gate: hand, 2 of 6 promises kept" in lines[1]
    assert any("embedded" in line for line in lines), "generated data are said to be so"
    assert sum(line.startswith("|") for line in lines) == 8


def test_annotations_stand_at_the_lines_of_the_recipe_and_can_not_be_broken_out_of(judged: Report) -> None:
    places = [f"recipes/a.yaml:{i}" for i in range(5)] + [""]
    found = github.commands(judged, places, inconclusive="warn")
    assert [each.split(" ")[0] for each in found] == ["::error", "::warning", "::error", "::warning"]
    assert found[0].startswith("::error file=recipes/a.yaml,line=1,title=edgespec%3A size::")
    assert "\n" not in "".join(found)
    assert "over%0Athe" in found[0]
    assert "100 %25" in found[3]
    assert github.commands(judged, places, inconclusive="fail")[1].startswith("::error")
