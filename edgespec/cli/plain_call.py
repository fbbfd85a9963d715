"""A command whose words need no explanation, called as a function: what typer and pydantic take to load is most of a short command's time.

The command's own signature is read, as typer reads it. Whatever is not plain is left to typer: help, a missing value, a word that is no
number, an unknown option, `--option=value`.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from typer.models import ArgumentInfo, OptionInfo

PLAIN: dict[type, Callable[[str], Any]] = {str: str, Path: Path, int: int, float: float}
NUMBERS = {int: re.compile(r"-?[0-9]{1,9}"), float: re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")}
UNKNOWN_TO_US = ("callback", "click_type", "parser", "envvar", "exists", "resolve_path", "count", "prompt")


class NotPlainError(Exception):
    """These words, or this signature, are for typer to judge."""


class Key(typing.NamedTuple):
    """A parameter of a command: its type, whether it is a list of them, and what typer is told of it."""

    name: str
    kind: type
    many: bool
    told: Any


def keywords(command: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    """Give the keyword arguments that these words of a command line stand for; what is not named keeps its default.

    Raises NotPlainError where typer has to judge.
    """
    keys = [
        _key(name, hint)
        for name, hint in typing.get_type_hints(command, include_extras=True).items()
        if name != "return"
    ]
    found: dict[str, Any] = {}
    rest = _options(words, {word: key for key in keys for word in _words(key)}, found)
    for key in (key for key in keys if isinstance(key.told, ArgumentInfo)):
        if key.many:
            taken, rest = rest, []
            if taken:
                found[key.name] = [_value(key, word) for word in taken]
        elif rest:
            found[key.name] = _value(key, rest.pop(0))
    if rest or _required(command, keys) - set(found):
        raise NotPlainError
    return found


def _options(words: Sequence[str], known: dict[str, Key], found: dict[str, Any]) -> list[str]:
    """Take the options out of the words, into `found`; give the words that are left."""
    rest: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            rest += waiting
        elif word == "-" or not word.startswith("-"):
            rest.append(word)
        elif word not in known:
            raise NotPlainError
        else:
            _option(known[word], waiting, found)
    return rest


def _option(key: Key, waiting: Iterator[str], found: dict[str, Any]) -> None:
    if key.name in found and not key.many:
        raise NotPlainError
    if key.kind is bool:
        found[key.name] = True
        return
    word = next(waiting, "-")
    if word.startswith("-"):
        raise NotPlainError
    value = _value(key, word)
    found[key.name] = [*found.get(key.name, []), value] if key.many else value


def _key(name: str, hint: Any) -> Key:
    """Read a parameter's annotation. Raises NotPlainError for one that only typer understands."""
    kind, *more = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
    told = more[0] if more else None
    if not isinstance(told, ArgumentInfo | OptionInfo) or any(getattr(told, each, None) for each in UNKNOWN_TO_US):
        raise NotPlainError
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [each for each in typing.get_args(kind) if each is not type(None)]
        kind = inner[0] if len(inner) == 1 else None
    many = typing.get_origin(kind) is list
    kind = typing.get_args(kind)[0] if many else kind
    if kind not in PLAIN and (kind is not bool or many):
        raise NotPlainError
    return Key(name, kind, many, told)


def _words(key: Key) -> list[str]:
    """Give the words that name an option. Raises NotPlainError where typer makes them up, or where one switches off."""
    if isinstance(key.told, ArgumentInfo):
        return []
    words = [word for word in (key.told.default, *(key.told.param_decls or ())) if isinstance(word, str)]
    if not words or any("/" in word or not word.startswith("-") for word in words):
        raise NotPlainError
    return words


def _value(key: Key, word: str) -> Any:
    if key.kind in NUMBERS and not NUMBERS[key.kind].fullmatch(word):
        raise NotPlainError
    value = PLAIN[key.kind](word)
    low, high = key.told.min, key.told.max
    if (low is not None and value < low) or (high is not None and value > high):
        raise NotPlainError
    return value


def _required(command: Callable[..., Any], keys: Sequence[Key]) -> set[str]:
    optional = set(command.__kwdefaults__ or ()) | set(_with_default(command))
    return {key.name for key in keys} - optional


def _with_default(command: Callable[..., Any]) -> tuple[str, ...]:
    code, count = command.__code__, len(command.__defaults__ or ())
    return code.co_varnames[code.co_argcount - count : code.co_argcount]
