"""What the device reads: every format gives the same spectrum, RRUFF's own files give the pipeline's, to the bit."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spectrum_files as files
import vendor_files
from device_reader import WINDOW, contract, read, refusal, tracks
from device_runner import module
from spectrum_files import AXIS, peaks

from edgespec.data.readers import rruff_text, task_list
from edgespec.spectra import Axis, interpolate

HEADER = "Raman shift (cm-1),Intensity\n"


def mixed_endings(path: Path) -> Path:
    files.table(path, head=HEADER)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    return path


def decimal_commas(path: Path, mark: str) -> Path:
    files.table(path, mark="|")
    path.write_text(path.read_text().replace(".", ",").replace("|", mark))
    return path


def quoted(path: Path) -> Path:
    lines = files.table(path).read_text().split()
    path.write_text('"shift","counts"\n' + "\n".join('"' + line.replace(",", '","') + '"' for line in lines))
    return path


def utf16(path: Path) -> Path:
    path.write_text(files.table(path, head=HEADER).read_text(), encoding="utf-16")
    return path


WRITERS: dict[str, Callable[[Path], Path]] = {
    "rruff.txt": files.rruff,
    "bare.csv": files.table,
    "headed.csv": lambda path: files.table(path, head=HEADER),
    "tabs.tsv": lambda path: files.table(path, mark="\t", head="wavenumber\tcounts\n"),
    "semicolons.csv": lambda path: files.table(path, mark=";"),
    "blanks.xy": lambda path: files.table(path, mark="   ", head="# measured on a Monday\n# cm-1 counts\n"),
    "decimal_semicolons.csv": lambda path: decimal_commas(path, ";"),
    "decimal_tabs.txt": lambda path: decimal_commas(path, "\t"),
    "decimal_blanks.txt": lambda path: decimal_commas(path, " "),
    "windows.csv": mixed_endings,
    "quoted.csv": quoted,
    "wide.txt": utf16,
    "horiba.txt": lambda path: files.table(
        path, mark="\t", head="#Acq. time (s)=\t10\n#Laser=\t532.00\n#AxisUnit=\t1/cm\n"
    ),
    "falling.txt": lambda path: files.rruff(path, AXIS[::-1], peaks()[::-1]),
    "even.jdx": files.jcamp,
    "pairs.jdx": lambda path: files.jcamp(path, **{"XYDATA": "(XY..XY)"}),
    "falling.dx": lambda path: files.jcamp(path, AXIS[::-1], peaks()[::-1]),
    "factor.jdx": lambda path: files.jcamp(path, YFACTOR="0.0001", DELTAX="2.0"),
    "even.spc": files.spc,
    "own_axis.spc": lambda path: files.spc(path, own_axis=True),
    "integers.spc": lambda path: files.spc(path, integers=True),
    "nameless": files.spc,
    "whole.wdf": vendor_files.wdf,
    "falling.wdf": lambda path: vendor_files.wdf(path, AXIS[::-1], peaks()[::-1]),
    "nameless_wdf": vendor_files.wdf,
    "opus.0": lambda path: vendor_files.opus(path, vendor_files.opus_data(10, peaks())),
    "opus.1234": lambda path: vendor_files.opus(path, vendor_files.opus_data(10, peaks()[::-1], AXIS[::-1])),
    "perkinelmer.sp": lambda path: vendor_files.perkinelmer(path, label="", unit="cm-1"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_spectrum(tmp_path: Path, name: str) -> None:
    found = read(WRITERS[name](tmp_path / name))
    wanted, covered = interpolate(AXIS, peaks(), WINDOW.values())
    assert (found.covered, found.low_cm1, found.high_cm1) == (covered, 100, 1300)
    exact = name.endswith((".txt", ".csv", ".tsv", ".xy"))  # SPC holds float32, JCAMP whole numbers and a factor
    np.testing.assert_allclose(found.x[0], wanted, rtol=0 if exact else 1e-6, atol=0 if exact else 0.01)
    assert found.x.dtype == np.float32


def test_jcamp_in_difference_form_is_decoded(tmp_path: Path) -> None:
    path = files.jcamp(tmp_path / "a.jdx", AXIS[:17], np.arange(17.0), YFACTOR="1.0")
    head = path.read_text().partition("(X++(Y..Y))\n")[0]
    path.write_text(head + "(X++(Y..Y))\n100@JJJJJJJJ\n116HJJJJJJJJ\n##END=\n")  # 8 is said twice, to be checked
    (track,) = tracks(path)
    np.testing.assert_array_equal(track.x, np.arange(17))
    path.write_text(head + "(X++(Y..Y))\n100@JJJJJJJJ\n116IJJJJJJJJ\n##END=\n")
    assert "damaged: Y-Check failed" in refusal(path)[1]


def test_a_table_of_several_spectra_gives_one_a_column(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    rows = np.column_stack([AXIS, peaks(), peaks()[::-1], peaks() + 1])
    np.savetxt(path, rows, delimiter=",", header="shift,left,right,up", comments="")
    found = tracks(path)
    assert [track.name for track in found] == [f"{path}:left", f"{path}:right", f"{path}:up"]
    np.testing.assert_array_equal(found[1].x, peaks()[::-1])


def test_a_column_of_row_numbers_before_the_axis_is_no_axis(tmp_path: Path) -> None:
    path = tmp_path / "pandas.csv"
    rows = np.column_stack([np.arange(len(AXIS)), AXIS, peaks()])
    np.savetxt(path, rows, delimiter=",", header=",Wavenumber,counts", comments="", fmt=["%d", "%.17g", "%.17g"])
    wanted, _ = interpolate(AXIS, peaks(), WINDOW.values())
    np.testing.assert_array_equal(read(path).x[0], wanted)


def test_subfiles_of_an_spc_file_are_spectra_of_their_own(tmp_path: Path) -> None:
    path = files.spc(tmp_path / "map.spc", subfiles=3)
    assert [track.name for track in tracks(path)] == [f"{path}:1", f"{path}:2", f"{path}:3"]


def test_opus_is_found_by_its_number_and_its_first_bytes(tmp_path: Path) -> None:
    inside = module("spectra.files")
    for name in ("a.0", "deep/b.9999"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        vendor_files.opus(tmp_path / name, vendor_files.opus_data(10, peaks()))
    for name, content in (
        ("log.1", b"text\n"),
        ("lib.so.2", b"\x7fELF"),
        ("c.3", b""),
        ("d.12345", inside.opus.opus_blocks.MAGIC),
    ):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.4").mkdir()
    (tmp_path / "nowhere.5").symlink_to("gone")
    assert inside.files([str(tmp_path)]) == [str(tmp_path / "a.0"), str(tmp_path / "deep" / "b.9999")]
    (none,) = inside.files([str(tmp_path / "folder.4")])
    assert ".wdf" in none.answer["hint"]
    assert ".0 (OPUS)" in none.answer["hint"]


def test_zeros_around_a_headerless_file_are_no_measurement(tmp_path: Path) -> None:
    inside = (AXIS >= 200) & (AXIS <= 1100)
    padded = files.table(tmp_path / "padded.txt", AXIS, np.where(inside, peaks(), 0.0))
    found = read(padded)
    assert (found.low_cm1, found.high_cm1) == (200, 1100)
    wanted, covered = interpolate(AXIS[inside], peaks()[inside], WINDOW.values())
    np.testing.assert_array_equal(found.x[0], wanted)
    assert found.covered == covered < 0.9
    headed = files.rruff(tmp_path / "headed.txt", AXIS, np.where(inside, peaks(), 0.0))
    assert read(headed).covered == 1


RAMAN_NM = 1e7 / (1e7 / 785 - AXIS)  # the wavelengths that Raman shifts have under a laser of 785 nm


@pytest.mark.parametrize(
    ("head", "axis", "told"),
    [
        ("", RAMAN_NM, {"unit": "nm", "laser": 785}),
        ("wavelength (nm),counts\n", RAMAN_NM, {"laser": 785}),
        ("# laser: 785 nm\nWavelength [nm],counts\n", RAMAN_NM, {}),
        ("", RAMAN_NM / 1000, {"unit": "um", "laser": 785}),
        ("\u00b5m,counts\n", RAMAN_NM / 1000, {"laser": 785}),
        ("#Laser=785\n#AxisUnit[1]=nm\n", RAMAN_NM, {}),
        ("Raman shift (cm-1) at 785 nm,counts\n", AXIS, {"unit": "nm", "laser": 785}),
        ("nm,absorbance\n", 1e7 / AXIS, {"technique": "Infrared"}),
    ],
)
def test_wavelengths_become_raman_shifts_where_the_laser_is_told(
    tmp_path: Path, head: str, axis: Any, told: dict[str, Any]
) -> None:
    found = read(files.table(tmp_path / "a.csv", axis, peaks(), head=head), **told)
    wanted, _ = interpolate(AXIS, peaks(), WINDOW.values())
    np.testing.assert_allclose(found.x[0], wanted, atol=0.01)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: files.table(path, RAMAN_NM, peaks(), head="Wavelength (nm),counts\n"),
        lambda path: files.jcamp(path, RAMAN_NM[:400], peaks()[:400], XUNITS="NANOMETERS", XYDATA="(XY..XY)"),
        lambda path: files.spc(path, RAMAN_NM, peaks(), own_axis=True, unit=3),
    ],
)
def test_wavelengths_without_a_laser_are_refused_with_what_to_say(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    code, error, hint = refusal(write(tmp_path / "a.dat"))
    assert code == 2
    assert "its axis is in nm, cm-1 is wanted" in error
    assert "--unit nm --laser 785" in hint


def archive(real: Path, name: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(real / "rruff" / name)


@pytest.mark.parametrize("window", [Axis(150, 1172, 512), Axis(150, 1200, 526)])
@pytest.mark.parametrize(
    "name", ["excellent_unoriented_subset", "native_oriented_2026_subset", "oriented_resampled_subset"]
)
def test_real_files_are_read_to_the_bit_as_the_pipeline_reads_them(real: Path, name: str, window: Axis) -> None:
    encoding, text, checks, wanted = (
        module("spectra.encoding"),
        module("spectra.text"),
        module("spectra.checks"),
        module("spectra.axes").Wanted(technique="Raman"),
    )
    step = (window.high - window.low) / (window.points - 1)
    axis = module("contract")._axis({"start": window.low, "step": step, "points": window.points})
    np.testing.assert_array_equal(axis, window.values())
    with archive(real, f"{name}.zip") as held:
        for file in sorted(name for name in held.namelist() if name.endswith(".txt"))[::9]:
            raw = held.read(file)
            scan = rruff_text.parse(raw, file)
            values, covered = interpolate(scan.axis, scan.x, window.values())
            (track,) = text.tracks(encoding.text(raw, file), file)
            found = checks.ready(track, contract(axis=axis, window=axis, min_coverage=0.5), wanted)
            assert found.x[0].tobytes() == values.tobytes(), file
            assert found.covered == covered


@pytest.mark.parametrize("task", ["rruff10.csv", "rruff_hard13.csv"])
def test_no_spectrum_of_the_tasks_is_refused(real: Path, task: str) -> None:
    encoding, text, checks, wanted = (
        module("spectra.encoding"),
        module("spectra.text"),
        module("spectra.checks"),
        module("spectra.axes").Wanted(technique="Raman"),
    )
    entries, _ = task_list.listing(real / "rruff" / task, None, 0)
    held = {path.stem: zipfile.ZipFile(path) for path in (real / "rruff").glob("*.zip")}
    names = {Path(name).name: (each, name) for each in held.values() for name in each.namelist()}
    listed = [Path(entry.where.rpartition("!")[2]).name for entry in entries]
    for file in listed:
        each, name = names[file]
        (track,) = text.tracks(encoding.text(each.read(name), file), file)
        checks.ready(track, contract(), wanted)  # raises where it refuses
    assert len(listed) in (723, 194)
