"""What a process of a crew answers to a piece of work."""

from __future__ import annotations

import io
import pickle
from typing import Any

import crew_work
import pytest
from crew_work import Steps

from edgespec import own_code
from edgespec.crew import member
from edgespec.errors import Mistake


def _answers(*work: Any) -> list[Any]:
    written = io.BytesIO()
    member.answer(work, written)
    found, written = [], io.BytesIO(written.getvalue())
    while written.tell() < len(written.getvalue()):
        found.append(pickle.load(written))
    return found


def test_progress_then_the_result() -> None:
    told = _answers(None, crew_work.counted, Steps(1), ("a",))
    assert [each[0] for each in told] == ["say", "begin", "advance", "end", "done"]
    assert told[1][1:3] == ("a", 1)


def test_an_error_is_sent_with_its_place() -> None:
    ((what, problem),) = _answers(None, crew_work.wrong, Steps(1), ("mistake",))
    assert what == "raised"
    assert isinstance(problem, Mistake)
    assert "crew_work.py" in problem.__notes__[0]


def test_a_result_that_cannot_be_sent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_work, "owned", lambda job: lambda: None)
    ((what, problem),) = _answers(None, crew_work.owned, Steps(1), ())
    assert what == "raised"
    assert "pickle" in str(problem)


def test_own_code_is_allowed_for_that_work_alone() -> None:
    assert _answers("there", crew_work.owned, Steps(1), ()) == [("done", "there")]
    assert own_code.FOLDER.get() is None
