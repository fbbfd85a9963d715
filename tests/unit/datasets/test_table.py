"""One wide table: rows or columns, what says class and sample, and what can't be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgespec.datasets import table
from edgespec.errors import Missing, Mistake
from edgespec.spectra import Axis, Spectra

AXIS = Axis(200, 1000, 81)
SHIFT = np.arange(150.0, 1100, 5)
CLASSES = ["Quartz", "Albite", "Quartz", "Albite"]
PEAKS = {"Quartz": 465, "Albite": 507}
X = np.stack([900 * np.exp(-(((SHIFT - PEAKS[name]) / 12) ** 2)) + i + SHIFT / 500 for i, name in enumerate(CLASSES)])
pytestmark = pytest.mark.usefixtures("own_places")


def in_rows(**columns: list[Any]) -> list[list[str]]:
    head = [*columns, *(f"{each:g}" for each in SHIFT)]
    told = [[str(values[i]) for values in columns.values()] for i in range(len(X))]
    return [head, *([*told[i], *(f"{v:.4f}" for v in row)] for i, row in enumerate(X))]


def in_columns(names: list[str], corner: str = "Raman shift (cm-1)", **rows: list[Any]) -> list[list[str]]:
    told = [[key, *map(str, values)] for key, values in rows.items()]
    return [[corner, *names], *told, *([f"{a:g}", *(f"{v:.4f}" for v in X[:, i])] for i, a in enumerate(SHIFT))]


def put(path: Path, cells: list[list[str]], mark: str = ",") -> str:
    path.write_text("\n".join(mark.join(row) for row in cells) + "\n")
    return str(path)


def load(path: str, **keys: Any) -> Spectra:
    return table.load(axis=AXIS, seed=0, path=path, **{"unit": "cm-1", **keys})


def right(found: Spectra) -> None:
    assert found.labels == ("Albite", "Quartz")
    assert [found.labels[i] for i in found.y] == CLASSES
    assert [float(found.axis[row.argmax()]) for row in found.x] == pytest.approx([465, 507, 465, 507], abs=6)


def test_a_unit_stands_in_the_table_or_in_the_recipe(tmp_path: Path) -> None:
    bare = put(tmp_path / "t.csv", in_rows(label=CLASSES))
    with pytest.raises(Mistake, match=r"t\.csv: its axis says no unit") as caught:
        load(bare, unit=None)
    assert "unit: cm-1" in caught.value.hint
    named = in_rows(label=CLASSES)
    named[0][1:] = [f"{each} cm-1" for each in named[0][1:]]
    right(load(put(tmp_path / "named.csv", named), unit=None))
    right(load(put(tmp_path / "columns.csv", in_columns(["a", "b", "c", "d"], label=CLASSES)), unit=None))
    wavelength = in_columns(["a", "b", "c", "d"], "wavelength (nm)", label=CLASSES)
    for row in wavelength[2:]:
        row[0] = f"{1e7 / (1e7 / 785 - float(row[0])):.5f}"
    right(load(put(tmp_path / "nm.csv", wavelength), unit=None, laser=785))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_spectra_in_rows(tmp_path: Path, mark: str) -> None:
    found = load(put(tmp_path / "t.csv", in_rows(label=CLASSES, sample=["a", "a", "b", "c"]), mark))
    right(found)
    assert found.group is not None
    assert found.group.tolist() == ["a", "a", "b", "c"]


def test_a_spreadsheets_index_is_no_spectrum_and_no_axis(tmp_path: Path) -> None:
    cells = in_rows(**{"": [0, 1, 2, 3]}, label=CLASSES)
    found = load(put(tmp_path / "t.csv", cells))
    right(found)
    assert found.group is None
    assert any("accuracy is overestimated" in note for note in found.notes)
    shorter = [cells[0][1:], *cells[1:]]  # as R writes it: no name above the numbers of rows
    right(load(put(tmp_path / "r.csv", shorter)))


def test_many_rows_with_an_index_are_rows(tmp_path: Path) -> None:
    rows = in_rows(**{"": [0, 1, 2, 3]}, label=CLASSES)
    many = [rows[0]] + [[str(i), *rows[1 + i % 4][1:-1], f"{i}.5"] for i in range(40)]
    assert len(load(put(tmp_path / "t.csv", many))) == 40


@pytest.mark.parametrize("corner", ["Raman shift (cm-1)", ""])
def test_spectra_in_columns_with_a_row_of_classes(tmp_path: Path, corner: str) -> None:
    cells = in_columns(["s1", "s2", "s3", "s4"], corner, Class=CLASSES, Patient=[1, 2, 3, 4])
    found = load(put(tmp_path / "t.csv", cells))
    right(found)
    assert found.group is not None
    assert found.group.tolist() == ["1", "2", "3", "4"]


def test_names_of_columns_say_class_and_sample(tmp_path: Path) -> None:
    names = [f"{name}_s{i // 2}_{i}" for i, name in enumerate(CLASSES)]
    found = load(put(tmp_path / "t.csv", in_columns(names)), label="{label}_{sample}_*")
    right(found)
    assert found.group is not None
    assert found.group.tolist() == ["Quartz/s0", "Albite/s0", "Quartz/s1", "Albite/s1"]
    with pytest.raises(Mistake, match="4 names do not fit"):
        load(put(tmp_path / "t.csv", in_columns(names)), label="{label}-{sample}")


def test_decimal_commas_are_read(tmp_path: Path) -> None:
    cells = [[cell.replace(".", ",") for cell in row] for row in in_rows(label=CLASSES)]
    right(load(put(tmp_path / "t.csv", cells, ";")))


def test_thousands_are_refused_and_not_read_as_decimals(tmp_path: Path) -> None:
    cells = in_rows(label=CLASSES)
    cells[1][50] = '"1,138"'
    with pytest.raises(Mistake, match="spectrum 1"):
        load(put(tmp_path / "t.csv", cells))


def test_a_workbook_and_a_parquet_file_say_the_same(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed: edgespec[formats]")
    book = openpyxl.Workbook()
    for row in in_rows(label=CLASSES):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    right(load(str(tmp_path / "t.xlsx")))
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: edgespec[formats]")
    from pyarrow import parquet

    columns = {"label": CLASSES, **{f"{a:g}": X[:, i] for i, a in enumerate(SHIFT)}}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    right(load(str(tmp_path / "t.parquet")))
    for name in ("rubbish.xlsx", "rubbish.parquet"):
        (tmp_path / name).write_bytes(b"PAR1\x00\xffrubbish")
        with pytest.raises(Mistake, match="not a whole file"):
            load(str(tmp_path / name))


def test_an_axis_in_nm_wants_its_laser(tmp_path: Path) -> None:
    cells = in_rows(label=CLASSES)
    cells[0][1:] = [f"{1e7 / (1e7 / 785 - a):.6f} nm" for a in SHIFT]
    with pytest.raises(Mistake, match="its laser is not known"):
        load(put(tmp_path / "t.csv", cells), technique="Raman")
    right(load(put(tmp_path / "t.csv", cells), technique="Raman", laser=785))


@pytest.mark.parametrize(
    ("change", "keys", "said"),
    [
        (lambda cells: cells[0].__setitem__(0, "what"), {}, "no column or row says the class"),
        (lambda cells: None, {"label": "clas"}, "has no 'clas'"),
        (lambda cells: cells[0].__setitem__(30, "1"), {}, "no axis is found"),
        (lambda cells: cells[0].__setitem__(30, "1"), {"layout": "rows"}, "turns back at '1'"),
        (lambda cells: cells[1].__setitem__(0, ""), {}, r"spectrum 1.*: no class is given"),
        (lambda cells: cells[2].__setitem__(40, ""), {}, r"spectrum 2.*not finite"),
        (lambda cells: cells.__delitem__(slice(1, None)), {}, "holds no spectra"),
        (lambda cells: [row.__delitem__(slice(9, None)) for row in cells], {}, "no axis is found"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path: Path, change: Any, keys: dict[str, Any], said: str) -> None:
    cells = in_rows(label=CLASSES)
    change(cells)
    with pytest.raises(Mistake, match=said) as told:
        load(put(tmp_path / "t.csv", cells), **keys)
    assert told.value.hint


def test_a_matrix_with_two_axes_is_not_guessed(tmp_path: Path) -> None:
    cells = [["", *(f"{a + 0.5:g}" for a in SHIFT)], *([f"{a:g}", *(f"{v:.3f}" for v in SHIFT)] for a in SHIFT)]
    with pytest.raises(Mistake, match="both the names of columns and the first column could be the axis"):
        load(put(tmp_path / "t.csv", cells), label="{label}")


def test_copies_are_dropped_and_two_labels_are_an_error(tmp_path: Path) -> None:
    cells = in_rows(label=CLASSES)
    found = load(put(tmp_path / "t.csv", [*cells, cells[1]]))
    assert len(found) == 4
    with pytest.raises(Mistake, match="under two labels"):
        load(put(tmp_path / "t.csv", [*cells, ["Albite", *cells[1][1:]]]))


def test_nothing_at_hand_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"nowhere.csv was not found"):
        load("nowhere.csv")


def test_what_is_no_class_a_spectrum_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        Mistake, match=r"t.csv: the classes: 1 spectra have several labels, such as 'a;b' \(t.csv: spec"
    ):
        load(put(tmp_path / "t.csv", in_rows(label=["a", "b", "a;b", "a"])))
    with pytest.raises(
        Mistake, match=r"t.csv: columns quartz, calcite: shares of a mixture: 2 columns sum to 1 in each"
    ):
        load(put(tmp_path / "t.csv", in_rows(quartz=[0.2, 0.5, 1, 0.3], calcite=[0.8, 0.5, 0, 0.7])))
    with pytest.raises(Mistake, match=r"holds 1 in each row \(one-hot\)"):
        load(put(tmp_path / "t.csv", in_rows(quartz=[1, 0, 1, 0], calcite=[0, 1, 0, 1])))
    right(load(put(tmp_path / "t.csv", in_rows(label=CLASSES, quartz=[1, 0, 1, 0], calcite=[0, 1, 0, 1]))))
    assert load(put(tmp_path / "t.csv", in_rows(label=[0.1, 0.5, 0.1, 0.5]))).labels == ("0.1", "0.5")
