"""Where data files are: below a named root, else in the places that every recipe may count on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from edgespec import storage
from edgespec.errors import Missing, StorageError


class NotFound(Missing):
    """A data file is not at hand; `name` is what the recipe calls it, so that a stand-in can say what it replaces."""

    def __init__(self, name: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.name = name


def find(name: str, root: str | None, folder: str = "") -> Path:
    """Give the file or folder that `name` is, an absolute name as it stands; in the working folder where none of the usual places has it.

    root: the only place to look below, where it is given; a relative one may itself lie below the usual places.
    folder: a folder of the usual places that is searched as well ("rruff").
    Raises NotFound (exit 3) with all the places looked at.
    """
    asked = Path(os.path.expanduser(name))
    places = [asked] if asked.is_absolute() else [place / asked for place in _bases(root, folder)]
    for place in places:
        if place.exists():
            return place
    shown = ", ".join(
        "the working folder" if place == asked and not asked.is_absolute() else str(place) for place in places
    )
    hint = "check the name, or set EDGESPEC_DATA to the folder that holds it; in a recipe `root:` names the folder too"
    if folder == "rruff" and name.endswith(".zip"):
        hint += "; `edgespec data fetch rruff` fetches RRUFF's own archives"
    if name.startswith("plastics/"):
        hint += "; `edgespec data fetch plastics` fetches them"
    raise NotFound(name, f"{name} was not found; looked for {shown}", hint)


def places(folder: str = "") -> list[Path]:
    """Give the places that every recipe may count on, each with its `folder`."""
    return [place for base in _usual() for place in dict.fromkeys([base, base / folder])]


def _bases(root: str | None, folder: str) -> list[Path]:
    if root is None:
        return [*places(folder), Path()]
    asked = Path(os.path.expanduser(root))
    return [asked] if asked.is_absolute() else [*(base / asked for base in _usual()), asked]


def _usual() -> list[Path]:
    named = os.environ.get("EDGESPEC_DATA")
    kept = []
    with contextlib.suppress(
        StorageError
    ):  # no home folder, or one that anybody fills: data of the user's own are named
        kept = [storage.home() / "data"]
    return [*([Path(os.path.expanduser(named))] if named else []), *kept]
