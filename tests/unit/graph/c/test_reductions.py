"""Sums, means, largest numbers, softmax, normalisation, products of two tensors."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import helper

from edgespec.errors import Mistake
from edgespec.graph.c import reductions, source

KINDS = sorted(reductions.KINDS - {"ReduceLogSum"})


@c_code.needs_compiler
@pytest.mark.parametrize("axis", [1, 2], ids=["over channels", "over positions"])
def test_each_reduction(axis: int, tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["spectrum", "s"], ["a"])]
    nodes += [helper.make_node(kind, ["a", "axis"], [kind], keepdims=i % 2) for i, kind in enumerate(KINDS)]
    held = {"s": np.array([1, 5, 40], np.int64), "axis": np.array([axis], np.int64)}
    c_code.check(c_code.graph(tmp_path, nodes, 200, 5, held, outputs=tuple(KINDS)))


@c_code.needs_compiler
@pytest.mark.parametrize("points", [5, 33, 192])
def test_softmax_and_the_score_share_their_powers(points: int, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Identity", ["spectrum"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ReduceLogSumExp", ["logits", "one"], ["score"]),
        helper.make_node("LogSoftmax", ["logits"], ["logs"], axis=-1),
    ]
    path = c_code.graph(
        tmp_path,
        nodes,
        points,
        points,
        {"one": np.array([1], np.int64)},
        outputs=("logits", "probabilities", "score", "logs"),
    )
    text = c_code.check(path, scale=30.0, tolerance=2e-6)
    assert c_code.statements(text).count("raised(") == 1


@c_code.needs_compiler
def test_normalisations(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("BatchNormalization", ["a", "g", "b", "m", "v"], ["n"]),
        helper.make_node("LayerNormalization", ["n", "scale", "shift"], ["l"], axis=-1),
        helper.make_node("Reshape", ["l", "flat"], ["logits"]),
    ]
    held = {name: random.random(4).astype("f") for name in "gbmv"} | {
        "s": np.array([1, 4, 10]),
        "flat": np.array([1, 40]),
    }
    held |= {"scale": random.random(10).astype("f"), "shift": random.random(10).astype("f")}
    c_code.check(c_code.graph(tmp_path, nodes, 40, 40, held))


@c_code.needs_compiler
def test_a_product_of_two_tensors(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("Transpose", ["a"], ["t"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["a", "t"], ["p"]),
        helper.make_node("Reshape", ["p", "flat"], ["logits"]),
    ]
    held = {"s": np.array([1, 2, 5, 4]), "flat": np.array([1, 50])}
    c_code.check(c_code.graph(tmp_path, nodes, 40, 50, held))


def test_a_sum_of_powers_over_two_axes_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("ReduceLogSumExp", ["spectrum", "axes"], ["logits"])]
    path = c_code.graph(tmp_path, nodes, 8, 1, {"axes": np.array([0, 1])})
    with pytest.raises(Mistake, match="ReduceLogSumExp"):
        source.source(path)


@c_code.needs_compiler
@pytest.mark.parametrize("points", [37, 64, 100])
def test_deviations_from_a_mean_are_squared_where_the_mean_stands(points: int, tmp_path: Path) -> None:
    """As SNV does: a number that repeats beside a long row, whose length is no multiple of what runs side by side."""
    nodes = [
        helper.make_node("ReduceMean", ["spectrum", "one"], ["mean"]),
        helper.make_node("Sub", ["spectrum", "mean"], ["apart"]),
        helper.make_node("Mul", ["apart", "apart"], ["square"]),
        helper.make_node("ReduceMean", ["square", "one"], ["variance"]),
        helper.make_node("Sqrt", ["variance"], ["deviation"]),
        helper.make_node("Div", ["apart", "deviation"], ["logits"]),
    ]
    c_code.check(c_code.graph(tmp_path, nodes, points, points, {"one": np.array([1])}), tolerance=2e-6)


@c_code.needs_compiler
def test_softmax_of_two_parts_of_one_tensor(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Exp", ["spectrum"], ["e"]),
        helper.make_node("Split", ["e", "parts"], ["a", "b"], axis=1),
        helper.make_node("Softmax", ["a"], ["p"], axis=1),
        helper.make_node("Softmax", ["b"], ["q"], axis=1),
        helper.make_node("Concat", ["p", "q"], ["logits"], axis=1),
    ]
    c_code.check(c_code.graph(tmp_path, nodes, 20, 20, {"parts": np.array([10, 10])}))
