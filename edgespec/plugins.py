"""A file's name is its key: models, steps, datasets, runtimes, targets and recipes are found by listing their folders."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from edgespec.errors import Mistake

PACKAGE = Path(__file__).parent
MODULES = ("datasets", "models", "steps", "imports")
ENDINGS = {"recipes": ".yaml", "targets": ".yaml", "runtimes": ".py", "setup": ".sh"}


def shipped(*parts: str) -> Path:
    """Give the place of something that travels with edgespec: inside the wheel, else beside the package."""
    inside = PACKAGE.joinpath("_shipped", *parts)
    return inside if inside.exists() else PACKAGE.parent.joinpath(*parts)


def program(runtimes: Sequence[str] | None = None) -> dict[str, Path]:
    """Give the files of the program that goes to a device, by their place in it.

    runtimes: the files of runtimes/ that go along, all if not said
    """
    export = shipped("export").resolve()
    packages = sorted(each.parent for each in export.glob("*/__init__.py"))
    found = [*sorted(export.glob("*.py")), *(file for each in packages for file in sorted(each.glob("*.py")))]
    if runtimes is None:
        found += sorted(export.glob("runtimes/*.py"))
    # not `for path`: in Python 3.12.1 the function `path` below would then be taken for that variable
    placed = {file.relative_to(export).as_posix(): file for file in found}
    return placed | {f"runtimes/{name}.py": path("runtimes", name) for name in runtimes or ()}


def folder(kind: str) -> Path:
    """Give the folder whose files are the `kind`."""
    if kind in MODULES:
        return PACKAGE / kind
    return shipped("recipes") if kind == "recipes" else shipped("export", kind)


def names(kind: str) -> list[str]:
    """List what there is of a kind, by file name."""
    ending = ENDINGS.get(kind, ".py")
    found = (path.name.removesuffix(ending) for path in folder(kind).glob(f"*{ending}"))
    return sorted(name for name in found if not name.startswith("_"))


def path(kind: str, name: str) -> Path:
    """Give the file that is `name`, or say what was meant."""
    if name not in names(kind):
        raise Mistake(f"unknown {kind.removesuffix('s')} {name!r}", hint=did_you_mean(name, names(kind)))
    return folder(kind) / f"{name}{ENDINGS.get(kind, '.py')}"


def recipe_file(given: Path) -> Path:
    """Give the recipe that is meant: a file, or one that is shipped, by its name or as README writes it."""
    if not given.exists() and given.name == str(given) and str(given) in names("recipes"):
        return path("recipes", str(given))
    if not given.exists() and given.parts[:1] == ("recipes",) and given.stem in names("recipes"):
        return path("recipes", given.stem)  # README's path, from any folder
    return given


def find(kind: str, name: str) -> ModuleType:
    """Import the module that is `name`."""
    path(kind, name)
    return importlib.import_module(f"edgespec.{kind}.{name}")


def did_you_mean(word: str, known: list[str]) -> str:
    """Word a hint: the nearest known name, else all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(known)}"
