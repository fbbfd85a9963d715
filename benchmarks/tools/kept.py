"""What a benchmark made once and need not make again: the task's keys, and artifacts sealed with what they were made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgespec import artifact, recipe, storage
from edgespec.errors import Mistake

MINERALS192 = "data.load.rruff.task=minerals192.csv"


def made(folder: Path, step: str, keys: dict[str, Any], before: list[Any], make: Callable[[Path], Any]) -> Any:
    """Give the artifact in a folder where it was made by the same step of the same keys and artifacts; else make it there.

    make: works in the folder that it is handed, which takes its place once it is whole
    """
    digests = [storage.file_digest(each.folder / "artifact.json") for each in before]
    record = {"step": step, "keys": recipe.plain(keys), "before": digests}
    try:
        found, told = artifact.read(folder)
        if all(told.get(key) == value for key, value in record.items()):
            return found
    except Mistake:
        pass  # not there yet, or half made
    with storage.whole_folder(folder) as part:
        artifact.seal(make(part), record)
    return artifact.read(folder)[0]
