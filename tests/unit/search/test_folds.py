"""Cross-validation of a recipe's own steps: what is left out, who learns from what, and what the table says."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
import yaml

from edgespec.data.splits import around, folds
from edgespec.errors import Mistake
from edgespec.job import Silent
from edgespec.recipe import Split
from edgespec.search import fold, folds_table
from edgespec.search import folds as cross_validation

RECIPE: dict[str, Any] = {
    "schema": 1,
    "data": {
        "load": {"minerals": {"samples": 24, "spectra": 3, "minerals": ["Albite", "Beryl", "Diopside"], "drift": 0.1}},
        "axis": {"low": 150, "high": 1172, "points": 128},
        "preprocess": [{"highpass": {"window": 62}}, "signed_sqrt", "rms"],
        "split": {"parts": "given", "valid": 0.15},
    },
    "steps": [
        {"train": {"model": {"cnn": {"widths": [8, 16]}}, "fit": {"epochs": 8, "batch": 16, "lr": 0.01}}},
        {"distill": {"student": {"cnn": {"widths": [4]}}, "views": 1, "fit": {"epochs": 2, "batch": 16, "lr": 0.01}}},
    ],
}


def validate(recipe: Path, file: Path, progress: Any = None, only: int = 0, **asked: Any) -> dict[str, Any]:
    how = cross_validation.Asked(**asked)
    return cross_validation.validate(recipe, [], how, file, progress or Silent(), only=only)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("folds") / "tiny.yaml"
    path.write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def found(recipe: Path) -> dict[str, Any]:
    return validate(recipe, recipe.with_name("found.json"), folds=2)


def test_the_given_test_part_is_left_out_and_every_other_spectrum_is_judged_once(found: dict[str, Any]) -> None:
    given = tiny_job.spectra(samples=24)
    assert given.part is not None
    assert found["left_out"] == (given.part == "test").sum() > 0
    assert sum(each["n"] for each in found["folds"]) == found["spectra"] == (given.part != "test").sum()


def test_every_model_of_the_line_and_every_baseline_is_judged(found: dict[str, Any]) -> None:
    for each in found["folds"]:
        assert list(each["right"]) == [
            "baseline 1-NN cosine",
            "baseline lda",
            "baseline logistic",
            "baseline pls_da",
            "baseline svm",
            "1 train",
            "2 control",
            "2 distill",
        ]
        assert min(each["right"][name] for name in ("baseline lda", "1 train")) > 0.5 * each["n"]  # chance: a third
    assert len({each["seed"] for each in found["folds"]}) == 2


def test_without_validation_all_the_rest_is_learnt_from(recipe: Path, found: dict[str, Any], tmp_path: Path) -> None:
    all_of_it = validate(recipe, tmp_path / "all.json", folds=2, valid=0, until="train", baselines=False)
    for some, every in zip(found["folds"], all_of_it["folds"], strict=True):
        assert every["learnt"] == found["spectra"] - every["n"] > some["learnt"]
        assert list(every["right"]) == ["1 train"]


def test_the_table_compares_fold_by_fold(found: dict[str, Any]) -> None:
    text = folds_table.table(found, found)
    last = text.splitlines()[-1]
    assert last.startswith("'2 distill' against '2 distill'")
    assert last.endswith("+0.0000 [+0.0000, +0.0000]")
    other = {**found, "folds": found["folds"][:1]}
    with pytest.raises(Mistake, match="other folds"):
        folds_table.table(found, other)


def test_no_physical_sample_stands_in_two_folds_and_classes_are_spread() -> None:
    given, split = tiny_job.spectra(), Split()
    assert given.group is not None
    parts = folds(given, split, 4, seed=3)
    assert sorted(np.concatenate(parts)) == list(range(len(given)))
    named = [set(given.group[part]) for part in parts]
    assert sum(map(len, named)) == len(set.union(*named))
    for part in parts:
        assert np.bincount(given.y[part]).tolist() == [15, 15, 15]  # 60 spectra a class, three a sample
    assert any((a != b).any() for a, b in zip(parts, folds(given, split, 4, seed=4), strict=True))


def test_a_lone_sample_is_always_learnt_from() -> None:
    given = tiny_job.spectra()
    assert given.group is not None
    lone = np.flatnonzero(given.y == 1)
    alone = replace(given, group=np.where(given.y == 1, "one", given.group))
    for part in folds(alone, Split(), 3, seed=0):
        assert not set(lone) & set(part)
        learnt = around(alone, Split(), part, seed=0)
        assert set(lone) <= set(learnt.rows(None))


def test_a_given_validation_part_stays_one() -> None:
    given = tiny_job.spectra()
    assert given.part is not None
    named = replace(given, part=np.where(given.part == "site", "valid", "library"))
    split = Split(parts="given")
    for part in folds(named, split, 2, seed=0):
        parts = around(named, split, part, seed=0)
        assert set(parts.valid["library"]) == set(np.flatnonzero(named.part == "valid"))
        assert len(parts.train["library"]) + len(part) == (named.part == "library").sum()


def test_more_folds_than_samples_are_refused() -> None:
    with pytest.raises(Mistake, match="too few samples for 200 folds"):
        folds(tiny_job.spectra(), Split(), 200, seed=0)


def test_it_goes_on_where_it_stopped(recipe: Path, found: dict[str, Any], tmp_path: Path) -> None:
    file, made = tmp_path / "found.json", []

    class Heard(Silent):
        def advance(self, done: int, note: str) -> None:
            made.append(note)
            if len(made) == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        validate(recipe, file, Heard(), folds=2)
    assert len(json.loads(file.read_text())["folds"]) == 1
    with pytest.MonkeyPatch.context() as patch:
        real, ran = fold.once, []
        patch.setattr(fold, "once", lambda *each: (ran.append(1), real(*each))[1])
        assert validate(recipe, file, folds=2) == found
        assert len(ran) == 1, "one fold was there"
        assert validate(recipe, file, folds=2) == found
        assert len(ran) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no"), ("{", "is not a result"), ("[]", "is not a result"), ('{"format": 1, "folds": []}', "is not a result"),
     ('{"format": 2, "folds": [1]}', "its format is 2"), ('{"format": 1, "folds": [{}]}', "is not a result")],
)  # fmt: skip
def test_what_is_no_result_is_told(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "other.json").write_text(content)
    with pytest.raises(Mistake, match=said):
        cross_validation.read(tmp_path / "other.json")


def test_a_result_is_read_as_it_was_written(recipe: Path, found: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(recipe.with_name("found.json"), tmp_path / "other.json")
    assert cross_validation.read(tmp_path / "other.json") == found


def test_one_training_alone_is_added_to_the_file(recipe: Path, found: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    assert validate(recipe, file, folds=2, only=2)["folds"] == found["folds"][1:]
    assert validate(recipe, file, folds=2, only=1) == found
    with pytest.raises(Mistake, match="--only 3: the trainings are 1 to 2"):
        validate(recipe, file, folds=2, only=3)


@pytest.mark.parametrize("asked", [{"folds": 1}, {"repeats": 0}, {"seeds": 0}, {"valid": 1.0}, {"valid": -0.1}])
def test_wrong_numbers_are_told_before_anything_is_read(tmp_path: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(Mistake, match=f"--{next(iter(asked))}"):
        validate(tmp_path / "nowhere.yaml", tmp_path / "file.json", **asked)


def test_models_and_baselines_are_judged_on_perturbed_spectra_too(recipe: Path, tmp_path: Path) -> None:
    told = validate(recipe, tmp_path / "robust.json", folds=2, until="train", robust=True, only=1)
    (first,) = told["folds"]
    assert set(first["robust"]) == set(first["right"])
    assert {"1 train", "baseline lda", "baseline 1-NN cosine"} <= set(first["robust"])
    assert all(0 <= share <= 1 for share in first["robust"].values())
    assert "perturbed" in folds_table.table(told)
