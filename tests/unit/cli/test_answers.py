"""Answers as they are printed: a table, a line each, CSV, JSON; nothing in them moves the cursor."""

from __future__ import annotations

import csv
import io
import json

import pytest
from answers_example import ANSWER, REFUSED

from edgespec.cli import answers


def test_what_the_model_does_not_know_is_not_given_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_line(ANSWER)
    told = capsys.readouterr()
    assert told.out == "a.csv  unknown (nearest Albite)  0.610  unknown  Beryl 0.200  -  100%\n"
    assert told.err == "note:  a.csv: cosmic spikes at 500 cm-1?\n"
    answers.print_line(REFUSED)
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "error: b.csv: is empty\nhint:  fetch it again\n")


@pytest.mark.parametrize(
    ("labels", "flag", "said"),
    [
        (["Albite"], "known", "Albite, 95%"),
        (["Albite", "Beryl"], "known", "Albite or Beryl, 95%"),
        (["A", "B", "C"], None, "A, B or C, 95%"),
        (["A", "B", "C", "D", "E"], "known", "A, B, C or 2 more, 95%"),
        (["Albite", "Beryl"], "unknown", "-"),
        ([], "known", "-"),
    ],
)
def test_a_set_of_labels_is_worded_with_its_chance(labels: list[str], flag: str | None, said: str) -> None:
    assert answers.one_of({**ANSWER, "flag": flag, "set": labels, "set_holds": 0.95}) == said
    assert answers.one_of({**ANSWER, "flag": "known"}) == "-", "a file of an older edgespec has no sets"


def test_a_line_of_csv_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_head()
    for each in (ANSWER, {**ANSWER, "runner_up": None, "flag": None}, REFUSED):
        answers.print_row(each)
    first, alone, refused = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["label"], first["runner_up"], first["runner_up_probability"]) == ("Albite", "Beryl", "0.2")
    assert (alone["runner_up"], alone["flag"]) == ("", "")
    assert (refused["file"], refused["label"], refused["error"]) == ("b.csv", "", "b.csv: is empty")


def test_a_line_of_json_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    for each in (ANSWER, REFUSED):
        answers.print_json_line(each)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [ANSWER, REFUSED]


def test_names_that_would_move_the_cursor_are_made_printable() -> None:
    told = answers.clean({"file": "a\x1b[2J\udcff", "covered": 1.0})
    assert told["file"].isprintable()
    assert told["covered"] == 1.0


def test_a_thousand_refusals_are_no_thousand_lines(capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_some_refused([{**REFUSED, "file": str(i)} for i in range(answers.MOST)], 1000, every=False)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 * answers.MOST + 1
    assert lines[-1] == "error: and 980 more were refused (with --csv or --json)"
    answers.print_some_refused([REFUSED], 1, every=False)
    assert len(capsys.readouterr().err.splitlines()) == 2
