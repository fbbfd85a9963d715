"""What one file may take: time and memory, and the next file is read."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from device_runner import module

ALARMS = pytest.mark.skipif(
    not hasattr(signal, "SIGALRM"), reason="this system has no alarms, and no named pipes in folders"
)


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    found = module("spectra.limits")
    monkeypatch.setattr(found, "SECONDS", 0.05)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # behind nohup it is ignored
    yield found
    signal.signal(signal.SIGINT, before)


def refused(path: Path) -> str:
    with pytest.raises(module("refusal").RefusalError) as caught:
        module("spectra.files").read(str(path), module("spectra.axes").Wanted())
    assert caught.value.answer["hint"]
    return str(caught.value)


@ALARMS
@pytest.mark.usefixtures("limits")
def test_a_file_that_never_answers_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe.csv: takes longer than 0.05 s to read" in refused(tmp_path / "pipe.csv")
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.usefixtures("limits")
def test_a_file_whose_reading_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("1,2\n" * 50)
    monkeypatch.setattr(module("spectra.encoding"), "text", lambda raw, where: time.sleep(60))
    assert "a.csv: takes longer" in refused(tmp_path / "a.csv")


def test_memory_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def text(raw: bytes, where: str) -> str:
        raise MemoryError

    (tmp_path / "a.csv").write_text("1,2\n" * 50)
    monkeypatch.setattr(module("spectra.encoding"), "text", text)
    assert "a.csv: needs more memory than there is" in refused(tmp_path / "a.csv")


def test_another_thread_reads_without_an_alarm(tmp_path: Path, limits: Any) -> None:
    done: list[bool] = []

    def read() -> None:
        with limits.kept("a.csv"):
            time.sleep(0.1)
            done.append(True)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@ALARMS
def test_what_was_set_before_stands_again(limits: Any) -> None:
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        with limits.kept("a.csv"):
            pass
        assert signal.getsignal(signal.SIGALRM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGALRM, before)


def spin(where: str, limits: Any, seconds: float = 30.0) -> None:
    """Work in Python, as a reader of a hostile file would."""
    until = time.monotonic() + seconds
    with limits.kept(where):
        while time.monotonic() < until:
            pass


def test_without_alarms_a_second_thread_keeps_the_time(limits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGALRM", raising=False)
    for _ in range(3):
        with pytest.raises(module("refusal").RefusalError, match=r"a\.csv: takes longer than 0\.05 s"):
            spin("a.csv", limits)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    spin("b.csv", limits, 0.001)
    time.sleep(0.1)  # nothing is heard of its clock afterwards
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_alarms_an_interrupt_of_the_user_is_still_one(limits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGALRM", raising=False)
    monkeypatch.setattr(limits, "SECONDS", 30.0)
    timer = threading.Timer(0.05, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        spin("a.csv", limits, 5.0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
