"""A public set in a recipe: classes and samples as the package says them, and what cannot be learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from public_sets import SHIFT, kept, spectrum

from edgespec import datasets
from edgespec.authoring import inventory, survey
from edgespec.data.fetch import raman_sets
from edgespec.data.readers import public_set
from edgespec.datasets import raman_data
from edgespec.errors import Missing, Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

AXIS = Axis(400, 1600, 121)
ROWS = np.stack([spectrum((1003.0, 1520.0)[row % 2], row) for row in range(6)])
pytestmark = pytest.mark.usefixtures("own_data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "raman-data"


def load(**keys: Any) -> Spectra:
    return raman_data.load(axis=AXIS, seed=0, dataset="odd_set", **keys)


def test_spectra_on_the_recipes_axis(folder: Path) -> None:
    kept(folder, groups=np.array(list("aabbcc")))
    found = load()
    assert found.labels == ("crowded", "isolated")
    assert found.y.tolist() == [0, 1] * 3
    assert found.group is not None
    assert found.group.tolist() == list("aabbcc")
    assert found.technique == "Raman"
    assert [float(found.axis[row.argmax()]) for row in found.x] == pytest.approx([1003, 1520] * 3, abs=10)
    assert np.allclose(found.x[0], np.interp(AXIS.values(), SHIFT, ROWS[0]))
    assert found.notes[0].startswith("odd_set: Odd Set, from https://zenodo.org/odd")


def test_a_falling_axis_is_turned(folder: Path) -> None:
    kept(folder)
    plain = load()
    kept(folder, axis=SHIFT[::-1], spectra=ROWS[:, ::-1])
    assert np.array_equal(load().x, plain.x)
    assert any(note.startswith("files turned") for note in load().notes)
    assert plain.group is None
    assert any("physical samples are not known" in note for note in plain.notes)


def test_copies_are_dropped_and_two_labels_are_an_error_or_left_out(folder: Path) -> None:
    kept(folder, spectra=ROWS[[0, 1, 0, 3, 4, 5]])
    assert len(load()) == 5
    assert any(note == "exact duplicates dropped: 1 (odd_set row 2)" for note in load().notes)
    kept(folder, spectra=ROWS[[0, 1, 2, 0, 4, 5]])
    with pytest.raises(Mistake, match=r"two labels: odd_set row 0 \(crowded\) and odd_set row 3 \(isolated\)"):
        load()
    found = load(refused="skip")
    assert len(found) == 4
    assert any(note.startswith("spectra under two labels left out, on both sides: 2") for note in found.notes)


def test_what_cannot_be_used_fails_or_is_skipped(folder: Path) -> None:
    rows = ROWS.copy()
    rows[3, 70], rows[4] = np.nan, 0.0
    kept(folder, spectra=rows)
    with pytest.raises(Mistake, match=r"2 of 6 spectra cannot be used:\n  odd_set row 3.*\n  odd_set row 4"):
        load()
    assert len(load(refused="skip")) == 4
    with pytest.raises(Mistake, match="covers 36% of the model's window"):
        raman_data.load(axis=Axis(100, 3900, 64), seed=0, dataset="odd_set", refused="skip")


def test_a_set_that_is_no_set_of_classes_is_told_everywhere(folder: Path) -> None:
    kept(folder, targets=np.array([0.5, 1.25, 2.5, 3.75, 4.5, 9.1]))
    call = Call("raman_data", {"dataset": "odd_set"})
    for tell in (load, lambda: inventory.take("{raman_data: {dataset: odd_set}}"), lambda: survey.survey(call)):
        with pytest.raises(Mistake, match=r"6 distinct numbers in 6 spectra, .* are regression targets"):
            tell()


def test_an_inventory_says_what_it_is(folder: Path) -> None:
    kept(folder, spectra=ROWS[[0, 1, 0, 3, 4, 5]], groups=np.array(list("abcabc")))
    told = inventory.summary(inventory.take("{raman_data: {dataset: odd_set}}", axis=AXIS))
    assert told["spectra"] == 6
    assert told["samples"] == 2  # two share a spectrum
    assert told["repeats"] == {"in another sample": [["odd_set row 2", "odd_set row 0"]]}
    assert told["axis_cm1"]["low"]["median"] == 300


def test_what_is_not_at_hand_is_missing_or_stood_in_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raman_sets, "PACKAGE", "raman_data_of_nobody")
    with pytest.raises(Missing, match="odd_set is not here") as refused:
        load()
    assert "edgespec data fetch raman-data odd_set" in refused.value.hint
    found = load(otherwise=Call("minerals", {"minerals": ["Beryl", "Albite"], "samples": 3, "spectra": 1}))
    assert found.source == "embedded"
    assert any("odd_set was not found" in note for note in found.notes)


def test_a_second_reading_comes_from_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(folder)
    first = datasets.load(Call("raman_data", {"dataset": "odd_set"}), axis=AXIS, seed=0)
    monkeypatch.setattr(public_set, "read", None)
    assert np.array_equal(datasets.load(Call("raman_data", {"dataset": "odd_set"}), axis=AXIS, seed=0).x, first.x)
    assert first.name == "raman_data"
