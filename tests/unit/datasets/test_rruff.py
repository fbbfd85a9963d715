"""RRUFF files, archives and task lists: what is read, and what every kind of rubbish is answered with."""

from __future__ import annotations

import csv
import io
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rruff_files import NEW, archive, folder, lines, name, text

from edgespec import datasets
from edgespec.data.readers import rruff_text
from edgespec.datasets import rruff
from edgespec.errors import EdgespecError, Missing, Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

AXIS = Axis(200, 1000, 81)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("EDGESPEC_DATA", raising=False)


def load(**keys: Any) -> Spectra:
    return rruff.load(axis=AXIS, seed=0, **keys)


def three() -> dict[str, str | bytes]:
    return {
        name(): text(),
        name("Beryl", "R050065-2"): text(lines(685), "Beryl", "R050065"),
        name("Albite", "R050402_a"): text(lines(507), "Albite", "R050402", header=NEW),
    }


def test_a_folder_gives_minerals_samples_and_peaks_where_they_are(tmp_path: Path) -> None:
    found = load(path=folder(tmp_path / "spectra" / "below", three()).removesuffix("/below"))
    assert found.labels == ("Albite", "Beryl", "Quartz")
    assert found.y.tolist() == [0, 1, 2]
    assert found.group is not None
    assert found.group.tolist() == ["R050402", "R050065", "R040031"]
    assert found.x.shape == (3, 81)
    assert found.x.dtype == np.float32
    assert [float(found.axis[row.argmax()]) for row in found.x] == pytest.approx([507, 685, 465], abs=5)
    assert found.part is None
    assert found.source == "measured"
    assert found.notes == ()


def test_interpolation_keeps_the_measured_values(tmp_path: Path) -> None:
    data = "".join(f"{shift}, {3 * shift + 1}\n" for shift in range(190, 1010, 7))
    found = load(path=folder(tmp_path / "d", {name(): text(data)}))
    assert found.x[0] == pytest.approx(3 * found.axis + 1, rel=1e-6)


def test_zip_and_folder_say_the_same(tmp_path: Path) -> None:
    files = three()
    packed = archive(tmp_path / "a.zip", {f"deep/{file}": str(content) for file, content in files.items()})
    a, b = load(path=folder(tmp_path / "a", files)), load(path=packed)
    assert a.x.tobytes() == b.x.tobytes()
    assert a.labels == b.labels
    assert a.y.tolist() == b.y.tolist()
    assert not [path for path in tmp_path.rglob("*.txt") if path.parent.name != "a"], "nothing may be unpacked"


def test_several_sources_stand_in_the_order_given(tmp_path: Path) -> None:
    one = archive(tmp_path / "z.zip", {name(): text()})
    two = archive(tmp_path / "a.zip", {name("Beryl", "R050065"): text(lines(685), "Beryl", "R050065")})
    assert load(path=[one, two]).y.tolist() == [1, 0]
    assert load(path=[two, one]).y.tolist() == [0, 1]


