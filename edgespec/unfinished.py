"""What a step has done so far, on disk beside its folder, so that a run killed in the middle of it goes on to the same bytes.

A step trains one network after the other, always in the same order: each has a number and a file of its own. The folder bears the
digest of all that makes the step; what other code, data or keys left is not gone on with.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from edgespec import storage

DIGEST = "digest"
ENDING = ".state"


class Unfinished:
    """The trainings of one step, begun or done.

    folder: where they are kept, `<step>.state` beside the step's own folder; digest: of all that makes the step
    say: hears why something was begun anew
    """

    def __init__(self, folder: Path, digest: str, say: Callable[[str], None]) -> None:
        self.folder, self.digest, self.say, self.count = folder, digest, say, 0
        if folder.exists() and self._left_by() != digest:
            say(f"{folder.name}: left by other code, data or keys; begun anew")
            shutil.rmtree(folder)

    def place(self) -> Path:
        """Give the file of the next training."""
        self.count += 1
        return self.folder / f"{self.count}.safetensors"

    def keep(self, path: Path, content: bytes) -> None:
        """Write how a training stands: the file is whole, the old one or the new."""
        if not (self.folder / DIGEST).exists():
            storage.write(self.folder / DIGEST, self.digest)
        storage.write(path, content)

    def forget(self) -> None:
        """Remove all: the step has its final name."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left_by(self) -> str:
        try:
            return (self.folder / DIGEST).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
