"""A recipe's place is told from the top of its repository, else from where edgespec runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgespec.recipe import place


def test_a_place_is_below_the_repository_or_beside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "deep")
    assert place.of(Path("mine.yaml")) == "mine.yaml"
    assert place.of(Path("../mine.yaml")) == "../mine.yaml"
    assert place.of(tmp_path / "work" / "mine.yaml") == "../mine.yaml"
    (tmp_path / "work" / ".git").touch()  # a worktree has a file
    assert place.of(Path("mine.yaml")) == "deep/mine.yaml"
    assert place.of(tmp_path / "work" / "mine.yaml") == "mine.yaml"
