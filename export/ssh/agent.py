"""A guest on the device for as long as one ssh connection lasts: it keeps what was sent, runs the runner, and sweeps up behind itself.

    ssh DEVICE python3 -c 'execute standard input' WORKDIR HOLDER TOKEN

Requests come as lines of JSON, answers leave the same way; a file's bytes follow the line that announces them, and an empty line
says that the workstation is still there. When the line ends, or is silent for SILENCE_S, the runner is killed, its folder removed
and the device unlocked: whoever pulls a plug leaves nothing behind. Files stay in WORKDIR/files, named by their SHA-256, so that
nothing is sent twice; what a month has not asked for goes. Standard library only, Python 3.8.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, NoReturn

SILENCE_S = 60.0
KILL_S = 5.0
OLD_S = 30 * 86400.0
MOST = 2**24  # bytes of what a runner prints: the last
TAIL = 2**13  # of what it says beside that
BLOCK = 2**16


class GoneError(Exception):
    """The workstation is not there any more, or has had enough."""


class Wire:
    """The connection's two ends: standard input and output."""

    def __init__(self) -> None:
        self.unread = b""
        self.woken, wakes = os.pipe()  # the end of a child can be read from it, so that waiting needs no clock
        os.set_blocking(wakes, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)

    def line(self) -> bytes:
        """Give the next line that says something."""
        while True:
            line, end, rest = self.unread.partition(b"\n")
            if end:
                self.unread = rest
                if line:
                    return line
            else:
                self.unread += _heard()

    def take(self, file: Any, size: int) -> str:
        """Take so many bytes into a file; give their digest."""
        digest = hashlib.sha256()
        while size > 0:
            self.unread = self.unread or _heard()
            block, self.unread = self.unread[:size], self.unread[size:]
            digest.update(block)
            file.write(block)
            size -= len(block)
        return digest.hexdigest()

    def tell(self, answer: dict[str, Any], files: tuple[str, ...] = ()) -> None:
        """Answer; the files' bytes follow, as many as `answer` says."""
        _write(json.dumps(answer).encode() + b"\n")
        for path in files:
            with open(path, "rb") as file:
                for block in iter(lambda: file.read(BLOCK), b""):
                    _write(block)

    def watch(self, process: Any, timeout_s: float) -> tuple[bool, bytes, bytes]:
        """Wait for the runner without taking a processor from it; tell whether it ended in time, and what it has said on both its outputs.

        It talks into pipes: a disk that is full must not swallow that it is full.
        """
        said = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
        silent: set[int] = set()
        heard = time.monotonic()
        until = heard + timeout_s
        while process.poll() is None:
            now = time.monotonic()
            if now >= until:
                break
            if now >= heard + SILENCE_S:
                raise GoneError
            waiting = [0, self.woken, *(set(said) - silent)]
            ready, _, _ = select.select(waiting, [], [], min(until, heard + SILENCE_S) - now)
            if self.woken in ready:
                os.read(self.woken, BLOCK)
            if 0 in ready:
                self.unread += _heard()
                heard = time.monotonic()
            silent |= {pipe for pipe in said if pipe in ready and not _listen(pipe, said)}
        for pipe in set(said) - silent:
            while select.select([pipe], [], [], 0)[0] and _listen(pipe, said):
                pass
        printed, told = said.values()
        return process.poll() is not None, printed, told


def main(workdir: str, holder: str, token: str) -> int:
    """Serve one workstation; TOKEN begins the answers, whatever a login shell has printed before."""
    wire = Wire()
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _gone)
    _write(b"\n" + token.encode() + b"\n")
    try:
        _serve(wire, os.path.join(os.path.expanduser("~"), workdir), holder)
    except GoneError:
        pass
    except OSError as problem:
        number = problem.errno or errno.EIO
        wire.tell({"failed": number, "why": os.strerror(number), "where": str(problem.filename or "")})
        return 1
    return 0


