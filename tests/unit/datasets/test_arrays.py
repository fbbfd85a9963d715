"""Spectra in numpy arrays: what is read, and what every kind of rubbish is answered with."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgespec import datasets
from edgespec.authoring import inventory
from edgespec.datasets import arrays
from edgespec.errors import EdgespecError, Missing, Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

AXIS = Axis(500, 1500, 101)
SHIFT = np.linspace(400, 1600, 301)
REAL = Path(os.environ["EDGESPEC_DATA"]) if os.environ.get("EDGESPEC_DATA") else None


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EDGESPEC_DATA", raising=False)


def peaks(*at: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.stack([np.exp(-(((SHIFT - each) / 20) ** 2)) for each in at])


def write(folder: Path, **held: Any) -> None:
    """Write x, y and wavenumber as .npy files, or what is given instead; bytes are written as they are."""
    usual: dict[str, Any] = {"x": peaks(700, 900, 1100), "y": np.array([0, 1, 0]), "wavenumber": SHIFT}
    for name, value in (usual | held).items():
        if isinstance(value, bytes):
            (folder / f"{name}.npy").write_bytes(value)
        else:
            np.save(folder / f"{name}.npy", value)


def load(folder: Path, **keys: Any) -> Spectra:
    usual = {"root": str(folder), "x": "x.npy", "y": "y.npy", "wavenumber": "wavenumber.npy"}
    return arrays.load(axis=AXIS, seed=0, **(usual | keys))


def peaks_of(found: Spectra) -> list[float]:
    return [float(found.axis[row.argmax()]) for row in found.x]


def test_plain_files(tmp_path: Path) -> None:
    write(tmp_path)
    found = load(tmp_path)
    assert peaks_of(found) == pytest.approx([700, 900, 1100], abs=5)
    assert found.x.dtype == np.float32
    assert found.x.shape == (3, 101)
    assert found.y.tolist() == [0, 1, 0]
    assert found.y.dtype == np.int64
    assert found.labels == ("0", "1")
    assert found.group is None
    assert found.part is None
    assert found.source == "measured"
    assert [note for note in found.notes if note.startswith("no groups are known")]


def others(found: Spectra) -> tuple[str, ...]:
    """Give the notes but those on the flat ground of these spectra."""
    return tuple(note for note in found.notes if not note.startswith("points in a row"))


def test_an_axis_that_falls_is_turned_and_told(tmp_path: Path) -> None:
    write(tmp_path, x=peaks(700, 900, 1100)[:, ::-1], wavenumber=SHIFT[::-1])
    found = load(tmp_path)
    assert peaks_of(found) == pytest.approx([700, 900, 1100], abs=5)
    assert any("wavenumber.npy runs from high to low" in note for note in found.notes)


@pytest.mark.parametrize(
    "labels",
    [["ale", "beer", "cider"], "n.json", "list.json", "names.npy"],
)
def test_names_from_lists_json_and_arrays(tmp_path: Path, labels: str | list[str]) -> None:
    write(tmp_path, y=np.array([2.0, 0.0, 2.0]), names=np.array(["ale", "beer", "cider"]))
    (tmp_path / "n.json").write_text('\ufeff{"2": "cider", "0": "ale", "1": "beer"}', encoding="utf-8")
    (tmp_path / "list.json").write_text('["ale", "beer", "cider"]')
    found = load(tmp_path, labels=labels)
    assert found.labels == ("ale", "beer", "cider")
    assert found.y.tolist() == [2, 0, 2]
    assert any(note == "labels left without a spectrum: 1 (beer)" for note in found.notes)


def test_class_numbers_need_not_be_dense(tmp_path: Path) -> None:
    write(tmp_path, y=np.array([7, -3, 7]))
    found = load(tmp_path)
    assert found.labels == ("-3", "7")
    assert found.y.tolist() == [1, 0, 1]
    (tmp_path / "n.json").write_text('{"7": "late", "3": "early"}')
    write(tmp_path, y=np.array([7, 3, 7], dtype=np.uint8))
    found = load(tmp_path, labels="n.json")
    assert found.labels == ("early", "late")
    assert found.y.tolist() == [1, 0, 1]


def test_classes_may_be_names(tmp_path: Path) -> None:
    write(tmp_path, y=np.array(["rock", "ore", "rock"]))
    assert load(tmp_path).labels == ("ore", "rock")
    assert load(tmp_path).y.tolist() == [1, 0, 1]
    found = load(tmp_path, labels=["rock", "ore"])
    assert found.labels == ("rock", "ore")
    assert found.y.tolist() == [0, 1, 0]


@pytest.mark.parametrize("sign", ["\a", "\x1b[31m", "\n", "\x85", "\u2028", "\uffff"])
def test_a_control_character_in_a_label_or_sample_is_refused_where_data_are_read(tmp_path: Path, sign: str) -> None:
    """A terminal, JUnit's XML and an SVG would break on them after all the work; every data set passes the same place."""
    usual = {"root": str(tmp_path), "x": "x.npy", "y": "y.npy", "wavenumber": "wavenumber.npy"}
    write(tmp_path, y=np.array(["rock", f"o{sign}re", "rock"]))
    with pytest.raises(Mistake, match=r"data set 'arrays': the label 'o.*' holds the control character U\+") as caught:
        datasets.load(Call("arrays", usual), axis=AXIS, seed=0)
    assert caught.value.message.isprintable()
    assert caught.value.hint.startswith("rename the label")
    write(tmp_path, y=np.array(["rock", "ore", "rock"]), g=np.array(["a", f"b{sign}c", "a"]))
    with pytest.raises(Mistake, match="the sample"):
        datasets.load(Call("arrays", {**usual, "group": "g.npy"}), axis=AXIS, seed=0)