@pytest.mark.parametrize("between", ["\t", "  "])
def test_a_file_without_commas_says_the_same(tmp_path: Path, between: str) -> None:
    spaced = text(lines().replace(", ", between))
    a, b = load(path=folder(tmp_path / "a", {name(): text()})), load(path=folder(tmp_path / "b", {name(): spaced}))
    assert a.x.tobytes() == b.x.tobytes()
    with pytest.raises(Mistake, match=r":8: '300.0 1 2' is not 'shift, intensity'"):
        load(path=folder(tmp_path / "c", {name(): text("150 1\n200 2\n250 3\n300.0 1 2\n400 1\n")}))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("letter", ["\u03a3".encode(), b"\xe9", b""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_header_bytes_and_line_ends_do_not_matter(tmp_path: Path, mark: bytes, letter: bytes, end: str) -> None:
    plain = text().replace("\r\n", "\n")
    odd = mark + plain.replace("\n", end).encode().replace(b"SiO_2_", b"SiO_2_" + letter)
    found = load(path=folder(tmp_path / "d", {name(): odd}))
    assert found.x.tobytes() == load(path=folder(tmp_path / "p", {name(): plain})).x.tobytes()


def test_a_header_that_goes_on_without_marks_is_a_header() -> None:
    scan = rruff_text.parse(text(header=NEW).encode(), "a.txt")
    assert (scan.mineral, scan.sample) == ("Quartz", "R040031")
    assert scan.axis[0] == 150


def test_zeros_around_a_resampled_spectrum_are_not_measured(tmp_path: Path) -> None:
    shift = np.arange(30, 1600)
    x = np.where((shift >= 300) & (shift <= 1200), 0.5, 0.0)
    data = "".join(f"{a}, {b}\n" for a, b in zip(shift, x, strict=True))
    where = folder(tmp_path / "d", {name(): data})
    found = load(path=where)
    assert (found.x[0] > 0).tolist() == (found.axis >= 300).tolist()
    assert any("at least 88%" in note for note in found.notes)
    assert len(load(path=where, min_coverage=0.9)) == 1  # told, not refused: a zero may be a measured one


def test_an_axis_that_falls_is_turned_and_told(tmp_path: Path) -> None:
    fallen = "".join(reversed(lines().splitlines(keepends=True)))
    found = load(path=folder(tmp_path / "d", {name(): text(fallen)}))
    assert found.x.tobytes() == load(path=folder(tmp_path / "r", {name(): text()})).x.tobytes()
    assert any(note.startswith("files turned") and ": 1 (" in note for note in found.notes)


@pytest.mark.parametrize(
    ("sample", "physical"),
    [
        ("R040068-3", "R040068"),
        ("R050441_a", "R050441"),
        ("X050012.3", "X050012"),
        ("R040022perptofiberaxes", "R040022"),
        ("RS151-1001269", "RS151-1001269"),
        ("altered", "altered"),
    ],
)
def test_a_sample_is_named_without_its_mount(sample: str, physical: str) -> None:
    assert rruff_text.physical_sample(sample) == physical


def test_names_are_read_in_both_exports() -> None:
    new = "Albite__R040068-3__Raman__514__0-000____Raman_Data_RAW__aad91d3687fd16bc7dcc8fd13198.txt"
    assert rruff_text.parse_name(new) == rruff_text.Name("Albite", "R040068-3", 514, "RAW")
    assert rruff_text.parse_name(name(laser="514.5")) == rruff_text.Name("Quartz", "R040031", 514, "Processed")
    assert rruff_text.parse_name("Quartz.txt") is None


def test_duplicates_are_dropped_told_and_join_their_samples(tmp_path: Path) -> None:
    files = {
        name("Albite", "R040001"): text(lines(507), "Albite", "R040001"),
        name("Anorthoclase", "R040009"): text(lines(507), "Anorthoclase", "R040009"),
        name("Anorthoclase", "R040009", 2): text(lines(515), "Anorthoclase", "R040009"),
        name("Beryl", "R040005"): text(lines(685), "Beryl", "R040007"),
        name("Beryl", "R040007"): text(lines(690), "Beryl", "R040007"),
    }
    found = load(path=folder(tmp_path / "d", dict(files)))
    assert [found.labels[number] for number in found.y] == ["Albite", "Anorthoclase", "Beryl", "Beryl"]
    assert found.group is not None
    assert found.group.tolist() == ["R040001", "R040001", "R040005", "R040005"]
    assert any(note.startswith("exact duplicates dropped: 1 (d/Anorthoclase__R040009") for note in found.notes)
    assert any("another label" in note and "Anorthoclase as Albite" in note for note in found.notes)


def test_a_header_with_another_mineral_is_told_but_not_used(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        name("AgarditeY", "R060711"): text(lines(), "Agardite-(Y)", "R060711"),
        name("Beryl", "R050065"): text(lines(685), "Emerald", "R050065"),
    }
    found = load(path=folder(tmp_path / "d", files))
    assert found.labels == ("AgarditeY", "Beryl")
    assert [note for note in found.notes if "another mineral" in note and ": 1 (d/Beryl" in note]


def test_kind_laser_and_minerals_choose(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        name(): text(),
        name(number=2, laser="780"): text(lines(470)),
        name(number=3, kind="RAW"): text(lines(475)),
        name("Beryl", "R050065"): text(lines(685), "Beryl", "R050065"),
    }
    where = folder(tmp_path / "d", files)
    assert len(load(path=where)) == 3
    assert len(load(path=where, kind="RAW")) == 1
    assert len(load(path=where, kind="any")) == 4
    assert len(load(path=where, laser=[780])) == 1
    assert load(path=where, minerals=["Beryl"]).labels == ("Beryl",)
    with pytest.raises(Mistake, match="no spectrum of mineral 'Quarz'") as told:
        load(path=where, minerals=["Quarz"])
    assert told.value.hint == "did you mean 'Quartz'?"
    with pytest.raises(Mistake, match=r"lasers \[514\]") as told:
        load(path=where, laser=[514])
    assert "532, 780" in told.value.hint
    with pytest.raises(Mistake, match="empty list"):
        load(path=where, minerals=[])
    with pytest.raises(Mistake, match="no RRUFF spectrum of kind RAW"):
        load(path=folder(tmp_path / "p", {name(): text()}), kind="RAW")


good = lines().splitlines(keepends=True)
RUBBISH = {
    "a word": ("".join([*good[:3], "200.0, abc\r\n", *good[3:]]), 8, "'200.0, abc' is not 'shift, intensity'"),
    "a word first": ("".join(["lorem ipsum\n", *good]), 5, "'lorem ipsum' is not"),
    "three columns": ("".join([*good[:3], "200.0, 1, 2\r\n", *good[3:]]), 8, "is not 'shift, intensity'"),
    "one column": ("".join(line.split(",")[0] + "\n" for line in good), 5, "is not 'shift, intensity'"),
    "decimal commas": ("".join(line.replace(".", ",") for line in good), 5, "is not 'shift, intensity'"),
    "underscores": ("".join([*good[:3], "15_6.5, 1\r\n", *good[3:]]), 8, "is not 'shift, intensity'"),
    "nan": ("".join([*good[:9], "nan, 3\r\n", *good[9:]]), 14, "not finite"),
    "nan first": ("".join(["nan, 3\r\n", *good]), 5, "not finite"),
    "inf": ("".join([*good[:9], "167.0, inf\r\n", *good[9:]]), 14, "not finite"),
    "overflow": ("".join([*good[:9], "167.0, 1e999\r\n", *good[9:]]), 14, "not finite"),
    "repeated shift": ("".join([*good[:5], good[4], *good[5:]]), 10, "the same Raman shift"),
    "turning back": ("".join([*good[:5], good[2], *good[5:]]), 10, "turns back"),
    "blank lines count": ("".join([*good[:5], "\n\n", good[2], *good[5:]]), 12, "turns back"),
    "two spectra": ("".join([*good, *good]), 5 + len(good), "turns back"),
    "header amid data": ("".join([*good[:5], "##COMMENT=x\n", *good[5:]]), 10, "is not 'shift, intensity'"),
    "one line": (good[0], 5, "one data line"),
    "nothing": ("", 5, "no data lines"),
    "zeros": ("".join(line.split(",")[0] + ", 0.0\n" for line in good), 5, "all zero"),
    "binary": ("\x00\x01\x02,\x07\n" * 9, 5, "is not 'shift, intensity'"),
}


@pytest.mark.parametrize("what", RUBBISH)
def test_rubbish_is_refused_with_file_and_line_or_skipped_and_told(tmp_path: Path, what: str) -> None:
    data, line, message = RUBBISH[what]
    files = three() | {name("Zircon", "R050034"): text(data, "Zircon", "R050034")}
    where = folder(tmp_path / "d", files)
    with pytest.raises(Mistake) as told:
        load(path=where)
    assert told.value.message.startswith(f"d/{name('Zircon', 'R050034')}:{line}: ")
    assert message in told.value.message
    assert "refused: skip" in told.value.hint
    assert told.value.exit_code == 2
    found = load(path=where, refused="skip")
    assert len(found) == 3
    assert found.labels == ("Albite", "Beryl", "Quartz")
    assert any(
        note.startswith("unusable spectra left out: 1 (") and name("Zircon", "R050034") in note for note in found.notes
    )
    assert any("labels left without a spectrum: 1 (Zircon)" in note for note in found.notes)


def test_whole_files_that_are_no_spectra(tmp_path: Path) -> None:
    cases: dict[str, tuple[str | bytes, str]] = {
        "empty": (b"", ":1: no data lines"),
        "utf-16": (text().encode("utf-16"), ":1: is UTF-16 text"),
        "cut short": (text()[:4000], "stops without ##END="),
        "after the end": (text() + "1, 2\n", "text after ##END="),
        "header only": ("##NAMES=Quartz\n", "no data lines"),
        "html": ("<html><body>404 not found</body></html>\n", ":1: '<html>"),
    }
    for what, (content, message) in cases.items():
        with pytest.raises(Mistake) as told:
            load(path=folder(tmp_path / what, {name(): content}))
        assert f"{what}/{name()}:" in told.value.message
        assert message in told.value.message
    with pytest.raises(Mistake, match=r"notes\.txt: its name says no mineral"):
        load(path=folder(tmp_path / "named", {**three(), "notes.txt": "1, 2\n"}))


def test_many_unusable_files_are_told_at_once(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {name(number=number): text("x, y\n") for number in range(10, 24)}
    where = folder(tmp_path / "d", files | three())
    with pytest.raises(Mistake) as told:
        load(path=where)
    assert told.value.message.startswith("14 of 17 spectra cannot be used:")
    assert told.value.message.count(":5: ") == 10
    assert "and 4 more" in told.value.message
    assert any("left out: 14 (" in note for note in load(path=where, refused="skip").notes)


def test_any_damage_to_a_file_is_a_mistake_or_harmless(tmp_path: Path) -> None:
    """Bytes flipped, cut out or put in at random: a spectrum comes out whole, or Refused names the file."""
    chance, whole = random.Random(5), text(header=NEW).encode()
    refused: list[rruff_text.Refused] = []
    for _ in range(300):
        at, length = chance.randrange(len(whole)), chance.choice([0, 1, 7, 400])
        raw = whole[:at] + chance.randbytes(chance.choice([0, 1, 3])) + whole[at + length :]
        try:
            scan = rruff_text.parse(raw, "a.txt")
        except rruff_text.Refused as refusal:
            refused.append(refusal)
            continue
        assert scan.axis.shape == scan.x.shape
        assert (np.diff(scan.axis) > 0).all()
        assert np.isfinite(scan.x).all()
    assert 50 < len(refused) < 250, "both must happen"
    assert all(each.message.startswith("a.txt:") and each.hint for each in refused)


@pytest.mark.parametrize("member", ["../" + name(), "/tmp/" + name(), "a\\..\\" + name(), "C:\\" + name()])
def test_a_zip_that_leads_outside_is_refused(tmp_path: Path, member: str) -> None:
    where = archive(tmp_path / "bad.zip", {name(): text(), member: text()})
    with pytest.raises(Mistake, match=r"bad\.zip: member .* leads outside"):
        load(path=where, refused="skip")


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    whole = Path(archive(tmp_path / "a.zip", {name(number=n): text(lines(400 + n)) for n in range(5)})).read_bytes()
    broken = {"short.zip": whole[: len(whole) // 2], "text.zip": b"hello", "empty.zip": b""}
    broken["bits.zip"] = whole[:300] + bytes(byte ^ 255 for byte in whole[300:340]) + whole[340:]
    for file, content in broken.items():
        (tmp_path / file).write_bytes(content)
        with pytest.raises(Mistake) as told:
            load(path=str(tmp_path / file), refused="skip")
        assert told.value.message.startswith(file)
        assert told.value.hint == f"fetch {file} again"
    with pytest.raises(Mistake, match=r"none\.zip: this archive holds no \.txt file"):
        load(path=archive(tmp_path / "none.zip", {"a.csv": "1,2"}))
    (tmp_path / "bare").mkdir()
    with pytest.raises(Mistake, match=r"bare: this folder holds no \.txt file"):
        load(path=str(tmp_path / "bare"))


def test_what_other_systems_leave_in_archives_is_passed_over(tmp_path: Path) -> None:
    where = archive(tmp_path / "a.zip", {name(): text(), f"__MACOSX/._{name()}": "\0", ".DS_Store.txt": "\0"})
    assert len(load(path=where)) == 1


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
    "no label": ("archive,file", ["more,odd.txt"], "t.csv:2: 'odd.txt' is no RRUFF file name", "'mineral'"),
    "no group": ("archive,file,mineral", ["more,odd.txt,Q"], "t.csv:2: 'odd.txt' is no RRUFF", "'group'"),
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
        ({"axis_cm1": np.zeros(785)}, "s.npz: 'axis_cm1' is no increasing axis"),
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


def test_data_are_found_below_the_usual_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "data" / "rruff" / "mine", three())
    folder(tmp_path / "home" / "data" / "rruff" / "yours", three())
    assert len(load(path="yours")) == 3
    with pytest.raises(Missing) as told:
        load(path="mine")
    assert "EDGESPEC_DATA" in told.value.hint
    assert str(tmp_path / "home" / "data" / "rruff" / "mine") in told.value.message
    monkeypatch.setenv("EDGESPEC_DATA", str(tmp_path / "data"))
    assert len(load(path="mine")) == 3
    assert len(load(path="mine", root=str(tmp_path / "data" / "rruff"))) == 3
    assert len(load(path="mine", root="rruff")) == 3
    with pytest.raises(Missing) as told:
        load(path="mine", root=str(tmp_path))
    assert str(tmp_path / "mine") in told.value.message
    assert told.value.exit_code == 3


def test_another_data_set_stands_in_only_where_it_is_named(tmp_path: Path) -> None:
    keys = {"path": folder(tmp_path / "spectra", three())}
    found = load(task="minerals.csv", otherwise=Call("rruff", keys))
    assert found.notes[0] == 'minerals.csv was not found; the measured data set "rruff" stands in'
    assert len(found) == 3
    listing = task(tmp_path / "t.csv", "archive,file", f"gone.zip,{name()}")
    assert load(task=listing, otherwise=Call("rruff", keys)).notes[0].startswith("gone.zip was not found")
    with pytest.raises(Mistake, match="lists no spectra"):
        load(task=task(tmp_path / "e.csv", "archive,file"), otherwise=Call("rruff", keys))


def test_keys_that_do_not_go_together() -> None:
    for keys in ({}, {"path": "a", "task": "b"}, {"path": "a", "split": 1}, {"path": "a", "npz": "b"}):
        with pytest.raises(Mistake, match="rruff: "):
            load(**keys)
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(Mistake, match="min_coverage"):
            load(path="a", min_coverage=share)


def test_a_second_reading_comes_from_the_cache_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = folder(tmp_path / "d", three())
    first = load(path=where)
    (kept,) = (tmp_path / "home" / "spectra").iterdir()
    parsed: list[str] = []
    parse = rruff_text.parse

    def counted(raw: bytes, at: str) -> rruff_text.Scan:
        parsed.append(at)
        return parse(raw, at)

    monkeypatch.setattr("edgespec.data.readers.archives.parse", counted)
    again = load(path=where)
    assert not parsed
    assert again.x.tobytes() == first.x.tobytes()
    assert again.labels == first.labels
    assert again.notes == first.notes
    assert again.group is not None
    assert first.group is not None
    assert again.group.tolist() == first.group.tolist()
    kept.write_bytes(kept.read_bytes()[:-40])
    assert load(path=where).x.tobytes() == first.x.tobytes()
    assert len(parsed) == 3, "a damaged cache file is read anew"
    (tmp_path / "d" / name()).rename(tmp_path / "d" / name("Topaz"))
    assert load(path=where).labels == ("Albite", "Beryl", "Topaz")
    (tmp_path / "d" / name("Topaz")).write_text(text(lines(900)))
    assert float(AXIS.values()[load(path=where).x[2].argmax()]) == pytest.approx(900, abs=5)
    assert rruff.load(axis=Axis(200, 1000, 41), seed=0, path=where).x.shape == (3, 41)


def test_reading_works_without_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EDGESPEC_HOME", str(tmp_path / "file"))
    assert len(load(path=folder(tmp_path / "d", three()))) == 3


def test_the_cache_keeps_everything(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((2, 81), dtype=np.float32)
    y = np.array([0, 1], dtype=np.int64)
    for whole in (
        Spectra(x, AXIS.values(), y, ("\u00c5", "b"), np.array(["s", "t"]), np.array(["u", "v"]), "embedded", ("n",)),
        Spectra(x, AXIS.values(), y, ("a", "b")),
    ):
        key = f"k{len(whole.notes)}"
        datasets.cached(key, lambda whole=whole: whole)  # type: ignore[misc]
        kept = datasets.cached(key, lambda: pytest.fail("was to come from the cache"))
        assert (kept.labels, kept.source, kept.notes) == (whole.labels, whole.source, whole.notes)
        for field in ("x", "axis", "y", "group", "part"):
            assert np.array_equal(getattr(kept, field), getattr(whole, field)), field
            assert getattr(kept, field) is None or getattr(kept, field).dtype == getattr(whole, field).dtype


# The real files


def real(*files: str) -> None:
    """Skip where the real spectra are not at hand (asked before the fixture hides EDGESPEC_DATA)."""
    for file in files:
        if REAL is None or not (REAL / "rruff" / file).exists():
            pytest.skip(f"EDGESPEC_DATA is unset or lacks rruff/{file}")


REAL = Path(os.environ["EDGESPEC_DATA"]) if os.environ.get("EDGESPEC_DATA") else None


def manifest(archive_: str, kind: str) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(((REAL or Path()) / "rruff" / "manifest.csv").read_text(encoding="utf-8")))
    return [row for row in rows if row["archive"] == archive_ and row["kind"] == kind]


def loaded(axis: Axis, **keys: Any) -> Spectra:
    return rruff.load(axis=axis, seed=0, root=str((REAL or Path()) / "rruff"), **keys)


def test_the_native_archive_agrees_with_its_manifest() -> None:
    source = "excellent_unoriented_subset.zip"
    real(source, "manifest.csv")
    rows = sorted(manifest(source, "Processed"), key=lambda row: row["file"])
    here = {row["file"] for row in rows}
    unique = [row for row in rows if row["identical_to"] not in here]
    found = loaded(Axis(300, 800, 64), path=source)
    assert [found.labels[number] for number in found.y] == [row["mineral"] for row in unique]
    assert found.group is not None
    assert found.group.tolist() == [row["group"] for row in unique]
    assert f"exact duplicates dropped: {len(rows) - len(unique)} (" in found.notes[0]


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


def test_the_newer_export_is_read_raw_and_processed() -> None:
    source = "native_oriented_2026_subset.zip"
    real(source, "manifest.csv")
    for kind in ("RAW", "Processed"):
        rows = manifest(source, kind)
        found = loaded(Axis(200, 1172, 128), path=source, kind=kind)
        assert len(found) == len(rows) == 150
        assert found.group is not None
        assert set(found.group.tolist()) == {row["group"] for row in rows}


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
