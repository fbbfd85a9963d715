"""One ssh connection to a device that is ours while it is open: files there once, the runner's answers and its files back.

The other end is `export/ssh/agent.py`, sent on standard input; nothing is installed. It holds the device's lock, keeps files
by their SHA-256, and sweeps up when the line ends, however it ends.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from edgespec import plugins, storage, unpacking
from edgespec.errors import Mismatch, StorageError, Unreachable, visible
from edgespec.targets import ssh
from edgespec.targets.card import Target
from edgespec.targets.ssh import PATIENCE_S, Wire

GREET_S = 60.0
BANNER = 2**16
MOST = 2**31
LONGEST_NAME, DEEPEST = 200, 10  # bytes of a part of a file's name; parts
FULL = (28, 122, 27)  # ENOSPC, EDQUOT, EFBIG, as Linux counts them
START = (
    "import sys;v=sys.version.split()[0];"
    'sys.version_info<(3,8) and sys.exit("Python "+v+" is too old: 3.8 or newer is needed");exec(sys.stdin.buffer.read({size}))'
)


class Ended(NamedTuple):
    """How the runner ended: code (negative: a signal), what it printed, what it said beside that, and whether it took too long."""

    code: int
    printed: bytes
    told: str
    late: bool = False


@contextmanager
def opened(target: Target) -> Iterator[Line]:
    """Open the line to a device, lock the device, and give both back at the end.

    Raises Unreachable where it can't be reached, Missing where there is no ssh here or no Python there, StorageError where another holds it.
    """
    line = Line(target)
    try:
        line.greet()
        yield line
    finally:
        line.close()


class Line:
    """The workstation's end. What is there already is remembered, so that each call sends what is new."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.there: dict[str, str] = {}
        self._token = secrets.token_hex(16)
        self._wire = Wire(target, _command(target, self._token))

    def greet(self) -> None:
        """Send the program and wait until it holds the device."""
        until, seen = time.monotonic() + GREET_S, 0
        self._wire.send(_agent())
        while (said := self._wire.line(until)) != self._token.encode():
            seen += len(said)
            if seen > BANNER:
                talk = f"{ssh.title(self.target)} talks without end: {said[:80]!r}"
                raise Unreachable(talk, hint="its login shell prints it")
        self._wire.begun = True
        told = self._told(until)
        if "held" in told:
            raise StorageError(
                f"{ssh.title(self.target)} is in use by {_shown(told['held']) or 'another edgespec'}",
                hint="wait until it is done; a device measures one thing at a time",
            )
        self._wire.beat()

    def call(self, arguments: Sequence[str], folder: Path, timeout_s: float, target: Target) -> Ended:
        """Run the runner in a copy of `folder`; what it writes there comes back into `folder`."""
        here = {f"program/{name}": path for name, path in plugins.program().items()}
        here |= {f"folder/{name}": path for name, path in _files(folder).items()}
        digests = {name: storage.file_digest(path) for name, path in here.items()}
        changed = {name: digest for name, digest in digests.items() if self.there.get(name) != digest}
        request: dict[str, Any] = {"files": changed, "drop": sorted(set(self.there) - set(digests))}
        request["arguments"] = list(arguments)
        request |= {"timeout_s": timeout_s, "python": list(target.python or ("python3",)), "env": target.variables}
        self._wire.send(json.dumps(request).encode() + b"\n")
        by_digest = {digest: here[name] for name, digest in changed.items()}
        size = sum(path.stat().st_size for path in by_digest.values())
        needed = self._told(time.monotonic() + PATIENCE_S + size / 1e6, need=list)["need"]
        for digest in (each for each in needed if isinstance(each, str) and each in by_digest):
            content = by_digest[digest].read_bytes()
            self._wire.send(json.dumps({"size": len(content)}).encode() + b"\n" + content)
        self.there = digests
        until = time.monotonic() + 2 * PATIENCE_S + size / 1e4 + timeout_s
        told = self._told(until, code=int, in_time=bool, printed=str, told=str, files=dict, gone=list)
        self._fetch(told, folder)
        return Ended(told["code"], told["printed"].encode(errors="replace"), told["told"].strip(), not told["in_time"])

    def close(self) -> None:
        """Give the device back."""
        self._wire.close()

    def _fetch(self, told: Mapping[str, Any], folder: Path) -> None:
        """Take the files that the runner wrote. Raises Mismatch where one would lie elsewhere than in the folder."""
        for name, size in told["files"].items():
            place = _inside(self.target, folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            content = self._wire.take(size)
            storage.write(place, content)
            self.there[f"folder/{name}"] = storage.file_digest(place)
        for name in told["gone"]:
            _inside(self.target, folder, name).unlink(missing_ok=True)
            self.there.pop(f"folder/{name}", None)

    def _told(self, until: float, **kinds: type) -> dict[str, Any]:
        raw = self._wire.line(until)
        try:
            told = unpacking.parse_json(raw)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or ("failed" not in told and not _fits(told, kinds)):
            raise Unreachable(f"{ssh.title(self.target)} prints what is not an answer: {raw[:80]!r}", hint="try again")
        if "failed" in told:
            why = _shown(f"{told.get('why')} {told.get('where')}")
            if told["failed"] in FULL:
                raise ssh.no_room(self.target, why)
            raise StorageError(
                f"{ssh.title(self.target)} cannot keep what is sent: {why}", hint="'workdir' of the card"
            )
        return told


def place(target: Target) -> tuple[str, str, int | None, str]:
    """Give what two cards have in common that one line serves: the device, and the folder there."""
    return target.user, target.host or target.name, target.port, target.workdir


def _command(target: Target, token: str) -> str:
    """Give the text that a login shell runs; before it, and only there, `{home}` and `~` are places below the home folder."""
    workdir = target.workdir
    python = [word.replace("{home}", workdir).removeprefix("~/") for word in target.python or ("python3",)]
    if target.variables:
        pairs = [f"{name}={text.replace('{home}', workdir)}" for name, text in target.variables.items()]
        python = ["env", *pairs, *python]
    holder = re.sub(r"[^\w@.-]+", "_", f"{_user()}@{platform.node()}") + f" (pid {os.getpid()})"
    return "cd; " + shlex.join([*python, "-c", START.format(size=len(_agent())), workdir, holder, token])


def _user() -> str:
    try:
        return getpass.getuser()
    except (
        KeyError,
        OSError,
        ImportError,
    ):  # a container may have no name for it, and Windows no list of users to look in
        return str(os.getuid()) if hasattr(os, "getuid") else "somebody"


def _agent() -> bytes:
    return plugins.shipped("export", "ssh", "agent.py").read_bytes()


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _fits(told: Mapping[str, Any], kinds: Mapping[str, type]) -> bool:
    sizes = told["files"].values() if "files" in kinds and isinstance(told.get("files"), dict) else ()
    whole = all(isinstance(each, int) and 0 <= each <= MOST for each in sizes)
    return whole and all(isinstance(told.get(key), kind) for key, kind in kinds.items())


def _inside(target: Target, folder: Path, name: Any) -> Path:
    place = PurePosixPath(str(name))
    long = any(len(part.encode(errors="replace")) > LONGEST_NAME for part in place.parts) or len(place.parts) > DEEPEST
    known = isinstance(name, str) and bool(place.parts) and visible(name) == name and not long
    if not known or place.is_absolute() or ".." in place.parts or (folder / place).is_dir():
        raise Mismatch(
            f"{ssh.title(target)} answers with a file outside its folder: {_shown(name)!r}",
            hint="is it the device that you think?",
        )
    return folder / place


def _shown(text: Any) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in str(text)).strip()
