"""Convolutions and linear layers in float, of every shape that a window along one axis can have."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import helper

from edgespec.errors import Mistake
from edgespec.graph.c import layers, source

CONVS = [  # channels, outputs, taps, stride, pad, dilation, groups
    (1, 8, 7, 2, 3, 1, 1), (8, 16, 7, 1, 3, 1, 1), (16, 37, 3, 1, 1, 2, 1), (8, 8, 5, 1, 2, 1, 8), (24, 24, 3, 2, 1, 1, 24),
    (8, 16, 3, 1, 0, 1, 4), (5, 3, 1, 1, 0, 1, 1), (4, 8, 3, 1, 1, 1, 4), (32, 64, 1, 1, 0, 1, 1), (16, 32, 4, 4, 0, 1, 1),
]  # fmt: skip


@c_code.needs_compiler
@pytest.mark.parametrize("shape", CONVS, ids=str)
def test_a_convolution(shape: tuple[int, ...], tmp_path: Path) -> None:
    channels, outputs, taps, stride, pad, dilation, groups = shape
    random, positions = np.random.default_rng(1), 30
    found = (positions + 2 * pad - dilation * (taps - 1) - 1) // stride + 1
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("Conv", ["a", "w", "b"], ["c"], kernel_shape=[1, taps], strides=[1, stride], pads=[0, pad, 0, pad],
                         dilations=[1, dilation], group=groups),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Reshape", ["r", "flat"], ["logits"]),
    ]  # fmt: skip
    held = {"w": random.normal(size=(outputs, channels // groups, 1, taps)).astype("f"), "b": random.normal(size=outputs).astype("f"),
            "s": np.array([1, channels, 1, positions]), "flat": np.array([1, outputs * found])}  # fmt: skip
    path = c_code.graph(tmp_path, nodes, channels * positions, outputs * found, held)
    c_code.check(path)
    c_code.check(path, "-O3", "-march=native")


POOLED = [  # channels, outputs, stride, groups, positions, pool
    (1, 8, 2, 1, 70, 2), (3, 3, 1, 1, 66, 4), (8, 20, 1, 1, 37, 2), (8, 37, 1, 2, 50, 4), (16, 48, 1, 1, 18, 2), (4, 16, 1, 1, 6, 4),
]  # fmt: skip


def pooled(folder: Path, shape: tuple[int, ...]) -> Path:
    """Write a convolution, Relu and MaxPool."""
    channels, outputs, stride, groups, positions, pool = shape
    outputs = outputs // groups * groups
    random, found = np.random.default_rng(8), (positions - 1) // stride + 1
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("Conv", ["a", "w", "b"], ["c"], kernel_shape=[1, 5], strides=[1, stride], pads=[0, 2, 0, 2], group=groups),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[1, pool], strides=[1, pool]),
        helper.make_node("Flatten", ["p"], ["logits"]),
    ]  # fmt: skip
    held = {"w": random.normal(size=(outputs, channels // groups, 1, 5)).astype("f"), "b": random.normal(size=outputs).astype("f"),
            "s": np.array([1, channels, 1, positions])}  # fmt: skip
    return c_code.graph(folder, nodes, channels * positions, outputs * (found // pool), held)


@c_code.needs_compiler
@pytest.mark.parametrize("shape", POOLED, ids=str)
def test_a_convolution_keeps_the_largest_of_neighbours(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = pooled(tmp_path, shape)
    for flags in (["-DMODEL_LEVEL=0"], ["-DMODEL_LEVEL=1"], ["-march=native"]):
        text = c_code.check(path, "-O1", *flags)
    assert "largest_float(" not in text
    few = shape[1] <= 8 and shape[5] == 2 and (shape[4] // shape[2] // shape[5]) % 2 == 0
    assert ("#if MODEL_VECTORS" in c_code.statements(text)) == few, "rows of few outputs are computed as one"


@c_code.needs_compiler
@pytest.mark.parametrize(("rows", "outputs"), [(1, 3), (1, 192), (7, 20), (13, 33)])
def test_a_linear_layer(rows: int, outputs: int, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["n"]),
        helper.make_node("Reshape", ["n", "flat"], ["logits"]),
    ]
    held = {"s": np.array([rows, 11]), "flat": np.array([1, rows * outputs])}
    held |= {"w": random.normal(size=(11, outputs)).astype("f"), "b": random.normal(size=outputs).astype("f")}
    path = c_code.graph(tmp_path, nodes, rows * 11, rows * outputs, held)
    c_code.check(path)
    c_code.check(path, "-O3", "-march=native")


@c_code.needs_compiler
def test_a_gemm_behind_a_convolution_reads_its_output_as_it_lies(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("Conv", ["a", "w"], ["c"], kernel_shape=[1, 3], pads=[0, 1, 0, 1]),
        helper.make_node("Flatten", ["c"], ["f"]),
        helper.make_node("Gemm", ["f", "v", "b"], ["logits"], transB=1, alpha=0.5, beta=2.0),
    ]
    held = {"s": np.array([1, 2, 1, 9]), "w": random.normal(size=(4, 2, 1, 3)).astype("f")}
    held |= {"v": random.normal(size=(5, 36)).astype("f"), "b": random.normal(size=5).astype("f")}
    text = c_code.check(c_code.graph(tmp_path, nodes, 18, 5, held))
    assert "y[i] = x[" not in text, "the weights are put into the order of the numbers"


def test_a_window_along_two_axes_is_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("Conv", ["a", "w"], ["c"], kernel_shape=[3, 3]),
        helper.make_node("Flatten", ["c"], ["logits"]),
    ]
    held = {"s": np.array([1, 1, 6, 6]), "w": np.ones((1, 1, 3, 3), np.float32)}
    with pytest.raises(Mistake, match=r"there is no C for Conv .*: its window moves along two axes"):
        source.source(c_code.graph(tmp_path, nodes, 36, 16, held))


def test_weights_are_packed_for_sixteen_outputs() -> None:
    packed = layers.pack(np.arange(3 * 20, dtype=np.float32).reshape(3, 20))
    assert packed.shape == (2, 3, 16)
    assert packed[1, 2].tolist() == [56, 57, 58, 59] + [0] * 12
