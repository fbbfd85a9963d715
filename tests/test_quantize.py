"""int8: calibrated on what it may see, judged by what it loses, the same answers whoever runs it."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny
import torch
from onnx import numpy_helper

from edgespec import assembly, graph, models
from edgespec.artifact import OnnxModel
from edgespec.errors import BrokenPromise, Mismatch, Mistake
from edgespec.splits import Splits
from edgespec.steps import quantize, to_onnx

ALL = pytest.mark.parametrize("name", ["cnn", "efficientnet", "pace", "drsn"])


@ALL
def test_int8_names_what_float_names_and_is_smaller(name: str) -> None:
    made = tiny.line(name)
    assert list(made.int8.variants) == ["float32", "default", "cpu-int8"]
    variant = made.int8.variants["cpu-int8"]
    assert (variant.role, variant.sibling) == ("candidate", "float32")
    x = made.job.spectra.x[made.job.splits.test]
    float32, int8 = (graph.run(made.int8.path(each), x).argmax(1) for each in ("float32", "cpu-int8"))
    assert (float32 == int8).mean() >= 0.9
    for file in ("float32", "default"):
        assert made.int8.path(file).read_bytes() == made.float32.path(file).read_bytes()
    weights = [each for each in onnx.load(made.int8.path("cpu-int8")).graph.initializer if each.data_type == 3]
    assert sum(numpy_helper.to_array(each).size for each in weights) > 1000
    assert max(np.abs(numpy_helper.to_array(each).astype(int)).max() for each in weights) <= 64, "seven bits"


@ALL
def test_its_answers_hold_with_and_without_the_runtimes_optimisation(name: str) -> None:
    made = tiny.line(name)
    path, rows = made.int8.path("cpu-int8"), made.job.splits.rows(None)
    x = made.job.spectra.x[rows]
    optimised, plain = (graph.run(path, x, optimise=each) for each in (True, False))
    stated = made.int8.variants["cpu-int8"].facts["arithmetic"]
    assert stated["agreement"] >= 0.9
    assert (optimised.argmax(1) == plain.argmax(1)).mean() >= stated["agreement"] - 0.05
    assert np.abs(optimised - plain).max() <= max(3 * stated["largest"], 0.05 * np.abs(plain).max())


@pytest.mark.parametrize("name", ["cnn", "efficientnet"])
def test_biases_carry_no_zeros_and_the_kernels_are_those_of_integers(name: str) -> None:
    path = tiny.line(name).int8.path("cpu-int8")
    model = onnx.load(path)
    types = {each.name: each.data_type for each in model.graph.initializer}
    whole = [node for node in model.graph.node if node.op_type == "DequantizeLinear"]
    biases = [node for node in whole if types.get(node.input[0]) == onnx.TensorProto.INT32]
    assert biases
    assert all(len(node.input) == 2 for node in biases)
    assert set(types) == {name for node in model.graph.node for name in node.input} & set(types), "nothing unused stays"
    kernels = graph.check_kernels(path)
    convolutions = sum(node.op_type == "Conv" for node in model.graph.node)
    assert (kernels["QLinearConv"], kernels["QGemm"]) == (convolutions, 1), "without them ONNX Runtime works in float"


@pytest.mark.parametrize("name", ["pace", "drsn"])
def test_only_what_a_convolution_or_the_last_layer_takes_or_gives_is_rounded(name: str) -> None:
    nodes = assembly.network(onnx.load(tiny.line(name).int8.path("cpu-int8"))).graph.node
    made_by = {output: node.op_type for node in nodes for output in node.output}
    taken_by: dict[str, set[str]] = {}
    for node in nodes:
        for each in node.input:
            taken_by.setdefault(each, set()).add(node.op_type)
    back = {node.input[0]: taken_by.get(node.output[0], set()) for node in nodes if node.op_type == "DequantizeLinear"}
    rounded = [node for node in nodes if node.op_type == "QuantizeLinear"]
    assert len(rounded) > 4
    for node in rounded:
        gives = made_by.get(node.input[0]) in ("Conv", "Relu", "Gemm")
        assert gives or back[node.output[0]] & {"Conv", "Gemm"}, node.name
    assert {node.op_type for node in nodes} >= ({"Erf"} if name == "pace" else {"Abs", "Sub", "Sigmoid"})


def test_calibration_sees_training_spectra_only_half_of_them_varied_every_class() -> None:
    job = tiny.line("cnn").job
    x = quantize._calibration(job, None, 64)
    assert x.shape == (64, 128)
    rows, others = job.splits.rows(None), np.concatenate([job.splits.rows(None, valid=True), job.splits.test])
    seen, unseen = (job.spectra.x[each] for each in (rows, others))
    assert [(seen == row).all(1).any() for row in x] == [True] * 32 + [False] * 32
    assert not any((unseen == row).all(1).any() for row in x)
    cosine = x[32:] @ seen.T / np.linalg.norm(x[32:], axis=1)[:, None] / np.linalg.norm(seen, axis=1)
    assert np.median(cosine.max(1)) > 0.5, "varied, but still spectra"
    labels = job.spectra.y[rows[[int((seen == row).all(1).argmax()) for row in x[:32]]]]
    assert np.bincount(labels).min() >= 8
    assert np.array_equal(x, quantize._calibration(job, None, 64))
    assert not np.array_equal(x, quantize._calibration(replace(job, seed=1), None, 64))


def test_too_few_spectra_to_calibrate_are_a_mistake(tmp_path: Path) -> None:
    made = tiny.line("cnn")
    train, valid = ({"all": rows} for rows in (made.job.splits.rows(None)[:63], made.job.splits.rows(None, valid=True)))
    job = replace(made.job, splits=Splits(train, valid, made.job.splits.test), folder=tmp_path)
    with pytest.raises(Mistake, match="63 training spectra are too few to calibrate") as caught:
        quantize.run(job, made.float32)
    assert caught.value.hint


@pytest.fixture(scope="module")
def brittle(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    """The same function in float, with one channel so loud that eight bits hold nothing of the others."""
    made = tiny.line("cnn")
    folder = tmp_path_factory.mktemp("brittle")
    network: Any = models.load(made.checkpoint)
    last = [layer for layer in network.body if isinstance(layer, torch.nn.BatchNorm1d)][-1]
    places = network.head.in_features // last.num_features
    with torch.no_grad():
        last.weight[0] *= 1e4
        last.bias[0] *= 1e4
        network.head.weight[:, :places] /= 1e4
    (folder / "torch").mkdir()
    saved = models.save(network, "cnn", folder / "torch", points=128, classes=3)
    return to_onnx.run(made.job.inside(folder), saved)


def test_a_model_that_int8_ruins_breaks_its_promise(brittle: OnnxModel, tmp_path: Path) -> None:
    job = tiny.line("cnn").job.inside(tmp_path / "part")
    job.folder.mkdir()
    with pytest.raises(BrokenPromise, match=r"int8 loses 0\.\d+ .*more than max_drop 0\.01") as caught:
        quantize.run(job, brittle, spectra=64, min_agreement=0.0)
    assert caught.value.exit_code == 1
    assert "float32" in caught.value.hint
    with pytest.raises(Mismatch) as refused:
        quantize.run(job, brittle, spectra=64)
    assert refused.value.exit_code == 4
    assert (tmp_path / "cpu-int8-mismatch.npz").is_file(), "outside the folder that is thrown away"
    allowed = quantize.run(job, brittle, spectra=64, min_agreement=0.0, max_drop=1.0)
    told = allowed.variants["cpu-int8"].facts["validation"]
    assert told["drop"] == pytest.approx(told["float32"] - told["int8"])
    assert told["drop"] > 0.1


def test_the_log_of_the_program_stays_as_it_was() -> None:
    level = logging.getLogger().level
    tiny.line("cnn")
    assert logging.getLogger().level == level == logging.WARNING
