"""Where a network goes from float to int8: one rounding, in front of the first int8 layer, and none that a float operator reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_job

from edgespec.compression.quantization import float_ends, int8, qdq, ranges
from edgespec.graph import assembly, onnx_file


def parts(name: str) -> tuple[onnx.ModelProto, np.ndarray]:
    line = tiny_job.line(name)
    whole = onnx.load(line.float32.path("float32"))
    front = assembly.front(whole)
    assert front is not None
    x = onnx_file.ask(onnx_file.session(front.SerializeToString()), line.job.spectra.x[:80])
    return int8.ready(assembly.network(whole)), x


def ask(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return onnx_file.ask(onnx_file.session(model.SerializeToString()), x)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node if node.op_type != "DequantizeLinear"]


@pytest.mark.parametrize("first", [1, 2])
def test_the_pool_in_front_of_the_first_int8_layer_comes_before_its_relu(first: int) -> None:
    network, x = parts("cnn")
    floats = [each.name for each in qdq.layers(network)][:first]
    swapped = float_ends.pooled_first(network, floats)
    onnx.checker.check_model(swapped, full_check=True)
    assert np.array_equal(ask(swapped, x), ask(network, x)), "a maximum and a ReLU may come in either order"
    order = [node.op_type for node in swapped.graph.node if node.op_type in ("Conv", "Relu", "MaxPool")]
    wanted = ["Conv", "Relu", "MaxPool"] * 2
    wanted[3 * first - 2 : 3 * first] = ["MaxPool", "Relu"]
    assert order == wanted
    # 7 bits as `quantize` makes them: with 8 the kernels of a processor without VNNI saturate
    made = int8.make("cpu", network, ranges.cut(ranges.observe(network, x), "minmax"), floats=floats, bits=7)
    begin = kinds(made)[: kinds(made).index("QuantizeLinear")]
    assert begin.count("Conv") == first
    assert begin[-2 if first == 1 else -3 :][:2] == ["MaxPool", "Relu"]
    assert np.abs(ask(made, x) - ask(network, x)).max() < 0.05 * np.abs(ask(network, x)).max()


def test_with_all_layers_in_int8_nothing_moves() -> None:
    network, _ = parts("cnn")
    assert kinds(float_ends.pooled_first(network, [])) == kinds(network)


def test_what_is_before_the_first_int8_layer_stays_in_float() -> None:
    network, _ = parts("cnn")
    layers = [each.name for each in qdq.layers(network)]
    found = float_ends.before(network, layers[:1])
    assert layers[0] in found
    assert not set(layers[1:]) & set(found)
    after = [node.name for node in network.graph.node]
    assert all(after.index(name) < after.index(layers[1]) for name in found)


def test_a_residual_path_in_float_is_not_rounded() -> None:
    network, x = parts("pace")
    made = int8.make("cpu", network, ranges.cut(ranges.observe(network, x), "minmax"))
    makers = {name: node for node in made.graph.node for name in node.output}
    additions = [node for node in made.graph.node if node.op_type == "Add"]
    assert len(additions) == 2
    for node in additions:
        assert sorted(makers[name].op_type for name in node.input) == ["DequantizeLinear", "Gelu"]


def test_a_normalisation_that_becomes_a_convolution_is_not_taken_for_a_rounded_one(tmp_path: Path) -> None:
    """ONNX Runtime makes one of a BatchNormalization behind a float convolution in its fast layout."""
    network, x = parts("drsn")
    layers = [each.name for each in qdq.layers(network)]
    made = int8.make("cpu", network, ranges.cut(ranges.observe(network, x), "minmax"), floats=layers[:-1])
    path = tmp_path / "cpu-int8.onnx"
    onnx.save(made, path)
    kernels = onnx_file.check_kernels(path)
    assert kernels.get("QLinearConv", 0) == 0
    in_float = sum(node.op_type == "Conv" for node in made.graph.node)
    assert kernels["nchwc.Conv"] + kernels.get("Conv", 0) + kernels.get("FusedConv", 0) > in_float
