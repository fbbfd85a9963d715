"""The 70 kB network against LDA and 1-NN: ideas are recipes, models are compared in the trainings that both have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.accuracy import paired_minerals
from benchmarks.tools import paired
from edgespec import recipe
from edgespec.recipe.plan import plan


@pytest.mark.parametrize("idea", paired_minerals.IDEAS)
def test_an_idea_is_the_recipe_with_a_change_that_can_be_planned(idea: str) -> None:
    plain = plan(recipe.load(paired_minerals.RECIPE))
    changed = plan(recipe.load(paired_minerals.RECIPE, paired_minerals.IDEAS[idea]))
    before, after = ((each.data.augment, each.data.preprocess, each.steps[:2]) for each in (plain, changed))
    assert (before == after) == (idea == "recipe")
    assert (changed.steps[0].keys["fit"].epochs == plain.steps[0].keys["fit"].epochs) == ("epochs" not in idea)


def found() -> dict[str, Any]:
    """A fold of four spectra: the network is right on all, LDA on half; the idea's training has the network alone, and a second seed."""
    words = {share: paired.packed(np.arange(4) < share) for share in (2, 4)}
    conditions = [kind or "clean" for kinds in paired_minerals.CONDITIONS.values() for kind in kinds]
    network, lda = (dict.fromkeys(conditions, words[share]) for share in (4, 2))
    lda["shift +5"] = words[4]
    both = {paired_minerals.NETWORK: network, paired_minerals.LDA: lda, paired_minerals.NEAREST: lda}
    idea = {paired_minerals.NETWORK: lda}
    return {
        "samples": {"training, fold 0": "a,b,c,d"},
        "trainings": {
            "training, recipe, fold 0, seed 0": {"learnt": 9, "right": both},
            "training, noise 0.1, fold 0, seed 0": {"learnt": 9, "right": idea},
            "training, noise 0.1, fold 0, seed 1": {"learnt": 9, "right": idea},
        },
    }


def test_a_difference_is_of_the_trainings_that_both_have() -> None:
    mine = paired_minerals.right(found(), "training", "noise 0.1", paired_minerals.NETWORK, "clean")
    other = paired_minerals.right(found(), "training", "recipe", paired_minerals.NETWORK, "clean")
    (pair,) = paired_minerals.pairs(mine, other)
    assert pair.mine.tolist() == [1, 1, 0, 0]
    assert pair.other.tolist() == [1, 1, 1, 1]


def test_both_signs_of_a_shift_count_half() -> None:
    (told,) = paired_minerals.right(found(), "training", "recipe", paired_minerals.LDA, "±5 cm-1").values()
    assert told[0].tolist() == [1, 1, 0.5, 0.5]


def test_the_table_has_an_idea_beside_the_recipe() -> None:
    table = paired_minerals.table(found(), "training")
    assert "| network, float32: noise 0.1 | 2 | 0.500 | 0.750 | 0.500 | 0.500 |" in table
    assert "| network, float32: noise 0.1 - network, float32: recipe | -0.500 [" in table
    assert "taught by itself" not in table
