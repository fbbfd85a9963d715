"""A laboratory's own files: classes and samples from folders, names or a list, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vendor_files

from edgespec import datasets
from edgespec.authoring import data_argument, inventory, survey
from edgespec.datasets import files
from edgespec.errors import Missing, Mistake
from edgespec.recipe import Call
from edgespec.spectra import Axis, Spectra

AXIS = Axis(200, 1000, 81)
PEAKS = {"Calcite": 1086 - 400, "Quartz": 465, "Albite": 507}
pytestmark = pytest.mark.usefixtures("own_places")


def text(peak: float, seed: int = 0, *, falls: bool = False) -> str:
    shift = np.arange(150.0, 1100, 2)[:: -1 if falls else 1]
    x = 900 * np.exp(-(((shift - peak) / 12) ** 2)) + np.random.default_rng(seed).random(len(shift))
    return "Raman shift (cm-1),Intensity\n" + "".join(f"{a},{b:.3f}\n" for a, b in zip(shift, x, strict=True))


def put(at: Path, contents: dict[str, str]) -> str:
    for name, content in contents.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_text(content)
    return str(at)


def load(**keys: Any) -> Spectra:
    return files.load(axis=AXIS, seed=0, **keys)


def peaks(found: Spectra) -> list[float]:
    return [float(found.axis[row.argmax()]) for row in found.x]


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    found = load(
        path=put(
            tmp_path / "s",
            {"Quartz/sample 12 - batch A.csv": text(465), "Albite/b.csv": text(507, 1), "Albite/c.csv": text(507, 2)},
        )
    )
    assert found.labels == ("Albite", "Quartz")
    assert found.y.tolist() == [0, 0, 1]
    assert found.where is not None
    assert found.where.tolist() == ["Albite/b.csv", "Albite/c.csv", "Quartz/sample 12 - batch A.csv"], "no local folder"
    assert peaks(found) == pytest.approx([507, 507, 465], abs=5)
    assert found.group is None
    assert any("accuracy is overestimated" in note for note in found.notes), (
        "nobody knows the samples, and that is told"
    )


def test_a_folder_below_the_class_is_a_sample(tmp_path: Path) -> None:
    found = load(
        path=put(
            tmp_path / "s", {"Quartz/1/a.csv": text(465), "Quartz/1/b.csv": text(465, 1), "Albite/1/a.csv": text(507)}
        )
    )
    assert found.group is not None
    assert found.group.tolist() == ["Albite/1", "Quartz/1", "Quartz/1"], "sample 1 of one class is not that of another"


@pytest.mark.parametrize(
    ("pattern", "names", "groups"),
    [
        ("{label}_{sample}_*", ["Quartz_s1_a", "Quartz_s1_b", "Albite_s1_a"], ["Albite/s1", "Quartz/s1", "Quartz/s1"]),
        ("*-{label}", ["1-Quartz", "2-Quartz", "3-Albite"], None),
        ("{sample}/{label}-*", ["p1/Quartz-1", "p1/Quartz-2", "p2/Albite-1"], ["Albite/p2", "Quartz/p1", "Quartz/p1"]),
    ],
)
def test_names_say_class_and_sample(tmp_path: Path, pattern: str, names: list[str], groups: list[str] | None) -> None:
    place = put(
        tmp_path / "s",
        {f"{name}.csv": text(PEAKS["Quartz" if "Quartz" in name else "Albite"], i) for i, name in enumerate(names)},
    )
    found = load(path=place, label=pattern)
    assert [found.labels[i] for i in sorted(found.y)] == ["Albite", "Quartz", "Quartz"]
    if groups is None:
        assert found.group is None
    else:
        assert found.group is not None
        assert sorted(found.group.tolist()) == groups


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_list_names_file_class_sample_and_part(tmp_path: Path, mark: str) -> None:
    place = put(tmp_path / "s", {"a.csv": text(465), "deep/b.csv": text(465, 1), "c.csv": text(507, 2)})
    rows = [
        ["File", "Class", "Sample ID", "split"],
        ["a.csv", "Quartz", "1", "train"],
        ["deep/b.csv", "Quartz", "2", "test"],
        [""],
        ["c.csv", "Albite", "", "train"],
    ]
    (tmp_path / "list.csv").write_text("\n".join(mark.join(row) for row in rows))
    found = load(list=str(tmp_path / "list.csv"), path=place)
    assert [found.labels[i] for i in found.y] == ["Quartz", "Quartz", "Albite"]
    assert found.group is not None
    assert found.group.tolist() == ["1", "2", "c.csv"], "where samples are known of some, another is its own"
    assert found.part is not None
    assert found.part.tolist() == ["train", "test", "train"]


def test_a_workbook_is_a_list(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: edgespec[formats]")
    put(tmp_path, {"a.csv": text(465), "b.csv": text(507)})
    book = openpyxl.Workbook()
    for row in (["file", "label", "sample"], ["a.csv", "Quartz", 12], ["b.csv", "Albite", None]):
        book.active.append(row)
    book.save(tmp_path / "list.xlsx")
    found = load(list=str(tmp_path / "list.xlsx"))
    assert found.labels == ("Albite", "Quartz")
    assert found.group is not None
    assert found.group.tolist() == ["12", "b.csv"]
    (tmp_path / "rubbish.xlsx").write_bytes(b"PK\x03\x04rubbish")
    with pytest.raises(Mistake, match=r"rubbish\.xlsx: not a whole file"):
        load(list=str(tmp_path / "rubbish.xlsx"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("name;x\na.csv;1", "no column 'file'"),
        ("file,other\na.csv,1", "no column 'label'"),
        ("file,label\na.csv,", ":2: no label"),
        ("file,label\n,Quartz", ":2: no file"),
        ("file,label\na.csv,Quartz\nnone.csv,Quartz", ":3: there is no none.csv"),
        ("file,label\n", "lists no spectra"),
        ("", "no column 'file'"),
    ],
)
def test_a_wrong_list_is_told_with_its_line(tmp_path: Path, lines: str, said: str) -> None:
    put(tmp_path, {"a.csv": text(465), "list.csv": lines})
    with pytest.raises((Mistake, Missing), match=said) as told:
        load(list=str(tmp_path / "list.csv"))
    assert told.value.hint


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "wants `path`"),
        ({"path": "s", "label": "{sample}"}, "does not say where the class stands"),
        ({"path": "s", "label": "{label}{label}"}, "twice"),
        ({"path": "s", "list": "l.csv", "label": "{label}"}, "`list` names every file"),
        ({"path": "s/a.csv"}, "is not a folder"),
        ({"path": "empty"}, "no file of spectra"),
        ({"path": "s"}, "no class is known of 1 files, such as a.csv"),
        ({"path": "s", "label": "{label}_*"}, "no class is known of 1 files"),
    ],
)
def test_keys_that_do_not_go_together_are_told(tmp_path: Path, keys: dict[str, Any], said: str) -> None:
    put(tmp_path, {"s/a.csv": text(465), "l.csv": "file,label\n"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(Mistake, match=said):
        load(root=str(tmp_path), **keys)


def test_nothing_at_hand_is_missing_or_stood_in_for(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="nowhere was not found"):
        load(path="nowhere")
    found = load(path="nowhere", otherwise=Call("minerals", {"samples": 6, "spectra": 1}))
    assert found.source == "embedded"


def test_what_cannot_be_used_fails_or_is_skipped_and_told(tmp_path: Path) -> None:
    good = {f"Quartz/{i}.csv": text(465, i) for i in range(3)} | {f"Albite/{i}.csv": text(507, i) for i in range(3)}
    place = put(tmp_path / "s", good | {"Quartz/bad.csv": "rubbish", "Albite/short.csv": "Raman shift,x\n1,2\n3,4\n"})
    with pytest.raises(Mistake, match="2 of 8 spectra cannot be used") as told:
        load(path=place)
    assert "Quartz/bad.csv" in told.value.message
    assert str(tmp_path) not in told.value.message, "files are named as the folder names them"
    found = load(path=place, refused="skip")
    assert len(found) == 6
    assert any("unusable spectra left out: 2" in note for note in found.notes)


def test_a_copy_is_dropped_and_under_two_labels_an_error(tmp_path: Path) -> None:
    place = put(tmp_path / "s", {"Quartz/a.csv": text(465), "Quartz/copy.csv": text(465), "Albite/b.csv": text(507)})
    found = load(path=place)
    assert len(found) == 2
    assert any("exact duplicates dropped: 1 (Quartz/copy.csv)" in note for note in found.notes)
    put(tmp_path / "s", {"Albite/wrong.csv": text(465)})
    with pytest.raises(Mistake, match=r"under two labels: Albite/wrong.csv \(Albite\) and Quartz/a.csv \(Quartz\)"):
        load(path=place)


def test_a_file_of_several_spectra_is_one_sample(tmp_path: Path) -> None:
    rows = [line.split(",") for line in text(465).splitlines()[1:]]
    two = "Raman shift (cm-1),a,b\n" + "".join(f"{a},{b},{float(b) * 2 + 1}\n" for a, b in rows)
    found = load(path=put(tmp_path / "s", {"Quartz/map.csv": two, "Albite/one.csv": text(507)}))
    assert found.group is not None
    assert sorted(found.group.tolist()) == ["Albite/one.csv", "Quartz/map.csv", "Quartz/map.csv"]


def test_unit_and_laser_are_said_or_asked_for(tmp_path: Path) -> None:
    def in_nm(peak: float) -> str:
        rows = [line.split(",") for line in text(peak).splitlines()[1:]]
        return "Wavelength (nm),Counts\n" + "".join(f"{1e7 / (1e7 / 785 - float(a)):.6f},{b}\n" for a, b in rows)

    place = put(tmp_path / "s", {"Quartz/a.csv": in_nm(465), "Albite/b.csv": in_nm(507)})
    with pytest.raises(Mistake, match="its laser is not known"):
        load(path=place, technique="Raman")
    found = load(path=place, technique="Raman", laser=785)
    assert peaks(found) == pytest.approx([507, 465], abs=5)
    assert found.technique == "Raman"


def test_a_second_reading_comes_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = put(tmp_path / "s", {"Quartz/a.csv": text(465), "Albite/b.csv": text(507)})
    first = load(path=place)
    read: list[int] = []
    real = files._read
    monkeypatch.setattr(files, "_read", lambda *given: (read.append(1), real(*given))[1])
    assert np.array_equal(load(path=place).x, first.x)
    assert not read
    put(tmp_path / "s", {"Quartz/a.csv": text(466)})
    load(path=place)
    assert read == [1]


def test_a_recipe_may_name_them(tmp_path: Path) -> None:
    place = put(tmp_path / "s", {"Quartz/a.csv": text(465), "Albite/b.csv": text(507, falls=True)})
    found = datasets.load(Call("files", {"path": place}), axis=AXIS, seed=0)
    assert (found.name, found.source) == ("files", "measured")
    assert any("files turned" in note for note in found.notes)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([0.11, 0.25, 0.31, 0.47, 0.52], "list.csv: the column of classes: 5 distinct numbers in 5 spectra"),
        (["a", "b", "a;b", "a", "b"], r"list.csv: the column of classes: 1 spectra .* such as 'a;b' \(2.csv\)"),
        (["0.2,0.8"] * 5, "list.csv: columns calcite, quartz: shares of a mixture: 2 columns sum to 1"),
    ],
)
def test_a_list_of_what_is_no_class_is_told(tmp_path: Path, labels: list[Any], told: str) -> None:
    put(tmp_path, {f"{i}.csv": text(450 + i, i) for i in range(5)})
    head = "file,calcite,quartz" if "," in str(labels[0]) else "file,label"
    lines = [f"{i}.csv,{label}" for i, label in enumerate(labels)]
    (tmp_path / "list.csv").write_text("\n".join([head, *lines]) + "\n")
    for tell in (
        lambda: load(list=str(tmp_path / "list.csv"), refused="skip"),
        lambda: inventory.take(str(tmp_path / "list.csv")),
        lambda: survey.survey(data_argument.call(str(tmp_path / "list.csv"))),
    ):
        with pytest.raises(Mistake, match=told):
            tell()


def test_folders_may_be_named_by_concentrations(tmp_path: Path) -> None:
    names = ["0", "0.1", "0.5", "2.5", "5", "10"]
    at = put(
        tmp_path,
        {f"{name}/{i}.csv": text(450 + i, i) for i in range(3) for name in names for i in [i + 3 * names.index(name)]},
    )
    assert set(load(path=at).labels) == set(names)
    put(tmp_path, {"Quartz;Albite/1.csv": text(600), "Quartz/1.csv": text(610), "Albite/1.csv": text(620)})
    with pytest.raises(Mistake, match="several labels, such as 'Quartz;Albite'"):
        load(path=at)


def test_instruments_own_files_are_learnt_from_and_a_map_is_one_sample(tmp_path: Path) -> None:
    shift = np.linspace(1100.0, 150.0, 476)
    bands = {name: 900 * np.exp(-(((shift - peak) / 12) ** 2)) + 9 for name, peak in PEAKS.items()}
    for name in PEAKS:
        (tmp_path / "s" / name).mkdir(parents=True)
    rows = np.array([bands["Quartz"] + k * np.sin(shift / 30) for k in range(4)])
    vendor_files.wdf(tmp_path / "s/Quartz/map.wdf", shift, rows, shape=(3, 2), capacity=6)
    data = vendor_files.opus_data(10, bands["Albite"], shift)
    vendor_files.opus(tmp_path / "s/Albite/rock.0", data, vendor_files.opus_data(2, bands["Albite"], shift, of=1))
    vendor_files.perkinelmer(tmp_path / "s/Calcite/a.sp", shift, bands["Calcite"], label="INT")
    (tmp_path / "s/Albite/notes.1").write_text("no spectrum")
    found = load(path=str(tmp_path / "s"))
    assert [found.labels[i] for i in found.y] == ["Albite", "Calcite", *["Quartz"] * 4]
    assert peaks(found) == pytest.approx([507, 686, *[465] * 4], abs=5)
    assert found.group is not None
    assert found.group[2:].tolist() == ["Quartz/map.wdf"] * 4


def test_a_library_that_is_missing_is_no_fault_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, {"s/Albite/a.csv": text(507), "s/Quartz/b.csv": text(465)})
    vendor_files.wdf(tmp_path / "s/Quartz/a.wdf")
    monkeypatch.setitem(sys.modules, "renishawWiRE", None)
    with pytest.raises(
        Missing, match=r"^Quartz/a\.wdf: renishawWiRE is needed to read it, and is not installed"
    ) as told:
        load(path=str(tmp_path / "s"), refused="skip")
    assert told.value.hint == 'pip install "edgespec[formats]"'
