"""The ranges of a recipe: read with their places, refused where they can't stand, replaced by what is picked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgespec import recipe
from edgespec.errors import EdgespecError, Mistake
from edgespec.recipe import Recipe, plan, search_ranges
from edgespec.recipe.search_ranges import Between, Choose

TEXT = """schema: 1
seed: 0
data:
  load: minerals
  axis: {low: 150, high: 1172, points: 128}
  augment: {instrument: {drift: {between: [0.1, 1.0]}}}
steps:
  - train:
      model:
        choose:
          - cnn: {widths: {choose: [[4, 8], [8, 16]]}}
          - drsn
      fit: {lr: {between: [1.0e-4, 1.0e-2], log: true}, epochs: {between: [2, 12]}}
  - to_onnx
"""


def written(tmp_path: Path, text: str = TEXT) -> Recipe:
    path = tmp_path / "open.yaml"
    path.write_text(text, encoding="utf-8")
    return recipe.load(path)


def test_all_ranges_are_found_by_their_place_also_inside_the_values_of_others(tmp_path: Path) -> None:
    found = {each.name: each for each in search_ranges.found(written(tmp_path))}
    assert list(found) == [
        "data.augment.instrument.drift",
        "steps.1.train.model",
        "steps.1.train.model[1].cnn.widths",
        "steps.1.train.fit.lr",
        "steps.1.train.fit.epochs",
    ]
    model, lr, epochs = (found[f"steps.1.train.{name}"] for name in ("model", "fit.lr", "fit.epochs"))
    assert isinstance(model, Choose)
    assert model.labels[1] == "'drsn'"
    assert isinstance(lr, Between)
    assert isinstance(epochs, Between)
    assert (lr.log, lr.whole, lr.start) == (True, False, pytest.approx(1e-3))
    assert (epochs.log, epochs.whole, epochs.start) == (False, True, 7)


def test_what_is_picked_takes_the_place_of_the_range_and_keeps_its_line(tmp_path: Path) -> None:
    given = written(tmp_path)
    ranges = search_ranges.found(given)
    asked: list[str] = []

    def last(each: search_ranges.Range) -> Any:
        asked.append(each.name)
        return len(each.options) - 1 if isinstance(each, Choose) else each.high

    first = search_ranges.resolved(given, ranges, search_ranges.starts)
    assert first.tree["steps"][0]["train"]["model"] == {"cnn": {"widths": [4, 8]}}
    assert first.at(("steps", 0, "train", "model", "cnn", "widths")) == f"{given.path}:11"
    other = search_ranges.resolved(given, ranges, last)
    assert other.tree["steps"][0] == {"train": {"model": "drsn", "fit": {"lr": 1e-2, "epochs": 12}}}
    assert other.tree["data"]["augment"] == {"instrument": {"drift": 1.0}}
    assert "steps.1.train.model[1].cnn.widths" not in asked, "a range in an option that was not picked"
    assert plan.plan(first).steps[0].keys["fit"].lr == pytest.approx(1e-3)


def test_what_a_trial_drew_gives_its_recipe_again(tmp_path: Path) -> None:
    given = written(tmp_path)
    drawn = {
        "data.augment.instrument.drift": 0.5,
        "steps.1.train.model": "'drsn'",
        "steps.1.train.fit.lr": 0.002,
        "steps.1.train.fit.epochs": 3,
    }
    assert search_ranges.drawn(given, drawn).tree["steps"][0]["train"] == {
        "model": "drsn",
        "fit": {"lr": 0.002, "epochs": 3},
    }
    with pytest.raises(Mistake, match="has changed since the trial was drawn"):
        search_ranges.drawn(given, {**drawn, "steps.1.train.model": "'pace'"})


def test_a_start_is_what_is_tried_first(tmp_path: Path) -> None:
    text = TEXT.replace("log: true}", "log: true, start: 3.0e-3}").replace("- drsn", "- drsn\n        start: drsn")
    first = search_ranges.resolved(given := written(tmp_path, text), search_ranges.found(given), search_ranges.starts)
    assert first.tree["steps"][0]["train"]["model"] == "drsn"
    assert first.tree["steps"][0]["train"]["fit"]["lr"] == 3e-3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[1.0e-4, 1.0e-2]", "[1.0e-2, 1.0e-4]", "open.yaml:13: 'steps.1.train.fit.lr': 'between': 0.01 is not below"),
        ("[1.0e-4, 1.0e-2]", "[1.0e-4]", "is not [low, high]"),
        ("[1.0e-4, 1.0e-2]", "[a, b]", "is not [low, high]"),
        ("[1.0e-4, 1.0e-2]", "[0, 1.0e-2]", "0 has no logarithm"),
        ("[1.0e-4, 1.0e-2]", "[true, false]", "is not [low, high]"),
        ("log: true", "logarithm: true", "unknown key 'logarithm' beside 'between'"),
        ("log: true", "log: 2", "'log': 2 is not true or false"),
        ("log: true", "step: 5", "'step': 5 is not a step"),
        ("log: true", "log: true, step: 1.0e-4", "'step' and 'log' contradict each other"),
        ("log: true", "start: 1", "'start': 1 is not between"),
        ("choose: [[4, 8], [8, 16]]", "choose: []", "open.yaml:11: 'steps.1.train.model[1].cnn.widths': 'choose' holds nothing"),
        ("choose: [[4, 8], [8, 16]]", "choose: [[4, 8]]", "'choose' holds one value"),
        ("choose: [[4, 8], [8, 16]]", "choose: [[4, 8], [4, 8]]", "'choose' holds [4, 8] twice"),
        ("choose: [[4, 8], [8, 16]]", "choose: 4", "'choose' is not a list"),
        ("choose: [[4, 8], [8, 16]]", "choose: [[4], [8]], start: [2]", "'start': [2] is not one of the values"),
        ("seed: 0", "seed: {choose: [0, 1]}", "open.yaml:2: 'seed': a range can't stand here"),
        ("points: 128", "points: {choose: [128, 256]}", "'data.axis.points': a range can't stand here"),
        ("load: minerals", "load: {choose: [minerals, rruff]}", "'data.load': a range can't stand here"),
        ("steps:\n", "gates: {accuracy: {between: [0, 1]}}\nsteps:\n", "'gates.accuracy': a range can't stand here"),
    ],
)  # fmt: skip
def test_what_is_no_range_or_in_no_place_for_one_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in TEXT
    with pytest.raises(EdgespecError) as caught:
        search_ranges.found(written(tmp_path, TEXT.replace(old, new)))
    assert told in caught.value.message


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = TEXT.replace("seed: 0", "seed: {choose: [0, 1]}").replace("log: true", "log: 2")
    with pytest.raises(EdgespecError) as caught:
        search_ranges.found(written(tmp_path, text))
    assert caught.value.message.count("open.yaml:") == 2


def test_a_recipe_with_ranges_is_not_run_and_says_who_runs_it(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"open.yaml:6: a range stands at 'data.augment.instrument.drift'") as caught:
        plan.plan(written(tmp_path))
    assert "edgespec search" in caught.value.hint
