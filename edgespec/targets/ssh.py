"""The system's OpenSSH: how a device is called, and what its messages mean.

The user's own configuration, agent, jumps and known hosts are honoured, and `EDGESPEC_SSH` may name another program or file
(`EDGESPEC_SSH="ssh -F lab.conf"`). Host keys are always checked, and nobody is ever asked for anything: whatever needs an answer fails.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from typing import IO, cast

from edgespec.errors import EdgespecError, Missing, StorageError, Unreachable
from edgespec.targets import ssh
from edgespec.targets.card import Target

CONNECT_S = 10
OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": str(CONNECT_S),
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",  # a line that was cut is noticed within 15 s
    "ControlMaster": "no",  # one connection does everything; one that is open already is used
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "LogLevel": "INFO",
}
MEANINGS = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "shows another host key than the one that was known: is it still the same machine?",
     "if it was set up anew: {forget}, then once by hand: {by_hand}"),
    ("Host key verification failed", "shows a host key that is not known here",
     "once by hand, and compare the fingerprint: {by_hand}"),
    ("No matching host key fingerprint", "shows a host key that its DNS record does not know", "once by hand: {by_hand}"),
    ("Could not resolve hostname", "is no host that can be found", "'host' of the card, --host, or a Host of ~/.ssh/config"),
    ("Connection refused", "refuses the connection", "is its ssh server running, and is that its port?"),
    ("No route to host", "is not on this network", "is it switched on? try: {by_hand}"),
    ("Network is unreachable", "is not on this network", "try: {by_hand}"),
    ("timed out during banner exchange", "does not speak ssh within {seconds} s", "is that its port? try: {by_hand}"),
    ("timed out", "did not answer over ssh within {seconds} s", "is it switched on? try: {by_hand}"),
    ("Permission denied", "does not let {user} in", "is that the user? its key goes there by: {copy}"),
    ("Too many authentication failures", "does not let {user} in", "name one key: IdentityFile and IdentitiesOnly in ~/.ssh/config"),
    ("Unable to negotiate", "and this machine have no cipher or key type in common", "try: {by_hand}"),
    ("Bad configuration option", "cannot be called: ssh's configuration is wrong", "try: {by_hand}"),
    ("Can't open user config", "cannot be called: ssh's configuration is not there", "EDGESPEC_SSH names it"),
)  # fmt: skip
NO_ROOM = ("No space left on device", "Disk quota exceeded", "File too large")
BEAT_S = 10.0
PATIENCE_S = 60.0
BLOCK, AHEAD = 2**16, 16  # bytes that are read at once; blocks that are read ahead
FORGET = re.compile(r"""ssh-keygen -f ['"]?[\w./~-]+['"]? -R ['"]?[\w.:\[\]-]+['"]?(?=\s|$)""", re.ASCII)
"""ssh's own command and nothing behind it: what it says may repeat a stranger's words, and a hint is copied into a shell."""
LONGEST = 2**26
RUNNING: set[subprocess.Popen[bytes]] = set()


def words(target: Target, command: str) -> list[str]:
    """Give the words that run a command, one text for its login shell, on a device. Raises Missing where there is no ssh here."""
    program = shlex.split(os.environ.get("EDGESPEC_SSH", "ssh")) or ["ssh"]
    if shutil.which(program[0]) is None:
        raise Missing(
            f"target {target.name!r} is reached by ssh, and there is no {program[0]} here",
            hint="apt install openssh-client, or EDGESPEC_SSH names another program",
        )
    options = [word for key, value in OPTIONS.items() for word in ("-o", f"{key}={value}")]
    return [*program, "-T", "-x", *options, *_place(target), "--", target.host or target.name, command]


def refusal(target: Target, code: int, told: str, begun: bool) -> EdgespecError:
    """Say what it means that ssh ended: with this code, these words on standard error, before or after its program had begun."""
    last = told.strip().splitlines()[-1].strip() if told.strip() else f"code {code}"
    if any(each in told for each in NO_ROOM):
        return no_room(target, last)
    if begun:
        ends = {0: "it has heard nothing from here for too long", 255: "what holds its other end was killed"}
        last = last if told.strip() else ends.get(code, last)
        return Unreachable(
            f"the line to {title(target)} was cut: {last}",
            hint=f"the device cleans up by itself; run the same command again, or try: {by_hand(target)}",
        )
    for text, meaning, hint in MEANINGS if code == 255 else ():
        if text in told:
            name = target.user or "this user"
            fill = {"by_hand": by_hand(target), "copy": by_hand(target, "ssh-copy-id", ""), "user": name}
            fill |= {"forget": _forget(target, told), "seconds": str(CONNECT_S)}
            return Unreachable(f"{title(target)} {meaning.format(**fill)} ({last})", hint=hint.format(**fill))
    if code == 255:
        return Unreachable(f"{title(target)} cannot be reached: {last}", hint=f"try: {by_hand(target)}")
    return _no_python(target, code, told, last)


def no_room(target: Target, told: str) -> StorageError:
    """Word that a device's disk is full."""
    hint = f"make room there: what edgespec keeps in {target.workdir} may go"
    return StorageError(f"{title(target)} has no room for more: {told}", hint=hint)


def title(target: Target) -> str:
    """Name a device for a person."""
    at = f", port {target.port}" if target.port else ""
    return f"target {target.name!r} (host '{target.user + '@' if target.user else ''}{target.host or target.name}'{at})"


def by_hand(target: Target, program: str = "", command: str = " true") -> str:
    """Give the command with which a person tries the same."""
    port = f"-p {target.port} " if target.port else ""
    at = f"{target.user}@" if target.user else ""
    place = shlex.quote(f"{at}{target.host or target.name}")
    return f"{program or os.environ.get('EDGESPEC_SSH', 'ssh')} {port}{place}{command}"


def _place(target: Target) -> list[str]:
    port = ["-p", str(target.port)] if target.port else []
    return [*port, *(["-l", target.user] if target.user else [])]


def _forget(target: Target, told: str) -> str:
    """Give the command that forgets a host key: ssh's own where it names one, as only ssh knows what an alias stands for."""
    named = FORGET.search(told)
    host = target.host or target.name
    key = f"'[{host}]:{target.port}'" if target.port and target.port != 22 else host
    return named.group() if named else f"ssh-keygen -R {key if key[:1] == chr(39) else shlex.quote(key)}"


def _no_python(target: Target, code: int, told: str, last: str) -> EdgespecError:
    """Say why the words of the card did not start a Python that will do."""
    python = " ".join(target.python or ("python3",))
    hint = target.setup or "python: [...] in the card names another"
    if "is too old" in told:
        return Missing(f"{title(target)}: {last}", hint=hint)
    if "Exec format error" in told:
        return Unreachable(f"{title(target)}: {python} is a program for another processor: {last}", hint=hint)
    if code in (126, 127) or "not found" in told or "No such file" in told:
        return Missing(f"{title(target)} has no {python}: {last}", hint=hint)
    return Unreachable(
        f"{title(target)} ended before it began, with code {code}: {last}", hint=f"try: {by_hand(target)}"
    )


def interrupt() -> None:
    """End what runs on all targets: an interrupt reaches the main thread alone. A device sweeps up by itself."""
    for process in tuple(RUNNING):
        process.kill()


class Wire:
    """One ssh process. Whoever opens it closes it."""

    def __init__(self, target: Target, command: str) -> None:
        self.target = target
        self.begun = False  # what breaks afterwards is a line that was cut
        words = ssh.words(target, command)
        self._unread = b""
        self._noise = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the wire)
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._ssh = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            bufsize=0,
            start_new_session=True,  # an interrupt is ours: we end the line, and wait until the device has swept up
        )
        RUNNING.add(self._ssh)
        self._to, self._from = cast(IO[bytes], self._ssh.stdin), cast(IO[bytes], self._ssh.stdout)
        self._heard: queue.Queue[bytes] = queue.Queue(AHEAD)
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()

    def beat(self) -> None:
        """Say now and then, from now on, that we are here: a device can't tell a cut line from a quiet one."""
        threading.Thread(target=self._beat, daemon=True).start()

    def send(self, raw: bytes) -> None:
        """Send bytes. Raises what it means that the line is gone."""
        try:
            self._write(raw)
        except (OSError, ValueError):  # ssh has ended, or the wire is closed
            raise self._ended() from None

    def line(self, until: float) -> bytes:
        """Give the next line, without its end; `until` is a time of the monotonic clock."""
        parts = [self._unread]  # joined once: a long line is not copied for each part of it
        while b"\n" not in parts[-1]:
            if sum(map(len, parts)) > LONGEST:
                raise Unreachable(
                    f"{ssh.title(self.target)} talks without end", hint=f"try: {ssh.by_hand(self.target)}"
                )
            parts.append(self._more(until))
        line, _, self._unread = b"".join(parts).partition(b"\n")
        return line

    def take(self, size: int) -> bytes:
        """Give so many bytes."""
        parts, have = [self._unread], len(self._unread)
        while have < size:
            parts.append(self._more(time.monotonic() + PATIENCE_S))
            have += len(parts[-1])
        whole = b"".join(parts)
        self._unread = whole[size:]
        return whole[:size]

    def close(self) -> None:
        """End the line; wait until the device has swept up."""
        self._over.set()
        with contextlib.suppress(OSError), self._turn:
            self._to.close()
        try:
            self._ssh.wait(10 if self.begun else 1)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            self._ssh.wait()
        RUNNING.discard(self._ssh)
        self._ear.join(1)
        if not self._ear.is_alive():  # what ssh has left behind may hold its output open
            self._from.close()
        self._noise.close()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            with contextlib.suppress(OSError, ValueError):  # whoever waits for an answer will tell
                self._write(b"\n")

    def _write(self, raw: bytes) -> None:
        with self._turn:
            while raw:
                raw = raw[self._to.write(raw[:BLOCK]) :]

    def _more(self, until: float) -> bytes:
        try:
            found = self._heard.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            self._ssh.kill()
            raise Unreachable(
                f"{ssh.title(self.target)} went silent", hint=f"try: {ssh.by_hand(self.target)}"
            ) from None
        if not found:
            raise self._ended()
        return found

    def _listen(self) -> None:
        """Hand on what ssh says, and b"" at its end; a thread, because Windows cannot wait for a pipe with a limit."""
        found = b"more"
        while found and not self._over.is_set():
            try:
                found = os.read(self._from.fileno(), BLOCK)
            except OSError:
                found = b""
            while not self._over.is_set():  # whoever talks without end is heard no faster than is read
                with contextlib.suppress(queue.Full):
                    self._heard.put(found, timeout=0.1)
                    break

    def _ended(self) -> EdgespecError:
        """Say why the line is gone, by what ssh said of it."""
        try:
            code = self._ssh.wait(10)
        except subprocess.TimeoutExpired:
            self._ssh.kill()
            code = self._ssh.wait()
        self._noise.seek(0)
        told = self._noise.read().decode(errors="replace").replace("\r", "")
        return ssh.refusal(self.target, code, told, self.begun)
