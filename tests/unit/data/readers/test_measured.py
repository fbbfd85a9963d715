"""Files as training reads them: the technique and the intensities that they say, and what was noticed in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import spectrum_files
from device_runner import module
from spectrum_files import AXIS, peaks

from edgespec.authoring import inventory
from edgespec.data.readers import file_list, measured
from edgespec.data.readers.measured import Said
from edgespec.datasets import files
from edgespec.errors import Mistake
from edgespec.spectra import Axis, Spectra

MODEL = Axis(200, 1000, 81)
INFRARED = {"DATA TYPE": "INFRARED SPECTRUM", "YFACTOR": "1e-7"}
pytestmark = pytest.mark.usefixtures("own_places")


def infrared(path: Path, height: float, units: str = "TRANSMITTANCE") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    absorbance = height * peaks() / 2000
    share = absorbance if units == "ABSORBANCE" else 10**-absorbance
    spectrum_files.jcamp(path, AXIS, share * 1000, YUNITS=units, **INFRARED)


def raman(path: Path, x: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{a:g},{b:.3f}\n" for a, b in zip(AXIS, x, strict=True))
    path.write_text(f"Raman shift (cm-1),counts\n{lines}")


def load(folder: Path, **keys: Any) -> Spectra:
    return files.load(axis=MODEL, seed=0, path=str(folder), **keys)


def test_technique_and_absorbance_are_what_the_files_say(tmp_path: Path) -> None:
    infrared(tmp_path / "A" / "1.jdx", 1.0)
    infrared(tmp_path / "B" / "1.jdx", 0.5, "ABSORBANCE")
    found = load(tmp_path)
    assert (found.technique, found.intensity) == ("infrared", "absorbance")
    np.testing.assert_allclose(found.x[1], found.x[0] / 2, atol=2e-3)
    assert any(note.startswith("transmittance, turned into absorbance: 1 (A/1.jdx)") for note in found.notes)
    assert load(tmp_path).intensity == "absorbance", "also from the cache"


def test_a_recipe_says_what_the_model_learns_from(tmp_path: Path) -> None:
    infrared(tmp_path / "A" / "1.jdx", 1.0)
    infrared(tmp_path / "B" / "1.jdx", 0.5)
    found = load(tmp_path, intensity="transmittance")
    assert found.intensity == "transmittance"
    assert 0 < found.x[found.x > 0].max() <= 1.02


def test_light_let_through_becomes_absorbance_where_no_file_names_a_technique(tmp_path: Path) -> None:
    for label, height in (("A", 1.0), ("B", 0.5)):
        folder = tmp_path / label
        folder.mkdir()
        rows = "".join(f"{a:g},{100 * 10 ** -(height * b / 2000):.5f}\n" for a, b in zip(AXIS, peaks(), strict=True))
        (folder / "1.csv").write_text(f"cm-1,%T\n{rows}")
    found = load(tmp_path)
    assert (found.technique, found.intensity) == ("", "absorbance")
    assert found.x.max() == pytest.approx(peaks().max() / 2000, rel=0.02)


def test_two_techniques_are_a_mistake_with_a_file_of_each(tmp_path: Path) -> None:
    infrared(tmp_path / "A" / "1.jdx", 1.0)
    spectrum_files.jcamp(tmp_path / "A" / "2.jdx", AXIS, peaks(), **{"DATA TYPE": "RAMAN SPECTRUM"})
    with pytest.raises(Mistake, match=r"2 techniques: infrared \(A/1.jdx\) and Raman \(A/2.jdx\)") as caught:
        load(tmp_path)
    assert "technique: infrared" in caught.value.hint
    found = load(tmp_path, technique="Raman", refused="skip")
    assert len(found) == 1
    assert any("1 (A/1.jdx: is an infrared spectrum" in note for note in found.notes)


def test_what_was_noticed_is_counted_by_its_kind(tmp_path: Path) -> None:
    for i in range(3):
        x = peaks() + i
        x[300 + 20 * i] += 0.8 * x.max()
        raman(tmp_path / "A" / f"{i}.csv", x)
    raman(tmp_path / "B" / "1.csv", peaks()[::-1])
    told = [note for note in load(tmp_path).notes if "cosmic spikes" in note]
    assert told == ["cosmic spikes at ... cm-1?: 3 (A/0.csv, A/1.csv, A/2.csv)"]
    assert told[0] in inventory.take(str(tmp_path)).notes


def test_what_a_model_learnt_decides_what_it_is_asked(tmp_path: Path) -> None:
    """A model of absorbance refuses counts, though nobody named its technique."""
    raman(tmp_path / "1.csv", peaks())
    wanted = module("spectra.axes").Wanted(intensity="absorbance")
    (track,) = module("spectra.files").read(str(tmp_path / "1.csv"), wanted)
    with pytest.raises(module("refusal").RefusalError, match="counts, absorbance is wanted"):
        module("spectra.intensities").meant(track, wanted)


def test_entries_are_read_once_and_refused_in_their_place(tmp_path: Path) -> None:
    raman(tmp_path / "A" / "1.csv", peaks())
    (tmp_path / "A" / "2.csv").write_bytes(b"\x00\x01\x02" * 50)
    listed, _ = file_list.of_folder(tmp_path, None)
    heard: list[tuple[int, int]] = []
    found, technique = measured.entries(listed, MODEL, 0.8, Said(), lambda done, total: heard.append((done, total)))
    assert (len(found), technique, heard) == (2, "Raman", [(1, 2), (2, 2)])
    assert found[0].read().intensity == "counts"
    with pytest.raises(Mistake, match=r"A/2\.csv"):
        found[1].read()


def test_a_unit_stands_in_the_file_or_in_the_recipe(tmp_path: Path) -> None:
    for label, x in (("A", peaks()), ("B", peaks()[::-1])):
        (tmp_path / label).mkdir()
        rows = "".join(f"{a:g} {b:.3f}\n" for a, b in zip(AXIS, x, strict=True))
        (tmp_path / label / "1.txt").write_text(rows)
    with pytest.raises(Mistake, match=r"A/1\.txt: its axis says no unit") as caught:
        load(tmp_path)
    assert "unit: cm-1" in caught.value.hint
    assert len(load(tmp_path, unit="cm-1")) == 2
    found = inventory.take(str(tmp_path))
    assert len(found.seen) == 2, "inspect tells it"
    assert "its axis says no unit, cm-1 is taken: 2 (A/1.txt, B/1.txt)" in found.notes


def test_a_recipe_may_name_what_the_reader_knows() -> None:
    known = set(module("spectra.intensities").ABSORBING) | {"", "counts"}
    assert set(get_args(measured.Intensity)) == known
