"""Is a run folder as edgespec wrote it? Asked wherever a file of a run is used, before it is used.

The chain: report.json has a seal over all that it says, and holds the digest of each step's artifact.json; that file holds the digest of
every file beside it; report.json holds the digest of recipe.yaml too. So one changed byte anywhere in it is noticed, and told with the
name of the file. The chain stops chance, and whoever changes a file without knowing of it: whoever can write the folder can seal it anew.
A signature (`edgespec export --sign`) is what says who made a file.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from pathlib import Path

from edgespec import artifact as artifacts
from edgespec import storage
from edgespec.artifact import RECORD, Artifact
from edgespec.errors import Mismatch, Mistake
from edgespec.report import Report

ANEW = "edgespec compress makes it anew"
KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
WORK = re.compile(r"\.(bench|against|soak|matrix|hello|witness)-")  # what measures works in such a folder
UNNAMED = re.compile(r"\..+\.[a-z0-9_]{8}")  # `storage.write` gives a file its name when it is whole
KINDS |= {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def plain(folder: Path) -> None:
    """Raise Mistake where something in a run folder is neither a file nor a folder: writing there might write elsewhere.

    The folder itself may be reached by a link: the user has named it.
    """
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    waiting.append(each.path)
                elif not each.is_file(follow_symlinks=False):
                    kind = KINDS.get(stat.S_IFMT(each.stat(follow_symlinks=False).st_mode), "no file")
                    raise Mistake(
                        f"{each.path} is {kind}: a run folder holds files and folders alone, so nothing in it is used",
                        hint="remove it; a folder that somebody sent is safest in a fresh copy",
                    )


def sweep(folder: Path) -> None:
    """Remove what a process that was killed left in a run folder: its work folders, and files that had no name yet. Whoever asks holds the lock."""
    for place in (folder, folder / "bench"):
        for path in place.iterdir() if place.is_dir() else ():
            if WORK.match(path.name) and path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif UNNAMED.fullmatch(path.name) and path.is_file():
                path.unlink(missing_ok=True)


def step(folder: Path, report: Report, name: str) -> Artifact:
    """Read what a step of a run left, every file of it compared with its digest.

    Raises Mismatch where a file is damaged, missing or not of this run, Mistake where the step's folder is not there.
    """
    record = folder / name / RECORD
    if not record.is_file():
        raise Mistake(f"{folder / name} is missing", hint=ANEW)
    told = report.sealed.get(name)
    if told is None:
        raise Mismatch(f"{folder / 'report.json'} holds no digest of {record}", hint=ANEW)
    if storage.file_digest(record) != told:
        raise Mismatch(f"{record} has changed since the run was made: it is damaged, or of another run", hint=ANEW)
    return artifacts.read(folder / name)[0]


def check(folder: Path, report: Report) -> None:
    """Compare every file of the steps and baselines of a run that is there with its digest; a folder that is not there is not used.

    Raises Mismatch where one is damaged, Mistake as `plain` does.
    """
    plain(folder)
    for name in dict.fromkeys([*(each["folder"] for each in report.steps), *report.sealed]):
        if Path(name).name != name:
            raise Mismatch(f"{folder / 'report.json'} tells of a step's folder {name!r}", hint=ANEW)
        if (folder / name).is_dir():
            step(folder, report, name)


def shipped(folder: Path, report: Report) -> None:
    """Raise Mismatch where a file that the report says may be shipped is not there: there is nothing of it to be judged."""
    for row in report.last():
        if row.file and not (folder / row.file).is_file():
            raise Mismatch(f"{folder / row.file} is missing: nothing there could be shipped", hint=ANEW)
