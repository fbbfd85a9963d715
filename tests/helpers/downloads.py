"""One archive fetched from a server of this machine, and what must lie there afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import bad_http_server
from bad_http_server import Server

from edgespec.data.fetch import sources
from edgespec.data.fetch.download import Patience

CONTENT = bad_http_server.archive()


OTHER = bad_http_server.archive(seed=1)


SIZE = len(CONTENT)


NAME = "fair_oriented"


QUICK = Patience(tries=3, timeout=0.4, wait=0.001)


class Told:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int | None]] = []
        self.said: list[str] = []
        self.done = 0

    def begin(self, what: str, done: int, total: int | None) -> None:
        self.begun.append((done, total))

    def advance(self, done: int) -> None:
        self.done = done

    def say(self, text: str) -> None:
        self.said.append(text)


def fetch(server: Server, into: Path, told: Told | None = None, **more: object) -> Path:
    """Fetch one archive; check that it is whole, vouched for, and that nothing else lies about."""
    manner: dict[str, object] = {"base": server.base, "patience": QUICK, **more}
    (found,) = sources.fetch("rruff", [NAME], into, told or Told(), **manner)  # type: ignore[arg-type]
    assert sorted(path.name for path in into.iterdir()) == [".lock", f"{NAME}.zip", f"{NAME}.zip.json"]
    record = json.loads((into / f"{NAME}.zip.json").read_text())
    content = found.path.read_bytes()
    assert record["sha256"] == found.sha256 == hashlib.sha256(content).hexdigest()
    assert record["size"] == len(content)
    assert record["address"] == f"{server.base}{NAME}.zip"
    return found.path


def left(into: Path) -> list[str]:
    return sorted(path.name for path in into.iterdir() if path.name != ".lock")


def edgespec(server: Server, data: Path, *more: str) -> subprocess.Popen[str]:
    """Begin `edgespec data fetch` from that server in a process of its own."""
    environment = {**os.environ, "EDGESPEC_DATA": str(data), "EDGESPEC_RRUFF": server.base}
    command = [sys.executable, "-m", "edgespec", "data", "fetch", "rruff", "--archive", NAME, *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, preexec_fn=heard, **pipes)


def heard() -> None:
    """Hear Ctrl-C also where the tests themselves were started in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for its end: exit code, what it printed, what it told."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err
