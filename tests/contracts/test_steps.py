"""What every step must be: one function whose signature says all that a recipe may write."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest

from edgespec import plugins
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.job import Job
from edgespec.recipe import plain, schema
from edgespec.recipe.schema import Binder

NAMES = plugins.names("steps")
KINDS = (Checkpoint, OnnxModel, Artifact)


def test_there_are_steps() -> None:
    assert {"train", "distill", "to_onnx", "quantize", "calibrate"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_function_of_the_job_and_perhaps_an_artifact_and_gives_one(name: str) -> None:
    run = schema.function("steps", name)
    parameters = list(inspect.signature(run).parameters.values())
    positional = [each for each in parameters if each.kind is not each.KEYWORD_ONLY]
    assert get_type_hints(run)[positional[0].name] is Job
    assert len(positional) <= 2
    assert schema.takes(run) in (None, *KINDS, Checkpoint | None)
    assert schema.gives(run) in KINDS


@pytest.mark.parametrize("name", NAMES)
def test_each_key_has_a_type_that_the_schema_checks_and_a_sentence(name: str) -> None:
    run = schema.function("steps", name)
    documented = inspect.getdoc(run)
    assert documented
    assert documented.splitlines()[0].endswith("."), "a sentence says what the step does"
    for key in schema.keys(run):
        assert key.help.endswith("."), f"{name}.{key.name} has no sentence"
        assert key.type_name


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_what_a_recipe_could_write_itself(name: str) -> None:
    binder = Binder(lambda place: "here")
    for key in schema.keys(schema.function("steps", name)):
        if key.default is not schema.REQUIRED:
            bound: Any = binder.value(key.annotation, plain(key.default), (key.name,), name, key.name)
            assert plain(bound) == plain(key.default)
    assert binder.mistakes == []


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_it_does_not_have_is_refused(name: str) -> None:
    binder = Binder(lambda place: "here")
    binder.call("steps", {name: {"nonsense": 1}}, (), name)
    assert any("unknown key 'nonsense'" in each.message for each in binder.mistakes)
