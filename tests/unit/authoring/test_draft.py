"""What a drafted recipe rests on: what was found in the data, and recipes that were measured."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_job
from hypothesis import example, given, settings, strategies

from edgespec import plugins, recipe, yaml12
from edgespec.authoring import data_argument as given_data
from edgespec.authoring import draft, survey
from edgespec.authoring.draft import FEW, FEW_WAY, WAYS, Way
from edgespec.authoring.survey import Survey
from edgespec.errors import Mistake
from edgespec.recipe import Call, Split, schema
from edgespec.spectra import Spectra
from edgespec.targets import card as cards

MINERALS = Call("minerals", {"minerals": ["Albite", "Beryl", "Diopside"], "samples": 20, "spectra": 3, "drift": 0.1})


def bound(call: Call) -> Call:
    return schema.Binder(str).call("datasets", call.plain(), (), "")


@pytest.fixture(scope="module")
def found() -> Survey:
    return survey.survey(bound(MINERALS))


def read(text: str) -> dict[str, object]:
    tree: dict[str, object] = yaml12.read(text, "a.yaml", {})
    return tree


@pytest.mark.parametrize("way", [*WAYS.values(), FEW_WAY], ids=lambda way: way.recipe)
def test_a_way_is_what_the_recipe_that_it_names_does_and_says(way: Way) -> None:
    path = plugins.path("recipes", way.recipe)
    steps = {next(iter(each)): each for each in recipe.load(path).tree["steps"] if isinstance(each, dict)}
    keys = steps["train"]["train"]
    mine = read(f"{{{way.train}fit: {{epochs: {way.epochs}, batch: {way.batch}, lr: 3.0e-3}}}}")
    assert {**mine, "model": way.model.plain()} == keys
    assert way.lda is ("fuse_lda" in steps)
    assert way.int8 is ("quantize" in steps)
    assert way.score == steps.get("calibrate", {}).get("calibrate", {}).get("score", "best")
    assert way.measured.split()[0] in path.read_text(encoding="utf-8").partition("schema:")[0]


def test_what_is_found_is_what_is_there(found: Survey) -> None:
    assert (len(found.spectra), found.samples, found.axis.points) == (180, 60, 512)
    assert found.split == Split(parts="given")  # the embedded set divides itself
    assert len(found.splits.test) == int((found.spectra.part == "test").sum())
    assert 0.8 < found.nearest <= 1
    said = "\n".join(found.told())
    assert "180 embedded spectra, 3 classes, physical samples: 60" in said
    assert "spectra a class: 60" in said


def test_the_nearest_neighbour_is_asked_across_samples_and_not_on_the_test_part(
    found: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = set(found.splits.test.tolist())
    spoilt = found.spectra.x.copy()
    spoilt[sorted(test)] = 7.0
    assert survey._nearest(replace(found.spectra, x=spoilt), found.split, found.splits) == (
        found.nearest,
        found.varied,
    )
    same = replace(found.spectra, x=np.repeat(found.spectra.x[:1], 180, axis=0), group=found.spectra.group)
    assert survey._nearest(same, found.split, found.splits)[0] < 0.7  # all alike: nothing to tell apart by
    monkeypatch.setattr(survey, "ASKED", 60)
    assert 0.5 < survey._nearest(found.spectra, found.split, found.splits)[0] <= 1


def test_too_few_to_learn_from_are_refused_before_a_recipe_is_written() -> None:
    assert survey.survey(bound(Call("minerals", {**MINERALS.keys, "spectra": 1}))).train == 41
    with pytest.raises(Mistake, match=r"1[0-9] of [0-9]+ spectra are left to learn from: 20 are needed"):
        survey.survey(bound(Call("minerals", {**MINERALS.keys, "samples": 8, "spectra": 1})))


@pytest.mark.parametrize(
    ("samples", "part", "group", "wanted"),
    [
        (8, None, True, Split()),
        (8, None, False, Split(by="spectrum")),
        (8, "train test", True, Split(parts="given")),
        (8, "train valid", True, Split()),
        (8, "valid test", True, Split()),
        (5, None, True, Split(valid=0.1, valid_from=4)),
        (3, None, True, Split()),
    ],
)
def test_the_division_follows_what_is_known(samples: int, part: str | None, group: bool, wanted: Split) -> None:
    n = 3 * samples
    names = np.arange(n).astype(str)
    parts = None if part is None else np.array(part.split())[(np.arange(n) % 2)]
    spectra = Spectra(np.ones((n, 16), np.float32), tiny_job.AXIS.values()[:16], np.arange(n) % 3, ("a", "b", "c"),
                      group=names if group else None, part=parts)  # fmt: skip
    assert survey._divided(spectra)[0] == wanted


@pytest.mark.parametrize(
    ("own", "window", "wanted"),
    [
        (np.linspace(150, 1172, 1000), None, (150, 1172, 512)),
        (np.linspace(1172.4, 149.2, 100), None, (150, 1172, 96)),
        (np.linspace(400, 4000, 5000), None, (400, 4000, 1024)),
        (np.linspace(-100, 3000, 2000), (600, 1800), (600, 1800, 608)),
        (np.linspace(100, 200, 30), None, (100, 200, 64)),
    ],
)
def test_the_axis_is_what_the_spectra_cover(
    tmp_path: Path, own: np.ndarray, window: tuple[float, float] | None, wanted: tuple[float, float, int]
) -> None:
    np.savez(tmp_path / "a.npz", w=own)
    call = Call("arrays", {"wavenumber": "w", "npz": str(tmp_path / "a.npz"), "root": None})
    axis = survey._axis(window, survey._wavenumber(call))
    assert (axis.low, axis.high, axis.points) == wanted


def test_an_axis_with_the_laser_in_it_is_not_taken_unasked() -> None:
    with pytest.raises(Mistake, match="the laser's own line") as caught:
        survey._axis(None, np.linspace(-100, 3000, 2000))
    assert "--axis" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "matters", "flavours", "halve"),
    [
        (["local", "rpi5"], "size", None, False),
        (["local", "jetson"], "latency", ["cpu", "portable"], True),
        (["local", "jetson"], "accuracy", None, True),
        (["local", "arm64_emulated"], "size", None, False),
        (["local", "jetson_6_0"], "size", None, False),
    ],
)
def test_a_target_gets_the_precisions_that_its_card_names(
    found: Survey, names: list[str], matters: str, flavours: list[str] | None, halve: bool
) -> None:
    many = replace(found, splits=replace(found.splits, train={"all": np.arange(FEW)}))
    tree = read(draft.draft(many, [cards.load(name) for name in names], matters, Path("a.yaml")))
    steps = tree["steps"]
    quantize = [each["quantize"] for each in steps if "quantize" in each and isinstance(each, dict)]
    assert [each.get("flavours") for each in quantize] == ([] if matters == "accuracy" else [flavours])
    assert ("halve" in steps) is halve
    assert tree["targets"] == names
    timed = [name for name in names if name != "arm64_emulated"]  # whose latencies mean nothing
    assert list(tree["gates"]["latency_p90"]) == timed
    assert next(iter(steps[0]["train"]["model"])) == WAYS[matters].model.name


def test_few_spectra_get_the_training_that_was_measured_on_few_and_very_many_get_fewer_epochs(
    found: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draft, "MANY", 2000)
    for n, epochs, mixup in ((FEW - 1, 100, 0.4), (FEW, 40, None), (4000, 20, None), (40_000, 5, None)):
        some = replace(found, splits=replace(found.splits, train={"all": np.arange(n)}))
        (train, *_) = read(draft.draft(some, [cards.load("local")], "size", Path("a.yaml")))["steps"]
        assert train["train"]["fit"]["epochs"] == epochs
        assert train["train"].get("mixup") == mixup


def test_the_accuracy_that_is_promised_leaves_room_for_chance(found: Survey) -> None:
    assert draft.accuracy_floor(replace(found, nearest=0.9)) == pytest.approx(0.72)  # two standard errors of 12 samples
    assert draft.accuracy_floor(replace(found, nearest=0.2)) == pytest.approx(1 / 3)
    alone = replace(found.spectra, group=np.arange(180).astype(str))
    assert draft.accuracy_floor(replace(found, spectra=alone, nearest=0.98)) == pytest.approx(0.93)


@settings(max_examples=30)
@example("a\x85b\u2028\u2029")
@given(strategies.recursive(strategies.text() | strategies.integers() | strategies.booleans() | strategies.none(),
                            lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner)))  # fmt: skip
def test_a_value_on_one_line_is_read_as_it_was(value: object) -> None:
    line = yaml12.flow(value)
    assert "\n" not in line
    with contextlib.suppress(Mistake):  # a character that YAML forbids: draft, which reads what it wrote, says so
        assert yaml12.read(line, "", {}) == value


def test_names_are_written_so_that_they_are_read_again(found: Survey) -> None:
    for name in ("on", "1e3", "a: b", "a # b", "ä ö", "C:\\x", "'", '"', "3", "null", "[", "x,y", "-", " a"):
        call = bound(Call("arrays", {"x": name, "y": "y", "wavenumber": "w", "npz": f"{name}.npz"}))
        text = draft.draft(replace(found, call=call), [cards.load("local")], "size", Path("a.yaml"))
        assert read(text)["data"]["load"] == {"arrays": {"x": name, "y": "y", "wavenumber": "w", "npz": f"{name}.npz"}}
    forbidden = replace(found, call=bound(Call("arrays", {"x": "a\x7fb", "y": "y", "wavenumber": "w"})))
    with pytest.raises(Mistake, match="control character"):
        draft.draft(forbidden, [cards.load("local")], "size", Path("a.yaml"))


def test_classes_that_differ_by_less_than_instruments_do_are_not_varied(tmp_path: Path, found: Survey) -> None:
    rng, axis = np.random.default_rng(0), np.linspace(150, 1172, 512)
    y = np.arange(150) % 3
    x = np.exp(-(((axis - 600 - 2 * y[:, None]) / 5) ** 2)) + rng.normal(0, 0.01, (150, 512))  # 2 cm-1 apart
    np.savez(tmp_path / "a.npz", x=x, y=y, wavenumber=axis)
    near = survey.survey(given_data.call(str(tmp_path / "a.npz")))
    assert near.nearest == 1
    assert near.varied < 0.75
    text = draft.draft(near, [cards.load("local")], "size", Path("a.yaml"))
    assert "augment" not in read(text)["data"]
    assert "the model is for this instrument" in text
    ordinary = draft.draft(found, [cards.load("local")], "size", Path("a.yaml"))
    assert read(ordinary)["data"]["augment"]["instrument"]["shift"] == 4
    assert "the model is for this instrument" not in ordinary


def test_a_label_does_not_end_the_comment_that_it_stands_in(found: Survey) -> None:
    evil = replace(found, spectra=replace(found.spectra, labels=("a\nseed: 9", "b\u2028seed: 9", "c\x85seed: 9")))
    assert read(draft.draft(evil, [cards.load("local")], "size", Path("a.yaml")))["seed"] == 0


def test_the_commands_that_it_names_can_be_pasted(found: Survey) -> None:
    text = draft.draft(found, [cards.load("local")], "size", Path("my rocks.yaml"))
    assert "#   edgespec compress 'my rocks.yaml'\n" in text
    assert "#   edgespec gate 'runs/my rocks'\n" in text


def test_infrared_spectra_are_prepared_and_varied_as_the_infrared_recipe_does(found: Survey) -> None:
    infrared = replace(found, spectra=replace(found.spectra, technique="infrared"))
    text = draft.draft(infrared, [cards.load("local")], "size", Path("a.yaml"))
    shipped = recipe.load(plugins.path("recipes", "plastics")).tree["data"]
    data = yaml12.read(text, "a.yaml", {})["data"]
    assert (data["preprocess"], data["augment"]) == (shipped["preprocess"], shipped["augment"])
    assert "what keeps scatter and the baseline out" in text
    raman = yaml12.read(draft.draft(found, [cards.load("local")], "size", Path("a.yaml")), "a.yaml", {})["data"]
    assert raman["augment"]["instrument"]["drift"] > 0
