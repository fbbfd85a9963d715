"""A recipe checked from end to end before anything runs: every key bound, every step fit for what the one before leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from edgespec import plugins
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.errors import Mistake, Mistakes
from edgespec.recipe import Call, Data, Recipe, messages, schema, search_ranges
from edgespec.recipe import gates as recipe_gates
from edgespec.recipe.gates import Gate
from edgespec.recipe.schema import Binder
from edgespec.targets import card as cards
from edgespec.yaml12 import Place

VERSION = 1
SEEDS = 2**32
INSTEAD = "teacher"  # a key that names what a step works on in place of what stands before it
KEYS = ["schema", "seed", "data", "steps", "targets", "gates"]
BETWEEN = {
    (Checkpoint, OnnxModel): "put 'to_onnx' between them",
    (
        OnnxModel,
        Checkpoint,
    ): "another order of the steps, or leave it out: an ONNX file is final; quantize, halve and calibrate work on one",
}


@dataclass(frozen=True)
class Plan:
    """A recipe that can run: every key checked and filled in."""

    recipe: Recipe
    seed: int
    data: Data
    steps: tuple[Call, ...]
    targets: tuple[str, ...]
    gates: tuple[Gate, ...]


def plan(recipe: Recipe) -> Plan:
    """Check a whole recipe.

    Raises Mistake where it holds a range, Mistakes with every mistake found, each with file, line and what was meant.
    """
    search_ranges.refuse(recipe)
    binder = Binder(recipe.at)
    tree = recipe.tree
    for key in tree:
        if key not in KEYS:
            binder.wrong((key,), f"unknown key {key!r}", plugins.did_you_mean(key, KEYS))
    _check_version(binder, tree)
    seed = binder.value(int, tree.get("seed", 0), ("seed",), "", "seed")
    if isinstance(seed, int) and not 0 <= seed < SEEDS:
        binder.wrong(("seed",), f"'seed': {seed} is not between 0 and {SEEDS - 1}")
    data = binder.value(Data, tree["data"], ("data",), "", "data") if tree.get("data") is not None else None
    if tree.get("data") is None:
        binder.wrong(("data",), "key 'data' is missing", "data: {load: ..., axis: {low: ..., high: ..., points: ...}}")
    steps = _steps(binder, tree.get("steps"))
    targets = binder.value(list[str], tree.get("targets", []), ("targets",), "", "targets") or []
    for i, name in enumerate(targets):
        if name not in cards.names():
            binder.wrong(("targets", i), f"unknown target {name!r}", plugins.did_you_mean(name, cards.names()))
    found = recipe_gates.read(tree.get("gates"), lambda place, text, hint: binder.wrong(("gates", *place), text, hint))
    if binder.mistakes:
        raise Mistakes(binder.mistakes)
    return Plan(recipe, seed, data, tuple(steps), tuple(targets), found.absolute)  # type: ignore[arg-type]


def load_call(recipe: Recipe) -> tuple[Call, Any]:
    """Check only what reading the data needs (`data.load`, `data.axis`); cheap, for a run that may be finished already."""
    binder = Binder(recipe.at)
    data = recipe.tree.get("data")
    if not isinstance(data, dict) or not {"load", "axis"} <= set(data):
        raise Mistakes([Mistake(f"{recipe.at(('data',))}: 'data' needs 'load' and 'axis'")])
    hints = {key.name: key.annotation for key in schema.keys(Data)}
    call, axis = (
        binder.value(hints[name], data[name], ("data", name), "", f"data.{name}") for name in ("load", "axis")
    )
    if binder.mistakes:
        raise Mistakes(binder.mistakes)
    return call, axis


def until(plan: Plan, text: str | None) -> int:
    """Give how many steps `--until` lets run: a number, or the last step of that name."""
    if text is None:
        return len(plan.steps)
    names = [step.name for step in plan.steps]
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return int(text)
    if text in names:
        return len(names) - names[::-1].index(text)
    known = plugins.did_you_mean(text, names)
    raise Mistake(f"--until {text}: the recipe has {len(names)} steps and none of that name or number", hint=known)


def _check_version(binder: Binder, tree: dict[str, Any]) -> None:
    found = tree.get("schema")
    if "schema" not in tree:
        binder.wrong((), "key 'schema' is missing", f"write schema: {VERSION}")
    elif type(found) is not int or found != VERSION:
        text = f"this edgespec reads recipes of 'schema: {VERSION}', not {messages.shown(found)}"
        binder.wrong(("schema",), text, f"write schema: {VERSION}")


def _steps(binder: Binder, given: Any) -> list[Call]:
    if not isinstance(given, list) or not given:
        binder.wrong(("steps",), "'steps' is a list with at least one step", "steps: [{train: {model: cnn}}, to_onnx]")
        return []
    calls: list[Call] = []
    before: Any = None
    said = ""
    for i, each in enumerate(given):
        name = each if isinstance(each, str) else next(iter(each), None) if isinstance(each, dict) else None
        place: Place = ("steps", i, str(name)) if isinstance(each, dict) else ("steps", i)
        known = name in plugins.names("steps")
        told = len(binder.mistakes)
        call = binder.call("steps", each, ("steps", i), f"step {i + 1} '{name}'" if known else f"step {i + 1}")
        calls.append(call)
        if not known:
            before, said = Artifact, ""
            continue
        run = schema.function("steps", str(name))
        instead = call.keys.get(INSTEAD) is not None
        _check_order(binder, place, i, str(name), schema.takes(run), before, said, instead)
        try:
            before = schema.leaves(Call(str(name), call.keys), before)
        except Mistake as problem:
            if len(binder.mistakes) == told:  # keys that are wrong themselves are told already
                binder.wrong(place, f"step {i + 1} {problem.message}", problem.hint)
            before = Artifact
        said = f"step {i + 1} '{name}'"
    _check_calibrated(binder, calls)
    return calls


def _check_calibrated(binder: Binder, calls: list[Call]) -> None:
    """Note a calibration that a later step undoes: pruning and rounding keep the ranking and break the confidences."""
    names = [each.name for each in calls]
    if "calibrate" not in names:
        return
    last = len(names) - names[::-1].index("calibrate")
    for i, name in enumerate(names[last:], start=last):
        if name != "to_onnx":
            text = f"step {i + 1} '{name}' stands behind the last 'calibrate': what it changes would keep a temperature and a reject score of before"
            binder.wrong(("steps", i), text, "put 'calibrate' last, or once more at the end")
            return


def _check_order(
    binder: Binder, place: Place, i: int, name: str, takes: Any, before: Any, said: str, instead: bool
) -> None:
    """Note a step that can't work on what the one before leaves. instead: it names what it works on, so it stands first."""
    optional = type(None) in get_args(takes)
    takes = next(each for each in get_args(takes) if each is not type(None)) if optional else takes
    if instead:
        if i > 0:
            hint = f"leave `{INSTEAD}` out, or the steps in front of it"
            binder.wrong(place, f"step {i + 1} '{name}' names a teacher of its own, so it stands first", hint)
        return
    if takes is None and i > 0:
        binder.wrong(
            place, f"step {i + 1} '{name}' starts from the data: it stands first, or not at all", "a recipe is one line"
        )
    if takes is None or before == Artifact:
        return
    if before is None:
        binder.wrong(
            place,
            f"step {i + 1} '{name}' works on {_article(takes)}, but nothing stands before it",
            "put 'train' in front",
        )
    elif before not in (get_args(takes) or (takes,)):
        hint = BETWEEN.get((before, takes), "another order of the steps")
        binder.wrong(
            place, f"step {i + 1} '{name}' works on {_article(takes)}, but {said} gives {_article(before)}", hint
        )


def _article(kind: Any) -> str:
    name = getattr(kind, "__name__", "artifact")
    return f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"
