"""Text files where they lie, in a folder or in a zip archive that is read in place, never unpacked to disk."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath

from edgespec import unpacking
from edgespec.data.readers.rruff_text import Refused, Scan, parse
from edgespec.errors import Mistake, StorageError

Text = Callable[[], bytes]
Texts = dict[str, Text]
AGAIN = "fetch the archive again"
BLOCK = 2**20
LONGEST_S = 600.0  # RRUFF's largest archive takes a few seconds
LARGEST_BYTES = 64_000_000  # a spectrum is some 50 kB; a member that claims more than this is no spectrum


def texts(path: Path) -> Texts:
    """List the text files of a folder (also below it) or of a zip archive: name -> what gives its bytes, names sorted.

    Raises Mistake for an archive that is damaged, holds no text or has names that lead outside.
    """
    found = _in_folder(path) if path.is_dir() else _in_zip(path)
    if not found:
        kind = "folder" if path.is_dir() else "archive"
        packed = sorted(each.name for each in path.glob("*.zip")) if path.is_dir() else []
        hint = f"name one of its archives: {', '.join(packed)}" if packed else "RRUFF spectra are .txt files"
        raise Mistake(f"{path.name}: this {kind} holds no .txt file", hint)
    return dict(sorted(found.items()))


def check(path: Path) -> None:
    """Read a zip archive from end to end. Raises Mistake where it is damaged, or holds no text."""
    texts(path)
    until = time.monotonic() + LONGEST_S
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    while member.read(BLOCK):
                        if time.monotonic() > until:
                            raise Mistake(f"{path.name}: takes longer than {LONGEST_S:g} s to unpack", AGAIN)
    except zipfile.BadZipFile as error:
        if "CRC" in str(error):
            raise Mistake(f"{shown(path, info.filename)}: its checksum does not fit", AGAIN) from error
        raise _wrong(path, error) from error
    except unpacking.DAMAGED_ZIP as error:
        raise _wrong(path, error) from error


def files(path: Path) -> list[Path]:
    """List the files that an archive or a folder consists of."""
    return sorted(file for file in path.rglob("*") if _is_text(file.name)) if path.is_dir() else [path]


def shown(path: Path, name: str) -> str:
    """Name a text for messages: archive.zip!member.txt or folder/file.txt."""
    printed = "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in name)
    return f"{path.name}/{printed}" if path.is_dir() else f"{path.name}!{printed}"


def scan(text: Text, where: str) -> Scan:
    """Read a text file's spectrum."""
    return parse(text(), where)


def leads_outside(name: str) -> bool:
    """Tell whether a member's name is absolute or climbs out of its folder, also the Windows way."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return name.startswith(("/", "\\")) or ".." in parts or name[1:2] == ":"


def _in_folder(path: Path) -> Texts:
    files = (file for file in path.rglob("*") if file.is_file())
    return {name: partial(_bytes, file) for file in files if _is_text(name := file.relative_to(path).as_posix())}


def _in_zip(path: Path) -> Texts:
    try:
        archive = zipfile.ZipFile(path)  # stays open while its members are referred to
        unpacking.check_zip(archive, path.stat().st_size)
    except unpacking.DAMAGED_ZIP as error:
        raise _wrong(path, error) from error
    for name in archive.namelist():
        if leads_outside(name):
            raise Mistake(f"{path.name}: member {name!r} leads outside the archive", hint="get the archive from RRUFF")
    members = (info for info in archive.infolist() if not info.is_dir() and _is_text(info.filename))
    return {info.filename: partial(_member, archive, info, path) for info in members}


def _is_text(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") for part in parts) or "__MACOSX" in parts
    return name.lower().endswith(".txt") and not hidden


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    if info.flag_bits & 1:
        raise Refused(f"{shown(path, info.filename)}: is encrypted", hint="pack the archive again, without a password")
    if info.file_size > LARGEST_BYTES:
        raise Refused(
            f"{shown(path, info.filename)}: {info.file_size} bytes is not a spectrum", hint="remove this member"
        )
    try:
        return archive.read(info)
    except unpacking.DAMAGED_ZIP as error:
        raise _wrong(path, error, f"!{info.filename}") from error


def _wrong(path: Path, error: Exception, member: str = "") -> Mistake | StorageError:
    if isinstance(error, OSError) and error.errno is not None:  # of the disk; bzip2's own has no number
        return _unreadable(path, error)
    return Mistake(f"{path.name}{member}: not a whole zip archive ({error})", hint=f"fetch {path.name} again")


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be read: {error.strerror or error}", hint="check its permissions and its disk")
