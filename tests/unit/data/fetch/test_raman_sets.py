"""A public set by its name: where its arrays are looked for, and what is said where the set or the package is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from public_sets import kept

from edgespec.data.fetch import raman_sets, receipt
from edgespec.data.readers import locate
from edgespec.errors import EdgespecError, Mismatch, Missing, Mistake

pytestmark = pytest.mark.usefixtures("own_data")


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raman_sets, "PACKAGE", "raman_data_of_nobody")


def fetched(name: str, into: Path | None = None, *, offline: bool = False) -> tuple[Path, list[str]]:
    said: list[str] = []
    found, _ = raman_sets.fetch(name, into, offline=offline, again=False, tries=1, say=said.append)
    return found.path, said


@pytest.mark.usefixtures("not_installed")
def test_a_kept_set_needs_no_package(tmp_path: Path) -> None:
    for folder in (tmp_path / "home" / "data", tmp_path / "data"):
        path = kept(folder / "raman-data")
        assert raman_sets.find("odd_set", None) == path
        assert fetched("odd_set") == (path, [])
    assert raman_sets.counts() == {"odd_set": 6}
    other = kept(tmp_path / "elsewhere", "other")
    assert raman_sets.find("other", str(tmp_path / "elsewhere")) == other
    assert fetched("other", tmp_path / "elsewhere", offline=True) == (other, [])
    with pytest.raises(locate.NotFound):
        raman_sets.find("odd_set", str(tmp_path / "elsewhere"))


def test_a_set_that_changed_since_it_came_is_told(tmp_path: Path) -> None:
    path = kept(tmp_path / "data" / "raman-data")
    receipt.write(path, receipt.made(path, "https://zenodo.org/odd"))
    assert fetched("odd_set") == (path, [])
    kept(path.parent, about={"name": "Changed"})
    with pytest.raises(Mismatch, match="it is not what came from"):
        fetched("odd_set")
    path.write_bytes(b"PK")
    receipt.place(path).unlink()
    with pytest.raises(Mistake, match="not a whole file"):
        fetched("odd_set")
    assert raman_sets.counts() == {}


@pytest.mark.usefixtures("not_installed")
def test_without_the_package_its_name_and_the_command_are_told() -> None:
    for ask in (lambda: raman_sets.find("absent", None), lambda: fetched("absent"), raman_sets.offers):
        with pytest.raises(Missing, match=r"the package raman-data.* is not installed") as refused:
            ask()
        assert 'pip install "edgespec[public]"' in refused.value.hint


@pytest.mark.parametrize("name", ["", "..", "../odd_set", "a/b", "a\\b", ".hidden", "a\x1b[2Jb", "a\nb"])
def test_what_is_no_name_leads_nowhere(name: str) -> None:
    for ask in (lambda: raman_sets.find(name, None), lambda: fetched(name)):
        with pytest.raises(Mistake, match="is not a name of a data set"):
            ask()


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise ImportError('no module named pandas')", "ended early: ImportError: no module named pandas"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended early: exit code -9"),
        ("pass", "ended early: exit code 0"),
    ],
)
def test_a_package_that_does_not_load_is_told(
    program: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text(program)
    monkeypatch.setattr(raman_sets, "PROGRAM", tmp_path / "broken.py")
    monkeypatch.setattr(raman_sets, "PACKAGE", "numpy")  # one that is installed
    with pytest.raises(EdgespecError, match=told):
        raman_sets.find("some_set", None)
    assert not list((tmp_path / "data" / "raman-data").iterdir())


def test_a_package_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "endless.py").write_text("import time; time.sleep(600)")
    monkeypatch.setattr(raman_sets, "PROGRAM", tmp_path / "endless.py")
    monkeypatch.setattr(raman_sets, "PACKAGE", "numpy")
    monkeypatch.setattr(raman_sets, "LONGEST_S", 0.2)
    with pytest.raises(Mistake, match="raman-data did not read some_set within"):
        raman_sets.find("some_set", None)
