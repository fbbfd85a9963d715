"""Clocks are locked only when asked, only where that is allowed, and put back whatever becomes of whoever asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_request import ask, run
from device_runner import RUNNER

GOVERNOR = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor"
LOG = """#!{python}
import pathlib, sys
log = pathlib.Path({log!r})
with log.open("a") as file:
    print(pathlib.Path(sys.argv[0]).name, *sys.argv[1:], file=file)
"""


@pytest.fixture
def governors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two cores whose governors this user may write."""
    files = [tmp_path / "root" / GOVERNOR.format(core) for core in (0, 1)]
    for file, governor in zip(files, ("schedutil", "powersave"), strict=True):
        file.parent.mkdir(parents=True)
        file.write_text(governor)
    monkeypatch.setenv("EDGESPEC_SYS", str(tmp_path / "root"))
    return files


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put programs into the path that write down how they were called; `sudo` calls what follows -n, or refuses."""
    place, log = tmp_path / "bin", tmp_path / "called.txt"
    place.mkdir()
    monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")

    def write(*names: str, sudo: str = "subprocess") -> Path:
        log.touch()
        for name in names:
            (place / name).write_text(LOG.format(python=sys.executable, log=str(log)))
            (place / name).chmod(0o755)
        asks = "import sys; sys.exit('sudo: a password is required')"
        calls = "import os, sys; assert sys.argv[1] == '-n'; os.execvp(sys.argv[2], sys.argv[2:])"
        (place / "sudo").write_text(f"#!{sys.executable}\n{calls if sudo == 'subprocess' else asks}\n")
        (place / "sudo").chmod(0o755)
        return log

    return write


def read(files: list[Path]) -> list[str]:
    return [file.read_text() for file in files]


def eventually(found: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not found():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_clocks_are_left_alone_unless_asked(folder: Path, governors: list[Path]) -> None:
    before = [file.stat().st_mtime_ns for file in governors]
    code, answer, _ = run(folder, "bench", "request.json")
    assert code == 0
    assert "clocks" not in answer
    assert [file.stat().st_mtime_ns for file in governors] == before


def start(folder: Path, **changes: Any) -> subprocess.Popen[bytes]:
    ask(folder, lock_clocks=1, **changes)
    command = [sys.executable, str(RUNNER), "bench", "request.json"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=heard)


def heard() -> None:
    """Hear Ctrl-C also where the tests themselves were started in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_governors_are_set_while_it_measures_and_put_back_each_as_it_was(folder: Path, governors: list[Path]) -> None:
    running = start(folder, seconds=0.5)
    eventually(lambda: read(governors) == ["performance"] * 2)
    answer = json.loads(running.communicate()[0])
    assert answer["clocks"] == {"how": "governor performance", "restored": True}
    assert read(governors) == ["schedutil", "powersave"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_governors_are_put_back_when_the_runner_is_killed(
    folder: Path,
    governors: list[Path],
    number: signal.Signals,
) -> None:
    running = start(folder, seconds=60)
    eventually(lambda: read(governors) == ["performance"] * 2)
    running.send_signal(number)
    running.communicate()
    eventually(lambda: read(governors) == ["schedutil", "powersave"])


def test_a_jetson_stores_locks_and_restores_through_sudo(folder: Path, programs: Any) -> None:
    log = programs("jetson_clocks")
    ask(folder, lock_clocks=1)
    code, answer, _ = run(folder, "bench", "request.json")
    assert (code, answer["clocks"]) == (0, {"how": "jetson_clocks", "restored": True})
    store, lock, restore = log.read_text().splitlines()
    assert store.startswith("jetson_clocks --store ")
    assert lock == "jetson_clocks"
    assert restore == store.replace("--store", "--restore")


def test_what_sudo_does_not_allow_is_refused_with_its_reason_and_nothing_changes(folder: Path, programs: Any) -> None:
    log = programs("jetson_clocks", sudo="asks")
    ask(folder, lock_clocks=1)
    code, answer, _ = run(folder, "bench", "request.json")
    assert code == 3
    assert "the clocks can't be locked" in answer["error"]
    assert "a password is required" in answer["error"]
    assert "NOPASSWD" in answer["hint"]
    assert log.read_text() == ""


def test_a_machine_without_clocks_to_lock_is_refused(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EDGESPEC_SYS", str(tmp_path / "nothing"))
    ask(folder, lock_clocks=1)
    code, answer, _ = run(folder, "bench", "request.json")
    assert code == 3
    assert "neither jetson_clocks nor a cpufreq governor" in answer["error"]
