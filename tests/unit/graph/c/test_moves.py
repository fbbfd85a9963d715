"""Operators that move numbers: views where that is possible, else copies; the numbers arrive where they should."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import helper

LONG = np.int64
CASES = {
    "transpose": ([("Reshape", ["spectrum", "s"], ["a"], {}), ("Transpose", ["a"], ["b"], {"perm": [0, 2, 1]}),
                   ("Reshape", ["b", "flat"], ["logits"], {})],
                  {"s": [1, 4, 6], "flat": [1, 24]}, 24),
    "slice": ([("Slice", ["spectrum", "b", "e", "a", "st"], ["logits"], {})], {"b": [-2], "e": [-20], "a": [1], "st": [-3]}, 6),
    "split and concat": ([("Split", ["spectrum", "parts"], ["a", "b"], {"axis": 1}), ("Concat", ["b", "a", "spectrum"], ["logits"], {"axis": 1})],
                         {"parts": [10, 14]}, 48),
    "gather": ([("Gather", ["spectrum", "i"], ["logits"], {"axis": 1})], {"i": [5, 1, 1, -1]}, 4),
    "gather evenly": ([("Gather", ["spectrum", "i"], ["logits"], {"axis": 1})], {"i": [1, 4, 7]}, 3),
    "pad": ([("Pad", ["spectrum", "p", "v"], ["logits"], {})], {"p": [0, 2, 0, 3], "v": np.float32(7)}, 29),
    "pad by the edge": ([("Pad", ["spectrum", "p"], ["logits"], {"mode": "edge"})], {"p": [0, 2, 0, 3]}, 29),
    "pad by a mirror": ([("Pad", ["spectrum", "p"], ["logits"], {"mode": "reflect"})], {"p": [0, 2, 0, 3]}, 29),
    "expand": ([("Unsqueeze", ["spectrum", "one"], ["a"], {}), ("Expand", ["a", "s"], ["b"], {}), ("Reshape", ["b", "flat"], ["logits"], {})],
               {"one": [1], "s": [1, 3, 24], "flat": [1, 72]}, 72),
}  # fmt: skip


@c_code.needs_compiler
@pytest.mark.parametrize("case", CASES)
def test_numbers_arrive_where_they_should(case: str, tmp_path: Path) -> None:
    nodes, held, classes = CASES[case]
    made = [helper.make_node(kind, inputs, outputs, **has) for kind, inputs, outputs, has in nodes]
    constants = {
        name: value if isinstance(value, np.float32) else np.array(value, LONG) for name, value in held.items()
    }
    c_code.check(c_code.graph(tmp_path, made, 24, classes, constants), tolerance=0)


@c_code.needs_compiler
def test_a_view_costs_nothing(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Unsqueeze", ["spectrum", "axes"], ["a"]),
        helper.make_node("Squeeze", ["a", "axes"], ["b"]),
        helper.make_node("MatMul", ["b", "w"], ["logits"]),
    ]
    held = {"axes": np.array([1, 2], LONG), "w": np.ones((24, 3), np.float32)}
    text = c_code.check(c_code.graph(tmp_path, nodes, 24, 3, held))
    assert "dense(spectrum, " in text, "the layer reads the spectrum itself"
