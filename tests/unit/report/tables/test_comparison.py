"""Every format of the report leads with the comparison, with the same figures."""

from __future__ import annotations

import planted_rows

from edgespec.pipeline import comparison as comparing
from edgespec.report import Report, markdown, terminal
from edgespec.report.html_sections import sections
from edgespec.report.tables import comparison


def led() -> Report:
    found = planted_rows.report((2, {"shift +5": 20, "shift -5": 16}))
    found.comparison = comparing.of(found)
    return found


def test_terminal_markdown_and_page_lead_with_it() -> None:
    found = led()
    rows = comparison.rows(found)
    assert [row[0] for row in rows] == [
        "cpu-int8", "shrinkage LDA", "  cpu-int8 against it", "1-NN cosine", "  cpu-int8 against it"]  # fmt: skip
    assert rows[1][2] == "0.550"
    assert rows[2][2].startswith("+0.400 [+0.")
    text = terminal.show(found)
    assert text.index(rows[2][2]) < text.index("95 % interval")
    shown = markdown.show(found, drawn=False)
    assert shown.index(f"## {comparison.TITLE}") < shown.index("## Accuracy")
    assert f"| {rows[2][2]} |" in shown.replace("\\", "")
    first = sections(found, "a")[1]
    assert first.title == comparison.TITLE
    assert first.tables[0].rows[2][2].text == rows[2][2]


def test_a_report_without_it_shows_none() -> None:
    found = planted_rows.report((2, {}))
    assert comparison.rows(found) == []
    assert comparison.TITLE not in markdown.show(found, drawn=False)
    assert comparison.TITLE not in [each.title for each in sections(found, "a")]


def test_what_one_sample_cannot_tell_has_no_interval() -> None:
    found = led()
    found.comparison["models"][1]["apart"]["clean"] = [0.1, None, None]
    found.comparison["models"][1]["apart"].pop("drift 5")
    assert comparison.rows(found)[2][1] == "+0.100"
    assert comparison.rows(found)[2][3] == "-"
