"""A function's signature is the schema: what keys it takes, of what type, with what default, meaning what.

Steps, models, datasets, preprocessing and augmentation are all checked here, against nothing but their own signatures.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from annotated_types import Len
from pydantic import ConfigDict, TypeAdapter, ValidationError

from edgespec import own_code, plugins
from edgespec.artifact import Artifact
from edgespec.errors import Mistake
from edgespec.recipe import Call, messages
from edgespec.yaml12 import Place

GIVEN = {"points", "classes", "axis", "seed", "generator"}  # what the job hands in; never a key of a recipe
ENTRY = {"steps": "run", "models": "build", "datasets": "load"}
FUNCTIONS = ("preprocess", "augment")  # modules of edgespec/data/
REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Key:
    """One key: its type as Python sees it, its default (REQUIRED where there is none) and its sentence."""

    name: str
    annotation: Any
    default: Any
    help: str

    @property
    def type_name(self) -> str:
        """The type as a person reads it."""
        return messages.type_name(self.annotation)


def names(kind: str) -> list[str]:
    """List the plugins of a kind: files of a folder, or public functions of a module."""
    if kind not in FUNCTIONS:
        return plugins.names(kind)
    module = importlib.import_module(f"edgespec.data.{kind}")
    return sorted(name for name, each in vars(module).items() if _is_plugin(each, module))


def function(kind: str, name: str) -> Callable[..., Any]:
    """Give the function whose signature says what `name` takes, or say which name was meant."""
    if kind == "models" and own_code.is_own(name):
        own: Callable[..., Any] = getattr(own_code.load(name, ENTRY[kind]), ENTRY[kind])
        return own
    if name not in names(kind):
        raise Mistake(f"unknown {messages.noun(kind)} {name!r}", hint=plugins.did_you_mean(name, names(kind)))
    module = importlib.import_module(f"edgespec.data.{kind}") if kind in FUNCTIONS else plugins.find(kind, name)
    found: Callable[..., Any] = getattr(module, ENTRY.get(kind, name))
    return found


@cache
def keys(target: Any) -> tuple[Key, ...]:
    """List the keys of a function (its keyword-only parameters) or of a dataclass (its fields)."""
    hints = get_type_hints(target, include_extras=True)
    sentences = _sentences(inspect.getdoc(target) or "")
    if dataclasses.is_dataclass(target):
        return tuple(
            Key(f.name, hints[f.name], _field_default(f), sentences.get(f.name, "")) for f in dataclasses.fields(target)
        )
    parameters = inspect.signature(target).parameters.values()
    only = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in GIVEN]
    return tuple(Key(p.name, hints.get(p.name, Any), p.default, sentences.get(p.name, "")) for p in only)


def takes(run: Callable[..., Any]) -> Any:
    """Give the type of artifact that a step works on; None where it starts from the data alone."""
    artifacts = [p for p in inspect.signature(run).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    return get_type_hints(run)[artifacts[0].name] if artifacts else None


def gives(run: Callable[..., Any]) -> Any:
    """Give the type of artifact that a step leaves."""
    return get_type_hints(run)["return"]


def leaves(step: Call, before: Any) -> Any:
    """Give the type of artifact that a step leaves behind another, by its keys where its module has a `gives` of its own.

    Raises Mistake where the keys contradict one another.
    """
    found = getattr(plugins.find("steps", step.name), "gives", None)
    kind = gives(function("steps", step.name)) if found is None else found(step.keys)
    return before if kind == Artifact else kind


def record_of(annotation: Any) -> Any:
    """Give the dataclass that a key is, or may be instead of nothing; None for any other key."""
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return next((each for each in options if dataclasses.is_dataclass(each)), None)


class Binder:
    """Checks values against annotations and collects every mistake with its place, instead of stopping at the first."""

    def __init__(self, at: Callable[[Place], str]) -> None:
        self.at = at
        self.mistakes: list[Mistake] = []

    def wrong(self, place: Place, message: str, hint: str = "") -> None:
        """Note a mistake."""
        self.mistakes.append(Mistake(f"{self.at(place)}: {message}", hint))

    def call(self, kind: str, value: Any, place: Place, label: str) -> Call:
        """Check `name` or `{name: keys}` against the signature of the plugin that it names."""
        name, given = _name_and_keys(value)
        if name is None:
            self._no_name(kind, value, place, label)
            return Call("")
        inner = (*place, name) if isinstance(value, dict) else place
        if kind == "models" and own_code.is_own(name) and not own_code.allowed():
            return Call(
                name, dict(given) if isinstance(given, dict) else {}
            )  # its code may not be run, so nobody knows its keys
        try:
            found = function(kind, name)
        except Mistake as problem:
            self.wrong(inner, f"{label}: {problem.message}", problem.hint)
            return Call(name)
        return Call(name, self.bind(found, given, inner, label))

    def bind(self, target: Any, given: Any, place: Place, label: str, prefix: str = "") -> dict[str, Any]:
        """Give all keys of a function or dataclass, checked, defaults filled in."""
        if given is not None and not isinstance(given, dict):
            what = f"'{prefix.removesuffix('.')}': " if prefix else ""
            self.wrong(
                place, f"{_start(label)}{what}{messages.shown(given)} where keys are expected", _key_list(target)
            )
            return {}
        known = {key.name: key for key in keys(target)}
        for name in given or {}:
            if name not in known:
                hint = plugins.did_you_mean(name, list(known)) if known else "it takes no keys"
                self.wrong((*place, name), f"{_start(label)}unknown key '{prefix}{name}'", hint)
        bound: dict[str, Any] = {}
        for name, key in known.items():
            if name in (given or {}):
                bound[name] = self.value(key.annotation, (given or {})[name], (*place, name), label, f"{prefix}{name}")
            elif key.default is REQUIRED:
                self.wrong(place, f"{_start(label)}key '{prefix}{name}' is missing", key.help)
            else:
                bound[name] = key.default
        return bound

    def value(self, annotation: Any, value: Any, place: Place, label: str, name: str) -> Any:
        """Check one value."""
        options = [each for each in get_args(annotation) if each is not type(None)]
        if get_origin(annotation) in (Union, types.UnionType) and any(holds_parts(each) for each in options):
            if value is None and type(None) in get_args(annotation):
                return None
            fit = [each for each in options if (list_of(each) is not None) == isinstance(value, list)]
            return self.value((fit or options)[0], value, place, label, name)
        if (kind := messages.call_kind(annotation)) is not None:
            return self.call(kind, value, place, f"{label} '{name}'" if label else f"'{name}'")
        if (inner := list_of(annotation)) is not None and holds_parts(inner):
            return self._list(annotation, inner, value, place, label, name)
        if dataclasses.is_dataclass(annotation):
            return self._record(annotation, value, place, label, name)
        return self._plain(annotation, value, place, label, name)

    def _list(self, annotation: Any, inner: Any, value: Any, place: Place, label: str, name: str) -> list[Any]:
        """Check each entry at its own place; `Len(n)` says how many there must be at least."""
        limits = [each.min_length for each in get_args(annotation) if isinstance(each, Len)]
        if not isinstance(value, list):
            text = f"{_start(label)}'{name}': {messages.shown(value)} is not a list"
            self.wrong(place, text, f"{name.rpartition('.')[2]}: [...]")
            return []
        if len(value) < max(limits, default=0):
            text = f"{messages.shown(value)} is too short: at least {max(limits)} wanted"
            self.wrong(place, f"{_start(label)}'{name}': {text}")
        return [self.value(inner, each, (*place, i), label, f"{name}.{i + 1}") for i, each in enumerate(value)]

    def _record(self, annotation: Any, value: Any, place: Place, label: str, name: str) -> Any:
        before = len(self.mistakes)
        bound = self.bind(annotation, value, place, label, prefix=f"{name}.")
        if len(self.mistakes) > before:
            return None
        try:
            return annotation(**bound)
        except Mistake as problem:
            self.wrong(place, f"{_start(label)}'{name}': {problem.message}", problem.hint)
            return None

    def _plain(self, annotation: Any, value: Any, place: Place, label: str, name: str) -> Any:
        try:
            found = _adapter(annotation, repr(annotation)).validate_python(value)
        except ValidationError as problem:
            inside, what, hint = messages.complaint(problem.errors(), annotation, value)
            self.wrong(place, f"{_start(label)}'{name}{inside}': {what}", hint)
            return None
        if isinstance(value, bool) and not isinstance(found, bool):  # Literal[0, 1] takes true for 1
            self.wrong(
                place, f"{_start(label)}'{name}': {messages.shown(value)} is not {messages.type_name(annotation)}"
            )
        return found

    def _no_name(self, kind: str, value: Any, place: Place, label: str) -> None:
        if isinstance(value, dict) and len(value) > 1:
            first, second = list(value)[:2]
            text = f"{label}: '{first}' and '{second}' stand side by side where one name is expected"
            below = f"indent '{second}' below '{first}', or write {{{first}: {{{second}: ...}}}}"
            self.wrong(place, text, f"two entries: [{first}, {second}]" if second in names(kind) else below)
        else:
            text = f"{label}: {messages.shown(value)} where a name or {{name: keys}} is expected"
            self.wrong(place, text, f"there is: {', '.join(names(kind))}")


def _start(label: str) -> str:
    return f"{label}: " if label else ""


@cache
def _adapter(annotation: Any, shown: str) -> TypeAdapter[Any]:
    # `shown` is part of the cache's key: Literal['a', 'b'] equals Literal['b', 'a'], but is told in its own order
    return TypeAdapter(annotation, config=ConfigDict(strict=True, allow_inf_nan=False))


def holds_parts(annotation: Any) -> bool:
    """Tell whether an annotation holds Calls or dataclasses, whose keys have lines of their own."""
    if messages.call_kind(annotation) is not None or dataclasses.is_dataclass(annotation):
        return True
    inner = list_of(annotation)
    return inner is not None and holds_parts(inner)


def list_of(annotation: Any) -> Any:
    """list[X] or Annotated[list[X], Len(1)] -> X; None for anything else."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_args(annotation)[0] if get_origin(annotation) is list else None


def _name_and_keys(value: Any) -> tuple[str | None, Any]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    return None, None


def _key_list(target: Any) -> str:
    return f"its keys: {', '.join(key.name for key in keys(target)) or 'none'}"


def _field_default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else REQUIRED


def _sentences(text: str) -> dict[str, str]:
    """Read `name: sentence` lines, with their indented continuations, from a docstring."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if start := re.match(r"([a-z_0-9]+): (.+)", line):
            name = start[1]
            found[name] = start[2].strip()
        elif name and line.startswith("    "):
            found[name] += f" {line.strip()}"
        else:
            name = ""
    return found


def _is_plugin(each: Any, module: types.ModuleType) -> bool:
    return (
        inspect.isfunction(each)
        and each.__module__ == module.__name__
        and not each.__name__.startswith("_")
        and "axis" in inspect.signature(each).parameters
        and each.__name__ not in ENTRY.values()
    )
