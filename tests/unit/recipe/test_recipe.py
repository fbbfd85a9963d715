"""Recipes as text: YAML 1.2's words, the line of every key, changes by --set, and files that are no recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgespec import recipe
from edgespec.errors import Mistake

LINE = """schema: 1
seed: 0
data:
  load: minerals
  axis: {low: 150, high: 1172, points: 128}
steps:
  - train: {model: cnn}
  - distill:
      student: {cnn: {widths: [4, 8]}}
      temperature: 2
  - to_onnx
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.yaml"


def loaded(path: Path, text: str | bytes, *changes: str) -> recipe.Recipe:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return recipe.load(path, changes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"), ("no", "no"), ("yes", "yes"), ("off", "off"), ("y", "y"), ("true", True), ("False", False),
        ("TRUE", "TRUE"), ("3", 3), ("-7", -7), ("1_000", 1000), ("012", 12), ("0x1f", "0x1f"), ("3e-3", 3e-3),
        ("3.0e-3", 3e-3), (".5", 0.5), ("1.", 1.0), ("-.inf", float("-inf")), ("1e-3x", "1e-3x"), ("null", None),
        ("~", None), ("", None), ("'3'", "3"), ('"on"', "on"), ("2024-01-01", "2024-01-01"), ("12:30", "12:30"),
        ("64 kB", "64 kB"), ("+", "+"), ("-", None), ("=", "="), ("[1, a]", [1, "a"]),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(path: Path, text: str, value: object) -> None:
    if text == "-":
        assert loaded(path, "a:\n -\n").tree == {"a": [None]}
        return
    found = loaded(path, f"a: {text}\n").tree["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_words_whatever_they_look_like(path: Path) -> None:
    assert loaded(path, "on: 1\n3: 2\nnull: 3\ntrue: 4\n").tree == {"on": 1, "3": 2, "null": 3, "true": 4}


def test_every_key_and_entry_knows_its_line(path: Path) -> None:
    found = loaded(path, LINE)
    for place, line in [
        (("seed",), 2),
        (("data", "axis", "points"), 5),
        (("steps", 0, "train"), 7),
        (("steps", 1, "distill", "temperature"), 10),
        (("steps", 1, "distill", "temprature"), 8),
        (("steps", 2), 11),
        (("nothing",), 1),
    ]:
        assert found.at(place) == f"{path}:{line}"
    assert found.name == "a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3: key 'a' stands twice"),
        ("a: {b: 1, b: 2}\n", "a.yaml:1: key 'b' stands twice"),
        ("a: 1\nb: [1, 2\n", "a.yaml:2: not YAML: expected ',' or ']'"),
        ("a: 1\nb: c: d\n", "a.yaml:2: not YAML: mapping values"),
        ("a:\n\t- b\n", "a.yaml:2: not YAML: found character '\\t'"),
        ("a: 'b\n", "a.yaml:1: not YAML: found unexpected end of stream"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: not YAML: but found another document"),
        ("a: 1\nb: &x 2\n", "a.yaml:2: the reference 'x' has no meaning here"),
        ("a: &x [*x]\n", "a.yaml:1: the reference 'x' has no meaning here"),
        ("a: 1\nb: *x\n", "a.yaml:2: the reference 'x' has no meaning here"),
        ("a: !!python/object/apply:os.system [ls]\n", "a.yaml:1: the tag"),
        ("a: !!int abc\n", "a.yaml:1: the tag"),
        ("a: !mine 3\n", "a.yaml:1: the tag '!mine' has no meaning here"),
        ("a: 1\n? [b, c]\n: 2\n", "a.yaml:2: a list or a set of keys stands where a key is expected"),
        ("a: 1\nb: \x07\n", "a.yaml:2: not YAML: it holds the control character"),
        (f"a: {'[' * 5000}\n", "a.yaml: nested too deeply"),
        (f"a: {'1' * 5000}\n", "a.yaml:1: a number of 5000 digits"),
        ("", "a.yaml:1: no recipe: it holds nothing"),
        ("# only a comment\n", "a.yaml:1: no recipe: it holds nothing"),
        ("hello\n", "a.yaml:1: no recipe: it holds no keys"),
        ("- train\n- to_onnx\n", "a.yaml:1: no recipe: it holds no keys"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.yaml is not a recipe: byte 0 is not text in UTF-8"),
        (LINE.encode("utf-16"), "a.yaml is not a recipe: byte 0 is not text in UTF-8"),
    ],
)
def test_what_is_no_recipe_is_refused_with_its_line(path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(Mistake) as caught:
        loaded(path, text)
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 2


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(path: Path) -> None:
    found = loaded(path, b"\xef\xbb\xbf" + LINE.replace("\n", "\r\n").encode())
    assert found.tree == loaded(path, LINE).tree
    assert found.at(("seed",)) == f"{path}:2"


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no recipe") as caught:
        recipe.load(tmp_path / "b.yaml")
    assert "edgespec ls recipes" in caught.value.hint
    with pytest.raises(Mistake, match="is not a recipe: Is a directory"):
        recipe.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "place", "value"),
    [
        ("seed=7", ("seed",), 7),
        ("steps.2.temperature=3", ("steps", 1, "distill", "temperature"), 3),
        ("steps.2.distill.temperature=3", ("steps", 1, "distill", "temperature"), 3),
        ("steps.2.student.cnn.widths=[2]", ("steps", 1, "distill", "student", "cnn", "widths"), [2]),
        ("steps.2.student.cnn.widths.2=9", ("steps", 1, "distill", "student", "cnn", "widths", 1), 9),
        ("steps.3.check=64", ("steps", 2, "to_onnx", "check"), 64),
        ("steps.3.to_onnx.check=64", ("steps", 2, "to_onnx", "check"), 64),
        ("steps.1.fit.lr=3e-3", ("steps", 0, "train", "fit", "lr"), 3e-3),
        ("data.load.minerals.samples=4", ("data", "load", "minerals", "samples"), 4),
        ("data.load=arrays", ("data", "load"), "arrays"),
        ("gates.accuracy=95 %", ("gates", "accuracy"), "95 %"),
        ("seed=", ("seed",), None),
        ("data.name=a=b", ("data", "name"), "a=b"),
    ],
)
def test_a_change_lands_where_it_says(path: Path, change: str, place: tuple[str | int, ...], value: object) -> None:
    found = loaded(path, LINE, change)
    here: object = found.tree
    for each in place:
        here = here[each]  # type: ignore[index]
    assert here == value
    assert found.at(place) == f"--set {change}"
    assert found.at(("data", "axis")) == f"{path}:5"


