"""ONNX files of others, looked at as `adopt` and `verify` do before anything of them runs."""

from __future__ import annotations

import fuzzing
import small_onnx

from edgespec import contract
from edgespec.graph.foreign import checks, ends, file, labels

READER = "edgespec/graph/foreign: file, checks, ends, labels"


def seeds() -> list[bytes]:
    return [small_onnx.model(), small_onnx.convolution()]


def feed(raw: bytes) -> None:
    path = fuzzing.written("case.onnx", raw)
    model = file.read(path)
    checks.check(model, path)
    ends.of_input(model, path)
    labels.known(model, path)
    contract.load(path)
