"""What intensities are: one technique's model refuses another's file, and infrared transmittance becomes absorbance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spectrum_files as files
from device_reader import contract
from device_runner import module
from spectrum_files import AXIS, peaks

ABSORBANCE = peaks() / 2000


def told(path: Path, technique: str, intensity: str = "") -> Any:
    """Read a file for a model of that technique, as the program does."""
    wanted = module("spectra.axes").Wanted(technique=technique, intensity=intensity)
    (track,) = module("spectra.files").read(str(path), wanted)
    return module("spectra.checks").ready(track, contract(technique=technique), wanted)


def refused(path: Path, technique: str, intensity: str = "") -> str:
    with pytest.raises(module("refusal").RefusalError) as caught:
        told(path, technique, intensity)
    assert caught.value.answer["hint"]
    return str(caught.value)


def infrared(path: Path, x: Any, units: str) -> Path:
    return files.jcamp(path, AXIS, x * 1000, YFACTOR="1e-7", YUNITS=units, **{"DATA TYPE": "INFRARED SPECTRUM"})


WAYS = {
    "TRANSMITTANCE": 10**-ABSORBANCE,
    "Transmission": 10**-ABSORBANCE,
    "% TRANSMITTANCE": 100 * 10**-ABSORBANCE,
    "%T": 100 * 10**-ABSORBANCE,
    "PERCENT TRANSMISSION": 100 * 10**-ABSORBANCE,
    "transmittance": 100 * 10**-ABSORBANCE,  # in percent, and does not say so
    "ABSORBANCE": ABSORBANCE,
}


@pytest.mark.parametrize("units", WAYS)
@pytest.mark.parametrize("technique", ["Infrared", "FT-IR", "infrared spectroscopy"])
def test_an_infrared_model_gets_absorbance(tmp_path: Path, units: str, technique: str) -> None:
    found = told(infrared(tmp_path / "a.jdx", WAYS[units], units), technique)
    np.testing.assert_allclose(found.x[0], np.interp(np.linspace(150, 1172, 128), AXIS, ABSORBANCE), atol=2e-3)
    assert any("turned into absorbance" in note for note in found.notes) == (units != "ABSORBANCE")


def test_a_model_of_transmittance_gets_that(tmp_path: Path) -> None:
    wanted = np.interp(np.linspace(150, 1172, 128), AXIS, 10**-ABSORBANCE)
    for units in ("ABSORBANCE", "%T", "TRANSMITTANCE"):
        path = infrared(tmp_path / "a.jdx", WAYS[units], units)
        np.testing.assert_allclose(told(path, "Infrared", "transmittance").x[0], wanted, atol=2e-3)
        found = told(path, "Infrared", "percent transmittance").x[0]
        np.testing.assert_allclose(found, wanted * 100, atol=0.2)


REFUSED = [
    ("Raman", "ABSORBANCE", "is an infrared spectrum, the model was trained on Raman spectra"),
    ("UV/VIS", "ABSORBANCE", "is an infrared spectrum, the model was trained on UV/VIS spectra"),
    ("", "TRANSMITTANCE", "its intensities are transmittance, what the model was trained on is not known"),
    ("", "%T", "its intensities are percent transmittance, what the model was trained on is not known"),
    ("Infrared", "REFLECTANCE", "its intensities are reflectance, absorbance is wanted"),
    ("Infrared", "KUBELKA-MUNK", "its intensities are Kubelka-Munk, absorbance is wanted"),
    ("Infrared", "COUNTS", "its intensities are counts, so it is no infrared spectrum"),
]


@pytest.mark.parametrize(("technique", "units", "words"), REFUSED)
def test_what_the_model_cannot_know_is_refused(tmp_path: Path, technique: str, units: str, words: str) -> None:
    assert words in refused(infrared(tmp_path / "a.jdx", WAYS.get(units, ABSORBANCE), units), technique)


def test_a_transmittance_of_zero_has_no_absorbance(tmp_path: Path) -> None:
    x = 10**-ABSORBANCE
    x[300] = 0
    assert "a transmittance of 0 has no absorbance" in refused(
        infrared(tmp_path / "a.jdx", x, "T RANSMITTANCE".replace(" ", "")), "IR"
    )


@pytest.mark.parametrize("technique", ["Infrared", "near infrared", "NIR"])
def test_a_raman_file_is_none_of_another_technique(tmp_path: Path, technique: str) -> None:
    assert "is a Raman spectrum, the model was trained on" in refused(files.jcamp(tmp_path / "a.jdx"), technique)
    assert "is a Raman spectrum" in refused(files.spc(tmp_path / "a.spc"), technique)
    path = files.table(tmp_path / "a.csv", head="Raman shift (cm-1),intensity\n")
    assert "is a Raman spectrum" in refused(path, technique)


def test_a_model_without_a_technique_takes_both(tmp_path: Path) -> None:
    assert told(files.jcamp(tmp_path / "a.jdx"), "").covered == 1
    assert told(infrared(tmp_path / "b.jdx", ABSORBANCE, "ABSORBANCE"), "").covered == 1
    path = files.table(tmp_path / "c.csv", 1e4 / AXIS, head="wavelength (\u00b5m),absorbance\n")
    assert "its laser is not known" in refused(path, "")  # nobody says whether it is Raman
    assert told(path, "Infrared").covered == 1


@pytest.mark.parametrize("technique", ["Raman", "Infrared"])
def test_bands_that_point_downwards_are_refused_where_nothing_says_why(tmp_path: Path, technique: str) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, len(AXIS))
    path = files.table(tmp_path / "a.csv", AXIS, 100 * 10**-ABSORBANCE + noise, head="cm-1,T\n")
    assert "its bands point downwards: is it transmittance?" in refused(path, technique)
    files.table(path, AXIS, ABSORBANCE * 100 + noise, head="cm-1,A\n")
    assert told(path, technique).covered == 1
