"""Code beside a recipe is run by a run of that recipe, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgespec import own_code
from edgespec.errors import Mistake

GOOD = "def build(*, points, classes):\n    return points * classes\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(GOOD)
    return tmp_path / "r.yaml"


def test_it_is_loaded_once_for_the_same_content(recipe: Path) -> None:
    with own_code.of(recipe):
        first = own_code.load("./net.py", "build")
        assert first.build(points=3, classes=4) == 12
        assert own_code.load("./net.py", "build") is first
        (recipe.parent / "net.py").write_text(GOOD.replace("*", "+", 2).replace("+, points", "*, points"))
        assert own_code.load("./net.py", "build").build(points=3, classes=4) == 7


def test_outside_a_run_nothing_is_run(recipe: Path) -> None:
    (recipe.parent / "net.py").write_text("raise SystemExit('run')")
    assert not own_code.allowed()
    with pytest.raises(Mistake, match="only a run of that recipe runs its code"):
        own_code.load("./net.py", "build")


def test_the_copy_of_a_recipe_in_a_run_folder_runs_nothing(recipe: Path) -> None:
    (recipe.parent / "net.py").write_text("raise SystemExit('run')")
    (recipe.parent / "report.json").write_text("{}")
    with own_code.of(recipe), pytest.raises(Mistake, match="only a run of that recipe runs its code"):
        own_code.load("./net.py", "build")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def build(:\n", r"\./net\.py:1: "),
        ("x = 1\n", "has no function 'build'"),
        ("build = 3\n", "has no function 'build'"),
        ("import nowhere_to_be_found\n", "ModuleNotFoundError: No module named"),
        ("\0", r"\./net\.py"),
    ],
)
def test_what_is_wrong_with_it_is_told(recipe: Path, text: str, said: str) -> None:
    (recipe.parent / "net.py").write_text(text)
    with own_code.of(recipe), pytest.raises(Mistake, match=said) as caught:
        own_code.load("./net.py", "build")
    assert caught.value.hint


@pytest.mark.parametrize("name", ["./../net.py", "./none.py", "./folder.py"])
def test_it_lies_beside_the_recipe(tmp_path: Path, name: str) -> None:
    (tmp_path / "net.py").write_text(GOOD)
    inner = tmp_path / "inner"
    (inner / "folder.py").mkdir(parents=True)
    with own_code.of(inner / "r.yaml"), pytest.raises(Mistake, match=r"outside the recipe.s folder|cannot be read"):
        own_code.load(name, "build")


def test_a_name_of_ours_is_no_file() -> None:
    assert own_code.is_own("./net.py")
    assert not any(own_code.is_own(each) for each in ("cnn", "net.py", "/tmp/net.py", "../net.py"))
