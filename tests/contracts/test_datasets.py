"""What every data set must be: one function that gives Spectra on the axis it is told."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest

from edgespec import plugins
from edgespec.errors import EdgespecError
from edgespec.recipe import plain, schema
from edgespec.recipe.schema import Binder
from edgespec.spectra import Axis, Spectra

NAMES = plugins.names("datasets")


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_an_axis_and_a_seed_and_gives_spectra(name: str) -> None:
    load = schema.function("datasets", name)
    parameters = inspect.signature(load).parameters
    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    hints = get_type_hints(load)
    assert (hints["axis"], hints["seed"], hints["return"]) == (Axis, int, Spectra)
    assert all(parameters[each].default is inspect.Parameter.empty for each in ("axis", "seed"))


@pytest.mark.parametrize("name", NAMES)
def test_each_key_has_a_sentence_and_a_default_that_fits_its_type(name: str) -> None:
    binder = Binder(lambda place: "here")
    for key in schema.keys(schema.function("datasets", name)):
        assert key.help.endswith("."), f"{name}.{key.name} has no sentence"
        if key.default is not schema.REQUIRED:
            bound: Any = binder.value(key.annotation, plain(key.default), (key.name,), name, key.name)
            assert plain(bound) == plain(key.default)
    assert binder.mistakes == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("no_data")
def test_with_nothing_at_hand_it_gives_spectra_or_says_what_is_missing(name: str) -> None:
    load = schema.function("datasets", name)
    needed = {key.name: "absent" for key in schema.keys(load) if key.default is schema.REQUIRED}
    if needed or name in ("rruff", "files"):
        with pytest.raises(EdgespecError) as caught:
            load(axis=Axis(150, 1172, 64), seed=0, **needed)
        assert caught.value.exit_code in (2, 3)
        assert caught.value.hint
        return
    found = load(axis=Axis(150, 1172, 64), seed=0)
    assert found.x.shape == (len(found), 64)
    assert len(found.y) == len(found)
    assert set(found.y) == set(range(len(found.labels)))
