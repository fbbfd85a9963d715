"""A device that is reached by ssh, and what tests put on it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ssh_server
from ssh_server import Device

from edgespec import plugins
from edgespec.targets import connection


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    with ssh_server.running(tmp_path_factory.mktemp("device")) as found:
        yield found


@pytest.fixture
def swept(there: Device, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test leaves the device as it should be left: unlocked, nothing but the cache."""
    monkeypatch.setenv("EDGESPEC_SSH", there.ssh)
    monkeypatch.setattr(connection, "GREET_S", 20.0)
    yield
    ssh_server.trust(there.folder, "host")
    assert ssh_server.wait(lambda: there.work == [])
    assert {path.name for path in there.home.iterdir()} <= {".cache"}
    assert {path.name for path in (there.home / ".cache").glob("edgespec/*")} <= {"files", "work", "lock"}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put another program in the runner's place."""
    real, export = plugins.shipped, tmp_path / "export"
    export.mkdir()

    def put(program: str) -> None:
        (export / "runner.py").write_text(program)
        monkeypatch.setattr(
            plugins, "shipped", lambda *parts: real(*parts) if "ssh" in parts else export.joinpath(*parts[1:])
        )

    return put


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Change the program that is sent: shorter waits, or a device that lies."""
    program = plugins.shipped("export", "ssh", "agent.py").read_text()

    def change(old: str, new: str) -> None:
        assert old in program
        monkeypatch.setattr(connection, "_agent", lambda: program.replace(old, new).encode())

    return change


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    return tmp_path / "flag"


@pytest.fixture
def heard() -> Iterator[None]:
    """An interrupt is heard: what a shell started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
