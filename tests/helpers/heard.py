"""A Progress that keeps what is said."""

from __future__ import annotations

from edgespec.job import Silent


class Heard(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)
