"""All answers of one `predict`: a table whose columns stay aligned, CSV in the order of the files, one object of JSON; few are held in memory."""

from __future__ import annotations

import json
from typing import Any

import answers_example
import pytest
from answers_example import REFUSED

from edgespec.cli import answers, collected
from edgespec.cli.answers import Answer

ANSWER: Answer = {**answers_example.ANSWER, "flag": "known"}
SUMMARY = {"contract": {"unit": "cm-1"}}


def printed(told: Any, given: list[Answer], capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    for each in given:
        told.add(each)
    told.end("model.onnx", SUMMARY)
    found = capsys.readouterr()
    return found.out, found.err


def test_a_note_of_many_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    given = [ANSWER, {**ANSWER, "file": "c.csv"}, {**ANSWER, "notes": []}, REFUSED]
    for told in (collected.Table(), collected.Csv()):
        assert printed(told, given, capsys)[1] == "note:  a.csv and 1 more: cosmic spikes at 500 cm-1?\n"


@pytest.mark.parametrize("block", [1, 2, 1000])
def test_a_long_table_has_one_head_and_its_columns_stay_aligned(
    block: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(collected, "BLOCK", block)
    given = [{**ANSWER, "file": name} for name in ("a-long-name.csv", "b.csv", "c.csv")]
    out, _ = printed(collected.Table(), [given[0], REFUSED, *given[1:]], capsys)
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["file", "a-long-name.csv", "b.csv", "c.csv"]
    places = {line.index("Albite") for line in lines[1:]}
    assert places == {lines[0].index("label")}


def test_nothing_answered_prints_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(collected.Table(), [REFUSED], capsys) == ("", "")


def test_csv_is_printed_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    told = collected.Csv()
    told.add(REFUSED)
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["file", "b.csv"]


def test_json_is_one_object_with_results_and_refusals_apart(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = printed(collected.Json(), [ANSWER, REFUSED, {**ANSWER, "file": "\u202ec.csv"}], capsys)
    found = json.loads(out)
    assert list(found) == ["model", "contract", "results", "refused"]
    assert (found["model"], found["contract"]) == ("model.onnx", SUMMARY["contract"])
    assert found["results"] == [ANSWER, {**ANSWER, "file": "\u202ec.csv"}]
    assert found["refused"] == [REFUSED]
    assert "\u202e" not in out, "what turns text reaches no terminal"
    assert json.loads(printed(collected.Json(), [], capsys)[0])["results"] == []


def test_of_refusals_the_first_are_kept_and_all_are_counted() -> None:
    refused = collected.Refusals()
    for i in range(100):
        refused.add({**REFUSED, "file": str(i)})
    assert (refused.count, len(refused.first), refused.first[0]["file"]) == (100, answers.MOST, "0")
