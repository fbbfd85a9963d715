"""The ranges of a recipe that is to be searched: `{choose: [...]}` and `{between: [low, high]}` where a value would stand.

edgespec search explores them; a recipe that runs has none.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edgespec import plugins
from edgespec.errors import Mistake, Mistakes
from edgespec.recipe import Recipe, messages
from edgespec.yaml12 import Place

WORDS = {"choose": ("choose", "start"), "between": ("between", "log", "step", "start")}
FREE = (("steps",), ("data", "preprocess"), ("data", "augment"))
WHY = "seed, data, axis and split stay, so that all trials are judged on the same spectra; what is kept is gates' and targets' own"


@dataclass(frozen=True)
class Choose:
    """One of some values, which may hold ranges themselves; `start` is the place of the one tried first."""

    name: str
    place: Place
    options: tuple[Any, ...]
    start: int = 0

    @property
    def labels(self) -> list[str]:
        """The values as a recipe writes them."""
        return [messages.shown(each) for each in self.options]


@dataclass(frozen=True)
class Between:
    """A number from low to high, both included; `start` is the one tried first.

    log: drawn evenly in its logarithm; step: drawn in steps from low; whole: a whole number
    """

    name: str
    place: Place
    low: float
    high: float
    log: bool = False
    step: float | None = None
    start: float = 0.0
    whole: bool = False


Range = Choose | Between
Pick = Callable[[Range], Any]
"""Gives the place of an option, or a number."""


def found(recipe: Recipe) -> list[Range]:
    """Read all ranges of a recipe, those inside the options of others too.

    Raises Mistakes with every malformed range, and every one in a place that can't be one.
    """
    wrong: list[Mistake] = []
    ranges: list[Range] = []
    _walk(recipe, recipe.tree, (), "", ranges, wrong)
    if wrong:
        raise Mistakes(wrong)
    return ranges


def resolved(recipe: Recipe, ranges: list[Range], pick: Pick) -> Recipe:
    """Give the plain recipe with the value that `pick` gives for each range; a range in an option not picked is not asked for."""
    by_place = {each.place: each for each in ranges}
    lines = dict(recipe.lines)
    tree = _resolve(recipe.tree, (), (), by_place, pick, lines)
    return replace(recipe, tree=tree, lines=lines)


def starts(each: Range) -> Any:
    """Pick what is tried first: the recipe as it would be written by hand."""
    return each.start


def drawn(recipe: Recipe, params: dict[str, Any]) -> Recipe:
    """Give the plain recipe of what a trial drew.

    Raises Mistake where the recipe is not the one that it was drawn from.
    """

    def pick(each: Range) -> Any:
        try:
            return each.labels.index(params[each.name]) if isinstance(each, Choose) else params[each.name]
        except (KeyError, ValueError):
            raise Mistake(f"{recipe.path} has changed since the trial was drawn from it", "search again") from None

    return resolved(recipe, found(recipe), pick)


def is_range(value: Any) -> bool:
    """Tell a range from plain keys."""
    return isinstance(value, dict) and ("choose" in value or "between" in value)


def refuse(recipe: Recipe) -> None:
    """Raise Mistake where a recipe that is to run as it is holds a range."""
    place = _first(recipe.tree, ())
    if place is not None:
        raise Mistake(
            f"{recipe.at(place)}: a range stands at {_name(place)!r}, where one value is needed",
            hint=f"edgespec search {shlex.quote(str(recipe.path))} explores it, and --best writes the recipe that won",
        )


def _first(value: Any, place: Place) -> Place | None:
    if is_range(value):
        return place
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((hit for key, each in inside if (hit := _first(each, (*place, key))) is not None), None)


def _walk(recipe: Recipe, value: Any, place: Place, name: str, ranges: list[Range], wrong: list[Mistake]) -> None:
    if is_range(value):
        try:
            read = _choose if "choose" in value else _between
            mine = read(value, place, name)
            ranges.append(mine)
        except Mistake as problem:
            wrong.append(Mistake(f"{recipe.at(place)}: '{name}': {problem.message}", problem.hint))
            return
        for i, each in enumerate(mine.options if isinstance(mine, Choose) else ()):
            _walk(recipe, each, (*place, "choose", i), f"{name}[{i + 1}]", ranges, wrong)
        return
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        said = str(key + 1 if isinstance(key, int) else key)
        _walk(recipe, each, (*place, key), f"{name}.{said}" if name else said, ranges, wrong)


def _choose(value: dict[str, Any], place: Place, name: str) -> Choose:
    _check(value, "choose", place)
    options = value["choose"]
    if not isinstance(options, list) or len(options) < 2:
        what = (
            "holds nothing"
            if options in (None, [])
            else "is not a list"
            if not isinstance(options, list)
            else "holds one value"
        )
        raise Mistake(f"'choose' {what}", hint="choose: [first, second, ...]; a single value is written by itself")
    labels = [messages.shown(each) for each in options]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise Mistake(f"'choose' holds {twice[0]} twice", hint="once is enough")
    start = value.get("start", options[0])
    if messages.shown(start) not in labels:
        raise Mistake(f"'start': {messages.shown(start)} is not one of the values", hint=f"one of {', '.join(labels)}")
    return Choose(name, place, tuple(options), labels.index(messages.shown(start)))


def _between(value: dict[str, Any], place: Place, name: str) -> Between:
    _check(value, "between", place)
    ends, log, step = value["between"], value.get("log", False), value.get("step")
    if not isinstance(ends, list) or len(ends) != 2 or not all(map(_number, ends)):
        raise Mistake(f"'between': {messages.shown(ends)} is not [low, high]", hint="two numbers: {between: [1, 8]}")
    low, high = ends
    if low >= high:
        raise Mistake(
            f"'between': {low:g} is not below {high:g}",
            hint=f"between: [{high:g}, {low:g}]" if low > high else "write the value itself",
        )
    if not isinstance(log, bool):
        raise Mistake(f"'log': {messages.shown(log)} is not true or false")
    if log and low <= 0:
        raise Mistake(f"'between': {low:g} has no logarithm", hint="a low end above 0, or no 'log'")
    if step is not None and not (_number(step) and 0 < step <= high - low):
        raise Mistake(f"'step': {messages.shown(step)} is not a step from {low:g} to {high:g}")
    if step is not None and log:
        raise Mistake("'step' and 'log' contradict each other", hint="keep one of them")
    whole = all(isinstance(each, int) for each in (*ends, *([] if step is None else [step])))
    middle = (
        math.sqrt(low * high)
        if log
        else low + (step or 1) * ((high - low) / 2 // (step or 1))
        if whole or step
        else (low + high) / 2
    )
    start = value.get("start", round(middle) if whole else middle)
    if not _number(start) or not low <= start <= high:
        raise Mistake(f"'start': {messages.shown(start)} is not between {low:g} and {high:g}")
    return Between(name, place, low, high, log, step, start, whole)


def _check(value: dict[str, Any], word: str, place: Place) -> None:
    if not any(place[: len(free)] == free and len(place) > len(free) for free in FREE) and place not in FREE[1:]:
        raise Mistake("a range can't stand here", hint=f"in steps, data.preprocess and data.augment; {WHY}")
    for key in value:
        if key not in WORDS[word]:
            raise Mistake(f"unknown key {key!r} beside {word!r}", plugins.did_you_mean(key, list(WORDS[word])))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _resolve(
    value: Any, place: Place, out: Place, ranges: dict[Place, Range], pick: Pick, lines: dict[Place, int]
) -> Any:
    """Give the value without ranges; `out` is where it stands then, and learns the line that it had."""
    mine = ranges.get(place)
    if place in lines:
        lines[out] = lines[place]
    if isinstance(mine, Between):
        return pick(mine)
    if isinstance(mine, Choose):
        i = pick(mine)
        return _resolve(mine.options[i], (*place, "choose", i), out, ranges, pick, lines)
    if isinstance(value, dict):
        return {key: _resolve(each, (*place, key), (*out, key), ranges, pick, lines) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolve(each, (*place, i), (*out, i), ranges, pick, lines) for i, each in enumerate(value)]
    return value


def _name(place: Place) -> str:
    return ".".join(str(each + 1) if isinstance(each, int) else each for each in place)