def test_letters_of_any_script_are_labels(tmp_path: Path) -> None:
    write(tmp_path, y=np.array(["Gl\u00fchwein \u00b5", "\u77f3\u82f1", "\u2122 \U0001f48e"]))
    assert len(load(tmp_path).labels) == 3


def test_a_given_test_part_and_its_groups(tmp_path: Path) -> None:
    write(tmp_path, test_x=peaks(800, 1000), test_y=np.array([1.0, 1.0]), g=np.array([5, 5, 6, 7, 7]))
    found = load(tmp_path, test_x="test_x.npy", test_y="test_y.npy", group="g.npy")
    assert found.part is not None
    assert found.part.tolist() == ["train"] * 3 + ["test"] * 2
    assert found.y.tolist() == [0, 1, 0, 1, 1]
    assert peaks_of(found)[3:] == pytest.approx([800, 1000], abs=5)
    assert found.group is not None
    assert found.group.tolist() == ["5", "5", "6", "7", "7"]
    assert others(found) == ()


def test_an_npz_with_an_axis_a_scan(tmp_path: Path) -> None:
    held: dict[str, Any] = {
        "X": (peaks(700, 900, 1100) * 60000).astype(np.uint16),
        "c": [1, 0, 1],
        "axis": np.stack([SHIFT, SHIFT]),
    }
    np.savez(tmp_path / "s.npz", **held, scan=[0, 0, 1], names=["a", "b"], fold=["train", "dev", "train"])
    keys: dict[str, Any] = {"npz": "s.npz", "x": "X", "y": "c", "wavenumber": "axis", "labels": "names"}
    found = load(tmp_path, **keys, group="scan", split="fold")
    assert peaks_of(found) == pytest.approx([700, 900, 1100], abs=5)
    assert found.labels == ("a", "b")
    assert found.group is not None
    assert found.group.tolist() == ["0", "0", "1"]
    assert found.part is not None
    assert found.part.tolist() == ["train", "dev", "train"]
    np.savez(tmp_path / "s.npz", **(held | {"axis": np.stack([SHIFT, SHIFT + 1])}), names=["a", "b"])
    with pytest.raises(Mistake, match=r"s\.npz!axis has 2 axes, there are 3 spectra"):
        load(tmp_path, **keys)
    with pytest.raises(Mistake, match=r"s\.npz: holds no array 'Y'") as told:
        load(tmp_path, **(keys | {"x": "Y"}))
    assert "X" in told.value.hint


