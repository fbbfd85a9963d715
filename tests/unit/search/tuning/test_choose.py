"""Tuning chooses by folds outside the test part: what helps is found, equals are told apart by robustness, and the test part is never read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgespec.data import splits
from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.recipe import Call, Split
from edgespec.recipe.setting import Setting
from edgespec.search.tuning import choose, settings
from edgespec.search.tuning.tried import Tuned
from edgespec.spectra import Spectra

DENSE = Call("mlp", {"components": 4, "widths": [8]})
NETWORKS = {"mlp 30": DENSE}


def small(folder: Path) -> tuple[Job, Split]:
    """Two classes that an offset hides unless the front takes it away."""
    rng = np.random.default_rng(0)
    axis = np.linspace(200, 1200, 64)
    y = np.arange(80) % 2
    band = np.exp(-(((axis - np.where(y, 500, 520)[:, None]) / 25) ** 2))
    x = (band * rng.uniform(0.5, 20, (80, 1)) + rng.normal(0, 300, (80, 1))).astype(np.float32)
    spectra = Spectra(x, axis, y, ("a", "b"), group=(np.arange(80) // 2).astype(str))
    split = Split(valid=0.2)
    return Job(spectra, splits.divide(spectra, split, 0), (), None, folder, 0), split


def space(start: Setting) -> settings.Space:
    return settings.Space(start, NETWORKS, 60)


START = Setting(settings.FRONTS["highpass"], settings.AUGMENTS["medium"], DENSE, 3, batch=16)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    job, split = small(tmp_path_factory.mktemp("tuned"))
    return choose.tune(job, split, space(START), 4.0, one_instrument=True, count=2)


def test_the_best_is_first_and_the_drafts_own_is_among_them(tuned: Tuned) -> None:
    whole = [each for each in tuned.tried if len(each.clean) >= 2]
    assert tuned.chosen in whole
    assert tuned.start.setting == START
    judged = [each for each in whole if len(each.clean) == len(tuned.chosen.clean)]
    best = max(judged, key=lambda each: each.accuracy)
    assert tuned.chosen is best or tuned.chosen is tuned.start
    assert len({str(each.setting) for each in tuned.tried}) == len(tuned.tried)


def test_it_says_what_was_tried(tuned: Tuned) -> None:
    said = "\n".join(tuned.told())
    assert f"{len(tuned.tried)} settings" in said
    assert "by accuracy alone (one instrument)" in said
    assert str(tuned.chosen.setting) in said
    assert "the best linear model of the same folds" in said


def test_the_test_part_is_never_looked_at(tmp_path: Path, tuned: Tuned) -> None:
    job, split = small(tmp_path)
    spoilt = job.spectra.x.copy()
    spoilt[job.splits.test] = np.nan
    again = choose.tune(replace(job, spectra=replace(job.spectra, x=spoilt)), split, space(START), 0.1, count=2)
    assert all(np.isfinite(each.accuracy) for each in again.tried if each.clean)
    assert again.spectra == len(job.spectra) - len(job.splits.test) == tuned.spectra


def test_too_few_samples_for_the_folds_are_told(tmp_path: Path) -> None:
    job, split = small(tmp_path)
    few = replace(job, spectra=replace(job.spectra, group=np.array(["a", "b", "c", "d"])[np.arange(80) % 4]))
    with pytest.raises(Mistake, match="too few samples"):
        choose.tune(few, split, space(START), 1.0, count=7)


def test_a_setting_that_cannot_be_trained_is_kept_with_its_reason(tmp_path: Path) -> None:
    job, split = small(tmp_path)
    impossible = settings.Space(
        START, {"mlp 30": DENSE, "mlp huge": Call("mlp", {"components": 40, "widths": [4]})}, 600
    )
    found = choose.tune(job, split, impossible, 3.0, one_instrument=True, count=2)
    assert all("components" in each.failed for each in found.tried if not each.clean)
    assert found.chosen.clean
