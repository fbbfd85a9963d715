"""The settings that tuning draws from: each makes a recipe that plans, and every draft's own setting is among them."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
import tiny_job

from edgespec import models
from edgespec.authoring import draft, survey
from edgespec.recipe import Call, schema
from edgespec.search.tuning import settings
from edgespec.targets import card


@pytest.fixture(scope="module")
def found() -> survey.Survey:
    data = {"minerals": ["Albite", "Beryl"], "samples": 12, "spectra": 3}
    return survey.survey(schema.Binder(str).call("datasets", {"minerals": data}, (), ""))


@pytest.mark.parametrize("matters", list(draft.WAYS))
def test_the_second_that_is_tried_is_the_drafts_own(found: survey.Survey, matters: str) -> None:
    own = draft.setting(found, matters)
    space = settings.space(own, matters, 50)
    assert space.draw(optuna.trial.FixedTrial(space.starts()[1])) == own  # type: ignore[arg-type]


@pytest.mark.parametrize("matters", ["size", "accuracy"])
def test_every_network_is_built_and_every_front_runs(found: survey.Survey, matters: str, tmp_path: Path) -> None:
    space = settings.space(draft.setting(found, matters), matters, 400)
    job = tiny_job.job(tmp_path)
    for front in settings.FRONTS.values():
        assert tiny_job.job(tmp_path, preprocess=front).front().points == job.front().points
    for call in space.networks.values():
        models.build(call, points=64, classes=3, seed=0)


def test_few_spectra_give_few_components(found: survey.Survey) -> None:
    space = settings.space(draft.setting(found, "size"), "size", 40)
    drawn = [space.draw(optuna.trial.FixedTrial(each)) for each in space.starts()]  # type: ignore[arg-type]
    dense = [each for each in drawn if each.model.name == "mlp"]
    assert {each.model.keys["components"] for each in dense} == {10}
    assert all(each.epochs == 2 * space.start.epochs for each in dense)


def test_a_drafted_recipe_says_the_setting_that_was_chosen(found: survey.Survey) -> None:
    from edgespec.yaml12 import read

    chosen = settings.space(draft.setting(found, "size"), "size", 400)
    taken = chosen.draw(optuna.trial.FixedTrial(chosen.starts()[5] | {"mixup": 0.4, "blend": 0.5}))  # type: ignore[arg-type]
    text = draft.draft(found, [card.load("local")], "size", Path("a.yaml"), taken, ["Chosen by tuning: 7 settings."])
    tree = read(text, "a.yaml", {})
    assert "# Chosen by tuning: 7 settings." in text
    assert "Nothing was measured" not in text
    assert tree["data"]["preprocess"] == ["snv"]
    assert tree["data"]["augment"] == Call("instrument", settings.LIGHT).plain()
    assert tree["steps"][:2] == [
        {
            "train": {
                "model": taken.model.plain(),
                "mixup": 0.4,
                "fit": {"epochs": taken.epochs, "batch": taken.batch, "lr": 0.003},
            }
        },
        {"fuse_lda": {"blend": 0.5}},
    ]
