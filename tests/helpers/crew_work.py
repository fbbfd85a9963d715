"""Work for a crew that another process can find: a job that counts its steps, and functions that do one thing each."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgespec import own_code
from edgespec.errors import Mistake, Mistakes
from edgespec.job import Silent


class OddError(Exception):
    """An error that cannot be made again from its text."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Lines:
    """A Progress that keeps what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, what: str, total: int) -> None:
        """Note it."""
        self.lines.append(f"begin {what} {total}")

    def advance(self, done: int, note: str) -> None:
        """Note it."""
        self.lines.append(f"advance {done} {note}")

    def end(self) -> None:
        """Note it."""
        self.lines.append("end")

    def say(self, text: str) -> None:
        """Note it."""
        self.lines.append(text)


@dataclass(frozen=True)
class Steps:
    """A job of so many steps."""

    count: int
    progress: Any = field(default_factory=Silent)

    def apart(self) -> Steps:
        """Nobody hears it."""
        return replace(self, progress=Silent())

    def heard(self, progress: Any) -> Steps:
        """Somebody does."""
        return replace(self, progress=progress)


def counted(job: Steps, what: str) -> tuple[str, int]:
    """Tell each step; give who did it."""
    job.progress.say(f"{what}: begins")
    job.progress.begin(what, job.count)
    for i in range(job.count):
        job.progress.advance(i + 1, f"step {i + 1}")
    job.progress.end()
    return what, os.getpid()


def wrong(job: Steps, kind: str) -> None:
    """Raise one of several errors."""
    if kind == "mistake":
        raise Mistake("it is wrong", hint="do it right")
    if kind == "mistakes":
        raise Mistakes([Mistake("first", "a"), Mistake("second", "b")])
    if kind == "odd":
        raise OddError("cannot be", "sent")
    raise ZeroDivisionError("a bug")


def dies(job: Steps) -> None:
    """End this process as the system does where memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def waits(job: Steps, told: Path) -> None:
    """Say which process this is, then work for minutes."""
    part = told.with_suffix(".part")
    part.write_text(str(os.getpid()))
    part.rename(told)
    time.sleep(300)


def owned(job: Steps) -> str:
    """Give the folder whose code may be run."""
    return str(own_code.FOLDER.get())


def prints(job: Steps) -> str:
    """Print to standard output, as a library may."""
    print("noise")
    os.write(1, b"more noise\n")
    return "done"
