"""The package raman-data in its own process: what it lists, what it reads from its cache, and what it may not do meanwhile."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import public_sets
import pytest

from edgespec.data.fetch import raman_package, raman_sets
from edgespec.errors import EdgespecError, Missing, Mistake

ASKED = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import raman_package
said = {"sets": raman_package.listed()["sets"]}
from raman_data import raman_data
own = raman_data("locust_phase_hemolymph")
np.savez("own.npz", spectra=own.spectra, axis=own.raman_shifts, targets=own.targets, groups=own.group_ids)
asked = raman_package.guard(here=True)
for name in ("locust_phase_hemolymph", "locust", "fuel_benchtop", "pharmaceutical_ingredients", "chlorinated_samples",
             "organic_compounds_raw", "rruff_mineral_raw"):
    asked.clear()
    said[name] = raman_package.read(name, f"{name}.npz", 1, asked)
said["files"] = sorted(os.listdir("."))
json.dump(said, open(sys.argv[2], "w"))
"""


class Hostile:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("taken",)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """What the package says of sets that are there, absent, damaged and hostile: it is loaded once."""
    home = tmp_path_factory.mktemp("home")
    public_sets.locusts(home)
    public_sets.chlorinated(home, damaged=True)
    pickled(home, "organics_database", ("xx", "xy"), np.array([public_sets.SHIFT] * 3 + [None], dtype=object)[:3])
    pickled(home, "RRUFF_database", ("xx_raw", "xy_raw"), np.array([Hostile()], dtype=object))
    program = str(raman_sets.PROGRAM.parent)
    environment = {**os.environ, **raman_sets.QUIET, **raman_sets.HERE, "HOME": str(home)}
    ended = subprocess.run(
        [sys.executable, "-P", "-c", ASKED, program, "said.json"],
        cwd=home, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return home, json.loads((home / "said.json").read_text())


def pickled(home: Path, folder: str, names: tuple[str, str], held: np.ndarray[Any, Any]) -> None:
    """A set of Google Drive, whose files are pickles beside a zip."""
    place = home / public_sets.CACHE / "gdrive" / "dtu_raman_shared"
    (place / "data" / folder).mkdir(parents=True)
    with zipfile.ZipFile(place / "public_dataset.zip", "w") as file:
        file.writestr("a", "")
    for name in names:
        np.save(place / "data" / folder / f"{name}.npy", held, allow_pickle=True)
    np.save(place / "data" / folder / "yclass.npy", np.array(["a", "b", "a"], dtype=object), allow_pickle=True)


@public_sets.needs_package
def test_every_set_is_described(said: tuple[Path, dict[str, Any]]) -> None:
    sets = {each["id"]: each for each in said[1]["sets"]}
    assert len(sets) > 90
    assert {"Classification", "Regression"} <= {each["task"] for each in sets.values()}
    assert all(each["source"] and each["licence"] and each["name"] for each in sets.values())
    assert sets["locust_phase_hemolymph"]["samples"] is True
    assert sets["chlorinated_samples"]["cache"].endswith("raman-data/github")


@public_sets.needs_package
def test_the_arrays_are_those_of_the_package(said: tuple[Path, dict[str, Any]]) -> None:
    home, answers = said
    assert answers["locust_phase_hemolymph"]["done"] is True
    assert answers["locust_phase_hemolymph"]["asked"] == []
    own, kept = np.load(home / "own.npz"), np.load(home / "locust_phase_hemolymph.npz", allow_pickle=False)
    for name in ("spectra", "axis", "targets"):
        assert np.array_equal(own[name], kept[name]), name
    assert kept["groups"].tolist() == own["groups"].astype(str).tolist()
    assert kept["names"].tolist() == ["crowded", "isolated"]
    assert json.loads(str(kept["about"]))["spectra"] == len(own["spectra"]) == 48


@public_sets.needs_package
def test_what_is_not_there_is_told_and_nothing_is_asked_of_the_network(said: tuple[Path, dict[str, Any]]) -> None:
    home, answers = said
    absent = answers["pharmaceutical_ingredients"]
    assert absent["asked"] == ["api.figshare.com"]
    assert not {"done", "problem"} & set(absent)
    assert "locust_phase_hemolymph" in answers["locust"]["known"]
    assert answers["fuel_benchtop"]["set"]["task"] == "Regression"
    assert "done" not in answers["fuel_benchtop"]
    assert not (home / "pharmaceutical_ingredients.npz").exists()


@public_sets.needs_package
def test_damaged_files_are_told_in_the_packages_words(said: tuple[Path, dict[str, Any]]) -> None:
    answer = said[1]["chlorinated_samples"]
    assert "could not convert string to float: '?'" in answer["problem"]
    assert answer["line"] is False
    assert answer["asked"] == []


@public_sets.needs_package
def test_a_pickle_gives_arrays_and_runs_nothing(said: tuple[Path, dict[str, Any]]) -> None:
    answers = said[1]
    assert answers["organic_compounds_raw"]["done"] is True
    assert "a pickle names posix.mkdir" in answers["rruff_mineral_raw"]["problem"]
    assert "taken" not in answers["files"]


@public_sets.needs_package
@pytest.mark.usefixtures("own_places")
@pytest.mark.parametrize(
    ("name", "kind", "told", "hint"),
    [
        ("locust", Mistake, "raman-data has no data set 'locust'", "edgespec data fetch raman-data lists"),
        ("fuel_benchtop", Mistake, "for the task Regression; edgespec supports one class a spectrum", "Classification"),
        ("pharmaceutical_ingredients", Missing, "raman-data/figshare\\), and nothing is fetched", "licence: CC BY 4.0, cite: Flanagan"),
        ("chlorinated_samples", Mistake, "cannot read what is in .*github: ValueError", "files there are absent or damaged"),
        ("rruff_mineral_raw", Mistake, "a pickle names posix.mkdir", "files there are absent or damaged"),
    ],
)  # fmt: skip
def test_what_edgespec_makes_of_its_answers(
    name: str, kind: type[EdgespecError], told: str, hint: str,
    said: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The package's own answers, given again: it takes seconds to load."""
    (tmp_path / "answer.json").write_text(json.dumps(said[1][name]))
    again = f"import shutil, sys\nshutil.copy({str(tmp_path / 'answer.json')!r}, sys.argv[1])\n"
    (tmp_path / "again.py").write_text(again)
    monkeypatch.setattr(raman_sets, "PROGRAM", tmp_path / "again.py")
    with pytest.raises(kind, match=told) as refused:
        raman_sets.find(name, None)
    assert hint in refused.value.hint
    assert not list((tmp_path / "home" / "data" / "raman-data").iterdir())


def test_a_set_with_an_axis_a_spectrum_is_packed_one_behind_the_other() -> None:
    rows = np.array([np.arange(3.0), np.arange(5.0)], dtype=object)
    given = SimpleNamespace(spectra=rows, raman_shifts=rows, targets=["a", "b"], target_names=None, group_ids=[1, 2])
    held = raman_package.packed(given)
    assert held["counts"].tolist() == [3, 5]
    assert held["spectra"].tolist() == held["axis"].tolist() == [0, 1, 2, 0, 1, 2, 3, 4]
    assert held["groups"].tolist() == ["1", "2"]
    given.raman_shifts = np.array([np.arange(3.0), np.arange(4.0)], dtype=object)
    with pytest.raises(ValueError, match="differ in length"):
        raman_package.packed(given)
    with pytest.raises(AttributeError):
        raman_package.packed(pickle)  # no set at all