def test_spectra_on_axes_of_their_own(tmp_path: Path) -> None:
    """Two instruments in one set: each spectrum's bands lie where its own axis says."""
    axes = np.stack([SHIFT, SHIFT[::-1], SHIFT + 100])
    x = peaks(700, 900, 1100)
    write(tmp_path, x=np.stack([x[0], x[1, ::-1], x[2]]), wavenumber=axes)
    found = load(tmp_path)
    assert peaks_of(found) == pytest.approx([700, 900, 1200], abs=5)
    assert "spectra on axes of their own, interpolated onto the recipe's: 3 (2 axes)" in found.notes
    assert any("1 rows of wavenumber.npy runs from high to low" in note for note in found.notes)
    write(tmp_path, x=np.stack([x[0]] * 3), wavenumber=axes[[0, 2, 2]], y=np.array([0, 1, 1]))
    assert len(load(tmp_path)) == 2, "the same numbers on another axis are another spectrum"


def test_wavelengths_with_a_laser_and_what_the_spectra_are(tmp_path: Path) -> None:
    write(tmp_path, wavenumber=1e7 / (1e7 / 785 - SHIFT))
    with pytest.raises(
        Mistake, match=r"wavenumber\.npy: its axis is in nm, cm-1 is wanted, and its laser is not known"
    ):
        load(tmp_path, unit="nm")
    found = load(tmp_path, unit="nm", laser=785.0, technique="Raman", intensity="counts")
    assert peaks_of(found) == pytest.approx([700, 900, 1100], abs=5)
    assert found.laser is not None
    assert (found.laser.tolist(), found.technique, found.intensity) == ([785] * 3, "Raman", "counts")


@pytest.mark.parametrize(
    ("axis", "keys", "said"),
    [
        (np.arange(len(SHIFT)), {}, "counts its points from 0: pixels"),
        (SHIFT + 9000, {}, "is in absolute wavenumbers"),
        (SHIFT - 2000, {"unit": "nm", "laser": 785.0}, "an axis in nm with values of 0 and less"),
    ],
)
def test_what_is_no_raman_shift_is_not_taken_for_it(tmp_path: Path, axis: Any, keys: dict[str, Any], said: str) -> None:
    write(tmp_path, wavenumber=axis)
    with pytest.raises(Mistake, match=said) as caught:
        load(tmp_path, **keys)
    assert "laser: 785" in caught.value.hint


def test_coverage_is_asked_and_told(tmp_path: Path) -> None:
    write(tmp_path, wavenumber=SHIFT + 200)
    found = load(tmp_path)
    assert any(note.endswith("zero elsewhere: all (90%)") for note in found.notes)
    assert not found.x[:, found.axis < 600].any()
    with pytest.raises(Mistake, match=r"wavenumber\.npy: 600 to 1800 cm-1 covers 90% of the axis 500 to 1500 cm-1"):
        load(tmp_path, min_coverage=0.95)


