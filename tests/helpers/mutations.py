"""Hostile copies of a valid file: bytes flipped, cut, doubled, numbers at their extremes; JSON and zips also by their structure."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from typing import Any

NUMBERS = (0, 1, -1, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1)
FLOATS = (0.0, -0.0, 1e-300, 1e19, 1e39, 1e308, float("inf"), float("-inf"), float("nan"))
TEXTS = (
    b"nan", b"inf", b"-1", b"1e400", b"9" * 30, b"\x00", b"\xff\xfe", b"\x1b[2J", "\u202e".encode(), b"1_", b"{}", b"[]", b"null",
    b"\r\n", b"\t", b",", b"##END=", b"&a", b"*a", b"!!python/object:os.system x", b"../../etc/passwd", b"=cmd()", b"--", b"%s%n",
)  # fmt: skip
WORDS = (
    "", "a", "\x00", "\x1b[31m", "\u202eevil", "nan", "../../x", "/etc/passwd", "<script>alert(1)</script>", "=1+1", "a|b\nc", "\ud800",
    "x" * 5000, "\u2028", "1_ kB", "1e999 s", "&amp;", "'\"`$(id)",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**40, 1e-300, 1e19, 1e39, 1e308, float("nan"), float("inf"), float("-inf"),
    [], {}, [[]], [None], {"": None}, [1, "a"], *WORDS,
)  # fmt: skip
MOST_JSON = 200_000  # bytes; a larger text is mutated as bytes alone


def hostile(raw: bytes, rng: random.Random, kind: str = "bytes", others: list[bytes] | None = None) -> bytes:
    """Give one hostile copy. kind: "bytes", "json" or "zip"; others: files of the same kind, for splices."""
    if kind == "json" and len(raw) < MOST_JSON and rng.random() < 0.75:
        try:
            return of_json(raw, rng)
        except (ValueError, RecursionError):
            pass
    if kind == "zip" and rng.random() < 0.7:
        try:
            return of_zip(raw, rng)
        except (zipfile.BadZipFile, ValueError, EOFError, OSError, RuntimeError, KeyError):
            pass
    return of_bytes(raw, rng, others)


def of_bytes(raw: bytes, rng: random.Random, others: list[bytes] | None = None) -> bytes:
    """Change one to four places; every second change is in the first 2 kB, where sizes and counts stand."""
    hurt = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(min(len(hurt), 2048) if rng.random() < 0.5 else len(hurt)) if hurt else 0
        _change(hurt, at, rng, others)
    return bytes(hurt)


def _change(hurt: bytearray, at: int, rng: random.Random, others: list[bytes] | None) -> None:
    match rng.randrange(9):
        case 0 if hurt:
            hurt[at] ^= 1 << rng.randrange(8)
        case 1 if hurt:
            hurt[at] = rng.randrange(256)
        case 2:
            del hurt[at:]
        case 3:
            hurt[at:at] = hurt[at : at + rng.randint(1, 64)] * rng.choice((1, 1, 1, 50))
        case 4:
            del hurt[at : at + rng.randint(1, 64)]
        case 5:
            form = rng.choice(("<b", "<h", "<i", "<q", ">i", ">q"))
            most = 1 << (8 * struct.calcsize(form))
            number = rng.choice(NUMBERS) % most
            written = (number - most if number >= most // 2 else number).to_bytes(
                struct.calcsize(form), "little" if form[0] == "<" else "big", signed=True
            )
            hurt[at : at + len(written)] = written
        case 6:
            written = struct.pack(rng.choice(("<f", "<d", ">d")), _fits(rng.choice(FLOATS)))
            hurt[at : at + len(written)] = written
        case 7:
            text = rng.choice(TEXTS)
            hurt[at : at + rng.choice((0, len(text)))] = text
        case _:
            other = rng.choice(others) if others else bytes(hurt)
            start = rng.randrange(len(other)) if other else 0
            hurt[at : at + rng.choice((0, 64))] = other[start : start + rng.randint(1, 256)]


def _fits(number: float) -> float:
    """Give what also a float of four bytes can hold; larger numbers are infinite there."""
    return number if abs(number) < 3e38 else float("inf") if number > 0 else float("-inf")


def of_json(raw: bytes, rng: random.Random) -> bytes:
    """Change one to three values, keys or their number in JSON."""
    tree = json.loads(raw)
    for _ in range(rng.randint(1, 3)):
        tree = _planted(tree, rng)
    return json.dumps(tree).encode()


def _planted(tree: Any, rng: random.Random) -> Any:
    held, key = None, None
    here = tree
    while isinstance(here, (dict, list)) and here and rng.random() < 0.85:
        held, key = here, rng.choice(list(here)) if isinstance(here, dict) else rng.randrange(len(here))
        here = here[key]
    if held is None:
        return rng.choice(VALUES) if rng.random() < 0.1 else tree
    choice = rng.random()
    if choice < 0.6:
        held[key] = rng.choice(VALUES)
    elif choice < 0.75:
        del held[key]
    elif choice < 0.85 and isinstance(held, dict):
        held[rng.choice(WORDS)] = held.pop(key)
    elif isinstance(held, list):
        held.insert(key, json.loads(json.dumps(here)) if rng.random() < 0.7 else rng.choice(VALUES))
    else:
        held[key] = _nested(here, rng.choice((1, 3, 900)))
    return tree


def _nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def of_zip(raw: bytes, rng: random.Random) -> bytes:
    """Change a member of a zip, its name or the way in which it is packed; its checksum fits again."""
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        members = [(info.filename, packed.read(info)) for info in packed.infolist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    match rng.randrange(6):
        case 0:
            members.pop(at)
        case 1:
            members.append((rng.choice((name, "../../x", "/x", "x" * 300, "a\\..\\b", "facts.json")), content))
        case 2:
            members[at] = (name, b"")
        case _:
            members[at] = (name, of_json(content, rng) if content[:1] == b"{" else of_bytes(content, rng))
    held = io.BytesIO()
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with warnings.catch_warnings(), zipfile.ZipFile(held, "w", rng.choice(methods)) as packed:
        warnings.simplefilter("ignore")  # a name twice is meant
        for title, each in members:
            packed.writestr(zipfile.ZipInfo(title), each, packed.compression)
    return held.getvalue()
