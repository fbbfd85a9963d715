"""The package has the shape that docs/architecture.md shows: wings, layers, no circle, nothing private shared, nothing long."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from edgespec import plugins

PACKAGE = plugins.PACKAGE
TOP = PACKAGE.parent
PAGE = (TOP / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOT_MOST, FEWEST, MOST = 15, 3, 16  # modules
OPEN = {"steps", "models", "datasets", "imports", "cli"}  # may hold more
LONG_FILE, LONG_FUNCTION = 300, 60  # lines
FILES = sorted([*PACKAGE.rglob("*.py"), *(TOP / "export").rglob("*.py")])


def module(path: Path) -> str:
    """Give the dotted name of a file of the package."""
    name = path.relative_to(TOP).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


MODULES = {module(path): path for path in PACKAGE.rglob("*.py")}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Give the modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "edgespec":
            for each in node.names:
                full = f"{node.module}.{each.name}"
                yield full if full in MODULES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in MODULES)


def test_the_root_holds_the_shared_nouns_only() -> None:
    assert len([path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]) <= ROOT_MOST


@pytest.mark.parametrize("folder", sorted({path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}), ids=str)
def test_a_folder_is_neither_a_drawer_nor_a_heap(folder: Path) -> None:
    here = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    inside = [path for path in folder.iterdir() if (path / "__init__.py").is_file()]
    assert ast.get_docstring(tree(folder / "__init__.py")), "a folder says what it is"
    assert len(here) <= MOST or folder.name in OPEN
    assert len(here) >= FEWEST or inside, "a folder of one or two files is part of another"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TOP)))
def test_no_file_and_no_function_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONG_FILE
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONG_FUNCTION, node.name


def test_no_import_leads_in_a_circle() -> None:
    graph = {name: set(imported(path)) - {name} for name, path in MODULES.items()}
    while free := [name for name, needs in graph.items() if not needs & set(graph)]:
        for name in free:
            del graph[name]
    assert not graph, "each of these imports another of them"


def test_no_private_file_of_another_folder_is_imported() -> None:
    for path in MODULES.values():
        for name in imported(path):
            folder, _, last = name.rpartition(".")
            if last.startswith("_") and last != "__init__":
                assert MODULES[name].parent == path.parent, f"{path} imports {folder}.{last}"


def test_the_page_shows_the_folders_that_there_are() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.partition("## The wings")[2].partition("##")[0], re.MULTILINE)
    shown = {name for row in rows for name in re.findall(r"`([a-z]+)/`", row)}
    there = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert shown == there | {"edgespec", "export"}
    inside = {path.name for path in (TOP / "export").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {f"`{name}/`" for name in inside} <= set(re.findall(r"`[a-z]+/`", PAGE))
    assert len(PAGE.splitlines()) <= 80


def test_the_page_shows_the_layers_that_are_checked() -> None:
    written = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers, independent = written["contracts"]
    assert layers["exhaustive"], "a new folder must be given its layer"
    assert independent["type"] == "independence"
    shown = PAGE.partition("## Import layers")[2].split("```")[1].replace(", then ", "\n").strip().splitlines()
    assert shown == layers["layers"]
    assert len(layers["layers"]) <= 10 + 3, "ten layers, and the nouns at the root"


def test_git_keeps_every_source() -> None:
    """A pattern of .gitignore once hid edgespec/runs/: what git ignores, the linter and the wheel leave out too."""
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "edgespec", "export", "tests", "benchmarks"],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout")
    assert not [name for name in listed.stdout.splitlines() if name.endswith((".py", ".pyi", ".typed"))]
