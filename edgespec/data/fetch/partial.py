"""A file that is half loaded: it lies under a `.part` name, with a note of which version of which file it is a part of."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from edgespec import storage, unpacking
from edgespec.errors import Unreachable

_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")


class Cut(Exception):
    """A try ended early; the next one goes on. `wait`: seconds that the server asks for, or None."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Partial:
    """What has come of `path` so far.

    validator: the version that it is a part of, as If-Range wants it (RFC 9110, 13.1.5); "" where the server names none
    total: bytes of the whole file, as far as the server told
    measured: whether the server told them; resumed: whether the bytes came in more than one answer
    """

    def __init__(self, path: Path, address: str) -> None:
        self.whole, self.address = path, address
        self.path = path.with_name(f"{path.name}.part")
        self.note = path.with_name(f"{path.name}.part.json")
        self.validator, self.total, self.measured = self._noted()
        self.resumed = self.size > 0
        if self.resumed and not self.validator and not self.complete:
            self.drop()  # of which version it is a part, nobody knows

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def complete(self) -> bool:
        """Whether all bytes are here."""
        return self.total is not None and self.path.exists() and self.size == self.total

    def headers(self) -> dict[str, str]:
        """Ask for the rest, if it is still the rest of the same file."""
        return {"Range": f"bytes={self.size}-", "If-Range": self.validator} if self.size and self.validator else {}

    def agree(self, status: int, told: Mapping[str, str]) -> int:
        """Give the byte at which an answer's content belongs.

        Raises Cut where it fits nowhere, Unreachable (exit 6) for what is no file.
        """
        if status == 206 and self.size:
            return self._rest(told)
        if status != 200:
            self.drop()
            raise Unreachable(f"{self.address}: HTTP {status} is not a file", hint="look at the address in a browser")
        self.drop()
        self.total = None if "Transfer-Encoding" in told else count(told.get("Content-Length", ""))
        self.validator, self.measured = _validator(told), self.total is not None
        self._write_note()
        return 0

    def beyond(self, span: str) -> None:
        """Take HTTP 416, nothing lies beyond what is here: it is all, whatever was said before, or of something else."""
        if span.strip() == f"bytes */{self.size}":
            self.total = self.size
            return
        self.drop()
        raise Cut("the server's file is shorter than what is here")

    def ended(self) -> None:
        """Take the end of an answer. Raises Cut where it came early."""
        if self.total is None:
            self.total = self.size  # nobody said how many there are: its content will have to show
        elif self.size < self.total:
            raise Cut(f"the connection ended at {self.size:,} of {self.total:,} bytes")

    def drop(self) -> None:
        """Forget all that has come."""
        self.path.unlink(
            missing_ok=True
        )  # before the note: bytes without a note are dropped, a note alone does no harm
        self.note.unlink(missing_ok=True)
        self.validator, self.total, self.measured, self.resumed = "", None, False, False

    def keep(self) -> None:
        """Give the file its final name."""
        with open(self.path, "rb") as file:
            os.fsync(file.fileno())
        storage.replace(self.path, self.whole)
        self.note.unlink(missing_ok=True)

    def _rest(self, told: Mapping[str, str]) -> int:
        found = _RANGE.fullmatch(told.get("Content-Range", "").strip())
        version = _validator(told)
        start, last = (int(found[1]), int(found[2])) if found else (self.size + 1, 0)
        total = int(found[3]) if found and found[3] != "*" else self.total
        grown = None not in (total, self.total) and total != self.total
        if start > self.size or grown or version not in ("", self.validator):
            self.drop()
            raise Cut("the server answers with a part of another file")
        self.total, self.resumed = last + 1 if total is None else total, True
        return start

    def _noted(self) -> tuple[str, int | None, bool]:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # then it begins anew
            note = unpacking.parse_json(self.note.read_text(encoding="utf-8"))
            if note["address"] == self.address:
                total = None if note["total"] is None else int(note["total"])
                return str(note["validator"]), total, total is not None
        return "", None, False

    def _write_note(self) -> None:
        storage.write_json(self.note, {"address": self.address, "validator": self.validator, "total": self.total})


def count(text: str) -> int | None:
    """Read a number that a server states; None for what is none, or is of no file or time that could be."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _validator(told: Mapping[str, str]) -> str:
    """Give what names a version: an ETag that is not weak, else the date of the last change."""
    tag = told.get("ETag", "")
    return tag if tag.startswith('"') else told.get("Last-Modified", "")