def with_nan(*rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    x = peaks(700, 900, 1100)
    x[list(rows), 7] = np.nan
    return x


pickled = np.array([{"a": 1}, None, 2], dtype=object)
WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "fewer labels": ({"y": np.array([0, 1])}, {}, "y.npy has 2 values, x.npy 3 spectra"),
    "more labels": ({"y": np.array([0, 1, 1, 0])}, {}, "y.npy has 4 values, x.npy 3 spectra"),
    "labels in a table": ({"y": np.eye(3)}, {}, "y.npy: one of 3 columns holds 1 in each row (one-hot)"),
    "half a class": ({"y": np.array([0, 1.5, 0])}, {}, "y.npy: row 1 is 1.5, no whole number"),
    "nan class": ({"y": np.array([0, 1, np.nan])}, {}, "y.npy: row 2 is nan, no whole number"),
    "complex class": ({"y": np.array([0, 1, 1j])}, {}, "y.npy: complex128 is neither"),
    "no name": ({"y": np.array([0, 1, 2])}, {"labels": ["a", "b"]}, "y.npy: row 2 is of class 2, which has no name"),
    "unknown name": ({"y": np.array(["a", "b", "c"])}, {"labels": ["a", "b"]}, "y.npy: row 2 is of class 'c'"),
    "same name": ({}, {"labels": ["a", "a"]}, "labels: two classes are named 'a'"),
    "blank name": ({}, {"labels": ["a", " "]}, "labels: ' ' is not a name"),
    "nan": ({"x": with_nan(1)}, {}, "x.npy: row 1 holds a value that is not finite"),
    "nans": ({"x": with_nan(0, 2)}, {}, "x.npy: row 0 (and 1 more rows) holds a value that is not finite"),
    "one spectrum": ({"x": peaks(700)[0]}, {}, "x.npy: float64 of shape (301,) are no spectra"),
    "no spectra": ({"x": np.zeros((0, 301)), "y": np.zeros(0)}, {}, "x.npy: float64 of shape (0, 301)"),
    "text": ({"x": np.full((3, 301), "a")}, {}, "x.npy: <U1 of shape (3, 301) are no spectra"),
    "another axis": ({"wavenumber": SHIFT[:-1]}, {}, "x.npy has 301 points a spectrum, wavenumber.npy has 300"),
    "axis turns": ({"wavenumber": np.append(SHIFT[:-1], 500.0)}, {}, "wavenumber.npy: position 300 does not follow"),
    "axis repeats": ({"wavenumber": np.append(SHIFT[:-1], SHIFT[-2])}, {}, "wavenumber.npy: position 300"),
    "axis nan": ({"wavenumber": np.append(SHIFT[:-1], np.nan)}, {}, "wavenumber.npy: position 300 is not finite"),
    "axis of words": ({"wavenumber": np.full(301, "a")}, {}, "wavenumber.npy: <U1 of shape (301,) is not an axis"),
    "axis a cube": (
        {"wavenumber": np.zeros((2, 2, 2))},
        {},
        "wavenumber.npy: float64 of shape (2, 2, 2) is not an axis",
    ),
    "groups": ({"g": np.array([1, 2])}, {"group": "g.npy"}, "g.npy has 2 values, x.npy 3 spectra"),
    "odd groups": ({"g": np.array([1, 2, 2.5])}, {"group": "g.npy"}, "g.npy: row 2 is 2.5"),
    "parts": ({"p": np.array(["a"])}, {"split": "p.npy"}, "p.npy has 1 values, x.npy 3 spectra"),
    "test labels": (
        {"test_x": peaks(800), "test_y": np.array([1, 1])},
        {"test_x": "test_x.npy", "test_y": "test_y.npy"},
        "test_y.npy has 2 values, test_x.npy 1 spectra",
    ),
    "test points": (
        {"test_x": peaks(800)[:, :9], "test_y": np.array([1])},
        {"test_x": "test_x.npy", "test_y": "test_y.npy"},
        "test_x.npy has 9 points a spectrum, wavenumber.npy has 301",
    ),
    "test names": (
        {"test_x": peaks(800), "test_y": np.array(["b"])},
        {"test_x": "test_x.npy", "test_y": "test_y.npy"},
        "y.npy and test_y.npy: one holds names",
    ),
    "objects": ({"y": pickled}, {}, "y.npy: holds Python objects (a pickle), which are never loaded"),
    "garbage": ({"x": b"hello"}, {}, "x.npy: is not a numpy .npy file"),
    "nothing": ({"x": b""}, {}, "x.npy: is not a numpy .npy file"),
    "a pickle": ({"x": b"\x80\x04K\x01."}, {}, "x.npy: is not a numpy .npy file"),
    "cut header": ({"x": b"\x93NUMPY\x01\x00v\x00{'descr'"}, {}, "x.npy: not a whole file"),
    "only x of two": ({}, {"test_x": "x.npy"}, "arrays: a test part needs both"),
    "two test parts": ({}, {"test_x": "x.npy", "test_y": "y.npy", "split": "y.npy"}, "arrays: `split` and `test_x`"),
    "no y": ({}, {"y": None}, "arrays: no 'y' is named"),
    "no axis": ({}, {"wavenumber": None}, "arrays: no 'wavenumber' is named"),
    "coverage": ({}, {"min_coverage": 0.0}, "arrays: min_coverage is 0"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_array(tmp_path: Path, what: str) -> None:
    held, keys, message = WRONG[what]
    write(tmp_path, **held)
    with pytest.raises(EdgespecError) as told:
        load(tmp_path, **keys)
    assert told.value.message.startswith(message), told.value.message
    assert told.value.hint
    assert told.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"0": "a",\n "1" "b"}', "n.json:2: is not JSON"),
        (b'{"zero": "a"}', "n.json:1: gives no names"),
        (b'{"0": "a", "00": "b"}', "n.json:1: names one class twice"),
        (b'{"0": "a", "1": "a"}', "n.json: two classes are named 'a'"),
        (b'{"0": 5}', "n.json: 5 is not a name"),
        (b"3", "n.json:1: gives no names"),
        (b"\xff\xfe\x00", "n.json:1: is not text"),
        (b'{"0": "a"}', "y.npy: row 1 is of class 1, which has no name"),
    ],
)
def test_wrong_names_are_told_with_their_line(tmp_path: Path, content: bytes, message: str) -> None:
    write(tmp_path)
    (tmp_path / "n.json").write_bytes(content)
    with pytest.raises(Mistake) as told:
        load(tmp_path, labels="n.json")
    assert told.value.message.startswith(message)


