"""JCAMP-DX: every form of numbers that the standard has, several blocks, and what is not supported by its own name."""

from __future__ import annotations

import contextlib
import io
import itertools
from pathlib import Path

import numpy as np
import pytest
import spectrum_files as files
from device_reader import refusal, tracks
from device_runner import module
from hypothesis import given
from hypothesis import strategies as st

jcamp = pytest.importorskip("jcamp", reason="jcamp is not installed: pip install 'edgespec[dev]'")

SQUEEZED, DIFFERENCES, REPEATED = "@ABCDEFGHI", "%JKLMNOPQR", "STUVWXYZs"
Whole = list[int]


def coded(value: int, marks: str) -> str:
    """Write a number with its first digit, and its sign, in one letter."""
    first, rest = str(abs(value))[0], str(abs(value))[1:]
    mark = marks[int(first)]
    return (mark.lower() if value < 0 else mark) + rest


def repeats(tokens: list[str]) -> str:
    """Join tokens, equal ones that follow each other counted."""
    told, k = "", 0
    while k < len(tokens):
        count = 1
        while k + count < len(tokens) and tokens[k + count] == tokens[k]:
            count += 1
        told += tokens[k] + (REPEATED[int(str(count)[0]) - 1] + str(count)[1:] if count > 1 else "")
        k += count
    return told


def squeezed(ys: Whole, a_line: int, repeated: bool) -> list[str]:
    """Write (X++(Y..Y)) from X = 0 in squeezed form, the step being 1."""
    found = []
    for k in range(0, len(ys), a_line):
        tokens = [coded(y, SQUEEZED) for y in ys[k : k + a_line]]
        found.append(f"{k}" + (repeats(tokens) if repeated else "".join(tokens)))
    return found


def differences(ys: Whole, a_line: int, repeated: bool) -> list[str]:
    """Write it in difference form: the last of a line is said again at the begin of the next."""
    found, k = [], 0
    while k < len(ys):
        inside = ys[k : k + a_line]
        tokens = [coded(b - a, DIFFERENCES) for a, b in itertools.pairwise(inside)]
        found.append(f"{k}{coded(inside[0], SQUEEZED)}" + (repeats(tokens) if repeated else "".join(tokens)))
        k += max(len(inside) - 1, 1)
        if k == len(ys) - 1 and len(inside) > 1:
            found.append(f"{k}{coded(ys[-1], SQUEEZED)}")
            break
    return found


def write(path: Path, body: list[str], **said: str) -> Path:
    head = {"TITLE": "a", "JCAMP-DX": "4.24", "DATA TYPE": "RAMAN SPECTRUM", "XUNITS": "1/CM", "FIRSTX": "0", **said}
    form = head.pop("XYDATA", "(X++(Y..Y))")
    records = "".join(f"##{key}={value}\n" for key, value in head.items())
    path.write_text(f"{records}##XYDATA={form}\n" + "\n".join(body) + "\n##END=\n")
    return path


@given(
    ys=st.lists(st.integers(-400, 4000) | st.just(7), min_size=20, max_size=60),
    a_line=st.integers(2, 9),
    repeated=st.booleans(),
    form=st.sampled_from([squeezed, differences]),
)
def test_what_was_coded_is_read(tmp_path_factory: pytest.TempPathFactory, ys: Whole, a_line: int, repeated: bool, form: object) -> None:  # fmt: skip
    body = form(ys, a_line, repeated)  # type: ignore[operator]
    path = tmp_path_factory.getbasetemp() / "coded.jdx"
    write(path, body, LASTX=str(len(ys) - 1), NPOINTS=str(len(ys)), XFACTOR="1", YFACTOR="1")
    (track,) = tracks(path)
    np.testing.assert_array_equal(track.x, ys)
    np.testing.assert_allclose(track.axis, np.arange(len(ys)), atol=1e-9)


@pytest.mark.parametrize("form", ["(X++(Y..Y))", "(XY..XY)"])
def test_a_library_reads_the_same_where_it_can(tmp_path: Path, form: str) -> None:
    path = files.jcamp(tmp_path / "a.jdx", XYDATA=form)
    with contextlib.redirect_stdout(io.StringIO()):
        other = jcamp.readfile(str(path))
    (track,) = tracks(path)
    np.testing.assert_allclose(track.axis, other["x"], rtol=1e-12)
    np.testing.assert_allclose(track.x, other["y"], rtol=1e-12)


