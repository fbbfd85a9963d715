"""What is told of spectra before anybody learns from them, and the task lists made of it."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import bad_http_server
import numpy as np
import pytest
from command import Ended, edgespec
from rruff_files import archive, folder, name, odd

from edgespec import datasets, yaml12
from edgespec.authoring import inventory, task_list
from edgespec.cli import data_inspect
from edgespec.data.readers import rruff_text
from edgespec.errors import Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis

AXIS = Axis(200, 1000, 64)


pytestmark = pytest.mark.usefixtures("own_data")


def test_it_counts_repeats_and_refusals_with_their_reasons(tmp_path: Path) -> None:
    told = inventory.summary(inventory.take(folder(tmp_path / "d", odd()), axis=AXIS))
    assert told["spectra"] == 5
    assert list(told["classes"]) == ["Quartz", "Aragonite", "Calcite"]
    assert told["classes"]["Quartz"] == {"spectra": 3, "samples": 1, "lasers_nm": [532, 780]}  # joined by the repeat
    assert told["lasers_nm"] == {"532": 4, "780": 1}
    assert told["kinds"] == {"Processed": 7, "RAW": 1, "unnamed": 1}
    assert told["axis_cm1"]["low"] == {"least": 150, "median": 150, "most": 150}
    assert told["axis_cm1"]["step"] == {"least": 1, "median": 2, "most": 2}
    repeats = {
        what: [(Path(a).stem[-3:], Path(b).stem[-3:]) for a, b in found] for what, found in told["repeats"].items()
    }
    assert repeats == {"in another sample": [("__3", "__1")], "in another class": [("__4", "__5")]}
    assert told["samples_in_several_classes"] == {"R060000": ["Aragonite", "Calcite"]}
    refused = {line.partition(": ")[0].rpartition("/")[2]: line.partition(": ")[2] for line in told["refused"]}
    assert len(refused) == 3
    (short,) = (why for where, why in refused.items() if "R070000" in where)
    assert short == "150 to 400 cm-1 covers 25% of the axis 200 to 1000 cm-1; min_coverage is 80%"
    (cut,) = (why for where, why in refused.items() if "R070001" in where)
    assert "stops without ##END=" in cut
    assert "its name says no mineral" in refused["notes.txt"]
    assert "header names another mineral" in told["notes"][0]


def test_without_an_axis_nothing_is_refused_for_it(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", odd())
    assert len(inventory.take(path).refused) == 2
    assert [each.label for each in inventory.take(path, minerals=["Beryl"]).seen] == ["Beryl"]
    assert [each.label for each in inventory.take(path, kind="RAW").seen] == ["Albite"]
    assert [each.laser for each in inventory.take(path, laser=[780]).seen] == [780]


def test_what_it_counts_is_what_a_recipe_reads(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {file: str(content) for file, content in odd().items()})
    found = inventory.take(path, axis=AXIS)
    read = datasets.load(Call("rruff", {"path": path, "refused": "skip", "two_labels": "first"}), axis=AXIS, seed=0)
    firsts = [each for row, each in enumerate(found.seen) if each.first == row]
    assert [each.label for each in firsts] == [read.labels[y] for y in read.y]
    assert read.group is not None
    assert [each.sample for each in firsts] == read.group.tolist()
    axis, x = found.curve(0)
    assert np.interp(read.axis, axis, x) == pytest.approx(read.x[0], rel=1e-5)


def test_arrays_are_told_on_their_own_axis(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((6, 40))
    x[4], x[5] = x[0], x[1]
    file = tmp_path / "a.npz"
    arrays = {"x": x, "y": [0, 1, 0, 1, 0, 0], "wavenumber": np.linspace(400, 1180, 40), "group": list("aabbab")}
    np.savez(file, **{key: np.array(value) for key, value in arrays.items()})
    told = inventory.summary(inventory.take(str(file)))
    assert told["classes"]["0"] == {"spectra": 4, "samples": 2, "lasers_nm": []}
    assert told["axis_cm1"]["low"]["median"] == 400
    assert told["axis_cm1"]["step"]["median"] == pytest.approx(20)
    assert told["repeats"] == {"in the same sample": [["row 4", "row 0"]], "in another class": [["row 5", "row 1"]]}
    with pytest.raises(Mistake, match="covers 38% of the axis 100 to 2000"):
        inventory.take(str(file), axis=Axis(100, 2000, 16), min_coverage=0.5)
    with pytest.raises(Mistake, match="by RRUFF's file names only"):
        inventory.take(str(file), laser=[532])
    with pytest.raises(Mistake, match="this lies in arrays"):
        task_list.make(inventory.take(str(file)), tmp_path, named=False, shares={})


def test_a_folder_of_arrays_is_told_how_to_be_named(tmp_path: Path) -> None:
    np.save(tmp_path / "train_x.npy", np.zeros((2, 20)))
    with pytest.raises(Mistake, match="holds arrays, no RRUFF files") as caught:
        inventory.take(str(tmp_path))
    assert "there is: train_x.npy" in caught.value.hint


def rows(made: task_list.TaskList) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made.text)))


def packed(at: Path, samples: int = 10) -> str:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_bytes(bad_http_server.archive(("Quartz", "Albite", "Beryl"), samples))
    return str(at)


def test_the_load_that_is_told_can_be_pasted(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", 1)
    ended = run("task", "a.zip", "--out", "my lists/one, two.csv", at=tmp_path)
    assert ended.returncode == 0, ended.stderr
    told = ended.stderr.partition("reads it with  ")[2].replace("...", "x")
    tree = yaml12.read(f"{{{told.strip()}}}", "", {})
    assert tree["data"]["load"] == {"rruff": {"task": "one, two.csv", "root": "my lists"}}


def test_names_that_are_no_text_are_refused_and_told(tmp_path: Path) -> None:
    place = Path(folder(tmp_path / "d", odd()))
    good = place / name("Quartz", "R040031", 1)
    for bad in (b"Q\xff", b"Quar\ttz"):
        (place / os.fsdecode(bad + b"__R040033__Raman__532__0__unoriented__Raman_Data_Processed__1.txt")).write_bytes(
            good.read_bytes()
        )
    found = inventory.take(str(place))
    assert [each for each in found.refused if "Q\\udcff" in each]
    assert [each for each in found.refused if "Quar\\ttz" in each]
    assert all(each.isprintable() for each in found.refused)
    only = folder(tmp_path / "e", {"notes.txt": "to be measured again"})
    with pytest.raises(Mistake, match="no class is known of 1 files, such as notes") as caught:
        inventory.take(only)
    assert "a folder for each class" in caught.value.hint


def test_a_member_that_is_no_spectrum_is_refused_alone(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", 1)
    with zipfile.ZipFile(tmp_path / "a.zip", "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name("Quartz", "R040099", 9), bytes(65_000_000))
    found = inventory.take(str(tmp_path / "a.zip"))
    assert len(found.seen) == 3
    assert [each for each in found.refused if "65000000 bytes is not a spectrum" in each]


@pytest.mark.parametrize("names", [np.arange(3), np.array([["a", "b", "c"]])])
def test_file_names_that_are_none_are_told(names: np.ndarray[Any, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", X=np.ones((3, 90)), axis_cm1=np.arange(150.0, 240), file_name=names)
    with pytest.raises(Mistake, match=r"'file_name' is .* of shape"):
        inventory.take(str(tmp_path / "r.npz"))


def test_resampled_spectra_without_their_axis_are_told_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", X=np.ones((1, 90)), file_name=np.array([name("Quartz", "R040031", 1)]))
    with pytest.raises(Mistake, match="has no array 'axis_cm1'"):
        inventory.take(str(tmp_path / "r.npz"))


def test_an_axis_beyond_the_laser_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones((4, 90)), y=np.arange(4), wavenumber=np.linspace(-900, -100, 90))
    with pytest.raises(Mistake, match="from -900 to -100 cm-1"):
        inventory.take(str(tmp_path / "a.npz"))


def test_broad_scans_have_their_names_read() -> None:
    said = rruff_text.parse_name(
        "Abramovite__R070037__Broad_Scan__532__0__unoriented__Raman_Data_Processed__db2de3a5.txt"
    )
    assert said == rruff_text.Name("Abramovite", "R070037", 532, "Processed")


def run(*arguments: str, at: Path) -> Ended:
    return edgespec(at, "data", *arguments)


def test_it_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data_inspect.command(folder(tmp_path / "d", odd()), axis="200:1000", wide=True)
    told = capsys.readouterr().out
    assert "d: 5 usable spectra, 3 classes, 2 physical samples" in told
    assert "kinds:   Processed 7, RAW 1, unnamed 1 (--kind)" in told
    assert re.search(r"^Quartz +3 +1  532 780$", told, re.MULTILINE)
    assert "lasers:  532 4, 780 1" in told
    assert "axis:    from 150 to 150 (median 150) cm-1" in told
    assert f"repeats in another sample: 1\n  {name('Quartz', 'R050000', 3)} is {name('Quartz', 'R040031', 1)}" in told
    assert "physical samples in several classes: 1\n  R060000: Aragonite, Calcite" in told
    assert "refused: 3\n" in told


def test_real_archives_are_counted_as_their_readme_counts_them(real: Path) -> None:
    archive = real / "rruff" / "excellent_unoriented_subset.zip"
    if not archive.exists():
        pytest.skip(f"{archive.name} is not in EDGESPEC_DATA/rruff")
    found = inventory.take(str(archive), minerals=["Grossular", "Diamond", "FluorapophylliteK", "ApophylliteKF"])
    told = inventory.summary(found)
    assert told["classes"]["Grossular"] == {"spectra": 32, "samples": 15, "lasers_nm": [514, 532, 780, 785]}
    assert {what: len(pairs) for what, pairs in told["repeats"].items()} == {
        "in the same sample": 2,
        "in another class": 7,
    }
    made = task_list.make(found, archive.parent, named=False, shares={})
    assert made.spectra == len(found.seen) - 2 - 2 * 7
    assert made.notes[0].startswith("spectra under two labels left out, on both sides: 14 (")
    assert "archive,file,mineral,group" in made.text
    assert {row["archive"] for row in rows(made)} == {archive.name}


def test_repeats_among_own_files_are_named_on_both_sides(tmp_path: Path) -> None:
    text = "Raman shift (cm-1),counts\n" + "".join(f"{150 + 2 * i},{1 + (i - 99) ** 2 % 97}\n" for i in range(400))
    for file in ("A/1.csv", "B/copy.csv"):
        (tmp_path / "s" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "s" / file).write_text(text)
    ended = edgespec(tmp_path, "data", "inspect", "s")
    assert "repeats in another class: 1\n  B/copy.csv is A/1.csv\n" in ended.stdout
