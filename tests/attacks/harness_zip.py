"""Archives of spectra as RRUFF offers them: looked through as a download is, then read."""

from __future__ import annotations

import contextlib

import fuzzing
import rruff_files

from edgespec.data.readers import archives
from edgespec.data.readers.rruff_text import Refused
from edgespec.datasets import rruff
from edgespec.spectra import Axis

READER = "edgespec/data/readers/archives, edgespec/datasets/rruff"
KIND = "zip"


def seeds() -> list[bytes]:
    few = {name: str(text) for name, text in rruff_files.three().items()}
    return [fuzzing.made(lambda path: rruff_files.archive(path, few), "seed.zip")]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.zip", raw)
    with contextlib.suppress(Refused):
        archives.check(path)
    rruff.load(axis=Axis(200, 1000, 32), seed=0, path=str(path), refused="skip")
