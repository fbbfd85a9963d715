"""The arrays that a device sends back beside its answer."""

from __future__ import annotations

import fuzzing
import numpy as np

from edgespec.bench import collect

READER = "edgespec/bench/collect.samples_of, scores_of"
KIND = "zip"


def seeds() -> list[bytes]:
    return [
        fuzzing.made(
            lambda path: np.savez(path, ns_0=np.ones((2, 3), np.int64), ns_1=np.ones((2, 3), np.int64)), "seed.npz"
        ),
        fuzzing.made(lambda path: np.save(path, np.ones((3, 2), np.float32)), "seed.npy"),
    ]


def feed(raw: bytes) -> None:
    path = fuzzing.written("back.npz", raw)
    if raw[:2] == b"PK":
        collect.samples_of(path, ["a", "b"], "far")
    else:
        collect.scores_of(path, "a", 3, "far")
