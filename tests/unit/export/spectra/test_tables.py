"""Tables of all kinds: the axis is the column that says so, spectra are what no other column is, each row of a map is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_reader import contract, read, refusal, tracks
from device_runner import module
from spectrum_files import AXIS, peaks

X = peaks()
LASER_NM = 633.0
NM = 1e7 / (1e7 / LASER_NM - AXIS)
WAVENUMBERS = 1e7 / LASER_NM - AXIS


def table(
    path: Path, head: str, *columns: Any, mark: str = ",", codec: str = "utf-8", end: str = "", tail: str = ""
) -> Path:
    """Write columns of numbers under a head, `end` behind each line and `tail` behind all."""
    rows = [mark.join(f"{value:.10g}" for value in row) + end for row in zip(*columns, strict=True)]
    path.write_text(head + "\n".join(rows) + "\n" + tail, encoding=codec)
    return path


def german(values: Any, digits: int = 3) -> list[str]:
    return [f"{value:.{digits}f}".replace(".", ",") for value in values]


def lines(path: Path, head: str, *columns: list[str], mark: str = ";", codec: str = "utf-8") -> Path:
    path.write_text(head + "\n".join(map(mark.join, zip(*columns, strict=True))) + "\n", encoding=codec)
    return path


def same(path: Path, **more: Any) -> Any:
    """Check that the file holds the one spectrum; give it."""
    found = read(path, **more)
    wanted = np.interp(np.linspace(150, 1172, 128), AXIS, X)
    np.testing.assert_allclose(found.x[0], wanted, atol=1)
    return found


COUNTS = np.arange(len(AXIS), dtype=float)
DARK, WHITE = 600 + COUNTS % 7, 40_000 + COUNTS % 11
KINDS = {
    "names a unit in brackets": ("Signal,Stokes shift [1/cm]\n", (X, AXIS)),
    "French": ("Intensit\u00e9,Nombre d'onde (cm-1)\n", (X, AXIS)),
    "Spanish": ("N\u00famero de onda,Intensidad\n", (AXIS, X)),
    "both axes and the shift last": ("wavelength/nm,I/counts,Raman shift/cm-1\n", (NM, X, AXIS)),
    "absolute wavenumbers beside it": ("Wavenumber,Raman shift,Counts\n", (WAVENUMBERS, AXIS, X)),
    "pixels before": ("Pixel No.,nm,rel. 1/cm,cts\n", (COUNTS, NM, AXIS, X)),
    "units below names": (
        "Point,Position,Shift,Signal\n,\u00b5m,cm\u207b\u00b9,a.u.\n",
        (COUNTS, COUNTS * 0 + 7, AXIS, X),
    ),
    "minutes": ("Zeit (s),Ramanverschiebung (cm-1),Z\u00e4hlrate\n", (COUNTS / 3, AXIS, X)),
    "dark corrected": ("Raman Shift,Dark,Raw,Dark corrected\n", (AXIS, DARK, X + DARK, X)),
    "background subtracted": ("cm-1,Background,Sample,Sample (background subtracted)\n", (AXIS, DARK, X + DARK, X)),
    "dark and reference": ("cm-1,dark,white,sample\n", (AXIS, DARK, WHITE, X)),
    "its spread": ("Raman shift (cm-1),mean,std\n", (AXIS, X, DARK)),
    "units in brackets, the shift without a unit": (
        "Wave,Sample,Dark\n[1/cm],[counts],[counts]\n",
        (AXIS, X, DARK),
    ),
    "an index without a name": (",shift,counts\n", (COUNTS, AXIS, X)),
    "y before x": ("y,x\n", (X, AXIS)),
    "a wavelength with the laser": ("Excitation: 633.0 nm, 20 mW\nWellenl\u00e4nge (nm),Intensit\u00e4t\n", (NM, X)),
    "a wavelength, power first": ("# Laser power [mW]: 300\n# Laser [nm]: 633\nwavelength,counts\n", (NM, X)),
    "far above the data": ("X-Axis unit: Nanometers\nLaser: 633\nIntegration time (ms): 785\nScans: 5\n\n", (NM, X)),
    "in a comment": ("# Wellenl\u00e4ngen in nm\n# Anregung 633 nm, Leistung 532 mW\n", (NM, X)),
    "absolute wavenumbers": ("excitation wavelength = 633.0\nWellenzahl (cm-1),Signal\n", (WAVENUMBERS, X)),
    "inverse metres": ("wavenumber / m-1,signal\n", (AXIS * 100, X)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_axis_and_the_spectrum_are_the_columns_that_say_so(tmp_path: Path, kind: str, mark: str) -> None:
    head, columns = KINDS[kind]
    same(table(tmp_path / "a.csv", head.replace(",", mark), *columns, mark=mark))
    same(table(tmp_path / "b.csv", head.replace(",", mark), *columns, mark=mark, codec="utf-16"))
    last = head.replace(",", mark).rstrip("\n") + mark + "\n"
    if mark == ";":
        same(table(tmp_path / "c.csv", last, *columns, mark=mark, end=mark))  # a delimiter behind each line


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    found = read(table(tmp_path / "a.csv", "Raman shift,Dark,Raw,Net\n", AXIS, DARK, X + DARK, X))
    assert "taken: 'Net'; not read as spectra: 'Dark', 'Raw'" in found.notes


REFUSED = {
    "a wavelength": ("Wavelength (nm),counts\n", (NM, X), "its axis is in nm, cm-1 is wanted, and its laser is not known"),
    "a laser's power": ("Laser power: 633 mW\nnm,counts\n", (NM, X), "its laser is not known"),
    "absolute wavenumbers": ("wavenumber,counts\n", (WAVENUMBERS, X), "absolute wavenumbers (14498 to 15698 cm-1), and its laser"),
    "pixels": ("Pixel,Counts\n", (COUNTS, X), "its axis is in another unit (Pixel)"),
    "pixels without a name": ("", (COUNTS, X), "counts its points from 0: pixels, no Raman shift"),
    "energies": ("Energy [eV],Counts\n", (AXIS, X), "its axis is in another unit"),
    "two axes without names": ("", (AXIS, X, AXIS - 7, X), "'column 3' rises or falls all along"),
    "only dark": ("Raman shift,Dark\n", (AXIS, DARK), "no column of intensities beside 'Raman shift'"),
    "absorbance": ("Wavenumber (cm-1),Absorbance\n", (AXIS, X), "its intensities are absorbance, so it is not a Raman spectrum"),
    "infrared": ("Technique: FT-IR\ncm-1,signal\n", (AXIS, X), "is an infrared spectrum, the model was trained on Raman"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_the_numbers_are_must_be_known(tmp_path: Path, kind: str) -> None:
    head, columns, told = REFUSED[kind]
    assert told in refusal(table(tmp_path / "a.csv", head, *columns))[1]


def test_what_the_asker_says_goes_before_the_files_laser_and_behind_its_unit(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "Laser: 532 nm\nnm,counts\n", NM, X)
    assert "its file says a laser of 532 nm, the 633 nm asked for are taken" in same(path, laser=LASER_NM).notes
    path = table(tmp_path / "b.csv", "Raman shift (cm-1),counts\n", AXIS, X)
    assert "its axis says cm-1, so --unit nm is not used" in same(path, unit="nm", laser=LASER_NM).notes
    path = table(tmp_path / "c.csv", "", COUNTS * 2 + 100, X)  # begins at 100, so it does not count its points
    assert "its axis says no unit, cm-1 is taken" in read(path).notes


MARKS = {
    "decimal commas": (";", german(AXIS, 1), german(X, 2)),
    "three decimals everywhere": ("\t", german(AXIS), german(X)),
    "thousands by commas": ("\t", [f"{a:g}" for a in AXIS], [f"{b * 40:,.0f}" for b in X]),
    "thousands by dots": (";", [f"{a:g}" for a in AXIS], [f"{b * 40:,.0f}".replace(",", ".") for b in X]),
    "thousands by dots, decimal commas": (
        ";", german(AXIS, 1), [f"{b * 40:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".") for b in X]
    ),
    "thousands by commas, decimal points": ("\t", [f"{a:.1f}" for a in AXIS], [f"{b * 40:,.1f}" for b in X]),
    "thousands by apostrophes": ("\t", [f"{a:g}" for a in AXIS], [f"{b * 40:,.0f}".replace(",", "'") for b in X]),
    "thousands by narrow blanks": (";", [f"{a:g}" for a in AXIS], [f"{b * 40:,.0f}".replace(",", "\u202f") for b in X]),
    "comma and blank": (", ", german(AXIS, 1), german(X, 2)),
    "quoted": ('","', ['"' + each for each in german(AXIS, 1)], [each + '"' for each in german(X, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("kind", MARKS)
def test_marks_in_numbers_are_meant_as_the_whole_table_says(tmp_path: Path, kind: str) -> None:
    mark, axis, x = MARKS[kind]
    (track,) = tracks(lines(tmp_path / "a.txt", "", axis, x, mark=mark))
    np.testing.assert_allclose(track.axis, AXIS, atol=0.01)
    np.testing.assert_allclose(track.x, X * (40 if "thousands" in kind else 1), atol=0.6)


def test_marks_that_can_be_meant_in_two_ways_are_refused(tmp_path: Path) -> None:
    axis = [f"{a:g}" for a in AXIS]
    path = lines(tmp_path / "a.txt", "shift\tcounts\n", axis, [f"{b + 2000:,.0f}" for b in X], mark="\t")
    assert "may be 2006 or 2.006" in refusal(path)[1]
    path = lines(tmp_path / "b.txt", "shift\tcounts\n", german(AXIS, 1), [f"{b + 2000:,.0f}.5" for b in X], mark="\t")
    assert "can be meant in two ways" in refusal(path)[1]
    path = lines(tmp_path / "c.csv", "shift,counts\n", german(AXIS, 1), german(X, 2), mark=",")
    assert "its commas are decimal marks and delimiters" in refusal(path)[1]


ROWS = {
    "places before, two blank": ("\t\t", ["0.5\t1\t", "0.5\t2\t", "1.5\t1\t"], "\t", ["0.5 1", "0.5 2", "1.5 1"]),
    "a row longer than the axis": ("", ["0\t", "20\t", "40\t"], "\t", ["0", "20", "40"]),
    "labels": ("name;", ["quartz;", "beryl;", "talc;"], ";", ["quartz", "beryl", "talc"]),
    "an index without a name": (",", ["0,", "1,", "2,"], ",", ["0", "1", "2"]),
    "the axis' name in the corner": ("Raman shift (cm-1),", ["a,", "b,", "c,"], ",", ["a", "b", "c"]),
}


@pytest.mark.parametrize("kind", ROWS)
def test_spectra_in_rows_below_their_axis_are_one_each(tmp_path: Path, kind: str) -> None:
    corner, begins, mark, names = ROWS[kind]
    rows = [corner + mark.join(f"{a:.1f}" for a in AXIS)]
    rows += [begin + mark.join(f"{b + i:.4f}" for b in X) for i, begin in enumerate(begins)]
    path = tmp_path / "map.txt"
    path.write_text("#Laser=\t633nm\n" * (mark == "\t") + "\n".join(rows) + "\n")
    found = tracks(path)
    assert [each.name for each in found] == [f"{path}:{name}" for name in names]
    for i, each in enumerate(found):
        np.testing.assert_allclose(each.axis, AXIS)
        np.testing.assert_allclose(each.x, X + i, atol=1e-4)
    path.write_text(path.read_text().rstrip("\n") + mark + "7\n")
    assert "is not like the lines before" in refusal(path)[1]


def test_spectra_in_columns_whose_names_are_numbers_are_no_rows(tmp_path: Path) -> None:
    head = "shift," + ",".join(map(str, range(1, 25))) + "\n"
    found = tracks(table(tmp_path / "a.csv", head, AXIS, *(X + i for i in range(24))))
    assert len(found) == 24
    np.testing.assert_array_equal(found[0].axis, AXIS)


@pytest.mark.parametrize("head", ["#X\t\t#Y\t\t#Wave\t\t#Intensity\n", "x (mm)\ty (mm)\tWellenzahl\tSignal\n", ""])
@pytest.mark.parametrize("way", [1, -1])
def test_a_map_one_point_a_line_is_cut_where_its_place_changes(tmp_path: Path, head: str, way: int) -> None:
    places = [(x, y) for y in range(2) for x in range(3)]
    columns = [np.repeat([place[k] for place in places], len(AXIS)) for k in range(2)]
    axis, x = np.tile(AXIS[::way], 6), np.concatenate([X[::way] + i for i in range(6)])
    path = table(tmp_path / "map.txt", head, *columns, axis, x, mark="\t")
    found = tracks(path)
    assert [each.name for each in found] == [f"{path}:{x} {y}" for x, y in places]
    np.testing.assert_allclose(found[5].x, X[::way] + 5)
    assert found[5].at(0) == f"{path}:{place}:{6 * 601 - 600 + bool(head)}" if (place := "2 1") else ""


def test_spectra_one_below_the_other_are_cut_where_the_axis_begins_anew(tmp_path: Path) -> None:
    path = table(tmp_path / "a.txt", "", np.tile(AXIS, 3), np.concatenate([X, X + 1, X + 2]))
    found = tracks(path)
    assert [each.name for each in found] == [f"{path}:1", f"{path}:2", f"{path}:3"]
    np.testing.assert_allclose(found[2].x, X + 2)
    path = table(tmp_path / "b.txt", "", np.concatenate([AXIS, AXIS[:100]]), np.concatenate([X, X[:100]]))
    assert "the axis turns back" in refusal(path)[1]


def test_pairs_of_columns_may_be_of_different_length(tmp_path: Path) -> None:
    rows = [f"{a};{b};{a};{b}" if a < 1250 else f"{a};{b};;" for a, b in zip(AXIS, X, strict=True)]
    path = tmp_path / "a.csv"
    path.write_text("Raman shift;first;Raman shift;second\n" + "\n".join(rows) + "\n")
    first, second = tracks(path)
    assert (len(first.x), len(second.x)) == (601, 575)
    path.write_text(
        "shift;first;second\n"
        + "\n".join(f"{a};{b};{b if k != 300 else ''}" for k, (a, b) in enumerate(zip(AXIS, X, strict=True)))
    )
    first, second = tracks(path)
    assert np.isnan(second.x).sum() == 1  # which ready() refuses with its line
    assert np.isfinite(first.x).all()


def test_a_column_that_is_empty_throughout_is_none(tmp_path: Path) -> None:
    same(
        table(
            tmp_path / "a.csv",
            "Pixel,Wavelength,Wavenumber,Processed,Dark,Reference\n",
            COUNTS,
            NM,
            AXIS,
            X,
            DARK,
            end=",",
        )
    )


def test_columns_of_one_name_are_numbered(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "shift,counts,counts,other\n", AXIS, X, X, X)
    assert [each.name for each in tracks(path)] == [f"{path}:counts:1", f"{path}:counts:2", f"{path}:other"]


def test_raw_is_taken_where_no_dark_was_measured(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "Raman shift,Dark,Raw,Dark Subtracted\n", AXIS, DARK * 0, X, DARK * 0)
    same(path)


def test_pairs_of_columns_have_an_axis_each(tmp_path: Path) -> None:
    head = "Raman shift,first,Raman shift,second\n"
    first, second = tracks(table(tmp_path / "a.csv", head, AXIS, X, AXIS - 30, X + 1))
    np.testing.assert_array_equal(second.axis, AXIS - 30)
    assert (first.name[-6:], second.name[-7:]) == (":first", ":second")


def test_text_behind_the_numbers_is_told_and_a_damaged_last_line_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "Raman shift,counts\n", AXIS, X, tail="\nSignatur: ein Labor\nEnde\n")
    assert "text behind the numbers is not read: 'Signatur: ein Labor'" in same(path).notes
    path = table(tmp_path / "b.csv", "Raman shift,counts\n", AXIS, X, tail="1302.0,4x\n")
    assert "is not like the lines before" in refusal(path)[1]
    same(table(tmp_path / "c.csv", ">>>>Begin Data<<<<\n", AXIS, X, mark="\t", tail=">>>>End Spectral Data<<<<\n"))


def test_rows_with_empty_cells_before_and_behind_are_left_out(tmp_path: Path) -> None:
    outside = "".join(f"{i};{700 + i}.1;;;;\n" for i in range(20))
    head = "Pixel;Wavelength;Raman Shift;Dark;Dark Subtracted;\n" + outside
    path = table(tmp_path / "a.csv", head, COUNTS, NM, AXIS, DARK, X, mark=";", end=";", tail=outside)
    assert "rows with empty cells are left out" in same(path).notes


def test_an_infrared_model_takes_wavenumbers_and_absorbance(tmp_path: Path) -> None:
    head = "wavelength (\u00b5m),wavenumber (cm-1),%T,Absorbance\n"
    path = table(tmp_path / "a.csv", head, 1e4 / AXIS, AXIS, 100 * 10 ** (-X / 1000), X / 1000)
    wanted = module("spectra.axes").Wanted(technique="Infrared")
    (track,) = module("spectra.files").read(str(path), wanted)
    found = module("spectra.checks").ready(track, contract(technique="Infrared"), wanted)
    np.testing.assert_allclose(found.x[0] * 1000, np.interp(np.linspace(150, 1172, 128), AXIS, X), atol=1)
