"""NTUPLES of JCAMP-DX: each page a spectrum, in the forms of XYDATA; NMR, masses and peaks are refused by what they are."""

from __future__ import annotations

from pathlib import Path

import hurt_files
import numpy as np
import pytest
from device_reader import WINDOW, refusal, tracks
from spectrum_files import AXIS, peaks

HEAD = {
    "TITLE": "a map",
    "JCAMP-DX": "5.01",
    "DATA TYPE": "RAMAN SPECTRUM",
    "DATA CLASS": "NTUPLES",
    "NTUPLES": "RAMAN SPECTRUM",
    "VAR_NAME": "RAMAN SHIFT, INTENSITY, POSITION",
    "SYMBOL": "X, Y, N",
    "VAR_TYPE": "INDEPENDENT, DEPENDENT, PAGE",
    "VAR_FORM": "AFFN, AFFN, AFFN",
    "VAR_DIM": "{count}, {count}, {pages}",
    "UNITS": "1/CM, COUNTS, MICROMETERS",
    "FIRST": "{first}, , 1",
    "LAST": "{last}, , {pages}",
    "FACTOR": "1.0, 0.0001, 1",
}


def write(
    path: Path, *spectra: np.ndarray, axis: np.ndarray = AXIS, form: str = "(X++(Y..Y)), XYDATA", **said: str
) -> Path:
    """Write a page for each spectrum; `said` changes records, with _ for their blanks, "" leaves one out."""
    records = {**HEAD, **{key.replace("__", " "): value for key, value in said.items()}}
    facts = {"count": len(axis), "pages": len(spectra), "first": repr(float(axis[0])), "last": repr(float(axis[-1]))}
    text = "".join(f"##{key}= {value.format(**facts)}\n" for key, value in records.items() if value)
    for k, x in enumerate(spectra, start=1):
        text += f"##PAGE= N={k}\n##DATA TABLE= {form}\n"
        whole = np.round(x * 10_000).astype(int).tolist()
        if form.startswith("(X++"):
            rows = range(0, len(axis), 8)
            text += "".join(f"{float(axis[i])!r} {' '.join(map(str, whole[i : i + 8]))}\n" for i in rows)
        else:
            text += "".join(f"{a!r}, {y}\n" for a, y in zip(axis.tolist(), whole, strict=True))
    path.write_text(text + "##END NTUPLES= RAMAN SPECTRUM\n##END=\n")
    return path


@pytest.mark.parametrize("form", ["(X++(Y..Y)), XYDATA", "(XY..XY), XYPOINTS", "(X++(Y...Y))"])
@pytest.mark.parametrize("count", [1, 3])
def test_each_page_is_a_spectrum(tmp_path: Path, form: str, count: int) -> None:
    spectra = [peaks() * (k + 1) for k in range(count)]
    path = write(tmp_path / "a.jdx", *spectra, form=form)
    found = tracks(path)
    assert [each.name for each in found] == ([str(path)] if count == 1 else [f"{path}:{k + 1}" for k in range(count)])
    for each, x in zip(found, spectra, strict=True):
        np.testing.assert_allclose(each.x, x, atol=1e-4)
        np.testing.assert_allclose(each.axis, AXIS)
        assert (each.unit, each.technique, each.intensity) == ("cm-1", "Raman", "counts")


def test_symbols_are_those_that_the_file_names(tmp_path: Path) -> None:
    said = {"SYMBOL": "WN, T, N", "VAR_NAME": "WAVENUMBER, TRANSMITTANCE, TIME", "UNITS": "1/CM, , SECONDS"}
    said |= {"DATA__TYPE": "INFRARED SPECTRUM", "NTUPLES": "INFRARED SPECTRUM"}
    (track,) = tracks(write(tmp_path / "a.jdx", peaks() / 1000, form="(WNT..WNT), XYPOINTS", **said))
    assert (track.unit, track.technique, track.intensity) == ("cm-1", "infrared", "transmittance")
    np.testing.assert_allclose(track.x, peaks() / 1000, atol=1e-4)


def test_what_a_page_says_of_itself_is_not_of_the_next(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jdx", peaks(), peaks())
    text = path.read_text().replace("##PAGE= N=1\n", "##PAGE= N=1\n##YUNITS= ABSORBANCE\n##XUNITS= NANOMETERS\n")
    path.write_text(text)
    assert [(each.unit, each.intensity) for each in tracks(path)] == [("nm", "absorbance"), ("cm-1", "counts")]


@pytest.mark.parametrize(
    ("said", "form", "told"),
    [
        ({"DATA__TYPE": "NMR SPECTRUM", "NTUPLES": "NMR SPECTRUM"}, "(X++(Y..Y)), XYDATA", "holds NTUPLES of NMR"),
        ({"DATA__TYPE": "MASS SPECTRUM", "NTUPLES": "MASS SPECTRUM"}, "(XY..XY), PEAKS", "holds NTUPLES of MASS"),
        ({}, "(XY..XY), PEAKS", "holds a peak list"),
        ({}, "(N++(Y..X)), XYDATA", "of the form '(N++(Y..X))"),
        ({}, "(XZ..XZ), XYPOINTS", "which is not supported; its NTUPLES describe X, Y, N"),
        ({"SYMBOL": ""}, "(X++(Y..Y)), XYDATA", "its NTUPLES describe no variable"),
        ({"UNITS": "HZ, COUNTS, S", "VAR_NAME": ""}, "(X++(Y..Y)), XYDATA", "another unit"),
    ],
)
def test_what_is_not_supported_is_called_so_and_not_damaged(
    tmp_path: Path, said: dict[str, str], form: str, told: str
) -> None:
    error = refusal(write(tmp_path / "a.jdx", peaks(), form=form, **said))[1]
    assert told in error
    assert "damaged" not in error


def test_a_page_that_is_cut_or_lacks_points_is_damage(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.jdx", peaks(), peaks()).read_text().split("\n")
    (tmp_path / "a.jdx").write_text("\n".join(lines[:60]))
    assert "cut short" in refusal(tmp_path / "a.jdx")[1]
    (tmp_path / "a.jdx").write_text("\n".join(lines[:60] + lines[61:]))
    assert "damaged" in refusal(tmp_path / "a.jdx")[1]


def test_no_damage_ends_in_another_error_than_a_refusal(tmp_path: Path) -> None:
    axis = WINDOW.values()
    raw = write(tmp_path / "a.jdx", peaks(axis), peaks(axis), axis=axis).read_bytes()
    ready, told = hurt_files.read_all(raw, tmp_path / "b.jdx", 200, head=500)
    assert ready > 5
    assert len(told) > 50
    assert all(code == 2 and error and hint for code, error, hint in told)
