"""Right answers survive being packed, and damaged ones are told as such."""

from __future__ import annotations

import numpy as np
import planted_rows
import pytest

from edgespec.errors import Mismatch
from edgespec.report import right_answers


@pytest.mark.parametrize("n", [1, 7, 8, 9, 582])
def test_packed_answers_are_the_same_again_a_bit_a_spectrum(n: int) -> None:
    right = np.random.default_rng(n).random(n) < 0.5
    packed = right_answers.pack(right)
    assert len(packed) <= (n + 7) // 8 * 4 / 3 + 4
    np.testing.assert_array_equal(right_answers.unpack(packed, n), right)


@pytest.mark.parametrize("packed", ["", "!", "AAAA", "AB", "é", 3, None])
def test_damaged_answers_are_refused_in_words(packed: str) -> None:
    with pytest.raises(Mismatch, match="right answers are damaged"):
        right_answers.unpack(packed, 8)


@pytest.mark.parametrize("samples", ["0 1", "a " * planted_rows.N, "", 5, "1" * 30 + " 0" * (planted_rows.N - 1)])
def test_damaged_samples_are_refused_in_words(samples: str) -> None:
    found = planted_rows.report((2, {}))
    found.data["test_samples"] = samples
    with pytest.raises(Mismatch, match="physical samples"):
        right_answers.samples(found)


def test_a_row_gives_its_share_over_perturbations_and_nothing_where_one_was_not_kept() -> None:
    found = planted_rows.report((2, {"shift +5": 12}))
    row = found.rows[0]
    share = right_answers.of(found, row, ("shift +5", "shift -5"))
    assert share is not None
    assert share.mean() == pytest.approx((28 + 38) / 80)
    assert sorted(set(share)) == [0.0, 0.5, 1.0]
    assert right_answers.perturbations(row) == planted_rows.NAMES
    assert right_answers.of(found, row, ("blur 4",)) is None
    assert right_answers.of(found, row, ()) is None


def test_samples_are_numbered_without_their_names() -> None:
    assert right_answers.numbered(np.array(["R2", "R1", "R2"])) == "1 0 1"
    assert right_answers.numbered(None) is None
    found = planted_rows.report((2, {}))
    del found.data["test_samples"]
    assert right_answers.samples(found) is None, "a report of an earlier version"
