"""From names on the command line to spectra: folders are searched, each file is read by what it holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from refusal import RefusalError
from spectra import jcamp, spc, text
from spectra.axes import Wanted
from spectra.text import Track

ENDINGS = (".txt", ".csv", ".tsv", ".xy", ".dat", ".asc", ".prn", ".jdx", ".dx", ".jcm", ".jcamp", ".spc")
STDIN = "-"
LARGEST = 256 * 2**20  # bytes; a file of spectra is far smaller


def files(names: list[str]) -> list[str | RefusalError]:
    """List all files that are meant, folders with all below them, sorted; what is none is a refusal in its place."""
    found: list[str | RefusalError] = []
    for name in names:
        if name == STDIN or not os.path.isdir(name):
            found.append(name)
            continue
        below = [
            os.path.join(folder, each)
            for folder, folders, inside in os.walk(name)
            for each in inside
            if not each.startswith(".") and each.lower().endswith(ENDINGS)
        ]
        hint = "spectra end in " + " ".join(ENDINGS)
        found += sorted(below) or [RefusalError(2, f"{name}: no file of spectra in this folder", hint)]
    return found


def read(name: str, wanted: Wanted) -> list[Track]:
    """Read the spectra of a file, or of standard input. Raises RefusalError with the place."""
    where = "standard input" if name == STDIN else name
    raw = _bytes(name, where)
    if spc.is_spc(raw, name):
        return spc.tracks(raw, where, wanted)
    decoded = text.text(raw, where)
    if jcamp.is_jcamp(decoded):
        return jcamp.tracks(decoded, where, wanted)
    return text.tracks(decoded, where)


def _bytes(name: str, where: str) -> bytes:
    try:
        if name == STDIN:
            raw = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise RefusalError(2, f"{where}: cannot be read: {what}", "is the name right?") from error
    if len(raw) > LARGEST:
        raise RefusalError(2, f"{where}: is larger than {LARGEST // 2**20} MB", "one spectrum, or a few, a file")
    return raw
