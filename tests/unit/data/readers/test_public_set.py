"""A kept public set is read as it was written; what is damaged, or is no set of classes, is told."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from public_sets import ABOUT, SHIFT, kept, spectrum

from edgespec.data.readers import public_set
from edgespec.errors import Mistake
from edgespec.spectra import Axis

AXIS = Axis(400, 1600, 64)
ROWS = np.stack([spectrum(1003, row) for row in range(6)])


def test_classes_samples_and_what_is_said_of_it(tmp_path: Path) -> None:
    found = public_set.read(kept(tmp_path, groups=np.array(list("aabbcc"))))
    assert found.id == "odd_set"
    assert found.labels == ["crowded", "isolated"] * 3
    assert found.groups == list("aabbcc")
    every = public_set.entries(found, AXIS, 0.8)
    assert [each.where for each in every[:2]] == ["odd_set row 0", "odd_set row 1"]
    assert [each.sample for each in every] == list("aabbcc")
    scan = every[3].read()
    assert np.array_equal(scan.axis, SHIFT)
    assert np.array_equal(scan.x, np.load(tmp_path / "odd_set.npz")["spectra"][3])
    assert public_set.notes(found) == [
        "odd_set: Odd Set, from https://zenodo.org/odd by raman-data 1.7.0, licence: CC BY 4.0"
    ]


@pytest.mark.parametrize(
    ("samples", "sample", "note"),
    [(False, "odd_set row 2", ""), (None, "", ""), (True, "", "raman-data knows of several spectra a sample")],
)
def test_samples_that_the_package_does_not_name(tmp_path: Path, samples: Any, sample: str, note: str) -> None:
    found = public_set.read(kept(tmp_path, about={"samples": samples, "processed": "smoothed"}))
    assert public_set.entries(found, AXIS, 0.8)[2].sample == sample
    told = "\n".join(public_set.notes(found))
    assert note in told
    assert "odd_set: processed before it was published: smoothed" in told


@pytest.mark.parametrize(
    ("targets", "names", "labels"),
    [
        ([0, 1, 2, 0, 1, 2], [], ["0", "1", "2"]),
        ([3.0, 7.0, 3.0, 7.0, 3.0, 7.0], ["3", "7"], ["3", "7", "3"]),
        (["x", "y", "x", "y", "x", "y"], ["x", "y"], ["x", "y", "x"]),
        ([[1], [0], [1], [0], [1], [0]], ["no", "yes"], ["yes", "no", "yes"]),
        ([True, False] * 3, ["no", "yes"], ["yes", "no", "yes"]),
    ],
)
def test_classes_by_number_by_name_and_by_both(tmp_path: Path, targets: Any, names: Any, labels: list[str]) -> None:
    found = public_set.read(kept(tmp_path, targets=np.array(targets), names=np.array(names, dtype=np.str_)))
    assert found.labels[:3] == labels


def test_each_spectrum_may_have_its_own_axis(tmp_path: Path) -> None:
    counts = np.array([len(SHIFT), len(SHIFT) - 5] * 3)
    axis, x = np.concatenate([SHIFT[:n] for n in counts]), np.concatenate([ROWS[i, :n] for i, n in enumerate(counts)])
    found = public_set.read(kept(tmp_path, axis=axis, spectra=x, counts=counts, groups=np.array(list("abcdef"))))
    every = public_set.entries(found, AXIS, 0.5)
    assert [len(each.read().x) for each in every] == counts.tolist()
    assert np.array_equal(every[5].read().x, ROWS[5, : counts[5]])
    assert [each.sample for each in every] == list("abcdef")
    assert any("each of 6 spectra has its own axis and was interpolated" in note for note in public_set.notes(found))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no classes": ({"targets": None}, "odd_set.npz: holds about, axis, names, spectra, no set of raman-data"),
    "another axis": ({"axis": SHIFT[1:]}, r"spectra \(6, 140\) and axis \(139,\) do not go together"),
    "no spectra": ({"spectra": np.zeros((0, len(SHIFT)))}, "do not go together"),
    "one spectrum alone": ({"spectra": ROWS[0]}, "do not go together"),
    "words as spectra": ({"spectra": ROWS.astype(str)}, "do not go together"),
    "counts beyond the values": ({"spectra": ROWS.ravel(), "axis": np.tile(SHIFT, 6), "counts": np.array([9])}, "go together"),
    "counts below 1": ({"spectra": SHIFT, "axis": SHIFT, "counts": np.array([141, -1])}, "do not go together"),
    "fewer classes": ({"targets": np.array([0, 1])}, r"odd_set: targets of shape \(2,\) for 6 spectra"),
    "fewer samples": ({"groups": np.array(["a"])}, r"\(1,\) samples of 6 spectra"),
    "a class without a name": ({"targets": np.array([0, 1, 2] * 2)}, "classes 0 to 2, but 2 names"),
    "pixels": ({"axis": np.arange(140.0)}, "its axis counts 140 points from 0: pixels"),
    "regression": ({"targets": np.array([0.5, 1.25, 2.5, 3.75, 4.5, 9.1])}, "odd_set: 6 distinct numbers"),
    "several labels": ({"targets": np.array([[1, 0], [1, 1]] * 3)}, "odd_set: several labels a spectrum"),
    "shares": ({"targets": np.array([[0.25, 0.75]] * 6)}, "odd_set: shares of a mixture"),
    "a class that is not a number": ({"targets": np.array([0, np.nan] * 3)}, "row 1 is nan"),
    "no JSON": ({"about": "{"}, "what it says of the set is not JSON"),
    "deep JSON": ({"about": "[" * 100_000}, "what it says of the set is not JSON"),
    "JSON of another kind": ({"about": "[1]"}, "does not say how many spectra"),
    "no number of spectra": ({"about": json.dumps(ABOUT | {"spectra": "6"})}, "does not say how many spectra"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_set_of_classes_is_told(tmp_path: Path, name: str) -> None:
    changes, told = WRONG[name]
    with pytest.raises(Mistake, match=told):
        public_set.read(kept(tmp_path, **changes))


def test_damaged_bytes_are_told(tmp_path: Path) -> None:
    path = kept(tmp_path)
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 40):
        for raw in (whole[:at], whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :]):
            path.write_bytes(raw)
            with contextlib.suppress(Mistake):  # a flipped bit of a name or a number is read as it stands
                public_set.entries(public_set.read(path), AXIS, 0.8)
    np.savez(path, **{name: np.array([{}]) for name in public_set.ARRAYS})
    with pytest.raises(Mistake, match="Python objects"):
        public_set.read(path)