def test_a_change_forgets_the_lines_of_what_it_replaced(path: Path) -> None:
    found = loaded(path, LINE, "data.axis={points: 3}", "data.axis.low=2")
    assert found.at(("data", "axis", "points")) == "--set data.axis={points: 3}"
    assert found.at(("data", "axis", "low")) == "--set data.axis.low=2"
    assert found.tree["data"]["axis"] == {"points": 3, "low": 2}


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        ("nonsense", "not key=value", "steps.2.temperature=3"),
        ("=3", "not key=value", "steps.2.temperature=3"),
        ("steps.4.x=1", "steps has no '4'", "steps.1 to steps.3"),
        ("steps.0.x=1", "steps has no '0'", "steps.1 to steps.3"),
        ("steps.²=1", "steps has no '²'", "steps.1 to steps.3"),
        ("steps.train.x=1", "steps has no 'train'", "steps.1 to steps.3"),
        ("steps.2.student.cnn.widths.3=1", "steps.2.distill.student.cnn.widths has no '3'", "widths.1 to"),
        ("seed.x=1", "seed is 0 and has no keys", ""),
        ("data.load.samples=4", "data.load is 'minerals' and has no keys", "data.load.minerals.samples"),
        ("seed=[1", "'[1' is not a value", "not YAML"),
        ("seed=&x 1", "'&x 1' is not a value", "the reference 'x'"),
        ("seed={a: 1, a: 2}", "is not a value", "stands twice"),
    ],
)
def test_a_change_without_a_place_or_a_value_is_refused(path: Path, change: str, said: str, hint: str) -> None:
    with pytest.raises(Mistake) as caught:
        loaded(path, LINE, change)
    assert caught.value.message.startswith(f"--set {change}: ")
    assert said in caught.value.message
    assert hint in caught.value.hint
