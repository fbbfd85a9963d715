"""Operators that work number by number, alone and joined, give what ONNX Runtime gives."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import onnx
import pytest
from onnx import helper

from edgespec.graph.c import elementwise

POSITIVE = {"Sqrt", "Log"}
CASES = [(kind, {}) for kind in sorted(elementwise.ONE) if kind not in ("Not", "Dropout")]
CASES += [("LeakyRelu", {"alpha": 0.2}), ("Elu", {"alpha": 0.7}), ("Selu", {}), ("HardSigmoid", {}), ("Gelu", {})]
CASES += [("Gelu", {"approximate": "tanh"})]


@c_code.needs_compiler
def test_each_operator_of_one_number(tmp_path: Path) -> None:
    nodes = []
    for i, (kind, has) in enumerate(CASES):
        ahead = "Abs" if kind in POSITIVE else "Identity"
        nodes += [helper.make_node(ahead, ["spectrum"], [f"a{i}"]), helper.make_node(kind, [f"a{i}"], [f"o{i}"], **has)]
    outputs = tuple(f"o{i}" for i in range(len(CASES)))
    path = c_code.graph(tmp_path, nodes, 37, 37, opset=20, outputs=outputs)
    c_code.check(path, scale=3.0, tolerance=2e-6)
    c_code.check(path, "-O3", "-march=native", scale=3.0, tolerance=2e-6)


@c_code.needs_compiler
@pytest.mark.parametrize(
    "other", [np.float32(0.7), np.linspace(-1, 1.1, 37, dtype=np.float32)], ids=["a number", "a table"]
)
def test_each_operator_of_two_numbers(tmp_path: Path, other: np.ndarray) -> None:
    outputs = []
    nodes: list[onnx.NodeProto] = []
    for kind in ("Add", "Sub", "Mul", "Div", "Min", "Max"):
        nodes.append(helper.make_node(kind, ["spectrum", "c"], [kind.lower()]))
        outputs.append(kind.lower())
    for kind in ("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"):
        nodes.append(helper.make_node(kind, ["spectrum", "c"], [f"{kind}_is"]))
        nodes.append(helper.make_node("Where", [f"{kind}_is", "spectrum", "c"], [kind.lower()]))
        outputs.append(kind.lower())
    path = c_code.graph(tmp_path, nodes, 37, 37, {"c": other}, outputs=tuple(outputs))
    c_code.check(path)


@c_code.needs_compiler
def test_a_chain_is_one_loop_and_bounds_may_be_left_out(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Mul", ["spectrum", "two"], ["a"]),
        helper.make_node("Clip", ["a", "low"], ["b"]),
        helper.make_node("Clip", ["b", "", "high"], ["c"]),
        helper.make_node("Pow", ["c", "two"], ["d"]),
        helper.make_node("Max", ["d", "low", "spectrum"], ["logits"]),
    ]
    held = {"two": np.float32(2), "low": np.float32(-0.5), "high": np.float32(1.5)}
    text = c_code.check(c_code.graph(tmp_path, nodes, 64, 64, held))
    run = c_code.statements(text)
    assert run.count("for (int i0") == 1, "five operators, one loop"


@c_code.needs_compiler
def test_a_division_by_a_root_that_is_never_0_is_right_without_dividing(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Abs", ["spectrum"], ["a"]),
        helper.make_node("Clip", ["a", "low"], ["c"]),
        helper.make_node("Sqrt", ["c"], ["r"]),
        helper.make_node("Div", ["spectrum", "r"], ["logits"]),
    ]
    for low, scale in ((1e-36, 1e-6), (1e-36, 1e30), (0.0, 1.0)):
        path = c_code.graph(tmp_path, nodes, 50, 50, {"low": np.float32(low)})
        text = c_code.check(path, scale=scale, tolerance=1e-6)
        assert ("over_root(" in c_code.statements(text)) == (low > 0)


@c_code.needs_compiler
def test_sigmoid_gives_no_number_without_an_exponent(tmp_path: Path) -> None:
    path = c_code.graph(tmp_path, [helper.make_node("Sigmoid", ["spectrum"], ["logits"])], 4, 4)
    library, made = c_code.compiled(path)
    _, (found,), _ = c_code.asked(library, made, np.array([-1000.0, -60.0, 0.0, 1000.0]), [4])
    assert found[0] == found[1] > 1e-27
    assert found[2:].tolist() == [0.5, 1.0]
