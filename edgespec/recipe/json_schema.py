"""The JSON Schema (draft-07) of recipes, from the signatures that check them: what an editor completes, explains and marks.

It is never stricter than `plan`; what takes more than one key to see, such as the order of the steps, is left to `plan`.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin

from annotated_types import Len
from pydantic import TypeAdapter

from edgespec import plugins, units
from edgespec.recipe import Data, Split, messages, plain, plan, schema, search_ranges
from edgespec.recipe.gates import OTHERS
from edgespec.recipe.metrics import METRICS, REGRESSIONS, SAME, Metric
from edgespec.spectra import Axis

FILE = "recipe.schema.json"
LINE = f"# yaml-language-server: $schema={FILE}"
DRAFT = "http://json-schema.org/draft-07/schema#"
TITLE = "edgespec recipe"
WIDTH = 150
KINDS = ("datasets", "models", "preprocess", "augment", "steps")
ABOUT = {
    "schema": "The version of the recipe's grammar.",
    "seed": "What everything that is drawn is drawn with: division, weights, order, variations.",
    "data": "What the steps learn from.",
    "steps": "What is done, top to bottom: each step works on what the one before leaves.",
    "targets": "What compress ends with a bundle for: a name of edgespec ls targets, or of a card of your own.",
    "gates": "What the result has to keep, judged by edgespec gate: `metric: limit`.",
    "skipped": "What a promise means that the baseline can't answer: warn tells it, fail breaks it; without it fail in continuous integration.",
    "inconclusive": "What a measurement means that can't tell: warn lets it pass, fail ends with exit code 5.",
    "regression": "How much worse than a baseline, or another version, each may become.",
    "choose": "For edgespec search: one of these values.",
    "between": "For edgespec search: a number from low to high, both included.",
    "log": "Drawn evenly in its logarithm.",
    "step": "Drawn in steps from low.",
    "start": "What the first trial takes.",
}
FIXED = (Data, Axis, Split)  # what is searched leaves these alone, but for two keys of the data
Schema = dict[str, Any]


def text() -> str:
    """Give the file that lies beside recipes: what fits a line stands on one."""
    return f"{_laid_out(recipe(), 0)}\n"


def recipe() -> Schema:
    """Give the schema of a whole recipe; plugins and records are its definitions."""
    made = _Definitions()
    keys: Schema = {
        "schema": {"const": plan.VERSION},
        "seed": {"type": "integer", "minimum": 0, "maximum": plan.SEEDS - 1, "default": 0},
        "data": made.record(Data),
        "steps": {"type": "array", "items": _open({"$ref": _place("steps")}), "minItems": 1},
        "targets": {"type": "array", "items": _target(), "default": ["local"]},
        "gates": _gates(),
    }
    top = _object({name: {"description": ABOUT[name], **keys[name]} for name in plan.KEYS}, ["schema", "data", "steps"])
    return {"$schema": DRAFT, "title": TITLE, **top, "definitions": made.found}


class _Definitions:
    """What is written once and referred to: plugins with their keys, and records by the name of their class."""

    def __init__(self) -> None:
        self.found: Schema = {}
        for kind in KINDS:
            self.found[kind] = self.plugins(kind)
        self.found |= _ranges()

    def plugins(self, kind: str) -> Schema:
        """Give `name`, of those that need no keys, or `{name: keys}`."""
        found = {}
        for name in schema.names(kind):
            made = schema.function(kind, name)
            about = (inspect.getdoc(made) or "").partition("\n\n")[0].replace("\n", " ")
            found[name] = {"description": about, **self.keys(made, fixed=kind == "datasets")}
        bare = [name for name, keys in found.items() if "required" not in keys]
        named = {"type": "string", "enum": bare, "enumDescriptions": [found[name]["description"] for name in bare]}
        keyed = {**_object(found), "minProperties": 1, "maxProperties": 1}
        self.found[f"{kind}_keyed"], there = keyed, {"$ref": _place(f"{kind}_keyed")}
        either = {"anyOf": [named, there]} if bare else there
        return {"if": {"type": "object"}, "then": there, "else": either}  # so that an editor marks the very key

    def keys(self, target: Any, *, fixed: bool) -> Schema:
        """Give the keys of a function or dataclass, null for all defaults; fixed: none of them can be searched."""
        properties, required = {}, []
        for key in schema.keys(target):
            made, searched = self.value(key.annotation), target is Data and ("data", key.name) in search_ranges.FREE
            properties[key.name] = {"description": key.help, **(_open(made) if searched or not fixed else made)}
            if key.default is schema.REQUIRED:
                required.append(key.name)
            elif key.default is not None:
                properties[key.name]["default"] = plain(key.default)
        return _object(properties, required) | ({} if required else {"type": ["object", "null"]})

    def record(self, annotation: Any) -> Schema:
        """Refer to a dataclass."""
        name = annotation.__name__
        if name not in self.found:
            self.found[name] = self.keys(annotation, fixed=annotation in FIXED)
        return {"$ref": _place(name)}

    def value(self, annotation: Any) -> Schema:
        """Give one value, as `schema.Binder` reads it."""
        options = get_args(annotation)
        if get_origin(annotation) in (Union, types.UnionType) and any(map(schema.holds_parts, options)):
            return {"anyOf": [self.value(each) for each in options]}
        if (kind := messages.call_kind(annotation)) is not None:
            return {"$ref": _place(kind)}
        if (inner := schema.list_of(annotation)) is not None and schema.holds_parts(inner):
            least = [each.min_length for each in options if isinstance(each, Len)]
            return {"type": "array", "items": self.value(inner), **({"minItems": least[0]} if least else {})}
        if dataclasses.is_dataclass(annotation):
            return self.record(annotation)
        return TypeAdapter(annotation).json_schema()


def _laid_out(value: Any, depth: int) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if depth + len(flat) <= WIDTH or not isinstance(value, dict | list):
        return flat
    inside, end = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, list):
        return f"[{inside}{f',{inside}'.join(_laid_out(each, depth + 1) for each in value)}{end}]"
    parts = (f"{json.dumps(key)}: {_laid_out(each, depth + 1)}" for key, each in value.items())
    return f"{{{inside}{f',{inside}'.join(parts)}{end}}}"


def _place(name: str) -> str:
    return f"#/definitions/{name}"


def _object(properties: Schema, required: Sequence[str] = ()) -> Schema:
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": list(required)} if required else made


def _open(made: Schema) -> Schema:
    """Let a range stand where a value would; an editor then sees either, never a mixture of both."""
    if "items" in made:
        made = {**made, "items": _open(made["items"])}
    if "anyOf" in made:
        made = {
            "anyOf": [{**each, "items": _open(each["items"])} if "items" in each else each for each in made["anyOf"]]
        }
    kinds = " ".join(str(each.get("type")) for each in (made, *made.get("anyOf", [])))
    words = "ranges" if "integer" in kinds or "number" in kinds else "choices"
    inside = {"properties": {"choose": {"items": made}}}
    return {"if": {"$ref": _place("range")}, "then": {"allOf": [{"$ref": _place(words)}, inside]}, "else": made}


def _ranges() -> Schema:
    """Give what a range is, those that choose, and those of numbers: they may also lie between two."""
    keys: Schema = {
        "choose": {"type": "array", "minItems": 2},
        "between": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        "log": {"type": "boolean", "default": False},
        "step": {"type": "number", "exclusiveMinimum": 0},
        "start": {},
    }
    told = {name: {"description": ABOUT[name], **each} for name, each in keys.items()}
    ways = {
        word: _object({name: told[name] for name in beside}, [word]) for word, beside in search_ranges.WORDS.items()
    }
    return {
        "range": {"type": "object", "anyOf": [{"required": [word]} for word in search_ranges.WORDS]},
        "choices": ways["choose"],
        "ranges": {"anyOf": list(ways.values())},
    }


def _target() -> Schema:
    """Name the shipped targets; cards of one's own have names that nobody knows here."""
    return {"anyOf": [{"type": "string", "enum": plugins.names("targets")}, {"type": "string"}]}


def _gates() -> Schema:
    limits = {name: _limit(each, units.form(each.read, signed=each.signed)) for name, each in METRICS.items()}
    worse: dict[str, Schema] = {name: _limit(METRICS[name], units.form(units.share)) for name in REGRESSIONS}
    worse |= {name: {"description": about, "enum": ["same", "any"], "default": "same"} for name, about in SAME.items()}
    more: dict[str, Schema] = {
        "inconclusive": {"enum": list(OTHERS["inconclusive"]), "default": OTHERS["inconclusive"][0]},
        "skipped": {"enum": list(OTHERS["skipped"])},
        "regression": {**_object(worse), "type": ["object", "null"]},
    }
    made = _object({**limits, **{name: {"description": ABOUT[name], **each} for name, each in more.items()}})
    return {**made, "type": ["object", "null"]}


def _limit(metric: Metric, made: Schema) -> Schema:
    if not metric.per_target:
        return {"description": metric.about, **made}
    limits = {**_object(dict.fromkeys(plugins.names("targets"), made)), "additionalProperties": made}
    return {"description": metric.about, **limits, "minProperties": 1}
