"""What a search shows and which trial wins: fronts, limits, and a recipe that says where it comes from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from search_example import FOUND, OBJECTIVES, TRIALS, one

from edgespec import recipe
from edgespec.errors import BrokenPromise, Mistake
from edgespec.recipe import plan
from edgespec.recipe.search_ranges import Between
from edgespec.search import best_recipe, pareto, space
from edgespec.search import html as search_page

TEXT = """schema: 1
data:
  load: minerals
  axis: {low: 150, high: 1172, points: 128}
steps:
  - train: {model: {cnn: {widths: {choose: [[4, 8], [8, 16]]}}}, label_smoothing: {between: [0, 1]}, fit: {epochs: {between: [2, 12]}}}
  - to_onnx
"""


def test_the_front_is_what_no_other_beats_in_everything() -> None:
    assert pareto.front(TRIALS, OBJECTIVES) == [1, 0, 3]
    tied = [one(0, 0.9, 1.0, 10), one(1, 0.9, 1.0, 10)]
    assert pareto.front(tied, OBJECTIVES) == [0]
    assert pareto.front([TRIALS[5]], OBJECTIVES) == []
    both = [{**one(0, 0.9, 1.0, 10), "values": [0.9]}, {**one(1, 0.8, 0.1, 1), "values": [0.8]}]
    assert pareto.front(both, ["accuracy"]) == [0]


def test_the_table_and_the_page_tell_validation_and_test_apart(tmp_path: Path) -> None:
    pareto.write(FOUND, tmp_path)
    assert pareto.read(tmp_path) == FOUND
    lines = pareto.table(FOUND).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["0001", "0000", "0003"]
    assert lines[5].startswith("0001  cnn.widths [8, 16], train.label_smoothing 0.25")
    assert "0.950 [0.850, 0.950]" in lines[1]
    assert "0.910 [0.800, 0.970]" in lines[1]
    assert "0.910" not in "".join(lines[2:])
    page = (tmp_path / pareto.PAGE).read_text()
    assert "6 trials (5 complete, 1 failed), judged on 40 validation spectra" in page
    assert "| 0005 | failed | no network |" in page
    assert "latency 2, size 6e+04 (as 0001)" in page


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 1}', '{"schema": 9}'])
def test_a_damaged_front_is_a_mistake(tmp_path: Path, text: str) -> None:
    (tmp_path / pareto.FILE).write_text(text)
    with pytest.raises(Mistake, match=r"front\.json is"):
        pareto.read(tmp_path)
    with pytest.raises(Mistake, match="is not a folder of a search"):
        pareto.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("limits", "number"),
    [("size=60kB", 1), ("size=59.9kB", 0), ("latency=100us", 0), ("latency=0.1 ms, size=10kB", 3), ("macs=41 k", 0)],
)
def test_the_most_accurate_under_the_limits_wins(limits: str, number: int) -> None:
    assert best_recipe.best(FOUND, best_recipe.limits(f"under:{limits}"))["number"] == number


def test_of_equally_accurate_trials_the_smaller_wins_and_the_test_part_has_no_say() -> None:
    trials = [one(0, 0.9, 1.0, 20), one(1, 0.9, 0.5, 19), one(2, 0.9, 0.4, 19)]
    tests = {
        "0": {"n": 9, "accuracy": 1.0, "low": 0.9, "high": 1.0},
        "2": {"n": 9, "accuracy": 0.1, "low": 0, "high": 0.2},
    }
    assert best_recipe.best({**FOUND, "trials": trials, "test": tests}, {"size": 30.0})["number"] == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("size=3kB", "not limits"),
        ("under:", "not limits"),
        ("under:sise=3kB", "'sise' can't be limited"),
        ("under:size", "'size' is not name=limit"),
        ("under:size=3kB,size=4kB", "'size' stands twice"),
        ("under:size=3 apples", "not a size"),
        ("under:latency=100", "not a time"),
    ],
)
def test_what_is_no_limit_is_told(text: str, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        best_recipe.limits(text)


def test_where_none_fits_the_nearest_is_named() -> None:
    with pytest.raises(BrokenPromise, match=r"under size 5 kB: the nearest, 0003, has size 10 kB at 0\.800"):
        best_recipe.best(FOUND, {"size": 5000.0})
    with pytest.raises(Mistake, match="no trial of this search is complete"):
        best_recipe.best({**FOUND, "trials": [TRIALS[5]]}, {"size": 5000.0})
    untimed = [{**each, "latency": None} for each in TRIALS[:4]]
    with pytest.raises(Mistake, match="did not measure latency"):
        best_recipe.best({**FOUND, "trials": untimed, "objectives": ["accuracy", "size"]}, {"latency": 1.0})


def test_the_winning_recipe_is_plain_and_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(TEXT, encoding="utf-8")
    best_recipe.write(tmp_path, FOUND, TRIALS[1], {"size": 6e4}, tmp_path / "best.yaml")
    text = (tmp_path / "best.yaml").read_text(encoding="utf-8")
    head = text.partition("schema:")[0]
    assert "Trial 0001 of 6 of edgespec search, recipe open: the most accurate under size 60 kB." in head
    assert "Chosen by 40 validation spectra: 0.950" in head
    assert "Test part (50 spectra), not used to choose: 0.910" in head
    step = plan.plan(recipe.load(tmp_path / "best.yaml")).steps[0]
    assert step.keys["model"].keys["widths"] == [8, 16]
    assert (step.keys["label_smoothing"], step.keys["fit"].epochs) == (0.25, 5)
    best_recipe.write(tmp_path, FOUND, TRIALS[0], {"size": 6e4}, tmp_path / "best.yaml")
    assert "Not judged on the test part yet" in (tmp_path / "best.yaml").read_text()


def opened(tmp_path: Path, text: str = TEXT) -> space.Space:
    (tmp_path / "open.yaml").write_text(text, encoding="utf-8")
    return space.read(recipe.load(tmp_path / "open.yaml"))


def test_whole_numbers_stand_for_fractions_where_the_key_takes_them(tmp_path: Path) -> None:
    whole = {each.name: getattr(each, "whole", None) for each in opened(tmp_path).ranges}
    assert whole["steps.1.train.label_smoothing"] is False
    assert whole["steps.1.train.fit.epochs"] is True
    stepped = opened(tmp_path, TEXT.replace("{between: [0, 1]}", "{between: [0, 4], step: 2}"))
    assert [each.whole for each in stepped.ranges if isinstance(each, Between)] == [True, True]


def test_the_first_step_that_differs_is_known(tmp_path: Path) -> None:
    assert opened(tmp_path).first_step == 1
    distilled = TEXT.replace("{choose: [[4, 8], [8, 16]]}", "[4, 8]").replace("{between: [0, 1]}", "0.0")
    distilled = distilled.replace("{between: [2, 12]}", "3")
    distilled = distilled.replace(
        "  - to_onnx", "  - distill: {student: cnn, alpha: {between: [0.1, 0.9]}}\n  - to_onnx"
    )
    assert opened(tmp_path, distilled).first_step == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[8, 16]]", "[8, x]]", r"open.yaml:6: step 1 'train' 'model': 'widths.2': 'x' is not a whole number"),
        ("[2, 12]", "[0, 12]", "'fit.epochs': 0 should be greater than 0"),
        ("[2, 12]", "[2.5, 12]", "'fit.epochs'"),
        ("epochs: {", "epoch: {", "unknown key 'fit.epoch'"),
        ("  - to_onnx\n", "", "no step leaves ONNX"),
        ("  - to_onnx", "  - {choose: [to_onnx, fuse_lda, quantize]}", "'quantize' works on an OnnxModel"),
    ],
)
def test_every_value_that_may_be_drawn_is_checked_before_the_first_trial(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in TEXT
    with pytest.raises(Mistake, match=told):
        opened(tmp_path, TEXT.replace(old, new))


def test_a_recipe_without_ranges_is_no_search(tmp_path: Path) -> None:
    plain = TEXT.replace("{choose: [[4, 8], [8, 16]]}", "[4, 8]").replace("{between: [0, 1]}", "0.0")
    with pytest.raises(Mistake, match="has nothing to search") as caught:
        opened(tmp_path, plain.replace("{between: [2, 12]}", "3"))
    assert "between" in caught.value.hint


def test_front_json_holds_no_number_that_json_lacks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        pareto.write({**FOUND, "reference_ms": float("nan")}, tmp_path)
    assert json.loads(json.dumps(FOUND)) == FOUND


def test_a_search_is_a_page_of_its_own_with_every_trial_drawn_and_the_front_named(tmp_path: Path) -> None:
    pareto.write({**FOUND, "recipe": "<script>"}, tmp_path)
    path = search_page.write(pareto.read(tmp_path), tmp_path)
    text = path.read_text(encoding="utf-8")
    assert "<h1>Search of &lt;script&gt;</h1>" in text
    marks = re.findall(r'aria-label="(\d{4}: [^"]+)"', text)
    assert len(marks) == 2 * 5, "each complete trial, in the narrow and in the wide drawing"
    assert {mark[:4] for mark in marks if "on the frontier" in mark} == {"0000", "0001", "0003"}
    assert "0001: accuracy 0.950 (0.850 to 0.950), 200 us on local, 60 kB; on the frontier" in marks
    assert "trial 0005 failed: no network" in text
    assert "0.910 [0.800, 0.970]" in text, "the front on the test part"
    assert "accuracy on the validation part" in text
