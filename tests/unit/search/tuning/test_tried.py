"""Which of several settings wins: the most accurate, and of equals the most robust, spectra of one sample counted together."""

from __future__ import annotations

import numpy as np
import pytest

from edgespec.evaluation import difference
from edgespec.recipe import Call
from edgespec.recipe.setting import Setting
from edgespec.search.tuning import tried as judged
from edgespec.search.tuning.tried import Tried, Tuned

DENSE = Call("mlp", {"components": 4, "widths": [8]})


def tried(clean: list[float], perturbed: float, divisions: int = 1) -> Tried:
    setting = Setting((), None, DENSE, 1)
    sample = [np.arange(len(clean)).astype(str)] * divisions
    return Tried(setting, [np.array(clean)] * divisions, [np.full(len(clean), perturbed)] * divisions, sample)


def test_the_most_accurate_wins_unless_another_is_as_accurate_and_more_robust() -> None:
    good, fragile, poor = (
        tried([1, 1, 1, 1, 1, 1, 0, 0], 0.9),
        tried([0, 1, 1, 1, 1, 1, 1, 1], 0.3),
        tried([0, 0, 0, 1, 0, 1, 0, 0], 0.99),
    )
    behind = tried([0] * 8, 0.1)
    assert judged.choose([good, fragile, poor], behind, one_instrument=True) is fragile
    assert judged.choose([good, fragile, poor], behind, one_instrument=False) is good
    once, twice = tried([1] * 8, 0.3), tried([1] * 8, 0.2, 2)
    assert judged.choose([once, twice], behind, one_instrument=True) is twice


def test_the_drafts_own_stays_unless_it_is_beaten_by_more_than_chance() -> None:
    own, level = tried([1, 1, 1, 1, 1, 0, 1, 0], 0.5), tried([1, 1, 1, 1, 0, 1, 1, 1], 0.9, 2)
    assert judged.gain(level, own) == pytest.approx(1 / 8)
    assert judged.choose([own, level], own, one_instrument=True) is own
    better = tried([1] * 8, 0.9)
    assert judged.choose([own, better], tried([0] * 4 + [1] * 4, 0.5), one_instrument=True) is better


def test_the_error_is_the_one_of_every_table_and_counts_the_spectra_of_one_sample_together() -> None:
    one, other = tried([1, 1, 1, 1, 0, 0, 0, 0], 0), tried([0] * 8, 0)
    alone = judged.error(one, other)
    names = list("aaaabbbb")
    for each in (one, other):
        each.sample[0] = np.array(names)
    assert judged.error(one, other) == difference.error([1, 1, 1, 1, 0, 0, 0, 0], names)
    assert judged.error(one, other) > 1.5 * alone


def test_it_warns_of_what_a_setting_asks_of_the_spectra() -> None:
    won, own = tried([1] * 8, 0.3), tried([1, 0] * 4, 0.3)
    told = "\n".join(Tuned([won, own], own, 1, 8, 60.0, True, ("lda", 0.5)).told())
    assert "Intensities are taken as measured" in told
    assert "expect the model to fail on another instrument" in told
    assert "the draft's own had 0.500 (0.300 perturbed) on 1 folds" in told
