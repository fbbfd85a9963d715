"""What another process tells of its work, told here so that it reads as if one had been done after the other."""

from __future__ import annotations

import time
from typing import Any


class Heard:
    """Hands on the progress of one piece of work.

    What is over by the time that somebody listens is told in one line. What still goes on is shown from where it is then.
    progress: hears it; behind: there may be more that was told before anybody listened
    """

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.behind = True
        self.what, self.total, self.done, self.note, self.before = "", 0, 0, "", 0
        self.began = 0.0
        self.open = self.shown = False

    def take(self, event: str, *more: Any) -> None:
        """Hand on an event: its name and arguments, then the time at which it was told."""
        *arguments, at = more
        getattr(self, f"_{event}")(at, *arguments)

    def caught_up(self) -> None:
        """Show what goes on: all that was told before anybody listened has been heard."""
        self.behind = False
        if self.open and not self.shown:
            self._show()

    def _show(self) -> None:
        self.shown, self.before = True, self.done
        self.progress.begin(f"{self.what}, from {self.done} on" if self.done else self.what, self.total - self.done)
        if self.note:
            self.progress.advance(0, self.note)

    def _begin(self, at: float, what: str, total: int) -> None:
        self.what, self.total, self.done, self.note = what, total, 0, ""
        self.began, self.open, self.shown = at, True, False
        if not self.behind:
            self._show()

    def _advance(self, at: float, done: int, note: str) -> None:
        self.done, self.note = done, note
        if self.shown:
            self.progress.advance(done - self.before, note)

    def _end(self, at: float) -> None:
        self.open = False
        if self.shown:
            self.progress.end()
        else:
            self.progress.say(f"{self.what}: {self.note} ({at - self.began:.1f} s, beside other work)")

    def _say(self, at: float, text: str) -> None:
        self.progress.say(text)


class Telling:
    """A Progress in the other process: sends each event with its time.

    send: takes the event's name, its arguments and the time
    """

    def __init__(self, send: Any) -> None:
        self.send = send

    def begin(self, what: str, total: int) -> None:
        """Something of `total` parts begins."""
        self.send("begin", what, total, time.monotonic())

    def advance(self, done: int, note: str) -> None:
        """`done` parts are finished."""
        self.send("advance", done, note, time.monotonic())

    def end(self) -> None:
        """It is over."""
        self.send("end", time.monotonic())

    def say(self, text: str) -> None:
        """One line that should not be missed."""
        self.send("say", text, time.monotonic())
