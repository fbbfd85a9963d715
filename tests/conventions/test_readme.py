"""What README shows is true: its commands exist, its recipe plans, its two commands are the Makefile's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from command import edgespec

from edgespec import recipe
from edgespec.recipe import plan, schema

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = sorted(
    {line.split("#")[0].strip() for _, block in BLOCKS for line in block.splitlines() if line.startswith("edgespec ")}
)


def test_its_make_commands_are_there() -> None:
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    for command in ("demo", "check", "test"):
        assert f"make {command}" in README
        assert re.search(rf"^{command}:", makefile, flags=re.MULTILINE)
    assert "make test" in (TOP / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_and_each_of_its_options_exists(line: str) -> None:
    words = line.split()
    told = edgespec(TOP, words[1], "--help")
    assert told.returncode == 0, told.stderr
    for option in (word.partition("=")[0] for word in words if word.startswith("--")):
        assert option in told.stdout


def test_its_recipes_plan(tmp_path: Path) -> None:
    recipes = [block for kind, block in BLOCKS if kind == "yaml"]
    assert recipes
    for text in recipes:
        written = tmp_path / "readme.yaml"
        written.write_text(text, encoding="utf-8")
        assert plan.plan(recipe.load(written)).steps


def test_the_files_it_names_exist() -> None:
    for name in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (TOP / name).exists(), name


def test_the_page_of_ones_own_spectra_names_data_sets_that_there_are() -> None:
    page = (TOP / "docs" / "your-own-spectra.md").read_text(encoding="utf-8")
    for load in re.findall(r"`((?:files|table|arrays|rruff): \{[^`]*\})`", page):
        bound = schema.Binder(str)
        bound.call("datasets", yaml.safe_load("{" + load.replace("...", "x") + "}"), (), "page")
        assert not bound.mistakes, load
