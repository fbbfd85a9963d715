"""A signature is the schema: keys, types in words, what is bound and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Len

from edgespec import plugins
from edgespec.artifact import Artifact, Checkpoint, OnnxModel
from edgespec.errors import Mistake
from edgespec.recipe import Call, messages, schema
from edgespec.recipe.schema import REQUIRED, Binder


@dataclass(frozen=True)
class Box:
    """Something with keys.

    size: how large
        it is.
    sides: how many.
    """

    size: float
    sides: Annotated[int, Gt(2)] = 4
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.size == 13:
            raise Mistake("13 brings bad luck", hint="try 14")


def made(
    job: object,
    artifact: Checkpoint,
    *,
    box: Box,
    points: int = 3,
    head: Literal["flat", "gap"] = "flat",
    order: Literal[0, 1] = 0,
    share: Annotated[float, Interval(ge=0, le=1)] = 0.5,
    on: Annotated[str | None, "the name of a part"] = None,
    model: Annotated[Call, "models"] | None = None,
    models: Annotated[Call, "models"] | Annotated[list[Annotated[Call, "models"]], Len(1)] = Call("cnn"),
    chain: list[Annotated[Call, "preprocess"]] = [],  # noqa: B006
    widths: Annotated[Sequence[Annotated[int, Ge(1)]], Len(1)] = (1, 2),
    either: str | list[str] = "a",
    parts: Literal["given"] | dict[str, float] | None = None,
    flag: bool = False,
) -> OnnxModel:
    """Make it.

    box: the box.
    head: how it
        ends.
    """
    raise AssertionError("read for its signature, never called")


def bound(**given: Any) -> tuple[dict[str, Any], list[Mistake]]:
    binder = Binder(lambda place: ".".join(map(str, place)))
    found = binder.bind(made, {"box": {"size": 1}, **given}, ("here",), "step 1")
    return found, binder.mistakes


def test_keys_are_the_keyword_only_parameters_with_their_sentences() -> None:
    found = {key.name: key for key in schema.keys(made)}
    assert list(found)[:3] == ["box", "head", "order"]
    assert "points" not in found  # the job hands that in
    assert found["box"].default is REQUIRED
    assert found["head"].help == "how it ends."
    assert found["share"].default == 0.5
    assert next((key.name, key.help) for key in schema.keys(Box)) == ("size", "how large it is.")
    assert {key.name: key.default for key in schema.keys(Box)} == {"size": REQUIRED, "sides": 4, "names": []}


def test_a_step_takes_and_gives_what_its_signature_says() -> None:
    assert (schema.takes(made), schema.gives(made)) == (Checkpoint, OnnxModel)
    found = {name: schema.function("steps", name) for name in plugins.names("steps")}
    assert schema.takes(found["train"]) is None
    assert schema.gives(found["train"]) is Checkpoint
    assert (schema.takes(found["to_onnx"]), schema.gives(found["to_onnx"])) == (Checkpoint, OnnxModel)
    assert schema.takes(found["calibrate"]) == schema.gives(found["calibrate"]) == Artifact


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("box", "keys size, sides, names"),
        ("head", "'flat' | 'gap'"),
        ("share", "number, >= 0, <= 1"),
        ("on", "word | nothing, the name of a part"),
        ("model", "model | nothing"),
        ("models", "model | list of model, at least 1"),
        ("chain", "list of preprocessing"),
        ("widths", "list of whole number, >= 1, at least 1"),
        ("either", "word | list of word"),
        ("parts", "'given' | names, each with a number | nothing"),
        ("flag", "true or false"),
    ],
)
def test_types_are_told_in_words(key: str, words: str) -> None:
    assert {each.name: each.type_name for each in schema.keys(made)}[key] == words


def test_no_type_of_a_plugin_is_told_in_python() -> None:
    for kind in ("steps", "models", "datasets", "preprocess", "augment"):
        for name in schema.names(kind):
            for key in schema.keys(schema.function(kind, name)):
                assert not {"[", "Annotated", "typing", "class", "gt="} & set(key.type_name.split()), (name, key)
                assert "[" not in key.type_name, (kind, name, key.type_name)


def test_what_is_not_given_has_its_default_and_what_is_given_its_type() -> None:
    found, mistakes = bound(share=1, chain=["rms", {"highpass": {"window": 30}}], model="cnn", widths=[3])
    assert mistakes == []
    assert found["box"] == Box(1.0)
    assert found["share"] == 1.0
    assert found["chain"] == [Call("rms"), Call("highpass", {"window": 30.0})]
    assert found["model"].keys["kernel"] == 7
    assert found["widths"] == [3]
    assert found["models"] == Call("cnn")
    for given in ("cnn", ["cnn"], ["cnn", {"cnn": {"kernel": 5}}]):
        several, mistakes = bound(models=given)
        assert mistakes == []
        named = several["models"] if isinstance(given, list) else [several["models"]]
        assert [each.keys["kernel"] for each in named] == [7, 5][: len(named)]
    assert found["flag"] is False


@pytest.mark.parametrize(
    ("given", "place", "said", "hint"),
    [
        ({"bx": 1}, "here.bx", "unknown key 'bx'", "did you mean 'box'?"),
        ({"points": 5}, "here.points", "unknown key 'points'", ""),
        ({"box": None}, "here.box", "key 'box.size' is missing", "how large it is."),
        ({"box": 3}, "here.box", "'box': 3 where keys are expected", "its keys: size, sides, names"),
        ({"box": {"size": "3"}}, "here.box.size", "'box.size': '3' is not a number", ""),
        ({"box": {"size": True}}, "here.box.size", "'box.size': true is not a number", ""),
        ({"box": {"size": float("nan")}}, "here.box.size", "'box.size': nan is not a finite number", ""),
        ({"box": {"size": 1, "sides": 2}}, "here.box.sides", "'box.sides': 2 should be greater than 2", ""),
        ({"box": {"size": 1, "sides": 4.0}}, "here.box.sides", "'box.sides': 4.0 is not a whole number", ""),
        ({"box": {"size": 1, "side": 4}}, "here.box.side", "unknown key 'box.side'", "did you mean 'sides'?"),
        ({"box": {"size": 13}}, "here.box", "'box': 13 brings bad luck", "try 14"),
        ({"head": "flta"}, "here.head", "'head': 'flta' should be 'flat' or 'gap'", "did you mean 'flat'?"),
        ({"order": True}, "here.order", "'order': true is not 0 | 1", ""),
        ({"share": 1.5}, "here.share", "'share': 1.5 should be less than or equal to 1", ""),
        ({"share": None}, "here.share", "'share': null is not a number", ""),
        ({"on": 3}, "here.on", "'on': 3 is not a word", ""),
        ({"flag": 1}, "here.flag", "'flag': 1 is not true or false", ""),
        ({"flag": "yes"}, "here.flag", "'flag': 'yes' is not true or false", ""),
        ({"model": "cn"}, "here.model", "'model': unknown model 'cn'", "did you mean 'cnn'?"),
        ({"model": 3}, "here.model", "'model': 3 where a name or {name: keys} is expected", "there is: cnn"),
        ({"model": {"cnn": {"widht": 3}}}, "here.model.cnn.widht", "unknown key 'widht'", "did you mean 'widths'?"),
        ({"model": {"cnn": None, "widths": [3]}}, "here.model", "'cnn' and 'widths' stand side by side", "indent"),
        ({"models": "cn"}, "here.models", "'models': unknown model 'cn'", "did you mean 'cnn'?"),
        ({"models": 3}, "here.models", "'models': 3 where a name or {name: keys} is expected", "there is: cnn"),
        ({"models": []}, "here.models", "'models': [] is too short: at least 1 wanted", ""),
        ({"models": ["cnn", "cn"]}, "here.models.1", "'models.2': unknown model 'cn'", "did you mean 'cnn'?"),
        ({"models": [{"cnn": {"widht": 3}}]}, "here.models.0.cnn.widht", "'models.1': unknown key 'widht'", "widths"),
        ({"models": [{"cnn": {"widths": 3}}]}, "here.models.0.cnn.widths", "'models.1': 'widths': 3 is not a list", ""),
        ({"models": [["cnn"]]}, "here.models.0", "'models.1': ['cnn'] where a name or {name: keys} is expected", ""),
        ({"chain": [{"rms": {}, "snv": {}}]}, "here.chain.0", "stand side by side", "two entries: [rms, snv]"),
        ({"chain": "rms"}, "here.chain", "'chain': 'rms' is not a list", "chain: [...]"),
        ({"chain": ["rms", "rmz"]}, "here.chain.1", "unknown preprocessing 'rmz'", "did you mean 'rms'?"),
        ({"widths": []}, "here.widths", "'widths': [] is too short: at least 1 wanted", ""),
        ({"widths": 3}, "here.widths", "'widths': 3 is not a list", ""),
        ({"widths": [1, 0]}, "here.widths", "'widths.2': 0 should be greater than or equal to 1", ""),
        ({"either": 3}, "here.either", "'either': 3 is not word | list of word", ""),
        ({"either": ["a", 3]}, "here.either", "'either.2': 3 is not a word", ""),
        ({"parts": "gven"}, "here.parts", "'parts': 'gven' should be 'given'", "did you mean 'given'?"),
        ({"parts": {"a": "x"}}, "here.parts", "'parts': 'x' is not a number", ""),
    ],
)  # fmt: skip
def test_a_wrong_key_is_told_with_its_place_and_in_the_words_of_a_recipe(
    given: dict[str, Any], place: str, said: str, hint: str
) -> None:
    _, mistakes = bound(**given)
    assert len(mistakes) == 1
    assert mistakes[0].message.startswith(f"{place}: step 1")
    assert said in mistakes[0].message
    assert hint in mistakes[0].hint


def test_all_mistakes_are_told_not_only_the_first() -> None:
    _, mistakes = bound(share=2, flag=3, hed="flat", box={"sides": 1, "sze": 1}, model={"cn": {}})
    said = "\n".join(each.message for each in mistakes)
    for word in ("'share'", "'flag'", "'hed'", "'box.sides'", "'box.sze'", "'box.size' is missing", "'cn'"):
        assert word in said
    assert len(mistakes) == 7


@pytest.mark.parametrize("kind", ["steps", "models", "datasets", "preprocess", "augment"])
def test_every_plugin_can_be_found_and_a_wrong_name_says_which_was_meant(kind: str) -> None:
    for name in schema.names(kind):
        assert callable(schema.function(kind, name))
        with pytest.raises(Mistake, match=f"unknown {messages.noun(kind)} '{name}x'") as caught:
            schema.function(kind, f"{name}x")
        assert caught.value.hint == f"did you mean '{name}'?"
    with pytest.raises(Mistake) as caught:
        schema.function(kind, "§")
    assert caught.value.hint == f"there is: {', '.join(schema.names(kind))}"


def test_values_are_shown_as_a_recipe_writes_them() -> None:
    assert messages.shown({"a": [None, True, "x", 3], "b": {"c": False}}) == "{a: [null, true, 'x', 3], b: {c: false}}"
