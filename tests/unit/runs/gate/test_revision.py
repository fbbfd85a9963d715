"""What is named by --against is found before anything runs, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgespec.errors import Mistake
from edgespec.report import Report
from edgespec.runs.gate import revision
from edgespec.runs.gate.revision import NotComparable, Revision


def test_a_run_folder_is_taken_as_it_is(undisturbed: Path) -> None:
    assert revision.find(str(undisturbed)) == undisturbed


@pytest.mark.parametrize("text", ["--upload-pack=x", "", "\n", "HEAD; rm", "nowhere"])
def test_what_is_no_revision_is_refused(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match="--against"):
        revision.find(text)


def test_a_recipe_whose_place_is_not_known_is_not_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NotComparable, match="its place is not known") as caught:
        revision.recipe_there(Revision("HEAD", "0" * 40, tmp_path), Report("r", 0, {}), None)
    assert caught.value.exit_code == 1