def test_a_file_cut_anywhere_is_a_mistake(tmp_path: Path) -> None:
    write(tmp_path)
    np.savez(tmp_path / "s.npz", x=peaks(700), y=[0], w=SHIFT)
    plain, packed = (tmp_path / "x.npy").read_bytes(), (tmp_path / "s.npz").read_bytes()
    for share in (0.001, 0.01, 0.02, 0.3, 0.9, 0.999):
        (tmp_path / "x.npy").write_bytes(plain[: int(share * len(plain))])
        (tmp_path / "s.npz").write_bytes(packed[: int(share * len(packed))])
        with pytest.raises(Mistake, match=r"^x\.npy: "):
            load(tmp_path)
        with pytest.raises(Mistake, match=r"^s\.npz"):
            load(tmp_path, npz="s.npz", x="x", y="y", wavenumber="w")


def test_an_npz_taken_for_a_file_is_told_how_to_open_it(tmp_path: Path) -> None:
    write(tmp_path)
    np.savez(tmp_path / "s.npz", x=peaks(700))
    with pytest.raises(Mistake, match=r"s\.npz: is not a numpy \.npy file") as told:
        load(tmp_path, x="s.npz")
    assert "npz: <file>" in told.value.hint
    with pytest.raises(Mistake, match=r"x\.npy: is not a numpy \.npz file"):
        load(tmp_path, npz="x.npy")


