"""The recurrent layer, in one direction, the other, and both."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import helper

from edgespec.errors import Mistake
from edgespec.graph.c import source


def layer(folder: Path, direction: str, **has: object) -> Path:
    random, ways, hidden = np.random.default_rng(6), 2 if direction == "bidirectional" else 1, 5
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("LSTM", ["a", "w", "r", "b"], ["y", "h", "c"], hidden_size=hidden, direction=direction, **has),
        helper.make_node("Reshape", ["y", "flat"], ["logits"]),
        helper.make_node("Reshape", ["h", "flat"], ["states"]),
        helper.make_node("Reshape", ["c", "flat"], ["cells"]),
    ]
    held = {
        "s": np.array([6, 1, 3]),
        "flat": np.array([1, -1]),
        "w": random.normal(size=(ways, 4 * hidden, 3)).astype("f"),
    }
    held |= {
        "r": random.normal(size=(ways, 4 * hidden, hidden)).astype("f"),
        "b": random.normal(size=(ways, 8 * hidden)).astype("f"),
    }
    return c_code.graph(folder, nodes, 18, 6 * ways * hidden, held, outputs=("logits", "states", "cells"))


@c_code.needs_compiler
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_a_layer(direction: str, tmp_path: Path) -> None:
    c_code.check(layer(tmp_path, direction), tolerance=2e-6)


def test_gates_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no C for LSTM"):
        source.source(layer(tmp_path, "forward", clip=1.0))
