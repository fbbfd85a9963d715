"""A figure that cannot be drawn is a note in its place: a picture never brings down the work that it shows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from markupsafe import Markup

from edgespec.report.html_model import Figure

UNDRAWN = (ArithmeticError, ValueError, LookupError, TypeError, AttributeError)
"""What numbers that nobody thought of raise in a drawing."""
STRICT = False  # the tests want to see what a drawing raises
Drawn = TypeVar("Drawn", bound="Figure | list[Figure] | None")


def in_place(draw: Callable[..., Drawn]) -> Callable[..., Drawn]:
    """Give a function that draws, or says why there is no drawing."""

    @functools.wraps(draw)
    def drawn(*given: Any, **named: Any) -> Any:
        try:
            return draw(*given, **named)
        except UNDRAWN as problem:
            if STRICT:
                raise
            what = f"{draw.__module__.rpartition('.')[2]}, {draw.__name__}"
            told = f"A figure cannot be drawn ({what}): {type(problem).__name__}: {problem}"
            note = Figure("A figure is left out", Markup(""), told)
            return [note] if str(draw.__annotations__["return"]).startswith("list") else note

    return drawn
