"""Ranges for int8: what was seen, and where each method cuts it."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec.compression.quantization import ranges
from edgespec.compression.quantization.ranges import BINS, Seen

CUTTING = pytest.mark.parametrize("method", ["percentile", "entropy", "mse"])


def seen(values: np.ndarray) -> Seen:
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    return Seen(low, high, np.histogram(values, BINS, (low, high))[0])


def cut(values: np.ndarray, method: str) -> tuple[float, float]:
    return ranges.cut({"t": seen(values)}, method)["t"]


def error(values: np.ndarray, ends: tuple[float, float]) -> float:
    step = (ends[1] - ends[0]) / 255
    return float(((values - np.round(values.clip(*ends) / step) * step) ** 2).mean())


def test_what_each_tensor_took_is_seen_over_all_spectra() -> None:
    double = numpy_helper.from_array(np.float32(2), "two")
    nodes = [helper.make_node("Mul", ["spectrum", "two"], ["wide"]), helper.make_node("Relu", ["wide"], ["logits"])]
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["batch", 4]) for each in ("spectrum", "logits")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [double])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    x = np.linspace(-1, 3, 400, dtype=np.float32).reshape(100, 4)
    found = ranges.observe(model, x)
    assert {name: (each.low, each.high) for name, each in found.items()} == {
        "spectrum": (-1, 3), "wide": (-2, 6), "logits": (0, 6),
    }  # fmt: skip
    assert all(each.counts.sum() == 400 for each in found.values())
    assert np.array_equal(found["wide"].counts, np.histogram(2 * x, BINS, (-2, 6))[0]) or (
        np.abs(found["wide"].counts - np.histogram(2 * x, BINS, (-2, 6))[0]).sum() < 20
    ), "but for rounding at the edges"
    onnx.checker.check_model(model)


def test_min_max_keeps_all() -> None:
    assert cut(np.array([-2.0, 0.5, 7.0]), "minmax") == (-2.0, 7.0)
    assert cut(np.array([1.0, 7.0]), "minmax") == (0.0, 7.0), "zero is always inside"


@CUTTING
def test_a_lone_outlier_is_cut_and_zero_stays_inside(method: str) -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=100_000), [40.0]])
    low, high = cut(values, method)
    assert low < -2.0
    assert 3.0 < high < 38.0
    assert cut(np.abs(values), method)[0] == 0.0


@CUTTING
def test_an_even_distribution_is_hardly_cut(method: str) -> None:
    low, high = cut(np.random.default_rng(0).uniform(-1, 2, 200_000), method)
    assert low < -0.9
    assert high > 1.85


def test_the_least_squared_error_is_the_least() -> None:
    values = np.random.default_rng(0).laplace(size=50_000)
    best = error(values, cut(values, "mse"))
    whole = seen(values)
    assert best < error(values, cut(values, "minmax"))
    tried = [error(values, (whole.low * share, whole.high * share)) for share in ranges.SHARES]
    assert best <= min(tried) * 1.01


@pytest.mark.parametrize("method", ranges.METHODS)
def test_a_tensor_that_is_zero_has_an_empty_range(method: str) -> None:
    assert ranges.cut({"t": Seen(0.0, 0.0, np.zeros(BINS, np.int64))}, method) == {"t": (0.0, 0.0)}
