"""Task lists and rows of an npz: labels, groups and parts in their order, and what is wrong with them."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rruff_files import archive, folder, lines, load, name, text, three

from edgespec.datasets import rruff
from edgespec.errors import EdgespecError, Missing, Mistake
from edgespec.spectra import Axis, Spectra

pytestmark = pytest.mark.usefixtures("own_places")


def task(at: Path, header: str, *rows: str) -> str:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(at)


def listed(tmp_path: Path) -> None:
    archive(tmp_path / "a.zip", {str(file): str(content) for file, content in three().items()})
    folder(tmp_path / "more", {name("Beryl", "R060001"): text(lines(690), "Beryl", "R060001")})


def test_a_task_list_gives_labels_groups_and_parts_in_its_order(tmp_path: Path) -> None:
    listed(tmp_path)
    rows = [
        f"a.zip,{name()},silica,S1,train,dev",
        f"more,{name('Beryl', 'R060001')},Beryl,S2,dev,train",
        f"a.zip,{name('Albite', 'R050402_a')},Albite,S3,train,train",
    ]
    where = task(tmp_path / "t.csv", "archive,file,mineral,group,split0,split1", *rows)
    found = load(task=where)
    assert [found.labels[number] for number in found.y] == ["silica", "Beryl", "Albite"]
    assert found.group is not None
    assert found.group.tolist() == ["S1", "S2", "S3"]
    assert found.part is not None
    assert found.part.tolist() == ["train", "dev", "train"]
    other = load(task=where, split=1).part
    assert other is not None
    assert other.tolist() == ["dev", "train", "train"]
    assert any("another mineral" in note for note in found.notes), "silica is not what the header says"
    with pytest.raises(Mistake, match=r"t\.csv:1: has no column 'split2'"):
        load(task=where, split=2)


def test_a_list_without_groups_takes_samples_from_the_names(tmp_path: Path) -> None:
    listed(tmp_path)
    rows = [f"a.zip,{file},x" for file in three()]
    found = load(task=task(tmp_path / "t.csv", "archive,file,split", *rows))
    assert found.group is not None
    assert found.group.tolist() == ["R040031", "R050065", "R050402"]
    assert found.part is not None
    assert set(found.part.tolist()) == {"x"}


def test_given_groups_that_share_a_spectrum_are_joined(tmp_path: Path) -> None:
    same = {name(): text(), name("Quartz", "R040099"): text(), name("Quartz", "R040099", 2): text(lines(470))}
    archive(tmp_path / "a.zip", same)
    rows = [f"a.zip,{file},Quartz,{group}" for file, group in zip(same, "BAA", strict=True)]
    found = load(task=task(tmp_path / "t.csv", "archive,file,mineral,group", *rows))
    assert found.group is not None
    assert found.group.tolist() == ["A", "A"]


LISTS = {
    "misspelt": ("archive,file,minerl,group", ["a.zip,{q},Q,S"], "t.csv:1: unknown column 'minerl'", "'mineral'"),
    "misspelt file": ("archive,fil,mineral", ["a.zip,{q},Q"], "t.csv:1: has no column 'file'", "'fil'"),
    "neither": ("file,mineral", ["{q},Q"], "t.csv:1: wants either a column 'archive'", "there is: file"),
    "both": ("archive,row,file", ["a.zip,1,{q}"], "t.csv:1: wants either", "archive"),
    "twice": ("archive,file,file", ["a.zip,{q},{q}"], "t.csv:1: has two columns", "rename"),
    "no rows": ("archive,file", [], "t.csv:1: lists no spectra", "line"),
    "too few cells": ("archive,file,mineral", ["a.zip,{q},Q", "a.zip"], "t.csv:3: has not the 3 cells", "cell"),
    "too many cells": ("archive,file,mineral", ["a.zip,{q},Q,Z"], "t.csv:2: has not the 3 cells", "cell"),
    "empty cell": ("archive,file,mineral", ["a.zip,{q},Q", "a.zip,{q},"], "t.csv:3: column 'mineral' is empty", "fill"),
    "absent member": ("archive,file", ["a.zip,{q}", "a.zip,gone.txt"], "t.csv:3: a.zip holds no 'gone.txt'", "name"),
    "no label": ("archive,file", ["more,odd.txt"], "t.csv:2: 'odd.txt' is not an RRUFF file name", "'mineral'"),
    "no group": ("archive,file,mineral", ["more,odd.txt,Q"], "t.csv:2: 'odd.txt' is not an RRUFF", "'group'"),
    "npz": ("row,file", ["0,{q}"], "t.csv: an .npz file was not found", "beside"),
}


@pytest.mark.parametrize("what", LISTS)
def test_a_wrong_list_is_told_with_its_line(tmp_path: Path, what: str) -> None:
    listed(tmp_path)
    folder(tmp_path / "more", {"odd.txt": text()})
    header, rows, message, hint = LISTS[what]
    where = task(tmp_path / "t.csv", header, *(row.format(q=name()) for row in rows))
    with pytest.raises(EdgespecError) as told:
        load(task=where)
    assert told.value.message.startswith(message)
    assert hint in told.value.hint
    assert told.value.exit_code == (3 if what == "npz" else 2)


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    for content in (b"\xff\xfea\x00r\x00", b"", b"archive,file\n\x00\n"):
        (tmp_path / "t.csv").write_bytes(content)
        with pytest.raises(Mistake, match=r"^t\.csv:"):
            load(task=str(tmp_path / "t.csv"))


def test_an_archive_that_is_not_there_is_missing(tmp_path: Path) -> None:
    where = task(tmp_path / "t.csv", "archive,file", f"gone.zip,{name()}")
    with pytest.raises(Missing, match=r"t\.csv:2: gone\.zip was not found"):
        load(task=where)


def table(at: Path, **changes: Any) -> None:
    shift = np.arange(30, 1600, 2, dtype=np.float32)
    x = np.zeros((3, len(shift)), np.uint16)
    for row in range(3):
        x[row, 40:700] = 65534 * np.exp(-(((shift[40:700] - 400 - 100 * row) / 30) ** 2)) + 1
    held: dict[str, Any] = {
        "X": x,
        "axis_cm1": shift,
        "file_name": np.array([name(number=row) for row in range(3)]),
    } | changes
    np.savez(at, **{key: value for key, value in held.items() if value is not None})


def test_rows_of_an_npz_are_checked_against_their_names(tmp_path: Path) -> None:
    table(tmp_path / "s.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    where = task(tmp_path / "t.csv", "row,file,mineral,group", f"2,{name(number=2)},Q,A", f"0,{name(number=0)},R,B")
    found = load(task=where)
    assert [float(found.axis[row.argmax()]) for row in found.x] == pytest.approx([600, 400], abs=5)
    assert found.x.max() == pytest.approx(1, abs=0.01), "16-bit integers are shares of 65535"
    swapped = task(tmp_path / "u.csv", "row,file", f"0,{name(number=0)}", f"1,{name(number=2)}")
    with pytest.raises(Mistake, match=r"u\.csv:3: row 1 of s\.npz is 'Quartz.*__1\.txt', not 'Quartz.*__2\.txt'"):
        load(task=swapped)
    for row in ("3", "-1", "x", "1.0"):
        with pytest.raises(Mistake, match=r"v\.csv:2: s\.npz has no row"):
            load(task=task(tmp_path / "v.csv", "row,file", f"{row},{name(number=0)}"))
    table(tmp_path / "t.npz")
    with pytest.raises(Mistake, match="several"):
        load(task=where)
    assert len(load(task=where, npz="s.npz")) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": None}, "no .npz file with the arrays"),
        ({"X": np.zeros((2, 785))}, "s.npz: 'X' is float64 of shape (2, 785)"),
        ({"X": np.full((3, 785), np.nan)}, "s.npz!0 (t.csv:2): a value that is not finite"),
        ({"X": np.zeros((3, 785))}, "s.npz!0 (t.csv:2): the intensities are all zero"),
        ({"axis_cm1": np.zeros(785)}, "s.npz: 'axis_cm1' is not an increasing axis"),
        ({"file_name": np.array([object()] * 3)}, "s.npz!file_name: holds Python objects"),
    ],
)
def test_a_wrong_npz_is_told(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    table(tmp_path / "s.npz", **changes)
    with pytest.raises(Mistake) as told:
        load(task=task(tmp_path / "t.csv", "row,file", f"0,{name(number=0)}"))
    assert message in told.value.message


def test_a_damaged_npz_is_named(tmp_path: Path) -> None:
    table(tmp_path / "s.npz")
    whole = (tmp_path / "s.npz").read_bytes()
    where = task(tmp_path / "t.csv", "row,file", f"0,{name(number=0)}")
    for content in (whole[:900], b"PK", b"rubbish", whole[:400] + b"\0" * 200 + whole[600:]):
        (tmp_path / "s.npz").write_bytes(content)
        with pytest.raises(Mistake, match=r"s\.npz"):
            load(task=where)


def real(*files: str) -> None:
    """Skip where the real spectra are not at hand (asked before the fixture hides EDGESPEC_DATA)."""
    for file in files:
        if REAL is None or not (REAL / "rruff" / file).exists():
            pytest.skip(f"EDGESPEC_DATA is unset or lacks rruff/{file}")


REAL = Path(os.environ["EDGESPEC_DATA"]) if os.environ.get("EDGESPEC_DATA") else None


def loaded(axis: Axis, **keys: Any) -> Spectra:
    return rruff.load(axis=axis, seed=0, root=str((REAL or Path()) / "rruff"), **keys)


def test_the_ten_minerals_are_all_read() -> None:
    real("rruff10.csv", "excellent_unoriented_subset.zip", "oriented_resampled_subset.zip")
    found = loaded(Axis(150, 1172, 512), task="rruff10.csv")
    assert len(found) == 723
    assert found.group is not None
    assert len(set(found.group.tolist())) == 87
    counts = Counter(found.labels[number] for number in found.y)
    assert [counts[label] for label in found.labels] == [53, 61, 96, 68, 98, 60, 82, 75, 63, 67]


@pytest.mark.parametrize("listed", ["rruff10.csv", "rruff_hard13.csv", "minerals192.csv"])
def test_a_task_list_keeps_to_the_laser_also_where_archives_were_resampled(listed: str) -> None:
    real(listed, "excellent_unoriented_subset.zip", "oriented_resampled_subset.zip", "sang2022_resampled_subset.npz")
    rows = list(csv.DictReader(((REAL or Path()) / "rruff" / listed).read_text(encoding="utf-8").splitlines()))
    lasers = [int(row["file"].split("__")[3]) for row in rows]
    every = loaded(Axis(200, 900, 128), task=listed)
    assert every.laser is not None
    for laser in (514, 532):
        found = loaded(Axis(200, 900, 128), task=listed, laser=[laser])
        assert found.laser is not None
        assert set(found.laser.tolist()) == {laser}
        # a spectrum that is filed under two lasers is dropped as a duplicate only where both are read
        assert 0 < (every.laser == laser).sum() <= len(found) <= lasers.count(laser)


def test_a_task_list_without_the_laser_is_told_which_there_are(tmp_path: Path) -> None:
    archive(tmp_path / "a.zip", {name(): text(), name("Beryl", "R050065", laser="780"): text(lines(685))})
    rows = [f"a.zip,{name()}", f"a.zip,{name('Beryl', 'R050065', laser='780')}"]
    where = task(tmp_path / "t.csv", "archive,file", *rows)
    assert load(task=where, laser=[780]).labels == ("Beryl",)
    with pytest.raises(Mistake, match=r"no spectrum fits lasers \[785\]") as told:
        load(task=where, laser=[785])
    assert told.value.hint == "lasers: 532, 780"


def test_the_192_minerals_keep_the_parts_of_their_list() -> None:
    real("minerals192_site.csv", "sang2022_resampled_subset.npz")
    for split in (0, 1, 2):
        found = loaded(Axis(200, 900, 128), task="minerals192_site.csv", split=split)
        assert found.part is not None
        assert found.group is not None
        assert len(found.labels) == 192
        assert len(found) == 4238 - 9
        pairs = set(zip(found.group.tolist(), found.part.tolist(), strict=True))
        assert len(pairs) == len(set(found.group.tolist())), "no sample in two parts"
        assert set(found.part.tolist()) == {"library", "site", "dev"}
