"""Settings are judged on folds of their own training, each with the front and the augmentation of the setting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import tiny_job

from edgespec.recipe import Call, Split
from edgespec.recipe.setting import Setting
from edgespec.search.tuning.judge import Judge
from edgespec.search.tuning.tried import Tried

SETTING = Setting((Call("snv"),), None, Call("mlp", {"components": 4, "widths": [8]}), 20, batch=16)


def test_each_fold_judges_every_spectrum_once_and_the_second_division_is_another(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path)
    line = Judge(job, Split(valid=0.2), 2, 60.0, one_instrument=False)
    found = Tried(SETTING, [], [], [])
    for number in range(4):
        line.judge(found, number)
    groups = job.spectra.group
    assert groups is not None
    assert sum(len(each) for each in found.clean[:2]) == len(job.spectra)
    assert not set(found.sample[0]) & set(found.sample[1]), "a sample is judged in one fold"
    assert sorted(np.concatenate(found.sample[:2])) == sorted(np.concatenate(found.sample[2:]))
    assert set(found.sample[0]) != set(found.sample[2])
    assert found.accuracy > 0.8
    assert 0 < found.robust <= 1


def test_no_perturbed_spectra_are_asked_about_where_the_model_is_for_one_instrument(tmp_path: Path) -> None:
    line = Judge(tiny_job.job(tmp_path), Split(valid=0.2), 2, 60.0, one_instrument=True)
    found = Tried(replace(SETTING, epochs=1), [], [], [])
    line.judge(found, 0)
    assert found.perturbed == []
    assert np.isnan(found.robust)


def test_the_linear_model_is_the_best_of_both_fronts(tmp_path: Path) -> None:
    name, share = Judge(tiny_job.job(tmp_path), Split(valid=0.2), 2, 60.0, one_instrument=True).linear(SETTING)
    assert name in ("lda", "logistic", "pls_da")
    assert share > 0.8
