"""What comes over the line from a device: its agent's answers, one a line, and files behind them."""

from __future__ import annotations

import json
from typing import Any

import fuzzing

from edgespec.errors import Unreachable
from edgespec.targets import connection
from edgespec.targets.card import Target

READER = "edgespec/targets/connection.Line.call"
KIND = "json"
CUT = Unreachable("the line was cut")


def seeds() -> list[bytes]:
    ended = {"code": 0, "in_time": True, "printed": "{}", "told": "", "files": {"a.npz": 5}, "gone": []}
    return [json.dumps(ended).encode(), b'{"need": []}', b'{"failed": 28, "why": "full", "where": "/x"}']


class Wire:
    """A line on which everything has come already."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def send(self, raw: bytes) -> None:
        pass

    def line(self, until: float) -> bytes:
        if b"\n" not in self.raw:
            raise CUT
        line, _, self.raw = self.raw.partition(b"\n")
        return line

    def take(self, size: int) -> bytes:
        if len(self.raw) < size:
            raise CUT
        found, self.raw = self.raw[:size], self.raw[size:]
        return found


def feed(raw: bytes) -> None:
    target = Target("far", "onnxruntime", reach="ssh")
    line: Any = object.__new__(connection.Line)
    line.target, line.there, line._token = target, {}, "0"
    needed = b"" if b'"need"' in raw else b'{"need": []}\n'
    line._wire = Wire(needed + raw + b"\nhello and more")
    folder = fuzzing.scratch() / "device"
    folder.mkdir(exist_ok=True)
    line.call(["hello"], folder, 1.0, target)
