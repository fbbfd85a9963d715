"""The wrong answers of the shipped file are listed with their file and sample, in the page and in Markdown."""

from __future__ import annotations

from browser_page import whole

from edgespec.report import markdown
from edgespec.report.tables import mistakes


def test_the_wrong_answers_are_those_of_the_file_that_is_shipped() -> None:
    found = whole()
    rows = mistakes.rows(found)
    assert len(rows) == 8
    assert rows[0] == ["b0.txt", "-", "b", "c", "0.90"]
    assert rows[7] == ["b7.txt", "b-7", "b", "a", "0.55"]
    assert (
        mistakes.lead(found)
        == "`cpu-int8` names 9 of 60 test spectra wrongly. The 8 with the highest probability follow."
    )
    found.ships["local"]["variant"] = "float32"
    assert len(mistakes.rows(found)) == 2
    assert mistakes.lead(found) == "`float32` names 2 of 60 test spectra wrongly."


def test_markdown_lists_them_before_the_trade_off() -> None:
    text = markdown.show(whole(), drawn=True)
    assert "| b1.txt | b-1 | b | c | 0.85 |" in text
    assert text.index("## Beside simple models") < text.index("## Wrong answers") < text.index("frontier.svg")


def test_a_report_without_them_says_nothing_and_one_without_mistakes_says_so() -> None:
    found = whole()
    found.mistakes["files"]["cpu-int8"] = {"wrong": 0, "answers": []}
    assert mistakes.lead(found) == "`cpu-int8` names all 60 test spectra correctly."
    assert mistakes.rows(found) == []
    found.mistakes = {}
    assert mistakes.lead(found) == ""
    assert "Wrong answers" not in markdown.show(found, drawn=True)
