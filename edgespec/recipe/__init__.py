"""A recipe: one YAML file, read with the line of every key, so that each mistake can be told with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from edgespec.errors import Mistake
from edgespec.spectra import Axis
from edgespec.yaml12 import Place, read


@dataclass(frozen=True)
class Call:
    """`name` or `{name: keys}`: one plugin and what it is told."""

    name: str
    keys: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Give `{name: keys}`, as it would stand in a recipe."""
        return {self.name: plain(self.keys)}


@dataclass(frozen=True)
class Split:
    """How the spectra are divided.

    by: "group" keeps each physical sample whole; "spectrum" does not (only to compare with papers that did so).
    parts: "given" takes the data set's own parts; {library: 0.5, site: 0.5} names training parts by their shares of the samples.
    test: share of the samples for the test part, where the data set gives none.
    valid: share of each training part's samples for validation.
    valid_from: samples that a class has in a training part before any of them may be drawn for validation; one of two is half of what it has.
    """

    by: Literal["group", "spectrum"] = "group"
    parts: Literal["given"] | dict[str, float] | None = None
    test: float = 0.25
    valid: float = 0.15
    valid_from: int = 2

    def __post_init__(self) -> None:
        for name, share in {"test": self.test, "valid": self.valid}.items():
            if not 0 < share < 1:
                raise Mistake(f"'{name}': {share} is not a share between 0 and 1")
        if self.valid_from < 2:
            raise Mistake(
                f"'valid_from': {self.valid_from} would leave a class without training samples", hint="2 or more"
            )
        if isinstance(self.parts, dict) and not (self.parts and min(self.parts.values()) > 0):
            raise Mistake("'parts' wants at least one name, each with a positive share")


@dataclass(frozen=True)
class Data:
    """What the steps learn from.

    load: the data set.
    axis: the model's axis in cm-1.
    preprocess: what is done to a spectrum before the network sees it, in this order.
    augment: how training spectra are varied, as an instrument would.
    split: how the spectra are divided.
    unknown: spectra of substances that the model never saw, to judge by whether it knows that; those it does know are left out.
    """

    load: Annotated[Call, "datasets"]
    axis: Axis
    preprocess: list[Annotated[Call, "preprocess"]] = field(default_factory=list)
    augment: Annotated[Call, "augment"] | None = None
    split: Split = field(default_factory=Split)
    unknown: Annotated[Call, "datasets"] | None = None


@dataclass(frozen=True)
class Recipe:
    """The recipe as written: nothing is checked yet beyond its outline.

    tree: the whole file as plain values, changes by --set included
    lines: line number of each key and list element, by its place in the tree
    """

    path: Path
    tree: dict[str, Any]
    lines: dict[Place, int]
    changes: dict[Place, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name without its ending; the run folder is called so."""
        return self.path.stem

    def at(self, place: Place) -> str:
        """Say where a place is: `recipes/a.yaml:4`, or the --set that put it there."""
        for length in range(len(place), 0, -1):
            if place[:length] in self.changes:
                return f"--set {self.changes[place[:length]]}"
            if place[:length] in self.lines:
                return f"{self.path}:{self.lines[place[:length]]}"
        return f"{self.path}:1"


def load(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `key=value` changes to it.

    Raises Mistake where the file is missing, is not YAML, holds a key twice, or a change has no place.
    """
    lines: dict[Place, int] = {}
    tree = read(_text(path), str(path), lines)
    if not isinstance(tree, dict):
        raise Mistake(
            f"{path}:1: no recipe: it holds {'nothing' if tree is None else 'no keys'}",
            hint="a recipe's keys are schema, seed, data, steps, targets, gates; edgespec ls recipes shows examples",
        )
    recipe = Recipe(path, tree, lines)
    for change in changes:
        _apply(recipe, change)
    return recipe


def plain(value: Any) -> Any:
    """Turn Calls and dataclasses inside `value` into what JSON and YAML can hold."""
    if isinstance(value, Call):
        return value.plain()
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _text(path: Path) -> str:
    hint = "a recipe is a YAML file; edgespec ls recipes shows those that are shipped"
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Mistake(f"there is no recipe {path}", hint="edgespec ls recipes shows those that are shipped") from None
    except UnicodeDecodeError as problem:
        raise Mistake(f"{path} is not a recipe: byte {problem.start} is not text in UTF-8", hint) from None
    except OSError as problem:
        raise Mistake(f"{path} is not a recipe: {problem.strerror}", hint) from None


def _apply(recipe: Recipe, change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise Mistake(f"--set {change}: not key=value", hint="for example --set steps.2.temperature=3")
    try:
        value = read(text, "--set", {})
    except Mistake as problem:
        raise Mistake(f"--set {change}: {text!r} is not a value", hint=problem.message) from None
    changed, place = _changed(recipe.tree, key.split("."), value, (), change)
    recipe.tree.update(changed)
    for inside in [each for each in recipe.lines if each[: len(place)] == place]:
        del recipe.lines[inside]  # what stood there is gone
    recipe.changes[place] = change


def _changed(here: Any, words: list[str], value: Any, place: Place, change: str) -> tuple[Any, Place]:
    """Give `here` with the value put where `words` lead, and the place that is."""
    if not words:
        return value, place
    word, rest = words[0], words[1:]
    if isinstance(here, list):
        if not word.isdecimal() or not 1 <= int(word) <= len(here):
            where = _path(place)
            raise Mistake(
                f"--set {change}: {where} has no {word!r}",
                hint=f"{where}.1 to {where}.{len(here)}" if here else f"{where} is empty",
            )
        i = int(word) - 1
        new, place = _changed(here[i], rest, value, (*place, i), change)
        return [*here[:i], new, *here[i + 1 :]], place
    if isinstance(here, str) and (here == word or (len(place) == 2 and place[0] == "steps")):
        here = {here: {}}  # a bare name is a plugin with its defaults
    if not isinstance(here, dict | None):
        raise Mistake(f"--set {change}: {_path(place)} is {here!r} and has no keys", hint=_below(here, place, words))
    if here and len(place) == 2 and place[0] == "steps" and word not in here:
        word, rest = next(iter(here)), words  # steps.2.temperature: the step's own name may be left out
    new, found = _changed((here or {}).get(word), rest, value, (*place, word), change)
    return {**(here or {}), word: new}, found


def _path(place: Place) -> str:
    """Write a place as --set does: entries of a list counted from 1."""
    return ".".join(str(each + 1) if isinstance(each, int) else each for each in place)


def _below(here: Any, place: Place, words: list[str]) -> str:
    return f"if {here!r} takes keys: {_path((*place, here, *words))}" if isinstance(here, str) else ""