def test_files_are_found_below_the_usual_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "cov").mkdir(parents=True)
    write(tmp_path / "data" / "cov")
    with pytest.raises(Missing) as told:
        load(Path("cov"))
    assert told.value.exit_code == 3
    assert "EDGESPEC_DATA" in told.value.hint
    assert str(tmp_path / "home" / "data" / "cov" / "x.npy") in told.value.message
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path / "data"))
    assert len(load(Path("cov"))) == 3
    keys: dict[str, Any] = {"x": "cov/x.npy", "y": "cov/y.npy", "wavenumber": "cov/wavenumber.npy"}
    assert len(arrays.load(axis=AXIS, seed=0, **keys)) == 3
    with pytest.raises(Missing, match=r"gone\.json was not found"):
        load(Path("cov"), labels="gone.json")


def test_another_data_set_stands_in_only_where_it_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    other = Call("arrays", {"root": str(tmp_path), "x": "x.npy", "y": "y.npy", "wavenumber": "wavenumber.npy"})
    found = datasets.load(Call("arrays", {**other.keys, "x": "gone.npy", "otherwise": other}), axis=AXIS, seed=0)
    assert found.notes[0] == 'gone.npy was not found; the measured data set "arrays" stands in'
    assert len(found) == 3
    write(tmp_path, bad=b"rubbish")
    with pytest.raises(Mistake, match="bad"):
        load(tmp_path, x="bad.npy", otherwise=other)


# The real files


def real(folder: str) -> str:
    if REAL is None or not (REAL / folder).exists():
        pytest.skip(f"EDGESPEC_DATA is unset or lacks {folder}")
    return str(REAL / folder)


def test_the_serum_spectra() -> None:
    root = real("pace_cov")
    keys: dict[str, Any] = {"x": "train_x.npy", "y": "train_y.npy", "test_x": "test_x.npy", "test_y": "test_y.npy"}
    found = arrays.load(
        axis=Axis(400, 2112, 900), seed=0, root=root, wavenumber="wavenumber.npy", labels="label.json", **keys
    )
    assert found.labels == tuple(json.loads((Path(root) / "label.json").read_text()).values())
    assert found.part is not None
    counts = Counter(zip(found.part.tolist(), found.y.tolist(), strict=True))
    assert [counts["train", number] for number in range(3)] == [120, 125, 127]
    assert [counts["test", number] for number in range(3)] == [30, 31, 32]
    first = np.load(Path(root) / "train_x.npy")[0]
    assert found.x[0, [0, -1]] == pytest.approx(first[[0, -1]], abs=1e-6)


def test_the_bacteria() -> None:
    root = real("bacteria6")
    keys: dict[str, Any] = {"x": "X", "y": "y", "wavenumber": "axis_cm1", "group": "scan", "labels": "label_names"}
    found = arrays.load(axis=Axis(600, 1800, 256), seed=0, root=root, npz="bacteria6.npz", **keys)
    assert len(found) == 1800
    assert len(found.labels) == 6
    assert set(Counter(found.y.tolist()).values()) == {300}
    assert found.group is not None
    assert len(set(found.group.tolist())) == 18
    (told,) = others(found)
    assert told.startswith(
        "points are exactly ..., the largest number of a converter: the detector was saturated: 17 (row 1705"
    )
    assert found.labels[1].startswith("E.coli")
    assert found.x.min() > 0


def test_exact_copies_are_dropped_told_and_join_their_groups(tmp_path: Path) -> None:
    write(tmp_path, x=peaks(700, 900, 700, 1100), y=np.array([0, 1, 0, 1]), g=np.array(list("abcd")))
    found = load(tmp_path, group="g.npy")
    assert peaks_of(found) == pytest.approx([700, 900, 1100], abs=5)
    assert found.y.tolist() == [0, 1, 1]
    assert found.group is not None
    assert found.group.tolist() == ["a", "b", "d"]
    assert others(found) == ("exact duplicates dropped: 1 (x.npy row 2)",)
    assert found.where is not None
    assert found.where.tolist() == ["x.npy row 0", "x.npy row 1", "x.npy row 3"]
    assert found[np.array([2, 0])].where.tolist() == ["x.npy row 3", "x.npy row 0"]  # type: ignore[union-attr]


