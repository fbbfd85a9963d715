"""The files of a bundle and their checksums, as SHA256SUMS tells them: what lies there, what has changed, what has no business there."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from refusal import RefusalError

SUMS = "SHA256SUMS"
SIGNATURE = "bundle.sig"  # over SHA256SUMS and all else, by whoever wrote the bundle
EXACT = "exact"
LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
ANSWERED_BY = re.compile(
    r"model\.(?!py$)[^/]+|contract\.json|target\.json"
)  # what an answer depends on, and no program
LARGEST = 2**20  # bytes of SHA256SUMS: some ten thousand files
KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Check(NamedTuple):
    """One check: kept or not, what was found, and what is tolerated."""

    check: str
    ok: bool
    found: str
    tolerance: str = EXACT


class Found(NamedTuple):
    """What lies in a bundle: files by their place in it, and what is neither file nor folder with its kind."""

    files: Dict[str, Path]
    odd: Dict[str, str]


def walk(folder: Path) -> Found:
    """List a bundle; nothing is opened and no link is followed. Raises RefusalError 2 where a folder cannot be read."""
    found, waiting = Found({}, {}), [(str(folder), "")]
    while waiting:
        place, name = waiting.pop()
        try:
            with os.scandir(place) as inside:
                for each in inside:
                    below = name + each.name
                    if each.is_dir(follow_symlinks=False):
                        waiting.append((each.path, below + "/"))
                    elif each.is_file(follow_symlinks=False):
                        found.files[below] = Path(each.path)
                    else:
                        mode = each.stat(follow_symlinks=False).st_mode
                        found.odd[below] = KINDS.get(stat.S_IFMT(mode), "no file")
        except OSError as problem:
            raise RefusalError(2, f"{place} cannot be read: {problem.strerror}", "may you read the folder?") from None
    return found


def listed(path: Path) -> Tuple[Dict[str, str], List[Check]]:
    """Read SHA256SUMS: the digest of each file by its place, and a failed check for each line that is none of a file in the bundle."""
    sums: Dict[str, str] = {}
    wrong: List[Check] = []
    with path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        return {}, [Check(SUMS, False, f"longer than {LARGEST} bytes: no list of a bundle's files")]
    for number, line in enumerate(raw.decode("utf-8", errors="replace").splitlines(), start=1):
        found = LINE.fullmatch(line)
        if found is None or ".." in Path(found.group(2)).parts or Path(found.group(2)).is_absolute():
            wrong.append(Check(f"{SUMS}:{number}", False, f"{line[:60]!r} is not a checksum of a file in here"))
        elif found.group(2) in sums:
            wrong.append(Check(f"{SUMS}:{number}", False, f"{found.group(2)[:60]} is listed twice"))
        else:
            sums[found.group(2)] = found.group(1).lower()
    return sums, wrong


def compare(folder: Path) -> List[Check]:
    """Compare every file of a bundle with its checksum; what is too much, missing, or no file is a check that fails."""
    there, checks = walk(folder), []
    for name, kind in sorted(there.odd.items()):
        checks.append(Check(f"file {name}", False, f"is {kind}: a bundle holds files and folders alone"))
    if SUMS not in there.files:
        return checks
    sums, wrong = listed(there.files[SUMS])
    checks += wrong
    for name in sorted(sums):
        if name in there.odd:
            continue
        if name not in there.files:
            checks.append(Check(f"checksum {name}", False, "missing"))
            continue
        same = digest(there.files[name]) == sums[name]
        checks.append(Check(f"checksum {name}", same, "as sent" if same else "has changed since it was sent"))
    extra = sorted(set(there.files) - set(sums) - {SUMS, SIGNATURE})
    return checks + [Check(f"checksum {name}", False, f"is not listed in {SUMS}: remove it") for name in extra]


def unchanged(folder: Path) -> None:
    """Raise RefusalError 4 where a file of a bundle on which its answers depend is not as it was sent; without SHA256SUMS nothing is known."""
    if not (folder / SUMS).is_file():
        return
    sums, _ = listed(folder / SUMS)
    for name in sorted(each for each in sums if ANSWERED_BY.fullmatch(each)):
        path = folder / name
        if path.is_file() and digest(path) != sums[name]:
            told = f"{path} has changed since it was sent: {SUMS} beside it tells of another file"
            raise RefusalError(4, told, "copy the bundle anew, or write it anew with edgespec export")


def digest(path: Path) -> str:
    """Give the SHA-256 of a file; "unreadable" where it cannot be read."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(2**20), b""):
                total.update(block)
    except OSError:
        return "unreadable"
    return total.hexdigest()
