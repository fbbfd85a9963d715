"""Which layers int8 hurts, and how few stay in float for a promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec.compression.quantization import int8, ranges, sensitivity
from edgespec.compression.quantization.ranges import Range
from edgespec.compression.quantization.sensitivity import Judge, Loss, Promises
from edgespec.errors import BrokenPromise

KEEP = Promises(max_drop=0.01, min_agreement=0.99, max_float=0.8, bits=8)
LOUD = 1e4


def network(loud: tuple[int, ...]) -> onnx.ModelProto:
    """Five linear layers in a row, each almost the identity; into those in `loud` goes one channel that drowns the others.

    It has its say in no label: the next layer takes it back to what it was.
    """
    random = np.random.default_rng(0)
    weights, nodes, before = [], [], "spectrum"
    for i in range(5):
        weight = (np.eye(8) + 0.02 * random.normal(size=(8, 8))).astype("f")
        weight[:, 0], weight[0, :], weight[0, 0] = 0, 0, 1
        if i + 1 in loud:
            weight[0, 0] *= LOUD
        if i in loud:
            weight[0, 0] /= LOUD
        weights.append(numpy_helper.from_array(weight, f"w{i}"))
        after = "logits" if i == 4 else f"t{i}"
        nodes.append(helper.make_node("Gemm", [before, f"w{i}"], [after], name=f"layer{i}"))
        before = after
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["batch", 8]) for each in ("spectrum", "logits")]
    graph = helper.make_graph(nodes, "row", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def judged(model: onnx.ModelProto) -> tuple[dict[str, Range], Judge]:
    x = np.random.default_rng(1).normal(size=(300, 8)).astype("f")
    x[:, 0] = np.abs(x[:, 0])
    seen = ranges.observe(model, x[:100])
    float32 = sensitivity.judge(model, x, np.zeros(200, int))
    return ranges.cut(seen, "minmax"), Judge(x, float32.logits[:200].argmax(1), float32.logits)


@pytest.mark.parametrize("loud", [(2,), (1, 3)])
def test_the_layers_that_take_what_drowns_the_rest_cost_most(loud: tuple[int, ...]) -> None:
    model = network(loud)
    ends, judge = judged(model)
    table = sensitivity.scan(model, ends, judge, 8)
    assert [each["layer"] for each in table] == [f"layer{i}" for i in range(5)]
    assert sum(each["weights"] for each in table) == pytest.approx(1)
    for i, each in enumerate(table):
        assert (each["agreement"] < 0.9) == (i in loud), each
        assert (each["divergence"] > 0.05) == (i in loud), each
    found = sensitivity.settle("portable", model, ends, judge, table, KEEP)
    assert set(found.floats) == {f"layer{i}" for i in loud}, "the fewest"
    assert found.loss.agreement >= 0.97
    assert (
        sensitivity.settle("portable", model, ends, judge, table, replace(KEEP, max_drop=1, min_agreement=0)).floats
        == ()
    )


def test_a_layer_that_need_not_be_in_float_is_given_back() -> None:
    model = network((2,))
    ends, judge = judged(model)
    table = [{"layer": f"layer{i}", "divergence": cost} for i, cost in enumerate((5, 4, 3, 0, 0))]
    assert sensitivity.settle("portable", model, ends, judge, table, KEEP).floats == ("layer2",)


def test_more_layers_than_may_stay_in_float_break_the_promise() -> None:
    model = network((1, 3))
    ends, judge = judged(model)
    table = sensitivity.scan(model, ends, judge, 8)
    with pytest.raises(BrokenPromise, match=r"portable int8 loses .* with 1 of 5 layers in float32") as caught:
        sensitivity.settle("portable", model, ends, judge, table, replace(KEEP, max_float=0.3))
    assert "max_float" in caught.value.hint


def test_in_cpu_what_makes_a_layers_input_may_stay_in_float_too() -> None:
    model = int8.ready(network((2,)))
    assert int8.with_sources(model, ["layer2"]) == ["layer1", "layer2"]
    assert int8.with_sources(model, ["layer0"]) == ["layer0"]


def loss(**more: Any) -> Loss:
    return Loss(
        **{
            **{
                "n": 100,
                "float32": 0.9,
                "int8": 0.9,
                "drop": 0.0,
                "drop_error": 0.0,
                "agreement": 1.0,
                "divergence": 0.0,
            },
            **more,
        }
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (loss(), ""),
        (loss(drop=0.05, drop_error=0.03), ""),
        (loss(drop=0.05, drop_error=0.01), "loses 0.050 (at least 0.030)"),
        (loss(agreement=0.98), ""),
        (loss(agreement=0.9), "names 0.100 of the validation spectra otherwise"),
        (loss(agreement=0.9, n=10), ""),
    ],
)
def test_only_what_is_surely_lost_breaks_a_promise(found: Loss, told: str) -> None:
    said = found.broken(0.01, 0.99)
    assert said.startswith(told) if told else said == ""


def test_a_loss_is_what_it_says() -> None:
    model = network(())
    _, judge = judged(model)
    found = sensitivity.loss(model, Judge(judge.x, judge.y, -judge.logits))
    assert (found.n, found.int8) == (200, 1.0)
    assert found.float32 < 0.1
    assert found.drop == pytest.approx(found.float32 - found.int8)
    assert found.agreement < 0.1
    assert found.divergence > 1
