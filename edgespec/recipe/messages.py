"""Types, values and what is wrong with them, in the words of somebody who writes a recipe and no Python."""

from __future__ import annotations

import dataclasses
import re
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from edgespec import plugins
from edgespec.recipe import Call

NOUNS = {"preprocess": "preprocessing", "augment": "augmentation"}
PLAIN = {int: "whole number", float: "number", str: "word", bool: "true or false", type(None): "nothing"}
LISTS = ("list", "tuple", "Sequence")
BOUNDS = {"gt": "> {}", "ge": ">= {}", "lt": "< {}", "le": "<= {}", "min_length": "at least {}", "max_length": "at most {}"}  # fmt: skip
NOT_A = {
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "a word",
    "list_type": "a list",
    "is_instance_of": "a list",
    "dict_type": "a set of keys",
    "finite_number": "a finite number",
}


def noun(kind: str) -> str:
    """ "models" -> "model", "augment" -> "augmentation"."""
    return NOUNS.get(kind, kind.removesuffix("s"))


def call_kind(annotation: Any) -> str | None:
    """Annotated[Call, "models"] -> "models"."""
    if get_origin(annotation) is Annotated and get_args(annotation)[0] is Call:
        return str(get_args(annotation)[1])
    return None


def type_name(annotation: Any) -> str:
    """Annotated[list[int], Len(1)] -> "list of whole number, at least 1"."""
    if (kind := call_kind(annotation)) is not None:
        return noun(kind)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ", ".join([type_name(inner[0]), *_bounds(inner[1:])])
    if origin is Literal:
        return " | ".join(map(repr, inner))
    if origin in (Union, types.UnionType):
        return " | ".join(type_name(each) for each in inner)
    if getattr(origin, "__name__", "") in LISTS:
        return f"list of {type_name(inner[0])}"
    if origin is dict:
        return f"names, each with a {type_name(inner[1])}"
    if dataclasses.is_dataclass(annotation):
        return f"keys {', '.join(each.name for each in dataclasses.fields(annotation))}"
    return PLAIN.get(annotation, str(annotation))


def shown(value: Any) -> str:
    """Write a value as a recipe does: null and true, not None and True."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {shown(each)}' for key, each in value.items())}}}"
    return repr(value)


def complaint(errors: list[Any], annotation: Any, value: Any) -> tuple[str, str, str]:
    """Word pydantic's complaints about one key: where inside the value (".2" or ""), what is wrong, and a hint."""
    error = max(errors, key=lambda each: (len(each["loc"]), each["type"] == "literal_error"))
    inside = "".join(f".{each + 1}" for each in error["loc"] if isinstance(each, int))
    several = len({each["loc"] for each in errors}) > 1 and len(error["loc"]) <= 1
    if several and not (error["type"] == "literal_error" and isinstance(value, str)):
        return "", f"{shown(value)} is not {type_name(annotation)}", ""
    given, kind = shown(error["input"]), error["type"]
    if kind in NOT_A:
        return inside, f"{given} is not {NOT_A[kind]}", ""
    if kind == "value_error":
        return inside, str(error["ctx"]["error"]), ""
    if kind == "too_short":
        return inside, f"{given} is too short: at least {error['ctx']['min_length']} wanted", ""
    hint = ""
    if kind == "literal_error":
        hint = plugins.did_you_mean(str(error["input"]), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
    return inside, f"{given} {error['msg'].replace('Input should', 'should')}", hint


def _bounds(extras: tuple[Any, ...]) -> list[str]:
    """Word the limits of an Annotated type; checks that are functions say themselves what they want."""
    found = [each for each in extras if isinstance(each, str)]
    for each in extras:
        for name, form in BOUNDS.items():
            limit = getattr(each, name, None)
            if limit is not None and (name, limit) != ("min_length", 0):
                found.append(form.format(limit))
    return found
