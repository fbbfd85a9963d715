"""A call that lasts too long is stopped from another thread; the next one has its own time."""

from __future__ import annotations

import threading

import pytest

from edgespec.device_program import module

deadline = module("deadline")


def test_a_call_is_stopped_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "LONGEST_S", 0.05)
    watch, stopped = deadline.Watch(), threading.Event()
    call = watch.begin(stopped.set)
    assert stopped.wait(5)
    assert call.late
    again = threading.Event()
    assert watch.begin(again.set) is not call
    assert again.wait(5), "the same thread looks after the next call"


def test_a_call_that_has_ended_is_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "LONGEST_S", 0.05)
    watch, stopped, other = deadline.Watch(), threading.Event(), threading.Event()
    call = watch.begin(stopped.set)
    watch.end(call)
    thread = watch.thread
    watch.begin(other.set)
    assert other.wait(5)
    assert not stopped.is_set()
    assert not call.late
    assert watch.thread is thread


def test_calls_of_several_threads_are_looked_after_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "LONGEST_S", 0.05)
    watch, first, second = deadline.Watch(), threading.Event(), threading.Event()
    watch.begin(first.set)
    watch.end(watch.begin(second.set))
    assert first.wait(5), "the end of another call is not its end"
    assert not second.is_set()
