"""Numbers on a scale, several labels a spectrum and mixtures are told in one sentence; names and numbers of classes are none of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgespec.data.checks import targets
from edgespec.errors import Mistake

RNG = np.random.default_rng(0)
SHARES = RNG.dirichlet(np.ones(3), 12)
REFUSED: dict[str, tuple[list[str], str]] = {
    "measured numbers": (
        [f"{v:.3f}" for v in RNG.random(40)],
        r"40 distinct numbers in 40 spectra, such as 0\..* are regression",
    ),
    "with a unit": ([f"{v:.3f} mM" for v in RNG.random(40)], r"(39|40) distinct numbers"),
    "with a decimal comma": ([f"{v:.3f}".replace(".", ",") for v in RNG.random(40)], r"(39|40) distinct numbers"),
    "many levels, several spectra each": ([f"{v / 8}" for v in range(30)] * 6, "30 distinct numbers in 180 spectra"),
    "few, each once": (["0.1", "0.2", "0.35", "0.4", "0.7"], "5 distinct numbers"),
    "whole numbers that seldom repeat": ([str(v) for v in RNG.choice(1000, 60)], "are regression targets"),
    "two labels in a cell": (["a", "b", "a;b", "b"], r"1 spectra have several labels, such as 'a;b' \(row 2\)"),
    "only pairs": (["a|b", "b|c", "a|c", "b|c"], "4 spectra have several labels"),
    "with a comma": (["quartz", "calcite", "quartz, calcite"], "such as 'quartz, calcite'"),
    "a part that has no cell of its own": (["a", "c", "a; b"], "such as 'a; b'"),
}
CLASSES: dict[str, list[str]] = {
    "numbers from 0": [str(v) for v in range(192)],
    "numbers from 0, several each": [str(v) for v in range(192)] * 4,
    "numbers with gaps, several each": [str(17 * v) for v in range(60)] * 3,
    "concentrations": ["0", "0.1", "0.5", "2.5"] * 5,
    "concentrations with units": ["0.1 mM", "0.5 mM"] * 5,
    "ten levels": [f"{v / 10}" for v in range(10)] * 4,
    "decimal commas": ["0", "5", "0,5", "1,5"] * 4,
    "two of three known only": ["0.5", "1.5", "2.5"],
    "minerals with commas": ["Quartz, alpha", "Quartz, beta", "Albite, low", "Microcline, low"],
    "a name with a comma and its first part": ["Quartz", "Quartz, beta"],
    "one name with a semicolon": ["Illite; 2M1", "Quartz", "Albite"],
    "blends that have a name": ["A", "B", "A+B"],
    "numbers and names": ["0.5", "blank", "1.5", "2.5", "3.5", "4.5"],
    "marks alone": [";", ";;", ";a"],
    "nothing": ["", ""],
    "no spectra": [],
    "beyond what a float holds": ["1e999", "2e999", "3e999", "4e999", "5e999"],
}
ONE_HOT = np.eye(3)[[0, 1, 2, 2]]
ARRAYS: dict[str, tuple[np.ndarray[Any, Any], str]] = {
    "one-hot": (ONE_HOT, r"one of 3 columns holds 1 in each row \(one-hot\)"),
    "one-hot of booleans": (ONE_HOT.astype(bool), "one-hot"),
    "one-hot upright": (np.eye(5)[[0, 1, 2, 2]].T, "one of 5 columns"),
    "several ones": (np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]]), "2 of 3 columns hold 1 in row 1"),
    "shares": (SHARES[:4], "shares of a mixture: 3 columns sum to 1 in each row"),
    "per cent": (100 * SHARES[:4], "sum to 100"),
    "numbers": (RNG.normal(size=(4, 2)), "2 numbers a spectrum are regression targets"),
    "names": (np.array([["a", "b"]] * 4), "2 labels a spectrum"),
    "fractions": (np.linspace(0, 1, 40), "40 distinct numbers in 40 spectra"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_labels_that_are_no_classes_are_told(name: str) -> None:
    labels, told = REFUSED[name]
    with pytest.raises(Mistake, match=told) as caught:
        targets.check(labels, "list.csv", [f"row {row}" for row in range(len(labels))])
    assert caught.value.message.startswith("list.csv: ")
    assert caught.value.message.endswith("edgespec supports one class a spectrum")


@pytest.mark.parametrize("name", CLASSES)
def test_names_and_numbers_of_classes_are_no_alarm(name: str) -> None:
    targets.check(CLASSES[name], "list.csv", CLASSES[name])


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_no_classes_are_told(name: str) -> None:
    y, told = ARRAYS[name]
    with pytest.raises(Mistake, match="y.npy: .*" + told):
        targets.check_array(y, len(y) if y.ndim == 1 else 4, "y.npy")


def test_arrays_of_classes_and_of_other_shapes_are_no_alarm() -> None:
    for y in (np.arange(4), np.array([0.0, 1, 2, 1]), np.array([0.5, np.nan]), np.ones((4, 1)), np.ones((2, 3, 4))):
        targets.check_array(y, 4, "y.npy")


def test_columns_of_shares_and_of_ones_are_told() -> None:
    mixture = {f"part {i}": [f"{v:.6f}" for v in SHARES[:, i]] for i in range(3)}
    with pytest.raises(
        Mistake, match=r"t.csv: columns part 0, part 1, part 2: shares of a mixture: 3 columns sum to 1"
    ):
        targets.check_columns({"number": [str(i) for i in range(12)], **mixture}, "t.csv")
    with pytest.raises(Mistake, match="one-hot"):
        targets.check_columns({"a": ["1", "0"], "b": ["0", "1"]}, "t.csv")
    with pytest.raises(Mistake, match="2 of 2 columns hold 1 in row 1"):
        targets.check_columns({"a": ["1", "1"], "b": ["0", "1"]}, "t.csv")


def test_other_columns_are_no_alarm() -> None:
    columns = {"name": ["a", "b"], "power": ["5", "10"], "time": ["0.5", "2.5"], "empty": ["", ""]}
    targets.check_columns(columns, "t.csv")
    targets.check_columns({}, "t.csv")
