"""The schema that editors read: equal to the signatures, never stricter than `plan`, and nearly as strict."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgespec import plugins, recipe, yaml12
from edgespec.cli import ls
from edgespec.compression.pruning.budget import Budget
from edgespec.errors import EdgespecError
from edgespec.job import Fit
from edgespec.recipe import Data, Split, json_schema, plain, plan, schema, search_ranges
from edgespec.recipe import gates as recipe_gates
from edgespec.recipe.metrics import METRICS
from edgespec.recipe.schema import Binder
from edgespec.spectra import Axis
from edgespec.training.losses import Decoupled
from edgespec.yaml12 import Place

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install 'edgespec[dev]'")

SCHEMA = json_schema.recipe()
WHOLE = jsonschema.Draft7Validator(SCHEMA)
RECIPES = plugins.names("recipes")
VALUES: list[Any] = [
    None, True, 0, 1, 3, -1, 10**9, 0.5, 1.0, 1.5, -0.5, "", "auto", "all", "1 per class", "x per class", "local", "given", "cpu",
    "25 %", "1.5 M", "60 k", "100 kB", "200 us", "0.4x", "many", [], [1], [0], [8, 16], [0.5], ["cpu"], ["a"], [[1, 2]], [None], {},
    {"a": 1}, {"a": "b"}, "cnn", ["cnn"], {"cnn": None}, {"cnn": {}}, {"cnn": {"widths": [8]}}, {"cnn": {"width": [8]}}, {"cn": {}},
    "rms", ["rms"], [{"highpass": {"window": 3}}], [{"highpass": {"window": -3}}], {"instrument": {"shift": 1}}, "minerals",
    {"minerals": {"samples": 3}}, {"minerals": {}, "rruff": {}}, {"macs": "25 %"}, {"macs": 0.25}, {"macs": "a lot"}, {"size": "9 kB"},
    {"latency": "0.4x"}, {"latency": 3}, {"epochs": 3}, {"epochs": 0}, {"epochs": None}, {"epchs": 3}, {"lr": 1}, {"tckd": 1},
]  # fmt: skip


STEP = jsonschema.Draft7Validator({**SCHEMA["properties"]["steps"]["items"], "definitions": SCHEMA["definitions"]})


def valid(tree: Any, place: Place = ()) -> bool:
    """Is a recipe valid? Of one that was changed inside a step only, that step is looked at."""
    if len(place) > 2 and place[0] == "steps":
        return bool(STEP.is_valid(tree["steps"][place[1]]))
    return bool(WHOLE.is_valid(tree))


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    yield place, value
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*place, key))


def put(tree: Any, place: Place, key: Any, value: Any) -> Any:
    """A copy of the tree in which what stood at the place stands under another key, or has another value."""
    changed = copy.deepcopy(tree)
    inside = changed
    for each in place[:-1]:
        inside = inside[each]
    if isinstance(inside, list):
        inside[place[-1]] = value
    else:
        there = {
            (key if name == place[-1] else name): (value if name == place[-1] else old) for name, old in inside.items()
        }
        inside.clear()
        inside.update(there)
    return changed


def tree(name: str) -> dict[str, Any]:
    return recipe.load(plugins.path("recipes", name)).tree


def test_it_is_a_schema_and_the_file_beside_the_recipes_is_it() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    there = (plugins.folder("recipes") / json_schema.FILE).read_text(encoding="utf-8")
    assert there == json_schema.text(), f"edgespec ls schema > recipes/{json_schema.FILE} writes it anew"


def test_ls_prints_it_and_a_recipe_is_listed_with_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    ls.command("schema")
    assert capsys.readouterr().out == json_schema.text()
    for each in ls._recipes():
        assert len(each["about"]) > 40
        assert "$schema" not in each["about"]


@pytest.mark.parametrize("name", RECIPES)
def test_each_shipped_recipe_names_it_and_keeps_it(name: str) -> None:
    assert plugins.path("recipes", name).read_text(encoding="utf-8").splitlines()[0] == json_schema.LINE
    assert [each.message for each in WHOLE.iter_errors(tree(name))] == []


@pytest.mark.parametrize("name", RECIPES)
def test_each_misspelt_key_of_a_shipped_recipe_is_found(name: str) -> None:
    written, found = tree(name), 0
    for place, value in places(written):
        if place and isinstance(place[-1], str) and place[-2:-1] not in (("latency_p90",), ("parts",)):
            found += 1
            assert not valid(put(written, place, f"{place[-1]}x", value), place), place
    assert found > 30


@pytest.mark.parametrize("name", RECIPES)
def test_each_wrong_type_and_each_unknown_name_in_a_shipped_recipe_is_found(name: str) -> None:
    written = tree(name)
    for place, value in places(written):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and "start" not in place:  # of a range: compared with its values, not with a type
            assert not valid(put(written, place, place[-1], "many"), place), place
    for i, each in enumerate(written["steps"]):
        wrong = f"{each}x" if isinstance(each, str) else {f"{key}x": keys for key, keys in each.items()}
        assert not valid(put(written, ("steps", i), i, wrong))
        assert not valid(put(written, ("steps", i), i, {"to_onnx": None, "calibrate": None}))
    for key in ("schema", "data", "steps"):
        assert not valid({name: each for name, each in written.items() if name != key})


def texts() -> list[tuple[str, str]]:
    """Every recipe that stands in the source of a test, with its place."""
    found = []
    for path in sorted(Path(__file__).parents[2].rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("schema: 1\n"):
                found.append((f"{path.name}:{node.lineno}", node.value))
    return found


def test_a_recipe_of_the_tests_that_can_be_planned_is_valid(tmp_path: Path) -> None:
    path, good = tmp_path / "a.yaml", 0
    for where, text in texts():
        path.write_text(text, encoding="utf-8")
        try:
            written = recipe.load(path)
            plan.plan(search_ranges.resolved(written, search_ranges.found(written), search_ranges.starts))
        except EdgespecError:
            continue  # one that a test wants refused
        good += 1
        assert [each.message for each in WHOLE.iter_errors(written.tree)] == [], where
    assert good >= 8


def keys() -> list[tuple[str, schema.Key, dict[str, Any]]]:
    """Every key that a recipe may have: its name, itself, and what the schema has for it."""
    found = []
    for kind in json_schema.KINDS:
        for name in schema.names(kind):
            there = SCHEMA["definitions"][f"{kind}_keyed"]["properties"][name]["properties"]
            found += [(f"{kind}/{name}", key, there[key.name]) for key in schema.keys(schema.function(kind, name))]
    for record in (Data, Axis, Split, Fit, Budget, Decoupled):
        there = SCHEMA["definitions"][record.__name__]["properties"]
        found += [(record.__name__, key, there[key.name]) for key in schema.keys(record)]
    return found


def test_no_value_that_binds_is_marked_and_hardly_any_that_does_not_is_let_through() -> None:
    refused = caught = 0
    for where, key, made in keys():
        if where == "Budget":
            continue  # its values are looked at together, as `to` of prune
        validator = jsonschema.Draft7Validator({**made, "definitions": SCHEMA["definitions"]})
        for value in VALUES:
            binder = Binder(lambda place: "here")
            binder.value(key.annotation, value, (key.name,), where, key.name)
            if binder.mistakes:
                refused += 1
                caught += not validator.is_valid(value)
            else:
                assert validator.is_valid(value), f"{where}.{key.name}: {value!r} is good"
    assert refused > 5000
    assert caught / refused > 0.98


def test_every_key_has_its_sentence_and_its_default() -> None:
    for where, key, made in keys():
        assert made["description"] == key.help
        assert key.help, f"{where}.{key.name}"
        if key.default is schema.REQUIRED or key.default is None:
            assert "default" not in made
        else:
            assert made["default"] == plain(key.default)
    for place, value in places(SCHEMA):
        if place[-2:-1] == ("properties",) and place[-3:-2] != (1,) and place[-4:-3] != ("latency",):
            told = "description" in value or place[-1] in plugins.names("targets")
            assert told, place


@pytest.mark.parametrize("metric", [*METRICS, "regression", "inconclusive", "skipped", "acuracy"])
def test_a_gate_is_valid_exactly_where_it_can_be_read(metric: str) -> None:
    limits = [0, 0.5, -0.5, 1, 2, 64_000, True, None, "95 %", "-2 %", "64 kB", "64kB", "1.5 M", "1e3 B", "60 k", "1 ms", "5 µs", "2 min",
              "1_000 B", "ms", "1 mss", "many", "fail", "warn", "", " 1 ms "]  # fmt: skip
    inside = [{"accuracy": each} for each in limits] + [{"latency_p50": {"local": each}} for each in limits]
    for limit in [
        *limits,
        {},
        *({"local": each} for each in limits),
        *inside,
        {"macro_f1": 0.1},
        {"accuracy": 1, "x": 1},
    ]:
        found: list[str] = []
        recipe_gates.read({metric: limit}, lambda place, text, hint, found=found: found.append(text))  # type: ignore[misc]
        gates = jsonschema.Draft7Validator(SCHEMA["properties"]["gates"])
        if not found:
            assert gates.is_valid({metric: limit}), limit
        elif "unknown target" not in found[0]:  # cards of one's own have any name
            assert not gates.is_valid({metric: limit}), (limit, found)


@pytest.mark.parametrize(
    ("place", "value", "good"),
    [
        (("data", "preprocess"), {"choose": [["rms"], ["snv"]]}, True),
        (("data", "preprocess", 0), {"choose": ["rms", {"highpass": {"window": {"between": [30, 90]}}}]}, True),
        (("data", "augment"), {"choose": [None, "instrument"], "start": "instrument"}, True),
        (("steps", 0), {"choose": [{"train": {"model": "cnn"}}, {"train": {"model": "pace"}}]}, True),
        (("steps", 0, "train", "model"), {"choose": ["cnn", {"cnn": {"widths": {"choose": [[4], [{"between": [4, 9]}]]}}}]}, True),
        (("steps", 0, "train", "fit"), {"choose": [{"epochs": 3}, {"epochs": 4}]}, True),
        (("steps", 0, "train", "fit"), {"lr": {"between": [1e-3, 1e-2], "log": True, "start": 3e-3}}, True),
        (("steps", 0, "train", "fit"), {"lr": {"between": [1e-3]}}, False),
        (("steps", 0, "train", "fit"), {"lr": {"between": [1e-3, 1e-2], "lgo": True}}, False),
        (("steps", 0, "train", "fit"), {"lr": {"choose": [1e-3, "fast"]}}, False),
        (("steps", 0, "train", "model"), {"choose": ["cnn", "cn"]}, False),
        (("steps", 0, "train", "on"), {"between": [1, 2]}, False),
        (("data", "axis", "points"), {"choose": [128, 256]}, False),
        (("data", "split", "valid"), {"between": [0.1, 0.2]}, False),
        (("data", "load"), {"choose": ["minerals", {"minerals": {"samples": 4}}]}, False),
        (("seed",), {"choose": [1, 2]}, False),
    ],
)  # fmt: skip
def test_ranges_stand_where_a_search_takes_them(tmp_path: Path, place: Place, value: Any, good: bool) -> None:
    text = ("schema: 1\nseed: 0\ndata:\n  load: minerals\n  axis: {low: 150, high: 1172, points: 128}\n  preprocess: [rms]\n"
            "  augment: instrument\n  split: {valid: 0.2}\nsteps:\n  - train: {model: cnn, on: x, fit: {epochs: 3}}\n  - to_onnx\n")  # fmt: skip
    written = yaml12.read(text, "a.yaml", {})
    assert valid(written)
    changed = put(written, place, place[-1], value)
    assert valid(changed) is good
    if good:
        assert search_ranges.found(recipe.Recipe(tmp_path / "a.yaml", changed, {}))
