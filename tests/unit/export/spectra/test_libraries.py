"""A library that is missing, does not load, prints or fails ends in a refusal that says so; temporary files do not stay."""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import pytest
import tiny_bundle
import vendor_files as files
from device_reader import refusal, tracks
from device_runner import ask, module
from spectrum_files import peaks

RefusalError = module("refusal").RefusalError


def written(folder: Path, name: str) -> Path:
    """Write a file that a library reads."""
    if name == "renishawWiRE":
        return files.wdf(folder / "a.wdf")
    return files.opus(folder / "a.0", files.opus_data(10, peaks()))


@pytest.mark.parametrize("name", ["renishawWiRE", "brukeropus"])
def test_a_library_that_is_not_installed_is_told_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = written(tmp_path, name)
    assert len(tracks(path)) == 1
    for each in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, name, None)
    code, error, hint = refusal(path)
    assert (code, hint) == (3, 'pip install "edgespec[formats]"')
    assert error == f"{path}: {name} is needed to read it, and is not installed"


@pytest.mark.parametrize("name", ["renishawWiRE", "brukeropus"])
def test_a_device_without_the_library_says_the_same_and_goes_on(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    files.perkinelmer(tmp_path / "b.sp", label="INT", unit="Raman shift (cm-1)")
    (tmp_path / "without").mkdir()
    line = f"raise ModuleNotFoundError('not on a device', name={name!r})"
    (tmp_path / "without" / f"{name}.py").write_text(line)
    code, told = ask(tmp_path, "predict", tiny_bundle.model(), path.name, "b.sp", PYTHONPATH=str(tmp_path / "without"))
    assert code == 3
    assert told[0]["error"] == f"{path.name}: {name} is needed to read it, and is not installed"
    assert "label" in told[1], "the other file needs no library"


def test_a_library_that_does_not_load_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lamelib.py").write_text("import no_such_module_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RefusalError, match="is installed, and does not load: No module named 'no_such_module_at_all'"):
        module("spectra.libraries").needed("lamelib", "a.wdf")


def run(problem: Exception) -> None:
    """Run a library that prints, warns and fails."""
    with module("spectra.libraries").guarded("renishawWiRE", "a.wdf"):
        print("Unknown Data Point Format Requested")
        warnings.warn("deprecated", stacklevel=1)
        raise problem


@pytest.mark.parametrize("problem", [ValueError("two\nlines"), KeyError("npt"), EOFError(), ZeroDivisionError()])
def test_whatever_a_library_raises_is_a_refusal_and_what_it_prints_is_not_an_answer(
    capsys: pytest.CaptureFixture[str], problem: Exception
) -> None:
    with pytest.raises(RefusalError, match=r"^a\.wdf: renishawWiRE cannot read it \(") as caught:
        run(problem)
    assert type(problem).__name__ in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_a_refusal_inside_a_library_stays_as_it_is() -> None:
    with pytest.raises(RefusalError, match=r"^as it was$"), module("spectra.libraries").guarded("any", "a.wdf"):
        raise RefusalError(2, "as it was", "mend it")


def test_a_temporary_copy_is_removed_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    as_file = module("spectra.libraries").as_file
    with as_file([b"by", memoryview(b"tes")], "a.wdf") as path:
        assert Path(path).read_bytes() == b"bytes"
        assert Path(path).parent == tmp_path
    with pytest.raises(KeyError), as_file([b"by", memoryview(b"tes")], "a.wdf"):
        raise KeyError
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(RefusalError, match="a temporary copy of it cannot be written"), as_file([], "a.wdf"):
        pass
