"""How far a download is: a bar on a terminal, elsewhere a line when something happens and one every ten seconds."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from edgespec import units
from edgespec.cli.console import EVERY


class Loading:
    """What `download.Watcher` asks for, on stderr."""

    def __init__(self) -> None:
        self.what, self.first, self.started, self.told = "", 0, 0.0, 0.0
        self.total: int | None = None
        self.bar: Any = None
        self.task: Any = None

    def begin(self, what: str, done: int, total: int | None) -> None:
        """An answer begins at byte `done` of `total`."""
        self.stop()
        self.what, self.total, self.first = what, total, done
        self.started = self.told = time.monotonic()
        of = "an unknown size" if total is None else units.show_size(total)
        self.say(f"{what}: fetching {of}" + (f", {units.show_size(done)} of it are here" if done else ""))
        if sys.stderr.isatty() and not os.environ.get("CI"):
            self.bar = _rich_bar()
            self.task = self.bar.add_task(what, total=total, completed=done)
            self.bar.start()

    def advance(self, done: int) -> None:
        """So many bytes are here."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done)
        elif time.monotonic() - self.told > EVERY:
            self.told = time.monotonic()
            speed = (done - self.first) / (self.told - self.started)
            left = "" if self.total is None else f", {(self.total - done) / max(speed, 1):.0f} s left"
            self.say(f"{self.what}: {units.show_size(done)}, {units.show_size(speed)}/s{left}")

    def say(self, text: str) -> None:
        """Something happened."""
        self.stop()
        print(text, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def _rich_bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")))
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
