"""Where a recipe lies, told so that another checkout of the same repository finds it."""

from __future__ import annotations

import os
from pathlib import Path


def top(path: Path) -> Path:
    """Give the top of the repository that a recipe lies in; the folder where edgespec runs, if it lies in none."""
    absolute = path.absolute()
    return next((each for each in absolute.parents if (each / ".git").exists()), Path.cwd())


def of(path: Path) -> str:
    """Give a recipe's place below `top`, with slashes."""
    return Path(os.path.relpath(path.absolute(), top(path))).as_posix()
