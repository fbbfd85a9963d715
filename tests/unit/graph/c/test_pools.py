"""Pooling along one axis: what lies beyond the ends counts for nothing, or as zeros where the graph says so."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import helper

from edgespec.errors import Mistake
from edgespec.graph.c import source


def pooled(folder: Path, kind: str, taps: int, stride: int, pad: int, channels: int = 3, **has: int) -> Path:
    positions = 40
    size = (positions + 2 * pad - taps) // stride + 1
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node(kind, ["a"], ["p"], kernel_shape=[1, taps], strides=[1, stride], pads=[0, pad, 0, pad], **has),
        helper.make_node("Reshape", ["p", "flat"], ["logits"]),
    ]
    held = {"s": np.array([1, channels, 1, positions]), "flat": np.array([1, channels * size])}
    return c_code.graph(folder, nodes, channels * positions, channels * size, held)


@c_code.needs_compiler
@pytest.mark.parametrize("taps", [2, 3, 31])
@pytest.mark.parametrize("counted", [0, 1])
def test_means(taps: int, counted: int, tmp_path: Path) -> None:
    pad = taps // 2
    c_code.check(pooled(tmp_path, "AveragePool", taps, 1, pad, count_include_pad=counted), tolerance=2e-6)


@c_code.needs_compiler
def test_long_means_of_one_channel(tmp_path: Path) -> None:
    for taps in (8, 9, 15, 16, 21, 31, 32, 33):
        folder = tmp_path / str(taps)
        folder.mkdir()
        assert "running_sums(" in c_code.check(
            pooled(folder, "AveragePool", taps, 1, taps // 2, channels=1), tolerance=2e-6
        )


@c_code.needs_compiler
@pytest.mark.parametrize(("taps", "stride", "pad"), [(2, 2, 0), (3, 2, 1), (4, 4, 0)])
def test_largest(taps: int, stride: int, pad: int, tmp_path: Path) -> None:
    c_code.check(pooled(tmp_path, "MaxPool", taps, stride, pad), tolerance=0)


@c_code.needs_compiler
def test_the_mean_of_all(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("GlobalAveragePool", ["a"], ["p"]),
        helper.make_node("Flatten", ["p"], ["logits"]),
    ]
    c_code.check(c_code.graph(tmp_path, nodes, 40, 4, {"s": np.array([1, 4, 1, 10])}))


def test_a_window_that_ends_beyond_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="ceil_mode"):
        source.source(pooled(tmp_path, "MaxPool", 2, 2, 0, ceil_mode=1))