def _serve(wire: Wire, home: str, holder: str) -> None:
    store, works = os.path.join(home, "files"), os.path.join(home, "work")
    for folder in (store, works):
        os.makedirs(folder, exist_ok=True)
    lock = os.open(os.path.join(home, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        wire.tell({"held": os.read(lock, 1000).decode(errors="replace")})
        return
    os.ftruncate(lock, 0)
    os.write(lock, (holder + time.strftime(", since %H:%M on its clock")).encode())
    _sweep(store, works)
    work = tempfile.mkdtemp(dir=works)
    try:
        wire.tell({"ready": True})
        os.mkdir(os.path.join(work, "folder"))
        while True:
            request = json.loads(wire.line().decode())
            _receive(wire, store, work, request)
            _run(wire, home, work, request, lock)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _sweep(store: str, works: str) -> None:
    """Remove what a device that lost its power has left, what is half sent, and what nobody has asked for in a month."""
    for name in os.listdir(works):
        shutil.rmtree(os.path.join(works, name), ignore_errors=True)
    for name in os.listdir(store):
        path = os.path.join(store, name)
        if name.endswith(".part") or time.time() - os.stat(path).st_mtime > OLD_S:
            os.remove(path)


def _receive(wire: Wire, store: str, work: str, request: dict[str, Any]) -> None:
    """Ask for the files that are not here, or not as they were sent, and lay all of them where the runner looks."""
    wanted = sorted(set(request["files"].values()))
    needed = [digest for digest in wanted if not _whole(os.path.join(store, digest), digest)]
    wire.tell({"need": needed})
    for digest in needed:
        path = os.path.join(store, digest)
        with open(path + ".part", "wb") as file:
            arrived = wire.take(file, json.loads(wire.line().decode())["size"])
        if arrived == digest:  # else it changed under the sender's hands, who is told by its absence
            os.replace(path + ".part", path)
    for name in request["drop"]:
        os.remove(os.path.join(work, name))
    for name, digest in request["files"].items():
        path = os.path.join(work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copyfile(os.path.join(store, digest), path)  # a copy: a runner may write into its own folder


def _whole(path: str, digest: str) -> bool:
    if not os.path.isfile(path):
        return False
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            found.update(block)
    os.utime(path)
    return found.hexdigest() == digest


def _run(wire: Wire, home: str, work: str, request: dict[str, Any], lock: int) -> None:
    """Run the runner and send back what it printed and every file that it wrote or changed."""
    folder, before = os.path.join(work, "folder"), _state(os.path.join(work, "folder"))
    python = [os.path.expanduser(word.replace("{home}", home)) for word in request["python"]]
    given = {name: text.replace("{home}", home) for name, text in request["env"].items()}
    with subprocess.Popen(
        python + [os.path.join(work, "program", "runner.py")] + request["arguments"],
        cwd=folder,
        env=dict(dict(os.environ, EDGESPEC_HOME=home, EDGESPEC_PREPARED=os.path.join(home, "prepared")), **given),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        pass_fds=(lock,),  # should this program be killed alone, the device stays locked until the runner ends
    ) as process:
        try:
            in_time, printed, told = wire.watch(process, request["timeout_s"])
        finally:
            _stop(process)
    after = _state(folder)
    changed = {name: state[0] for name, state in after.items() if before.get(name) != state}
    answer = {
        "code": process.returncode,
        "in_time": in_time,
        "files": changed,
        "gone": sorted(set(before) - set(after)),
    }
    answer.update(printed=printed.decode(errors="replace"), told=told[-TAIL:].decode(errors="replace"))
    wire.tell(answer, tuple(os.path.join(folder, name) for name in changed))


def _listen(pipe: int, said: dict[int, bytes]) -> bool:
    """Take what is in a pipe; False where nobody holds its other end any more."""
    block = os.read(pipe, BLOCK)
    said[pipe] = (said[pipe] + block)[-MOST:]
    return bool(block)


def _state(folder: str) -> dict[str, tuple[int, int, int]]:
    """Give what tells a file from the one that was there before: its size first."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path) and not os.path.islink(path):
                stat = os.stat(path)
                found[os.path.relpath(path, folder)] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return found


def _stop(process: Any) -> None:
    """End the runner and all that it started."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(KILL_S)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: Any, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _heard() -> bytes:
    ready, _, _ = select.select([0], [], [], SILENCE_S)
    try:
        block = os.read(0, BLOCK) if ready else b""
    except ConnectionError:
        block = b""
    if not block:
        raise GoneError
    return block


def _write(block: bytes) -> None:
    try:
        while block:
            block = block[os.write(1, block) :]
    except ConnectionError:
        raise GoneError from None


def _gone(number: int, frame: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)
    raise GoneError


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
