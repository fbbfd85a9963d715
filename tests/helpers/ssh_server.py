"""A device: a real OpenSSH server on 127.0.0.1, with keys, known hosts and a configuration of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgespec.targets.card import Target

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile {folder}/pid
AuthorizedKeysFile {folder}/user.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
SetEnv HOME={home}
"""
CLIENT = """\
Host *
  HostName 127.0.0.1
  Port {port}
  User {user}
  HostKeyAlias device
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known
  GlobalKnownHostsFile none
"""


@dataclass
class Device:
    """The server: its folder (keys, configuration), the home folder that a login has, and its process."""

    folder: Path
    home: Path
    port: int
    server: subprocess.Popen[bytes]

    @property
    def ssh(self) -> str:
        """What EDGESPEC_SSH names."""
        return f"ssh -F {self.folder}/config"

    @property
    def work(self) -> list[str]:
        """What lies in the work folder."""
        place = self.home / ".cache" / "edgespec" / "work"
        return sorted(path.name for path in place.iterdir()) if place.is_dir() else []

    @property
    def store(self) -> dict[str, Path]:
        """What was sent, by digest."""
        return {path.name: path for path in (self.home / ".cache" / "edgespec" / "files").iterdir()}

    def card(self, **more: Any) -> Target:
        """A card of the device, with this Python."""
        return Target("pi", "onnxruntime", reach="ssh", host="device", **{"python": (sys.executable,), **more})

    def cut(self) -> None:
        """Cut every line: kill the server's children that serve them, as a network that is gone would end them."""
        for line in Path("/proc").glob("[0-9]*/stat"):
            fields = _text(line).rpartition(")")[2].split()
            if fields and int(fields[1]) == self.server.pid:
                os.kill(int(line.parent.name), signal.SIGKILL)


def wait(ready: Any, seconds: float = 10.0) -> bool:
    """Wait until something holds; tell whether it did in time."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def running(folder: Path) -> Iterator[Device]:
    """Start the server, wait until it listens, and stop it at the end."""
    home = folder / "home"
    home.mkdir(parents=True)
    for name in ("host", "other", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fill = {"folder": folder, "port": port, "user": getpass.getuser(), "home": home}
    (folder / "server").write_text(SERVER.format(**fill))
    (folder / "config").write_text(CLIENT.format(**fill))
    trust(folder, "host")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # a server that root starts wants it
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(folder / "server")], stderr=log)
        try:
            if not wait(lambda: _listens(port)):
                raise RuntimeError((folder / "log").read_text())
            yield Device(folder, home, port, server)
        finally:
            server.terminate()
            server.wait()


def trust(folder: Path, *names: str) -> None:
    """Write known hosts: these keys, or none."""
    keys = [(folder / f"{name}.pub").read_text() for name in names]
    (folder / "known").write_text("".join(f"device {key}" for key in keys))


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
