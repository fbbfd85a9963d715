"""Target cards: YAML of the working folder or of the user's settings."""

from __future__ import annotations

import fuzzing

from edgespec import plugins
from edgespec.targets import card, ssh

READER = "edgespec/targets/card.read"


def seeds() -> list[bytes]:
    own = b"runtime: onnxruntime\nreach: ssh\nhost: pi.local\nuser: pi\nport: 22\nenv: {A: b}\npython: [nice, python3]\ngflops: 10.5\n"
    return [own, *(plugins.path("targets", name).read_bytes() for name in plugins.names("targets"))]


def feed(raw: bytes) -> None:
    found = card.read(fuzzing.written("case.yaml", raw))
    ssh.title(found), ssh.by_hand(found), dict(found.variables)
    for text in (*found.python, found.host, found.user, found.workdir, *found.variables, *found.variables.values()):
        assert "\0" not in text, "a process is started with it"
