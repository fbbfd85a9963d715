"""What one file may take: time and memory, and the next file is read."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from device_runner import module


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Any:
    found = module("spectra.limits")
    monkeypatch.setattr(found, "SECONDS", 0.05)
    return found


def refused(path: Path) -> str:
    with pytest.raises(module("refusal").RefusalError) as caught:
        module("spectra.files").read(str(path), module("spectra.axes").Wanted())
    assert caught.value.answer["hint"]
    return str(caught.value)


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
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_what_was_set_before_stands_again(limits: Any) -> None:
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        with limits.kept("a.csv"):
            pass
        assert signal.getsignal(signal.SIGALRM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGALRM, before)
