"""What the asker can mend: told as JSON, with an exit code."""

from __future__ import annotations


class RefusalError(Exception):
    """What is wrong, and how to mend it.

    code: 2 a mistake, 3 something is not installed, 4 a file disagrees with itself
    """

    def __init__(self, code: int, error: str, hint: str = "") -> None:
        super().__init__(error)
        self.code = code
        self.answer = {"error": error, "hint": hint}
