"""The state of a translation: tensors are computed when somebody needs them, and lined up for windows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edgespec.errors import Mistake
from edgespec.graph.c.making import Making, positions, rounding_of
from edgespec.graph.c.read import Graph, Node
from edgespec.graph.c.values import Program, Rounding


def making(**constants: object) -> Making:
    held = {name: np.asarray(value) for name, value in constants.items()}
    graph = Graph((), "x", ("y",), {"x": (1, 2, 1, 8), "flat": (1, 8)}, held, Counter(), {}, {})
    return Making(graph, Program(), "model.onnx")


def node(kind: str, *inputs: str) -> Node:
    return Node(kind, "n", inputs, ("y",), {})


def test_a_tensor_is_lined_up_for_windows() -> None:
    found = making()
    found.values["x"] = found.program.value((1, 2, 1, 8))
    lined = found.lined_up("x", 3, 2, 1, 0.0)
    assert lined.strides == (2, 1, 2, 2), "channels lie together"
    assert (lined.buffer.before, lined.buffer.behind) == (4, 2), "two positions and one, of two channels"
    assert found.lined_up("x", 3, 3, 0, 0.0) is lined
    assert lined.buffer.before == 6


def test_the_rounding_of_a_whole_tensor() -> None:
    found = making(s=np.float32(0.5), z=np.array(-3, np.int8), many=np.ones(3, np.float32))
    assert rounding_of(found, node("QuantizeLinear", "x", "s", "z")) == Rounding(0.5, 125)
    assert rounding_of(found, node("QuantizeLinear", "x", "s")) == Rounding(0.5, 0)
    assert rounding_of(found, node("QuantizeLinear", "x", "many")) is None


def test_the_axis_of_a_window() -> None:
    assert positions(making(), node("Conv", "x"), "x", (1, 3)) == 3
    with pytest.raises(Mistake, match="2-dimensional"):
        positions(making(), node("Conv", "flat"), "flat", (3,))


def test_what_depends_on_the_spectrum_is_no_constant() -> None:
    with pytest.raises(Mistake, match="takes 'x' from the spectrum"):
        making().constant("x")
