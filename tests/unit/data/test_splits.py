"""No physical sample on two sides, the same division from the same seed, and every class kept where it is learnt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgespec.data.splits import Splits, divide, occurrence
from edgespec.errors import Mistake
from edgespec.recipe import Split
from edgespec.spectra import Spectra

SEEDS = st.integers(0, 1000)
SHARES = st.floats(0.05, 0.6)
SAMPLES = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=7), min_size=2, max_size=6)
"""Spectra a sample, samples a class, classes."""


def spectra(samples: list[list[int]], part: Callable[[int, int], str] | None = None, grouped: bool = True) -> Spectra:
    """Spectra of classes with samples; `part` gives the part of a sample by class and number."""
    rows = [(y, s) for y, counts in enumerate(samples) for s, count in enumerate(counts) for _ in range(count)]
    mixed = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    return Spectra(
        x=np.zeros((len(rows), 4), dtype=np.float32),
        axis=np.arange(4.0),
        y=np.array([y for y, _ in mixed], dtype=np.int64),
        labels=tuple(f"class{y}" for y in range(len(samples))),
        group=np.array([f"{y}-{s}" for y, s in mixed]) if grouped else None,
        part=np.array([part(y, s) for y, s in mixed]) if part else None,
    )


def apart(splits: Splits, group: Any, rows: int) -> None:
    """Every row in exactly one part, every sample too."""
    parts = [*splits.train.values(), *splits.valid.values(), splits.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    seen = [set(group[part].tolist()) for part in parts]
    assert sum(map(len, seen)) == len(set.union(*seen))
    assert all(len(part) for part in parts)


def drawn(given: Spectra, split: Split, seed: int) -> Splits | None:
    """Divide; None where it says, with reason, that there are too few samples."""
    try:
        return divide(given, split, seed)
    except Mistake as problem:
        said = problem.message
        assert "too few samples" in said or "part is empty" in said
        return None


@given(SAMPLES, SHARES, SHARES, SEEDS)
def test_no_sample_stands_in_two_parts_and_no_class_leaves_training(
    samples: list[list[int]], test: float, valid: float, seed: int
) -> None:
    found = spectra(samples)
    splits = drawn(found, Split(test=test, valid=valid), seed)
    assume(splits is not None)
    assert splits is not None
    apart(splits, found.group, len(found))
    assert set(found.y[splits.train["train"]].tolist()) == set(range(len(samples)))
    for label, counts in enumerate(samples):
        tested = set(found.group[splits.test][found.y[splits.test] == label].tolist())  # type: ignore[index]
        assert (len(tested) > 0) == (len(counts) > 1)  # a class with two samples is tested, one with one is not


@given(SAMPLES, st.lists(st.floats(0.2, 3), min_size=2, max_size=3), SEEDS)
def test_named_parts_share_no_sample_and_the_first_keeps_every_class(
    samples: list[list[int]], shares: list[float], seed: int
) -> None:
    found = spectra(samples)
    parts = {f"part{i}": share for i, share in enumerate(shares)}
    splits = drawn(found, Split(parts=parts, test=0.2, valid=0.2), seed)
    assume(splits is not None)
    assert splits is not None
    assert splits.names == list(parts)
    apart(splits, found.group, len(found))
    assert set(found.y[splits.train["part0"]].tolist()) == set(range(len(samples)))


@given(SAMPLES, SEEDS)
def test_the_same_seed_divides_the_same(samples: list[list[int]], seed: int) -> None:
    found = spectra(samples)
    one, other = (drawn(found, Split(), seed) for _ in range(2))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert one.test.tolist() == other.test.tolist()
        assert one.train["train"].tolist() == other.train["train"].tolist()


def test_another_seed_divides_otherwise() -> None:
    found = spectra([[2] * 20] * 3)
    assert len({tuple(divide(found, Split(), seed).test.tolist()) for seed in range(5)}) == 5


@pytest.mark.parametrize("seed", range(40))
def test_few_samples_never_depend_on_luck(seed: int) -> None:
    splits = divide(spectra([[1] * 5] * 2), Split(test=0.2, valid=0.15), seed)
    assert len(splits.valid["train"]) >= 1
    assert len(splits.test) == 2


def test_shares_are_met_where_there_are_samples_enough() -> None:
    splits = divide(spectra([[3] * 40] * 3), Split(test=0.25, valid=0.1, parts={"a": 3, "b": 1}), 0)
    assert len(splits.test) == 90
    count = {name: len(splits.train[name]) + len(splits.valid[name]) for name in ("a", "b")}
    assert count["a"] + count["b"] == 270
    assert count["b"] == pytest.approx(270 / 4, abs=9)
    assert sum(map(len, splits.valid.values())) == pytest.approx(27, abs=12)


def place(y: int, s: int) -> str:
    return ("library", "library", "site", "test")[s % 4]


def test_given_parts_are_kept_and_validation_is_drawn_from_each() -> None:
    found = spectra([[2] * 16] * 3, place)
    splits = divide(found, Split(parts="given", valid=0.25), 0)
    apart(splits, found.group, len(found))
    assert splits.names == ["library", "site"]
    assert found.part is not None
    assert set(found.part[splits.test].tolist()) == {"test"}
    for name in splits.names:
        assert set(found.part[splits.train[name]].tolist()) == set(found.part[splits.valid[name]].tolist()) == {name}
    assert splits.rows("site").tolist() == splits.train["site"].tolist()
    assert len(splits.rows(None)) == sum(map(len, splits.train.values()))


@pytest.mark.parametrize("names", [("train", "train", "valid", "dev"), ("library", "site", "validation", "test")])
def test_a_given_validation_part_serves_all_training_parts(names: tuple[str, ...]) -> None:
    found = spectra([[2] * 8] * 3, lambda y, s: names[s % 4])
    splits = divide(found, Split(parts="given"), 0)
    assert found.part is not None
    assert splits.names == sorted(set(names[:2]))
    for name in splits.names:
        assert set(found.part[splits.valid[name]].tolist()) == {names[2]}
        assert set(found.part[splits.train[name]].tolist()) == {name}
    assert splits.rows(None, valid=True).tolist() == np.flatnonzero(found.part == names[2]).tolist()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("train", "valid"), "the given parts are train, valid: one called test or dev"),
        (("test", "dev"), "one called test or dev and at least one other"),
        (("test",), "one called test or dev and at least one other"),
    ],
)
def test_given_parts_without_test_or_training_are_refused(parts: tuple[str, ...], said: str) -> None:
    with pytest.raises(Mistake, match=said):
        divide(spectra([[1] * 6] * 2, lambda y, s: parts[s % len(parts)]), Split(parts="given"), 0)


def test_given_parts_that_share_a_sample_are_refused() -> None:
    found = spectra([[2] * 8] * 2, place)
    assert found.part is not None
    assert found.group is not None
    row = int(np.flatnonzero(found.part == "test")[0])
    twin = int(np.flatnonzero(found.group == found.group[row])[-1])
    found.part[row], found.part[twin] = "test", "library"
    with pytest.raises(Mistake, match=f"physical sample '{found.group[row]}' stands in the parts"):
        divide(found, Split(parts="given"), 0)


def test_parts_that_the_data_set_does_not_give_are_refused() -> None:
    with pytest.raises(Mistake, match="the data set names no parts") as caught:
        divide(spectra([[2] * 8] * 2), Split(parts="given"), 0)
    assert "test: 0.25" in caught.value.hint


def test_without_samples_each_spectrum_is_its_own_and_the_report_says_so() -> None:
    splits = divide(spectra([[4] * 5] * 2, grouped=False), Split(), 0)
    assert any("no physical samples are known" in note for note in splits.notes)
    apart(splits, np.arange(40), 40)


def test_a_split_by_spectrum_is_told() -> None:
    splits = divide(spectra([[4] * 5] * 2), Split(by="spectrum"), 0)
    assert any("split by spectrum as the recipe says" in note for note in splits.notes)


def test_classes_with_one_sample_stay_in_training_and_are_told() -> None:
    splits = divide(spectra([[1] * 4, [1] * 4, [5]]), Split(valid=0.3), 0)
    assert splits.notes == ("1 class has one sample only, which is learnt and never tested: class2",)


@pytest.mark.parametrize("samples", [[[3], [3]], [[3]]])
def test_too_few_samples_are_told(samples: list[list[int]]) -> None:
    with pytest.raises(Mistake, match="too few samples to split") as caught:
        divide(spectra(samples), Split(), 0)
    assert "by: spectrum" in caught.value.hint


def test_classes_with_few_samples_lend_none_to_validation() -> None:
    given = spectra([[2] * 2, [2] * 3, [2] * 20, [2] * 40])
    lent = set()
    for seed in range(20):
        found = divide(given, Split(test=0.05, valid=0.4, valid_from=4), seed)
        assert set(given.y[found.rows(None, valid=True)]) == {2, 3}
        lent |= set(given.y[divide(given, Split(test=0.05, valid=0.4), seed).rows(None, valid=True)].tolist())
    assert 1 in lent, "without the key a class of two training samples lends one now and then"
    with pytest.raises(Mistake, match="no class has 50 physical samples"):
        divide(given, Split(valid_from=50), 0)
    with pytest.raises(Mistake, match="'valid_from': 1 would leave"):
        Split(valid_from=1)


def test_a_single_class_is_nothing_to_tell_apart() -> None:
    with pytest.raises(Mistake, match=r"only one class is here \(class0\)"):
        divide(spectra([[1] * 9]), Split(), 0)


def test_a_sample_filed_under_two_labels_stays_whole() -> None:
    found = spectra([[2] * 6] * 3)
    assert found.group is not None
    found.group[found.group == "1-0"] = "0-0"
    for seed in range(20):
        apart(divide(found, Split(), seed), found.group, len(found))


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_each_name_has_its_turn_before_any_has_a_second(names: list[str]) -> None:
    found = occurrence(np.array(names))
    assert found.tolist() == [names[:i].count(name) for i, name in enumerate(names)]
