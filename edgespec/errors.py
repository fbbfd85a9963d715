"""What can go wrong for a user: one sentence on where and what, one on how to mend it, and an exit code.

Anything that is not an `EdgespecError` is a bug of ours and keeps its traceback (exit code 70).
"""

from __future__ import annotations

import re

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
"""What moves a cursor, colours a terminal, turns the direction of writing, hides, or is no character of XML. Tabs and ends of lines are none."""


def visible(text: str) -> str:
    r"""Write such characters out, \x1b for an escape: files, devices and servers have their say in what a person reads. Lines stay lines."""
    return UNSEEN.sub(lambda found: ascii(found.group())[1:-1], text)


class EdgespecError(Exception):
    """An error for the user's eyes: printed without a traceback, with its hint."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BrokenPromise(EdgespecError):
    """A gate failed or is unmeasured, a budget was not met."""

    exit_code = 1


class Mistake(EdgespecError):
    """Something in the recipe, the data or the arguments is wrong."""


class Missing(EdgespecError):
    """A runtime, a driver or a data set is not here."""

    exit_code = 3


class Mismatch(EdgespecError):
    """A conversion, or a bundle, disagrees with its source."""

    exit_code = 4


class Unreachable(EdgespecError):
    """A device did not answer, or is not the one expected."""

    exit_code = 6


class StorageError(EdgespecError):
    """The disk is full, not writable, or locked by another process."""

    exit_code = 8


class Mistakes(Mistake):
    """Several mistakes found in one go: all of them are told at once."""

    def __init__(self, found: list[Mistake]) -> None:
        super().__init__("\n".join(each.message for each in found))
        self.found = found

    def __reduce__(self) -> tuple[type[Mistakes], tuple[list[Mistake]]]:
        """Be sent from process to process: by what was found."""
        return Mistakes, (self.found,)
