"""A recipe is checked from end to end before anything runs, and every mistake is told with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgespec import plugins, recipe
from edgespec.data.splits import Splits
from edgespec.errors import Mistake, Mistakes
from edgespec.pipeline import preparation
from edgespec.recipe import Call, search_ranges
from edgespec.recipe import plan as plans
from edgespec.recipe.plan import Plan
from edgespec.spectra import Axis

GOOD = """schema: 1
seed: 3
data:
  load: {minerals: {minerals: [Albite, Beryl], samples: 4}}
  axis: {low: 150, high: 1172, points: 128}
  preprocess: [{highpass: {window: 62}}, rms]
  augment: {instrument: {shift: 4}}
  split: {by: group, test: 0.25, valid: 0.25}
steps:
  - train: {model: {cnn: {widths: [4, 8]}}, fit: {epochs: 1, batch: 8}}
  - distill: {student: cnn, temperature: 2, labels: 1 per class}
  - to_onnx
  - quantize: {max_drop: 0.01}
  - calibrate
targets: [local]
gates:
  accuracy: 95 %
  latency_p90: {local: 1 ms}
"""


def planned(tmp_path: Path, text: str, *changes: str) -> Plan:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    return plans.plan(recipe.load(path, changes))


def refused(tmp_path: Path, text: str, *changes: str) -> list[Mistake]:
    with pytest.raises(Mistakes) as caught:
        planned(tmp_path, text, *changes)
    assert caught.value.exit_code == 2
    assert all("a.yaml:" in each.message or "--set" in each.message for each in caught.value.found)
    return caught.value.found


def test_a_good_recipe_is_bound_and_filled_in(tmp_path: Path) -> None:
    found = planned(tmp_path, GOOD)
    assert found.seed == 3
    assert found.data.axis == Axis(150, 1172, 128)
    assert found.data.load.keys["spectra"] == 5
    assert [step.name for step in found.steps] == ["train", "distill", "to_onnx", "quantize", "calibrate"]
    filled = {"kernel": 7, "positions": 16, "stem": None, "stride": 2, "pools": None}
    assert found.steps[0].keys["model"].keys == {"widths": [4, 8], **filled}
    assert found.steps[0].keys["fit"].epochs == 1
    assert found.steps[0].keys["fit"].lr == 3e-3
    assert [(gate.metric, gate.limit, gate.target) for gate in found.gates] == [
        ("accuracy", 0.95, ""),
        ("latency_p90", 0.001, "local"),
    ]


@pytest.mark.parametrize("name", plugins.names("recipes"))
def test_every_shipped_recipe_plans(name: str) -> None:
    written = recipe.load(plugins.path("recipes", name))
    ranges = search_ranges.found(written)  # where it is to be searched: as what is tried first
    assert plans.plan(search_ranges.resolved(written, ranges, search_ranges.starts)).steps


@pytest.mark.parametrize(
    ("old", "new", "line", "said", "hint"),
    [
        ("schema: 1\n", "", 1, "key 'schema' is missing", "write schema: 1"),
        ("schema: 1", "schema: 2", 1, "reads recipes of 'schema: 1', not 2", "write schema: 1"),
        ("schema: 1", "schema: true", 1, "not true", "write schema: 1"),
        ("seed:", "sede:", 2, "unknown key 'sede'", "did you mean 'seed'?"),
        ("seed: 3", "seed: -1", 2, "'seed': -1 is not between 0 and", ""),
        ("seed: 3", "seed: 99999999999999999999", 2, "is not between 0 and", ""),
        ("seed: 3", "seed: 1.5", 2, "'seed': 1.5 is not a whole number", ""),
        ("seed: 3", "seed:", 2, "'seed': null is not a whole number", ""),
        ("load: {minerals: {", "laod: {minerals: {", 4, "unknown key 'data.laod'", "did you mean 'load'?"),
        ("load: {minerals:", "load: {mineral:", 4, "unknown dataset 'mineral'", "did you mean 'minerals'?"),
        ("samples: 4", "sampels: 4", 4, "unknown key 'sampels'", "did you mean 'samples'?"),
        ("samples: 4", "samples: true", 4, "'samples': true is not a whole number", ""),
        ("samples: 4", "samples: '4'", 4, "'samples': '4' is not a whole number", ""),
        ("points: 128", "points: 8", 5, "'data.axis': an axis from 150 to 1172 cm-1 with 8 points", "16 points"),
        ("low: 150", "low: 2000", 5, "'data.axis': an axis from 2000", "low < high"),
        ("points: 128", "pionts: 128", 5, "unknown key 'data.axis.pionts'", "did you mean 'points'?"),
        (", rms]", ", rsm]", 6, "unknown preprocessing 'rsm'", "did you mean 'rms'?"),
        ("window: 62", "window: 0", 6, "'window': 0 should be greater than 0", ""),
        ("window: 62", "window: wide", 6, "'window': 'wide' is not a number", ""),
        ("instrument:", "instrumnt:", 7, "unknown augmentation 'instrumnt'", "did you mean 'instrument'?"),
        ("shift: 4", "shift: -4", 7, "'shift': -4 should be greater than or equal to 0", ""),
        ("by: group", "by: grup", 8, "'data.split.by': 'grup' should be", "did you mean 'group'?"),
        ("test: 0.25", "test: 1.5", 8, "'data.split': 'test': 1.5 is not a share", ""),
        ("test: 0.25", "parts: {a: -1}", 8, "'parts' wants", ""),
        ("- train:", "- trian:", 10, "step 1: unknown step 'trian'", "did you mean 'train'?"),
        ("{cnn: {widths", "{cn: {widths", 10, "step 1 'train' 'model': unknown model 'cn'", "did you mean 'cnn'?"),
        ("widths: [4, 8]", "width: [4, 8]", 10, "unknown key 'width'", "did you mean 'widths'?"),
        ("epochs: 1", "epochs: -1", 10, "'fit.epochs': -1 should be greater than 0", ""),
        ("epochs: 1", "epchs: 1", 10, "unknown key 'fit.epchs'", "did you mean 'epochs'?"),
        ("batch: 8", "lr: 1e-3x", 10, "'fit.lr': '1e-3x' is not a number", ""),
        ("model: {cnn: {widths: [4, 8]}}, ", "", 10, "step 1 'train': key 'model' is missing", "the network"),
        ("temperature: 2", "temprature: 2", 11, "step 2 'distill': unknown key 'temprature'", "mean 'temperature'?"),
        ("1 per class", "one per class", 11, "'labels': 'one per class' is neither 'all' nor", ""),
        ("1 per class", "² per class", 11, "'labels': '² per class' is neither 'all' nor", ""),
        ("  - to_onnx\n", "", 12, "step 3 'quantize' works on an OnnxModel, but step 2 'distill' gives a Checkpoint",
         "put 'to_onnx' between them"),
        ("  - to_onnx\n", "  - to_onnx\n  - train: {model: cnn}\n", 13, "step 4 'train' starts from the data", ""),
        ("  - to_onnx\n", "  - 3\n", 12, "step 3: 3 where a name or {name: keys} is expected", "there is: adopt"),
        ("  - to_onnx\n", "  -\n", 12, "step 3: null where a name", "there is: adopt"),
        ("max_drop: 0.01", "max_drop: 2", 13, "'max_drop': 2 should be less than or equal to 1", ""),
        ("[local]", "[locl]", 15, "unknown target 'locl'", "did you mean 'local'?"),
        ("[local]", "local", 15, "'targets': 'local' is not a list", ""),
        ("accuracy: 95 %", "acuracy: 95 %", 17, "unknown metric 'acuracy'", "did you mean 'accuracy'?"),
        ("accuracy: 95 %", "accuracy: 95", 17, "'accuracy': 95 is not a share", "write 0.95"),
        ("accuracy: 95 %", "accuracy: -0.1", 17, "'accuracy': -0.1 is negative", ""),
        ("accuracy: 95 %", "accuracy: {local: 0.9}", 17, "'accuracy' is the same on all targets", "write accuracy:"),
        ("{local: 1 ms}", "1 ms", 18, "'latency_p90' wants a limit for each target", "{local: 1 ms}"),
        ("{local: 1 ms}", "{}", 18, "'latency_p90' promises nothing", "{local: 1 ms}"),
        ("{local: 1 ms}", "{local: 1}", 18, "'latency_p90': 1 is not a time", "units: ns"),
        ("{local: 1 ms}", "{lokal: 1 ms}", 18, "unknown target 'lokal'", "did you mean 'local'?"),
    ],
)  # fmt: skip
def test_one_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, said: str, hint: str) -> None:
    assert GOOD.count(old) >= 1
    found = [each for each in refused(tmp_path, GOOD.replace(old, new, 1)) if said in each.message]
    assert len(found) == 1
    assert f"a.yaml:{line}: " in found[0].message
    assert hint in found[0].hint


@pytest.mark.parametrize(
    ("steps", "said", "hint"),
    [
        ("steps: []", "'steps' is a list with at least one step", "steps: [{train: {model: cnn}}, to_onnx]"),
        ("steps:", "'steps' is a list", "train"),
        ("steps: train", "'steps' is a list", "train"),
        ("steps: {train: {model: cnn}}", "'steps' is a list", "train"),
        ("", "'steps' is a list", "train"),
        ("steps: [to_onnx]", "step 1 'to_onnx' works on a Checkpoint, but nothing stands before it", "put 'train'"),
        ("steps: [calibrate]", "step 1 'calibrate' works on an artifact, but nothing", "put 'train' in front"),
        ("steps:\n  - train:\n    model: cnn", "'train' and 'model' stand side by side", "indent 'model' below"),
        ("steps:\n  - train:", "step 1 'train': key 'model' is missing", "the network"),
        ("steps: [{train: {model: cnn}}, to_onnx, to_onnx]", "step 3 'to_onnx' works on a Checkpoint", "order"),
    ],
)
def test_steps_that_make_no_line_are_refused(tmp_path: Path, steps: str, said: str, hint: str) -> None:
    found = refused(tmp_path, GOOD[: GOOD.index("steps:")] + steps + "\n")
    assert len(found) == 1
    assert said in found[0].message
    assert hint in found[0].hint


def test_an_unknown_step_does_not_hide_the_mistakes_of_the_next(tmp_path: Path) -> None:
    text = GOOD.replace("- to_onnx", "- to_onx").replace("max_drop: 0.01", "max_dorp: 0.01")
    assert [each.message.rpartition(": ")[2] for each in refused(tmp_path, text)] == [
        "unknown step 'to_onx'",
        "unknown key 'max_dorp'",
    ]


def test_all_mistakes_of_a_recipe_are_told_in_one_go(tmp_path: Path) -> None:
    swaps = [
        ("seed: 3", "seed: x"), ("samples: 4", "sampels: 4"), ("points: 128", "points: 1"), (", rms]", ", rsm]"),
        ("shift: 4", "shift: -4"), ("by: group", "by: grup"), ("epochs: 1", "epochs: 0"), ("- to_onnx", "- to_onx"),
        ("temperature: 2", "temprature: 2"), ("[local]", "[locl]"), ("95 %", "95"), ("1 ms", "1 mss"),
    ]  # fmt: skip
    text = GOOD
    for old, new in swaps:
        text = text.replace(old, new, 1)
    found = refused(tmp_path, text)
    lines = [each.message.split("a.yaml:")[1].split(":")[0] for each in found]
    assert sorted(map(int, lines)) == [2, 4, 5, 6, 7, 8, 10, 11, 12, 15, 17, 18]


def test_a_mistake_made_by_set_names_the_set(tmp_path: Path) -> None:
    found = refused(tmp_path, GOOD, "steps.2.temprature=3", "steps.1.fit.lr=fast")
    assert [each.message.split(": step")[0] for each in found] == [
        "--set steps.1.fit.lr=fast",
        "--set steps.2.temprature=3",
    ]


@pytest.mark.parametrize(
    ("stop", "count"), [(None, 5), ("1", 1), ("5", 5), ("to_onnx", 3), ("train", 1), ("calibrate", 5)]
)
def test_until_counts_steps_or_names_the_last(tmp_path: Path, stop: str | None, count: int) -> None:
    assert plans.until(planned(tmp_path, GOOD), stop) == count


@pytest.mark.parametrize("stop", ["0", "6", "-1", "²", "quantise", "", "nonsense"])
def test_until_refuses_what_is_no_step(tmp_path: Path, stop: str) -> None:
    with pytest.raises(Mistake, match=f"--until {stop}: the recipe has 5 steps") as caught:
        plans.until(planned(tmp_path, GOOD), stop)
    assert "quantize" in caught.value.hint


def test_a_part_that_the_data_do_not_have_is_told_once_they_are_read(tmp_path: Path) -> None:
    none = np.array([], dtype=np.int64)
    splits = Splits({"library": none, "site": none}, {"library": none, "site": none}, none)
    found = planned(tmp_path, GOOD, "steps.1.on=library", "steps.2.on=sit")
    with pytest.raises(Mistakes) as caught:
        preparation.check_parts(found, splits)
    assert [each.message for each in caught.value.found] == [
        "--set steps.2.on=sit: step 2 'distill': there is no training part 'sit'"
    ]
    assert caught.value.found[0].hint == "did you mean 'site'?"


def test_the_data_alone_can_be_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD.replace("- train:", "- trian:"))
    call, axis = plans.load_call(recipe.load(path))
    assert isinstance(call, Call)
    assert (call.name, axis) == ("minerals", Axis(150, 1172, 128))
    for text in ("schema: 1\ndata: 3\n", "schema: 1\n", GOOD.replace("samples: 4", "samples: x")):
        path.write_text(text)
        with pytest.raises(Mistakes, match=r"a\.yaml:\d"):
            plans.load_call(recipe.load(path))


def test_what_changes_a_calibrated_file_wants_calibrate_once_more(tmp_path: Path) -> None:
    early = "  - calibrate\n  - quantize: {max_drop: 0.01}\n"
    late = "  - quantize: {max_drop: 0.01}\n  - calibrate\n"
    (found,) = refused(tmp_path, GOOD.replace(late, early))
    assert "a.yaml:14: step 5 'quantize' stands behind the last 'calibrate'" in found.message
    assert "once more" in found.hint
    assert len(planned(tmp_path, GOOD.replace(late, early + "  - calibrate\n")).steps) == 6
