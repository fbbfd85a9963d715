"""Watched folders: a file is given once it is whole, and again when it has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from device_runner import module


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Iterator[None]]:
    """What happens in the folder between two looks, in order; at the end the watching ends."""
    happens: list[Iterator[None]] = []

    def sleep(_: float) -> None:
        if not happens:
            raise KeyboardInterrupt
        next(happens.pop(0), None)

    monkeypatch.setattr(module("spectra.watch").time, "sleep", sleep)
    return happens


def seen(*places: Path) -> list[str]:
    """Give the names that come, until the watching ends."""
    found: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        found.extend(Path(each).name for each in module("spectra.watch").names(list(map(str, places))))
    return found


def write(path: Path, text: str, at: int) -> Iterator[None]:
    path.write_text(text)
    os.utime(path, ns=(at, at))
    yield


def nothing() -> Iterator[None]:
    yield


def test_what_is_there_comes_first_and_then_what_is_new(tmp_path: Path, looks: list[Iterator[None]]) -> None:
    next(write(tmp_path / "a.csv", "1", 1))
    looks += [nothing(), write(tmp_path / "b.txt", "2", 2), write(tmp_path / "c.pdf", "no spectrum", 3), nothing()]
    assert seen(tmp_path) == ["a.csv", "b.txt"]


def test_a_file_that_is_being_written_is_given_when_it_stands_still(
    tmp_path: Path, looks: list[Iterator[None]]
) -> None:
    place = tmp_path / "a.csv"
    looks += [write(place, "1", 1), write(place, "12", 2), write(place, "123", 3)]
    assert seen(tmp_path) == []
    looks += [nothing(), nothing(), nothing()]
    assert seen(tmp_path) == ["a.csv"], "once, though it was looked at three times"


def test_a_file_that_changes_is_given_again(tmp_path: Path, looks: list[Iterator[None]]) -> None:
    place = tmp_path / "a.csv"
    looks += [write(place, "1", 1), nothing(), nothing(), write(place, "2", 2), nothing(), nothing()]
    assert seen(tmp_path) == ["a.csv", "a.csv"]


def remove(path: Path) -> Iterator[None]:
    path.unlink()
    yield


def test_a_file_that_goes_is_no_error(tmp_path: Path, looks: list[Iterator[None]]) -> None:
    place = tmp_path / "a.csv"
    looks += [write(place, "1", 1), remove(place), nothing(), write(tmp_path / "b.csv", "1", 1), nothing()]
    assert seen(tmp_path) == ["b.csv"]


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(module("refusal").RefusalError, match="there is no such folder to watch"):
        next(module("spectra.watch").names([str(tmp_path / "none")]))
