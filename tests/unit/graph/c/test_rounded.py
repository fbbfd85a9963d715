"""Layers of 8-bit numbers: the same whole sums as ONNX Runtime's int8 kernels, whatever the processor multiplies with."""

from __future__ import annotations

from pathlib import Path

import c_code
import numpy as np
import pytest
from onnx import helper

from edgespec.graph.c import rounded

FLAGS = [("-O1", "-DMODEL_LEVEL=0"), ("-O1", "-DMODEL_LEVEL=1"), ("-O1", "-march=native")]
MORE = [("-O2",), ("-O3", "-march=native"), ("-O1", "-march=skylake-avx512", "-DMODEL_LEVEL=2")]


def held(random: np.random.Generator, outputs: int, inputs: int, taps: int) -> dict[str, np.ndarray]:
    return {
        "w8": random.integers(-127, 128, (outputs, inputs, 1, taps)).astype(np.int8),
        "ws": (random.random(outputs) * 0.01 + 0.001).astype("f"),
        "wz": np.zeros(outputs, np.int8),
        "bias": random.normal(size=outputs).astype("f"),
        "xs": np.float32(0.02),
        "ys": np.float32(0.05),
    }


def convolution(
    folder: Path, channels: int, outputs: int, taps: int, groups: int, kind: type, again: bool, positions: int = 20
) -> Path:
    """Write Q, DQ, Conv and, where asked, Relu, MaxPool and Q again."""
    random = np.random.default_rng(4)
    constants = held(random, outputs, channels // groups, taps)
    constants |= {
        "xz": np.array(77 if kind is np.uint8 else -20, kind),
        "yz": np.array(0 if kind is np.uint8 else -128, kind),
    }
    constants |= {"s": np.array([1, channels, 1, positions])}
    nodes = [
        helper.make_node("Reshape", ["spectrum", "s"], ["a"]),
        helper.make_node("QuantizeLinear", ["a", "xs", "xz"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "xs", "xz"], ["x"]),
        helper.make_node("DequantizeLinear", ["w8", "ws", "wz"], ["w"], axis=0),
        helper.make_node(
            "Conv", ["x", "w", "bias"], ["c"], kernel_shape=[1, taps], pads=[0, taps // 2, 0, taps // 2], group=groups
        ),
    ]
    last, size = "c", positions
    if again:
        nodes += [
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[1, 2], strides=[1, 2]),
            helper.make_node("QuantizeLinear", ["p", "ys", "yz"], ["o"]),
            helper.make_node("DequantizeLinear", ["o", "ys", "yz"], ["d"]),
        ]
        last, size = "d", positions // 2
    nodes.append(helper.make_node("Flatten", [last], ["logits"]))
    return c_code.graph(folder, nodes, channels * positions, outputs * size, constants)


@c_code.needs_compiler
@pytest.mark.parametrize(
    ("channels", "outputs", "taps", "groups"), [(1, 8, 7, 1), (6, 20, 3, 1), (16, 48, 5, 1), (24, 24, 3, 24)]
)
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_a_convolution(channels: int, outputs: int, taps: int, groups: int, kind: type, tmp_path: Path) -> None:
    for again in (False, True):
        folder = tmp_path / str(again)
        folder.mkdir()
        path = convolution(folder, channels, outputs, taps, groups, kind, again)
        for flags in FLAGS if again else FLAGS[:1]:
            # one step where a sum lies between two numbers; no more than that
            text = c_code.check(path, *flags, tolerance=0.02 if again else 1e-5, n=2)
        assert ("depthwise_bytes(" in text) == (groups > 1)
        assert ("largest_q_t(" in c_code.statements(text)) == (again and groups > 1), (
            "the layer keeps the largest of two neighbours by itself"
        )


@c_code.needs_compiler
@pytest.mark.parametrize("flags", [*FLAGS, *MORE], ids=" ".join)
def test_a_linear_layer(flags: tuple[str, ...], tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    constants = {"w8": random.integers(-127, 128, (37, 50)).astype(np.int8), "ws": np.full(37, 0.01, np.float32)}
    constants |= {
        "wz": np.zeros(37, np.int8),
        "xs": np.float32(0.02),
        "xz": np.array(3, np.uint8),
        "b": random.normal(size=37).astype("f"),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["spectrum", "xs", "xz"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "xs", "xz"], ["x"]),
        helper.make_node("DequantizeLinear", ["w8", "ws", "wz"], ["w"], axis=0),
        helper.make_node("Gemm", ["x", "w", "b"], ["logits"], transB=1),
    ]
    assert "dense_bytes(" in c_code.check(c_code.graph(tmp_path, nodes, 50, 37, constants), *flags)


@c_code.needs_compiler
def test_weights_with_a_zero_of_their_own_are_computed_in_float(tmp_path: Path) -> None:
    constants = {"w8": np.arange(20, dtype=np.uint8).reshape(4, 5), "ws": np.float32(0.1), "wz": np.array(9, np.uint8)}
    nodes = [
        helper.make_node("DequantizeLinear", ["w8", "ws", "wz"], ["w"]),
        helper.make_node("MatMul", ["spectrum", "w"], ["logits"]),
    ]
    assert "dense_bytes(" not in c_code.check(c_code.graph(tmp_path, nodes, 4, 5, constants))


def test_weights_are_packed_by_four() -> None:
    packed, steps = rounded.pack(np.arange(2 * 5 * 3).reshape(2, 5, 3).astype(np.int8))
    assert (packed.shape, steps) == ((1, 4, 16, 4), 2)
    assert packed[0, 0, 1].tolist() == [1, 4, 7, 10], "output 1: its weights of the first four numbers"
    assert packed[0, 1, 1].tolist() == [13, 0, 0, 0]


def test_weights_for_two_products_a_step() -> None:
    packed, _ = rounded.pack(np.arange(8 * 3).reshape(1, 8, 3).astype(np.int8))
    wide = rounded.by_two(packed)
    assert wide.shape == (1, 4, 16, 2)
    assert wide[0, 1, 2].tolist() == packed[0, 0, 2, 2:].tolist() == [8, 11]
