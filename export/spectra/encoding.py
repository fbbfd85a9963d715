"""Bytes of a text file as text, or what else they are."""

from __future__ import annotations

import codecs
import re

from refusal import RefusalError

KNOWN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\xd0\xcf\x11\xe0", "a file of old Excel or Word"),
)
MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's mark does, so it goes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NOT_TEXT = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")
LOOK = 4096  # bytes that tell UTF-16 without its mark
MOSTLY = 0.4  # share of NUL bytes at every second place; numbers and English words have nearly all of them


def text(raw: bytes, where: str) -> str:
    """Decode UTF-8, UTF-16, UTF-32 or Latin-1; refuse what is no text. Lines end in \\n, minus signs are hyphens."""
    if not raw.strip():
        raise RefusalError(2, f"{where}: is empty", "fetch or export the file again")
    found = [what for mark, what in KNOWN if raw.startswith(mark)]
    if found:
        raise RefusalError(2, f"{where}: is {found[0]}, no spectrum", "export the spectrum as text, JCAMP-DX or SPC")
    try:
        decoded = raw.decode(_codec(raw))
    except UnicodeDecodeError:
        decoded = raw.decode("latin-1")  # decodes any bytes
    decoded = decoded.lstrip("\ufeff")
    if not decoded.strip("\0 \t\r\n"):
        raise RefusalError(2, f"{where}: is empty: nothing but NUL bytes", "fetch or export the file again")
    bare = decoded.rstrip("\0")
    if NOT_TEXT.search(bare):
        others = NOT_TEXT.search(bare.replace("\0", ""))
        told = (
            "is binary, no text"
            if others
            else "holds NUL bytes between its text, so it was damaged or not written to its end"
        )
        raise RefusalError(2, f"{where}: {told}", "export the spectrum as text, JCAMP-DX or SPC")
    return bare.replace("\r\n", "\n").replace("\r", "\n").replace("\u2212", "-")


def _codec(raw: bytes) -> str:
    for mark, codec in MARKS:
        if raw.startswith(mark):
            return codec
    begin = raw[:LOOK]
    for first, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(begin) >= 4 and begin[first::2].count(0) > MOSTLY * len(begin) > 4 * begin[1 - first :: 2].count(0):
            return codec
    return "utf-8-sig"
