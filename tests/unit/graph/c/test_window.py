"""How a layer reads its input: how far a window reaches beyond the ends, and in which order numbers lie."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edgespec.errors import Mistake
from edgespec.graph.c.making import Making
from edgespec.graph.c.read import Graph, Node
from edgespec.graph.c.values import Program, Value, row_major
from edgespec.graph.c.window import bound, either, folded, folds, in_order, window


def making() -> Making:
    shapes = {"x": (1, 8, 1, 20), "y": (1, 4, 1, 10)}
    return Making(Graph((), "x", ("y",), shapes, {}, Counter(), {}, {}), Program(), "model.onnx")


def conv(**has: object) -> Node:
    return Node("Conv", "n", ("x", "w"), ("y",), has)  # type: ignore[arg-type]


def test_how_far_a_window_reaches() -> None:
    found = window(making(), conv(pads=[0, 3, 0, 3], strides=[1, 2]), np.zeros((4, 8, 1, 7)))
    assert (found.taps, found.stride, found.before, found.rows) == (7, 2, 3, 10)
    assert found.behind == 2, "the last window ends two positions beyond, though three are padded"
    assert not found.depthwise


def test_padding_of_its_own_is_refused() -> None:
    with pytest.raises(Mistake, match="auto_pad"):
        window(making(), conv(auto_pad=b"SAME_UPPER"), np.zeros((4, 8, 1, 7)))
    with pytest.raises(Mistake, match="axis of length 1"):
        window(making(), conv(pads=[1, 0, 1, 0]), np.zeros((4, 8, 1, 7)))


def test_weights_follow_the_order_of_their_numbers() -> None:
    found = making()
    places = np.array([0, 2, 1])
    x = Value(found.program.buffer("float", 3), (1, 3), row_major((1, 3)), order=places)
    weight, same = in_order(found, conv(), np.arange(3.0)[:, None], x)
    assert same is x
    assert weight.ravel().tolist() == [0, 2, 1]


def test_a_bound_that_is_none_is_the_largest_number() -> None:
    assert bound(np.inf) == "FLT_MAX"
    assert bound(-np.inf) == "-FLT_MAX"
    assert bound(0.0) == "0.0f"


def test_rows_of_few_outputs_are_computed_as_one() -> None:
    found = window(making(), conv(pads=[0, 3, 0, 3], strides=[1, 2]), np.zeros((4, 8, 1, 7)))
    assert folds(found, 17, 1) == 1
    assert folds(found, 8, 1) == 2, "10 rows, two as one"
    assert folds(found, 4, 2) == 1, "5 groups of two rows: no even number of them"
    weight = folded(np.array([[1, 2], [3, 4]], np.float32), 2, 3)
    assert weight.tolist() == [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 3, 4]]


def test_the_preprocessor_chooses_one_of_two_texts() -> None:
    assert either("a;\n", "b;\n") == "#if MODEL_VECTORS\na;\n#else\nb;\n#endif\n"
