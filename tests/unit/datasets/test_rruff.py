"""RRUFF files, archives and task lists: what is read, and what every kind of rubbish is answered with."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rruff_files import NEW, archive, folder, lines, load, name, text, three

from edgespec.data.readers import rruff_text
from edgespec.datasets import rruff
from edgespec.errors import Missing, Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

pytestmark = pytest.mark.usefixtures("own_places")


def others(found: Spectra) -> tuple[str, ...]:
    """Give the notes but those on the flat ground of these spectra."""
    return tuple(note for note in found.notes if not note.startswith("points in a row"))


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
    assert others(found) == ()


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
        name("Albite", "R040009"): text(lines(507), "Albite", "R040009"),
        name("Anorthoclase", "R040009", 2): text(lines(515), "Anorthoclase", "R040009"),
        name("Beryl", "R040005"): text(lines(685), "Beryl", "R040007"),
        name("Beryl", "R040007"): text(lines(690), "Beryl", "R040007"),
    }
    found = load(path=folder(tmp_path / "d", dict(files)))
    assert [found.labels[number] for number in found.y] == ["Albite", "Anorthoclase", "Beryl", "Beryl"]
    assert found.group is not None
    assert found.group.tolist() == ["R040001", "R040001", "R040005", "R040005"]
    assert any(note.startswith("exact duplicates dropped: 1 (d/Albite__R040009") for note in found.notes)


def test_a_spectrum_under_two_labels_is_an_error_or_left_out_on_both_sides(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        name("Albite", "R040001"): text(lines(507), "Albite", "R040001"),
        name("Anorthoclase", "R040009"): text(lines(507), "Anorthoclase", "R040009"),
        name("Anorthoclase", "R040009", 2): text(lines(515), "Anorthoclase", "R040009"),
    }
    path = folder(tmp_path / "d", files)
    for word in ("fail", "stop"):
        with pytest.raises(Mistake, match=r"two labels: d/Albite__R040001.* \(Albite\) and d/Anorthoclase__R040009"):
            load(path=path, refused=word)
    found = load(path=path, refused="skip")
    assert found.labels == ("Anorthoclase",)
    assert len(found) == 1
    assert any(note.startswith("spectra under two labels left out, on both sides: 2 (d/Albite") for note in found.notes)
    assert any(note == "labels left without a spectrum: 1 (Albite)" for note in found.notes)
    first = load(path=path, two_labels="first")
    assert [first.labels[number] for number in first.y] == ["Albite", "Anorthoclase"]
    assert any("another label" in note and "Anorthoclase as Albite" in note for note in first.notes)
    del files[name("Anorthoclase", "R040009", 2)]
    with pytest.raises(Mistake, match="two labels"):  # nothing would be left
        load(path=folder(tmp_path / "e", files), refused="skip")


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


def task(at: Path, header: str, *rows: str) -> str:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(at)


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
    with pytest.raises(Mistake, match=r"ApophylliteKF__R040095.* \(ApophylliteKF\) and .* \(FluorapophylliteK\)"):
        loaded(Axis(300, 800, 64), path=source)  # a mineral that was renamed lies there under both names
    found = loaded(Axis(300, 800, 64), path=source, two_labels="first")
    assert [found.labels[number] for number in found.y] == [row["mineral"] for row in unique]
    assert found.group is not None
    assert found.group.tolist() == [row["group"] for row in unique]
    assert f"exact duplicates dropped: {len(rows) - len(unique)} (" in found.notes[0]


def test_the_newer_export_is_read_raw_and_processed() -> None:
    source = "native_oriented_2026_subset.zip"
    real(source, "manifest.csv")
    for kind in ("RAW", "Processed"):
        rows = manifest(source, kind)
        found = loaded(Axis(200, 1172, 128), path=source, kind=kind)
        assert len(found) == len(rows) == 150
        assert found.group is not None
        assert set(found.group.tolist()) == {row["group"] for row in rows}
