"""Without arguments the program shows where to begin, with commands that exist; a shell can complete its words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgespec import cli, plugins
from edgespec.cli import welcome

LINES = [line.split() for line in welcome.TEXT.splitlines() if line.startswith("  edgespec ")]


def test_without_arguments_it_says_where_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    assert capsys.readouterr().out == welcome.TEXT
    assert len(LINES) >= 9
    assert max(map(len, welcome.TEXT.splitlines())) <= 120


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_every_line_of_it_is_a_command_with_such_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    name = words[1:3] if words[1] == "data" else words[1:2]
    assert cli.run([*name, "--help"]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in words if word.startswith("--"))


def test_its_recipe_is_shipped() -> None:
    assert plugins.path("recipes", "rruff_distill").is_file()


def test_a_shell_completes_its_words(tmp_path: Path) -> None:
    asks = {**os.environ, "_EDGESPEC_COMPLETE": "complete_bash", "COMP_WORDS": "edgespec comp", "COMP_CWORD": "1"}
    found = subprocess.run(
        [sys.executable, "-m", "edgespec"], cwd=tmp_path, env=asks, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["compare", "compress"]