def test_a_copy_in_another_part_is_dropped_and_told(tmp_path: Path) -> None:
    write(tmp_path, test_x=peaks(800, 900), test_y=np.array([0, 1]), part=np.array(["train", "train", "test"]))
    found = load(tmp_path, test_x="test_x.npy", test_y="test_y.npy")
    assert found.part is not None
    assert found.part.tolist() == ["train"] * 3 + ["test"]
    assert "duplicates in another part, the first kept: 1 (test_x.npy row 1)" in found.notes
    write(tmp_path, x=peaks(700, 900, 700), y=np.array([0, 1, 0]))
    assert load(tmp_path, split="part.npy").part.tolist() == ["train", "train"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, r"x.npy row 0 \(0\) and x.npy row 3 \(1\)"),
        ({"labels": ["ale", "beer"]}, r"x.npy row 0 \(ale\) and x.npy row 3 \(beer\)"),
        (
            {"test_x": "test_x.npy", "test_y": "test_y.npy"},
            r"x.npy row 0 \(0\) and x.npy row 3 \(1\); .*test_x.npy row 1",
        ),
    ],
)
def test_a_spectrum_under_two_labels_is_an_error_with_both_rows(tmp_path: Path, keys: Any, told: str) -> None:
    rows = {"x": peaks(700, 900, 1100, 700), "y": np.array([0, 1, 0, 1])}
    write(tmp_path, **rows, test_x=peaks(800, 700), test_y=np.array([0, 1]))
    with pytest.raises(Mistake, match="the same spectrum stands under two labels: " + told):
        load(tmp_path, **keys)


@pytest.mark.parametrize(
    ("y", "told"),
    [
        (np.linspace(0, 1, 30), "y.npy: 30 distinct numbers in 30 spectra"),
        (np.arange(30) ** 2, "y.npy: 30 distinct numbers"),
        (np.eye(3)[np.arange(30) % 3], r"y.npy: one of 3 columns holds 1 in each row \(one-hot\)"),
        (
            np.maximum(np.eye(3)[np.arange(30) % 3], np.eye(3)[0]),
            "y.npy: several labels a spectrum: 2 of 3 columns hold 1 in row 1",
        ),
        (np.tile([0.25, 0.75], (30, 1)), "y.npy: shares of a mixture: 2 columns sum to 1"),
        (np.array(["a", "b", "a;b"] * 10), r"y.npy: 10 spectra have several labels, such as 'a;b' \(row 2\)"),
    ],
)
def test_what_is_no_class_a_spectrum_is_told(tmp_path: Path, y: Any, told: str) -> None:
    write(tmp_path, x=peaks(*np.linspace(600, 1400, 30)), y=y)
    np.savez(tmp_path / "a.npz", **{name: np.load(tmp_path / f"{name}.npy") for name in ("x", "y", "wavenumber")})
    for tell in (lambda: load(tmp_path), lambda: inventory.take(str(tmp_path / "a.npz"))):
        with pytest.raises(Mistake, match=told.replace("y.npy", r"(y\.npy|a\.npz!y)")):
            tell()


def test_class_numbers_and_their_names_are_no_alarm(tmp_path: Path) -> None:
    write(tmp_path, x=peaks(*np.linspace(600, 1400, 30)), y=np.arange(30) * 10)
    (tmp_path / "n.json").write_text(json.dumps({str(number): f"c{number}" for number in range(0, 300, 10)}))
    assert len(load(tmp_path, labels="n.json").labels) == 30


def test_who_lists_spectra_gets_the_repeats_too(tmp_path: Path) -> None:
    write(tmp_path, x=peaks(700, 900, 700), y=np.array([0, 1, 1]))
    keys = {"root": str(tmp_path), "x": "x.npy", "y": "y.npy", "wavenumber": "wavenumber.npy"}
    assert arrays.every(axis=AXIS, **keys).y.tolist() == [0, 1, 1]
