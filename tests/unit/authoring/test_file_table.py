"""A folder file by file: what each holds as the reader sees it, whatever its class."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import spectrum_files as files
from command import edgespec
from spectrum_files import AXIS, peaks

from edgespec import plugins
from edgespec.authoring import data_argument, file_table
from edgespec.authoring.file_table import Row

CASES = plugins.PACKAGE.parent.parent / "shared" / "cases" / "spectra"
pytestmark = pytest.mark.usefixtures("own_places")


def text(axis: np.ndarray, head: str = "") -> str:
    return head + "".join(f"{a:.3f} {b:.3f}\n" for a, b in zip(axis, peaks(), strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of several kinds, none with a class."""
    place = tmp_path / "mixed"
    place.mkdir()
    files.jcamp(
        place / "ir.jdx",
        AXIS,
        10 ** (-peaks() / 2000) * 1000,
        YUNITS="TRANSMITTANCE",
        YFACTOR="1e-7",
        **{"DATA TYPE": "INFRARED SPECTRUM"},
    )
    files.spc(place / "map.spc", subfiles=3)
    (place / "bare.txt").write_text(text(AXIS))
    (place / "nm.txt").write_text(text(1e7 / (1e7 / 785 - AXIS)))
    (place / "cut.csv").write_text("shift (cm-1),counts\n100,1\n")
    (place / "said.txt").write_text(text(1e7 / (1e7 / 785 - AXIS), "wavelength (nm) counts\n"))
    (place / "notes.pdf").write_bytes(b"%PDF")
    return place


def rows(folder: Path, **keys: object) -> dict[str, Row]:
    call = data_argument.call(json.dumps({"files": {"path": str(folder), **keys}}))
    return {row.file: row for row in file_table.look(call)}


def test_each_file_says_what_it_is(folder: Path) -> None:
    found = rows(folder)
    assert list(found) == ["bare.txt", "cut.csv", "ir.jdx", "map.spc", "nm.txt", "said.txt"]
    infrared = found["ir.jdx"]
    assert (infrared.spectra, infrared.usable, infrared.points) == (1, 1, len(AXIS))
    assert (infrared.technique, infrared.intensity, infrared.axis) == (
        "infrared",
        "transmittance",
        f"{AXIS[0]:g} to {AXIS[-1]:g} cm-1",
    )
    assert "turned into absorbance" in infrared.said
    assert (found["map.spc"].spectra, found["map.spc"].technique, found["map.spc"].intensity) == (3, "Raman", "counts")
    assert found["bare.txt"].said == "its axis says no unit, cm-1 is taken"


def test_what_is_refused_says_why(folder: Path) -> None:
    found = rows(folder)
    assert (found["nm.txt"].usable, found["nm.txt"].said) == (
        0,
        "its axis says no unit, and is narrow for cm-1: is it in nm?",
    )
    assert "its laser is not known" in found["said.txt"].said
    assert found["cut.csv"].usable == 0
    told = rows(folder, unit="nm", laser=785.0)
    assert (told["nm.txt"].usable, told["said.txt"].usable) == (1, 1), "as a recipe would say it"


def test_inspect_shows_it_where_no_classes_are_known(folder: Path) -> None:
    ended = edgespec(folder.parent, "data", "inspect", "mixed", "--wide")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "6 files, 8 spectra, 5 usable; refused in whole or part: 3"
    assert lines[2].split()[:3] == ["file", "spectra", "axis"]
    assert any(line.startswith("cut.csv") and "refused: " in line for line in lines)
    assert lines[-1].startswith("No classes are known")
    told = json.loads(edgespec(folder.parent, "data", "inspect", "mixed", "--json").stdout)
    assert [each["file"] for each in told["files"]] == [line.split()[0] for line in lines[3:9]]


def test_with_classes_it_is_shown_on_demand(folder: Path) -> None:
    (folder / "A").mkdir()
    for each in sorted(folder.glob("*.*")):
        os.rename(each, folder / "A" / each.name)
    both = edgespec(folder.parent, "data", "inspect", "mixed")
    assert (both.returncode, "2 techniques" in both.stderr, "--files" in both.stderr) == (2, True, True)
    (folder / "A" / "ir.jdx").unlink()
    assert "class" in edgespec(folder.parent, "data", "inspect", "mixed").stdout
    by_file = edgespec(folder.parent, "data", "inspect", "mixed", "--files").stdout
    assert by_file.splitlines()[3].startswith("A/bare.txt")
    assert "No classes" not in by_file
    wrong = edgespec(folder.parent, "data", "inspect", "minerals", "--files")
    assert (wrong.returncode, "is not a folder of spectra" in wrong.stderr) == (2, True)


def test_the_folder_of_cases_is_a_table() -> None:
    if not CASES.is_dir():
        pytest.skip("no ../shared/cases/spectra beside the checkout")
    found = {row.file: row for row in file_table.look(data_argument.call(str(CASES)))}
    assert found["t08_truematch_nm.txt"].laser == pytest.approx(532.2)
    assert found["t06_labspec_map.txt"].spectra == 20
    assert found["i02_transmittance.jdx"].intensity == "transmittance"
    assert found["t31_nm_descending.txt"].usable == 0
    assert found["t33_nan_run.csv"].said.startswith("line 202: a value that is not finite")
