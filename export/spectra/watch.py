"""Folders that are watched: each file once it is whole, and again when it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from refusal import RefusalError
from spectra import files

EVERY_S = 0.5  # between two looks; a file that is as it was at the look before is whole


def names(given: list[str], every_s: float = EVERY_S) -> Iterator[str]:
    """Give the files that are there, and then those that come or change, for ever. Raises RefusalError where there is no such place."""
    for each in given:
        if not os.path.exists(each):
            raise RefusalError(2, f"{each}: there is no such folder to watch", "is the name right?")
    given_out: dict[str, tuple[int, int]] = {}
    before: dict[str, tuple[int, int]] = {}
    while True:
        now: dict[str, tuple[int, int]] = {}
        for name in files.files(given):
            if isinstance(name, RefusalError):
                continue  # a folder with nothing in it yet
            looks = _looks(name)
            if looks is None or given_out.get(name) == looks:
                continue
            now[name] = looks
            if before.get(name) == looks:
                given_out[name] = looks
                yield name
        before = now
        time.sleep(every_s)


def _looks(name: str) -> tuple[int, int] | None:
    """Give when a file was written and its size; None where it has gone."""
    try:
        told = os.stat(name)
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size
