"""Spectra that are there twice are found by their values, and join the samples that they are of."""

from __future__ import annotations

import numpy as np
import pytest

from edgespec.data.checks import copies
from edgespec.errors import Mistake


def test_the_first_of_each_is_found() -> None:
    assert copies.firsts([b"a", b"b", b"a", b"c", b"b"]) == [0, 1, 0, 3, 1]


def test_all_of_a_spectrum_under_two_labels_are_doubtful_the_first_too() -> None:
    first = [0, 1, 0, 3, 1, 0]
    assert copies.doubtful(list("xyxzyw"), first) == {0, 2, 5}
    assert copies.doubtful(list("xyxzyx"), first) == set()
    assert copies.pairs(list("ABCDEF"), list("xyxzyw"), first) == ["A (x) and F (w)"]


def test_an_error_names_ten_pairs_and_counts_the_others() -> None:
    n = 13
    with pytest.raises(Mistake, match=r"two labels: 0 .*9 .* and 3 more pairs"):
        copies.check_labels(list(map(str, range(2 * n))), ["a"] * n + ["b"] * n, [*range(n), *range(n)])


def test_samples_are_joined_over_several_spectra() -> None:
    names = copies.joined([["c", "b"], ["d"], ["b", "a"], ["e", "d"]])
    assert names == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d"}


def test_a_copy_in_another_part_is_told_apart() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [3.0, 4.0]])
    part = np.array(["train", "train", "test", "train"])
    rows, group, notes = copies.once(x, list("abab"), None, part, list("0123"))
    assert rows.tolist() == [0, 1]
    assert group is None
    assert notes == ["exact duplicates dropped: 2 (2, 3)", "duplicates in another part, the first kept: 1 (2)"]
