"""An ssh process as a wire: a program at its far end, lines and bytes to it and from it, and what it means when it breaks."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import threading
import time
from typing import IO, cast

from edgespec.errors import EdgespecError, Unreachable
from edgespec.targets import ssh
from edgespec.targets.card import Target

BEAT_S = 10.0
PATIENCE_S = 60.0
BLOCK = 2**16
LONGEST = 2**26
RUNNING: set[subprocess.Popen[bytes]] = set()
"""What runs for us on all targets, in all threads."""


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
        while b"\n" not in self._unread:
            if len(self._unread) > LONGEST:
                raise Unreachable(
                    f"{ssh.title(self.target)} talks without end", hint=f"try: {ssh.by_hand(self.target)}"
                )
            self._unread += self._more(until)
        line, _, self._unread = self._unread.partition(b"\n")
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
        ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            self._ssh.kill()
            raise Unreachable(f"{ssh.title(self.target)} went silent", hint=f"try: {ssh.by_hand(self.target)}")
        found = os.read(self._from.fileno(), BLOCK)
        if not found:
            raise self._ended()
        return found

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
