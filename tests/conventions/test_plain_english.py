"""Help texts are read by people in a hurry, many of whom read English as a second language: short sentences, no riddles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
WORDS = 25  # of a sentence
HABITS = (
    "if not said",
    "may be given several times",
    "may be repeated",
    "once for each",
    "gone on with",
    "what there is",
    "what came out",
    "is taken for",
    "what mends",
    "promises nothing",
    "at hand",
    "for good",
    "that can't be",
    "in place of",
    "is told",
    "are told",
    "tell what",
    "say what",
    "so long",
)
"""Phrases that had to be read twice; the default of an option stands as (default: ...)."""


def texts() -> Iterator[tuple[str, str]]:
    """Give every help text of the program with its place: those of options and arguments, and of the commands themselves."""
    for path in sorted((TOP / "edgespec" / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.keyword)
                and node.arg in ("help", "short_help")
                and isinstance(node.value, ast.Constant)
            ):
                yield f"{path.name}:{node.value.lineno}", str(node.value.value)
            if isinstance(node, ast.FunctionDef) and any("command" in ast.dump(each) for each in node.decorator_list):
                yield f"{path.name}:{node.lineno}", ast.get_docstring(node) or ""


TEXTS = dict(texts())


def test_there_are_many() -> None:
    assert len(TEXTS) > 150


@pytest.mark.parametrize("place", TEXTS)
def test_a_help_text_is_plain(place: str) -> None:
    said = re.sub(r"Example: .*", "", TEXTS[place])
    for sentence in re.split(r"(?<=[.;:])\s+|\n\n", said):
        assert len(sentence.split()) <= WORDS, sentence
    assert [each for each in HABITS if each in said.lower()] == []