VARIANTS = {
    "more dots": {"XYDATA": "(X++(Y....Y))"},
    "blanks in the form": {"XYDATA": "( X++ ( Y .. Y ) )"},
    "a fraction that is whole": {"NPOINTS": "601.00"},
    "no NPOINTS": {"NPOINTS": ""},
    "no LASTX": {"LASTX": "", "DELTAX": "2.0"},
    "no LASTX, and a rounded DELTAX": {"LASTX": "", "DELTAX": "1.99"},
    "a rounded FIRSTX": {"FIRSTX": "100.3"},
    "one point more than told": {"NPOINTS": "600"},
    "ends exchanged": {"FIRSTX": "1300.0", "LASTX": "100.0"},
    "decimal commas": {"FIRSTX": "100,0", "LASTX": "1300,0", "YFACTOR": "0,0001"},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_header_that_is_odd_but_clear_is_read(tmp_path: Path, name: str) -> None:
    path = files.jcamp(tmp_path / "a.jdx", **VARIANTS[name])
    if name == "decimal commas":
        head, _, body = path.read_text().partition("(X++(Y..Y))\n")
        path.write_text(head + "(X++(Y..Y))\n" + body.replace(".", ","))
    (track,) = tracks(path)
    np.testing.assert_allclose(track.axis, files.AXIS, atol=0.4)
    np.testing.assert_allclose(track.x, files.peaks(), atol=1e-3)


def test_an_x_with_a_factor_may_be_rounded(tmp_path: Path) -> None:
    ys = list(range(40))
    body = [f"{round((17.123 + 1.937 * k) * 10)} " + " ".join(map(str, ys[k : k + 5])) for k in range(0, 40, 5)]
    said = {"FIRSTX": "17.1", "LASTX": "92.7", "XFACTOR": "0.1", "NPOINTS": "40"}
    (track,) = tracks(write(tmp_path / "a.jdx", body, **said))
    np.testing.assert_allclose(track.axis, 17.123 + 1.937 * np.arange(40), atol=0.05)
    body[4] = body[4].rpartition(" ")[0]  # a point is lost
    assert "damaged" in refusal(write(tmp_path / "b.jdx", body, **{**said, "NPOINTS": "39"}))[1]


def test_pairs_may_have_decimal_commas(tmp_path: Path) -> None:
    body = [f"{k},50; {k * 3},25" for k in range(20)]
    (track,) = tracks(write(tmp_path / "a.jdx", body, XYDATA="(XY..XY)", FIRSTX="0,50", NPOINTS="20"))
    np.testing.assert_allclose(track.axis, np.arange(20) + 0.5)
    np.testing.assert_allclose(track.x, np.arange(20) * 3 + 0.25)
    (track,) = tracks(write(tmp_path / "b.jdx", [f"{k},{k * 3}" for k in range(20)], XYDATA="(XY..XY)", NPOINTS="20"))
    np.testing.assert_allclose(track.x, np.arange(20) * 3)


def test_blocks_are_spectra_of_their_own_in_the_files_order(tmp_path: Path) -> None:
    first = files.jcamp(tmp_path / "a.jdx", TITLE="Beryl").read_text()
    second = files.jcamp(tmp_path / "b.jdx", TITLE="Albite", **{"DATA TYPE": "INFRARED SPECTRUM"}).read_text()
    peaks = "##TITLE=list\n##JCAMP-DX=4.24\n##DATA TYPE=RAMAN PEAK TABLE\n##PEAK TABLE=(XY..XY)\n479, 1\n##END=\n"
    path = tmp_path / "many.jdx"
    path.write_text(
        "##TITLE=all\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=3\n" + first + peaks + second + "##END=\n"
    )
    found = tracks(path)
    assert [(each.name, each.technique) for each in found] == [
        (f"{path}:Beryl", "Raman"),
        (f"{path}:Albite", "infrared"),
    ]
    path.write_text("##TITLE=all\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=1\n" + first + "##END=\n")
    assert [each.name for each in tracks(path)] == [str(path)]
    path.write_text(first + first)
    assert [each.name for each in tracks(path)] == [f"{path}:1", f"{path}:2"]


NOT_SUPPORTED = {
    "ntuples": (
        "##TITLE=a\n##JCAMP-DX=5\n##NTUPLES=RAMAN\n##PAGE=N=1\n##DATA TABLE=(X++(R..R)), XYDATA\n1 2\n##END=\n",
        "NTUPLES",
    ),
    "interferogram": ("##TITLE=a\n##JCAMP-DX=4\n##RADATA=(R++(A..A))\n1 2\n##END=\n", "an interferogram"),
    "peaks": ("##TITLE=a\n##JCAMP-DX=4\n##PEAK ASSIGNMENTS=(XYA)\n1 2\n##END=\n", "a peak list"),
}


@pytest.mark.parametrize("name", NOT_SUPPORTED)
def test_what_is_not_supported_is_called_so_and_not_damaged(tmp_path: Path, name: str) -> None:
    content, told = NOT_SUPPORTED[name]
    (tmp_path / "a.jdx").write_text(content)
    error = refusal(tmp_path / "a.jdx")[1]
    assert told in error
    assert "damaged" not in error
    assert "another unit (HOURS)" in refusal(files.jcamp(tmp_path / "b.jdx", XUNITS="HOURS"))[1]


def test_a_line_that_is_lost_is_damage(tmp_path: Path) -> None:
    path = files.jcamp(tmp_path / "a.jdx", NPOINTS="")
    lines = path.read_text().split("\n")
    path.write_text("\n".join(lines[:30] + lines[31:]))
    assert "damaged: a line begins at X = " in refusal(path)[1]


def test_micrometres_are_wavenumbers_where_the_file_is_infrared(tmp_path: Path) -> None:
    said = {"DATA TYPE": "INFRARED SPECTRUM", "XUNITS": "MICROMETERS", "YUNITS": "ABSORBANCE", "XYDATA": "(XY..XY)"}
    (track,) = tracks(files.jcamp(tmp_path / "a.jdx", 1e4 / files.AXIS, files.peaks(), **said))
    for technique in ("", "Infrared"):
        found = module("spectra.axes").in_cm1(track, module("spectra.axes").Wanted(technique=technique))
        np.testing.assert_allclose(found.axis, files.AXIS)
