"""Task lists: whole samples in their shares, names that are found again, rare classes told."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from pathlib import Path

import bad_http_server
import numpy as np
import pytest
from rruff_files import archive, folder, lines, name, odd, text

from edgespec import datasets
from edgespec.authoring import inventory, task_list
from edgespec.data import splits
from edgespec.errors import Mistake
from edgespec.recipe import Call, Split
from edgespec.report.figures import spectra as spectra_figure
from edgespec.spectra import Axis, Spectra

AXIS = Axis(200, 1000, 64)


SHARES = {"library": 0.45, "site": 0.35, "test": 0.2}


pytestmark = pytest.mark.usefixtures("own_data")


def rows(made: task_list.TaskList) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made.text)))


def test_a_list_has_each_usable_spectrum_once_and_a_recipe_reads_it(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", odd())
    made = task_list.make(inventory.take(path, axis=AXIS), tmp_path, named=False, shares={})
    assert [(row["archive"], row["mineral"], row["group"]) for row in rows(made)] == [
        ("d", "Quartz", "R040031"),
        ("d", "Quartz", "R040031"),
    ]
    assert made.notes[0].startswith("spectra under two labels left out, on both sides: 2 (such as d/Aragonite")
    assert made.notes[1] == "repeats left out: 1"
    assert made.notes[2].startswith("unusable, left out: 3 (")
    read = listed(tmp_path, made)
    assert (len(read), read.labels) == (2, ("Quartz",))
    assert not [note for note in read.notes if "dropped" in note or "unusable" in note]


def listed(where: Path, made: task_list.TaskList, **keys: object) -> Spectra:
    (where / "task.csv").write_text(made.text)
    return datasets.load(Call("rruff", {"task": "task.csv", "root": str(where), **keys}), axis=AXIS, seed=0)


def packed(at: Path, samples: int = 10) -> str:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_bytes(bad_http_server.archive(("Quartz", "Albite", "Beryl"), samples))
    return str(at)


def test_parts_hold_whole_samples_in_their_shares_the_same_every_time(tmp_path: Path) -> None:
    found = inventory.take(packed(tmp_path / "a.zip"))
    made = [task_list.make(found, tmp_path, named=False, shares=SHARES, seed=seed) for seed in (0, 0, 1)]
    assert made[0].text == made[1].text != made[2].text
    counted = Counter((row["mineral"], row["split"]) for row in rows(made[0]))
    assert {counted[mineral, "test"] for mineral in ("Quartz", "Albite", "Beryl")} == {2}
    assert sum(counted[mineral, "library"] for mineral in ("Quartz", "Albite", "Beryl")) in range(12, 16)
    read = listed(tmp_path, made[0])
    assert read.part is not None
    assert set(read.part.tolist()) == {"library", "site", "test"}
    assert len(splits.divide(read, Split(parts="given"), 0).test) == 6  # refuses a sample on two sides


def test_a_lone_sample_is_learnt_from_and_told(tmp_path: Path) -> None:
    made = task_list.make(
        inventory.take(packed(tmp_path / "a.zip", 1)), tmp_path, named=False, shares={"test": 0.8, "train": 0.2}
    )
    assert {row["split"] for row in rows(made)} == {"train"}
    assert "minerals without a sample to test: 3 (Albite, Beryl, Quartz)" in made.notes


def test_a_sample_under_two_minerals_is_in_one_part(tmp_path: Path) -> None:
    files = {
        name(mineral, f"R0{k:05}", 10 * k + m): text(lines(300 + 20 * k + m), mineral, f"R0{k:05}")
        for m, mineral in enumerate(("Albite", "Anorthoclase"))
        for k in range(8)
    }
    made = task_list.make(inventory.take(archive(tmp_path / "a.zip", files)), tmp_path, named=False, shares=SHARES)
    found = {}
    for row in rows(made):
        assert found.setdefault(row["group"], row["split"]) == row["split"]
    assert len(rows(made)) == 16


def test_rare_minerals_are_left_out_or_told_where_they_were_asked_for(tmp_path: Path) -> None:
    files = {name("Quartz", f"R0{k:05}", k): text(lines(400 + k), sample=f"R0{k:05}") for k in range(3)}
    files[name("Beryl", "R050065", 9)] = text(lines(685), "Beryl", "R050065")
    found = inventory.take(archive(tmp_path / "a.zip", files))
    made = task_list.make(found, tmp_path, named=False, least=2, shares={})
    assert {row["mineral"] for row in rows(made)} == {"Quartz"}
    assert "minerals with fewer than 2 physical samples left out: 1 (Beryl 1)" in made.notes
    with pytest.raises(Mistake, match="fewer than 2 physical samples: Beryl 1"):
        task_list.make(found, tmp_path, named=True, least=2, shares={})
    with pytest.raises(Mistake, match="no spectrum is left"):
        task_list.make(found, tmp_path, named=False, least=4, shares={})


def test_archives_are_named_so_that_the_list_finds_them(tmp_path: Path) -> None:
    usual = packed(tmp_path / "data" / "rruff" / "a.zip")
    made = task_list.make(inventory.take("a.zip"), tmp_path / "lists", named=False, shares={})
    assert {row["archive"] for row in rows(made)} == {"a.zip"}
    (tmp_path / "lists").mkdir()
    assert len(listed(tmp_path / "lists", made)) == 30
    os.replace(usual, packed(tmp_path / "elsewhere" / "a.zip"))
    made = task_list.make(
        inventory.take(str(tmp_path / "elsewhere" / "a.zip")), tmp_path / "lists", named=False, shares={}
    )
    assert {row["archive"] for row in rows(made)} == {"../elsewhere/a.zip"}
    assert len(listed(tmp_path / "lists", made)) == 30


def test_a_list_names_a_place_that_whoever_reads_it_finds(tmp_path: Path) -> None:
    """Another archive of that name lies beside the list; the folder is itself the one in which recipes look."""
    usual = Path(packed(tmp_path / "data" / "rruff" / "a.zip"))
    other = Path(packed(tmp_path / "lists" / "a.zip", 1))
    made = task_list.make(inventory.take(str(usual)), tmp_path / "lists", named=False, shares={})
    assert {row["archive"] for row in rows(made)} == {"rruff/a.zip"}
    assert len(listed(tmp_path / "lists", made)) == 30
    other.unlink()
    usual.unlink()
    spectra = folder(tmp_path / "data" / "rruff", odd())
    made = task_list.make(inventory.take(spectra), tmp_path / "lists", named=False, shares={})
    assert {row["archive"] for row in rows(made)} == {"rruff"}
    assert inventory.take(str(written(tmp_path / "lists" / "b.csv", made))).seen


def written(path: Path, made: task_list.TaskList) -> Path:
    path.write_text(made.text)
    return path


def test_no_name_is_read_as_a_formula() -> None:
    curve = np.arange(9.0), np.arange(9.0)
    assert spectra_figure.draw({r"A$\frac$": [(r"$x_{$", curve)], "_b": [("_c", curve)]}, "png")


def test_rows_of_resampled_spectra_are_listed(tmp_path: Path) -> None:
    names = [name("Quartz", "R040031", 1), name("Beryl", "R050065", 2), name("Quartz", "R040032", 3)]
    x = np.random.default_rng(0).random((3, 900))
    np.savez(tmp_path / "r.npz", X=x, axis_cm1=np.arange(150.0, 1050), file_name=np.array(names))
    made = task_list.make(inventory.take(str(tmp_path / "r.npz")), tmp_path, named=False, shares={})
    assert [row["row"] for row in rows(made)] == ["1", "0", "2"]
    assert made.npz == tmp_path / "r.npz"
    assert len(listed(tmp_path, made, npz="r.npz")) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("library", "is not NAME=SHARE"),
        ("library=1,test=-1", "is not NAME=SHARE"),
        ("library=1,site=1", "one called test or dev"),
        ("test=1", "one called test or dev"),
        ("test=1,valid=1", "one called test or dev"),
        ("test=1,dev=1,train=1", "one called test or dev"),
        ("train=1,train=2,test=1", "'train' stands twice"),
    ],
)
def test_shares_that_make_no_sense_are_told(given: str, words: str) -> None:
    with pytest.raises(Mistake, match=words) as caught:
        task_list.shares(given)
    assert caught.value.hint


def test_shares_are_of_the_whole() -> None:
    assert task_list.shares("none") == task_list.shares("") == {}
    assert task_list.shares("train=3, test=1") == {"train": 0.75, "test": 0.25}
