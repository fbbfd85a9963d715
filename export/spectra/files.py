"""From names on the command line to spectra: folders are searched, each file is read by what it holds."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from refusal import RefusalError
from spectra import encoding, jcamp, limits, opus, perkinelmer, spc, text, wdf
from spectra.axes import Wanted
from spectra.track import Track

ENDINGS = (
    ".txt",
    ".csv",
    ".tsv",
    ".xy",
    ".dat",
    ".asc",
    ".prn",
    ".dpt",
    ".jdx",
    ".dx",
    ".jcm",
    ".jcamp",
    ".spc",
    ".wdf",
    ".sp",
)
NUMBERED = re.compile(r"\.\d{1,4}$")  # OPUS counts its files: a.0, a.1, ...
ALL_ENDINGS = " ".join((*ENDINGS, ".0 (OPUS)"))
STDIN = "-"
BEGIN = 1024  # bytes that tell a format
LARGEST = 256 * 2**20  # bytes of a binary file, which takes four times its size in memory while it is read
LARGEST_TEXT = 64 * 2**20  # bytes of text, which takes 25 times its size: 1.6 GB, and the smallest board has 2


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
            if not each.startswith(".") and is_named_so(os.path.join(folder, each))
        ]
        found += sorted(below) or [
            RefusalError(2, f"{name}: no file of spectra in this folder", f"spectra end in {ALL_ENDINGS}")
        ]
    return found


def left_out(names: list[str]) -> dict[str, int]:
    """Count the files in folders that are not taken, by their ending."""
    counted: dict[str, int] = {}
    for name in names:
        for folder, _, inside in os.walk(name) if name != STDIN else ():
            for each in inside:
                if not each.startswith(".") and not is_named_so(os.path.join(folder, each)):
                    ending = os.path.splitext(each)[1].lower() or "without ending"
                    counted[ending] = counted.get(ending, 0) + 1
    return dict(sorted(counted.items()))


def is_named_so(path: str) -> bool:
    """Tell a file of spectra by its ending; a number is the ending of an OPUS file where its first bytes say so too."""
    if path.lower().endswith(ENDINGS):
        return True
    if not NUMBERED.search(path) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return opus.is_opus(file.read(4))
    except OSError:
        return False  # it cannot be told to be one


def read(name: str, wanted: Wanted) -> list[Track]:
    """Read the spectra of a file, or of standard input. Raises RefusalError with the place."""
    where = "standard input" if name == STDIN else name
    if name == STDIN:  # whoever writes there may take the time that is needed
        raw = _bytes(name, where)
        with limits.kept(where):
            return _tracks(raw, name, where, wanted)
    with limits.kept(where):
        return _tracks(_bytes(name, where), name, where, wanted)


def _tracks(raw: bytes, name: str, where: str, wanted: Wanted) -> list[Track]:
    reader = _binary(raw, name)
    if reader is not None:
        return list(reader.tracks(raw, where))
    decoded = encoding.text(raw, where)
    if jcamp.is_jcamp(decoded):
        return jcamp.tracks(decoded, where)
    return text.tracks(decoded, where, wanted.technique)


def _binary(raw: bytes, name: str) -> Any:
    """Give the module that reads a binary file, told by its first bytes; None for text."""
    if wdf.is_wdf(raw):
        return wdf
    if opus.is_opus(raw):
        return opus
    if perkinelmer.is_perkinelmer(raw):
        return perkinelmer
    return spc if spc.is_spc(raw, name) else None


def _bytes(name: str, where: str) -> bytes:
    try:
        if name == STDIN:
            return _limited(sys.stdin.buffer, name, where)
        with Path(name).open("rb") as file:
            return _limited(file, name, where)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise RefusalError(2, f"{where}: cannot be read: {what}", "is the name right?") from error


def _limited(file: Any, name: str, where: str) -> bytes:
    """Read a file that is no larger than one of its kind may be; what is larger is refused before it is read whole."""
    begin = bytes(file.read(BEGIN))
    limit = LARGEST_TEXT if _binary(begin, name) is None else LARGEST
    size = os.fstat(file.fileno()).st_size if name != STDIN else 0
    raw = begin if size > limit else begin + file.read(limit + 1 - len(begin))
    if size > limit or len(raw) > limit:
        raise RefusalError(2, f"{where}: is larger than {limit // 2**20} MB", "one spectrum, or a few, a file")
    return raw
