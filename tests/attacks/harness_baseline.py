"""Baselines that a person committed, sealed by whoever forged them."""

from __future__ import annotations

import json

import fuzzing

from edgespec import report
from edgespec.runs.gate import baseline

READER = "edgespec/runs/gate/baseline.read"
KIND = "json"
SIDE = baseline.Side(
    where="x", recipe="r", version="1", data="d", labels=("a", "b"), true=(0, 1), sample=(0, 1),
    files={"float32": baseline.File(10, "d", 1, 1, (0, 1), 5.0, (0.5, 1.0), {"ece": baseline.Score(0.1, 0.01)}, {"axis": "1"})},
    shipped=("float32",), counted={"valgrind": "3"},
    latency={"local": (baseline.Latency("float32", {"cpu": "x"}, "quick", 1.0, (0.9, 1.1), 1.2, (1.1, 1.3), 5.0, 100, None, 0.1),)},
)  # fmt: skip


def seeds() -> list[bytes]:
    return [fuzzing.made(lambda path: baseline.write(SIDE, path))]


def feed(raw: bytes) -> None:
    try:
        plain = json.loads(raw)
        plain[report.SEAL] = report.seal(plain)
        raw = json.dumps(plain).encode()
    except (ValueError, TypeError, RecursionError, AttributeError):
        pass
    baseline.read(fuzzing.written("base.json", raw)).names()
