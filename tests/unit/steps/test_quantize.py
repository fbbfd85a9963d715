"""int8: calibrated on what it may see, judged by what it loses, the same answers whoever runs it."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
import torch
from onnx import helper, numpy_helper

from edgespec import models, storage
from edgespec.artifact import OnnxModel
from edgespec.compression.quantization import ranges, sensitivity
from edgespec.data.splits import Splits
from edgespec.errors import BrokenPromise, Mismatch, Mistake
from edgespec.graph import arithmetic, assembly, onnx_file
from edgespec.steps import quantize, to_onnx

ALL = pytest.mark.parametrize("name", ["cnn", "efficientnet", "pace", "drsn"])


@ALL
def test_int8_names_what_float_names_and_is_smaller(name: str) -> None:
    made = tiny_job.line(name)
    assert list(made.int8.variants) == ["float32", "default", "cpu-int8"]
    variant = made.int8.variants["cpu-int8"]
    assert (variant.role, variant.sibling) == ("candidate", "float32")
    x = made.job.spectra.x[made.job.splits.test]
    float32, int8 = (onnx_file.run(made.int8.path(each), x).argmax(1) for each in ("float32", "cpu-int8"))
    assert (float32 == int8).mean() >= 0.9
    for file in ("float32", "default"):
        assert made.int8.path(file).read_bytes() == made.float32.path(file).read_bytes()
    weights = [each for each in onnx.load(made.int8.path("cpu-int8")).graph.initializer if each.data_type == 3]
    assert sum(numpy_helper.to_array(each).size for each in weights) > 1000
    assert max(np.abs(numpy_helper.to_array(each).astype(int)).max() for each in weights) <= 64, "seven bits"


@ALL
def test_its_answers_hold_with_and_without_the_runtimes_optimisation(name: str) -> None:
    made = tiny_job.line(name)
    path, rows = made.int8.path("cpu-int8"), made.job.splits.rows(None)
    x = made.job.spectra.x[rows]
    optimised, plain = (onnx_file.run(path, x, optimise=each) for each in (True, False))
    stated = made.int8.variants["cpu-int8"].facts["arithmetic"]
    assert stated["agreement"] >= 0.9
    assert (optimised.argmax(1) == plain.argmax(1)).mean() >= stated["agreement"] - 0.05
    assert np.abs(optimised - plain).max() <= max(3 * stated["largest"], 0.05 * np.abs(plain).max())


@pytest.mark.parametrize("name", ["cnn", "efficientnet"])
def test_biases_carry_no_zeros_and_the_kernels_are_those_of_integers(name: str) -> None:
    path = tiny_job.line(name).int8.path("cpu-int8")
    model = onnx.load(path)
    types = {each.name: each.data_type for each in model.graph.initializer}
    whole = [node for node in model.graph.node if node.op_type == "DequantizeLinear"]
    biases = [node for node in whole if types.get(node.input[0]) == onnx.TensorProto.INT32]
    assert biases
    assert all(len(node.input) == 2 for node in biases)
    assert set(types) == {name for node in model.graph.node for name in node.input} & set(types), "nothing unused stays"
    kernels = onnx_file.check_kernels(path)
    convolutions = sum(node.op_type == "Conv" for node in model.graph.node)
    assert (kernels["QLinearConv"], kernels["QGemm"]) == (convolutions, 1), "without them ONNX Runtime works in float"


@pytest.mark.parametrize("name", ["pace", "drsn"])
def test_only_what_a_convolution_or_the_last_layer_takes_or_gives_is_rounded(name: str) -> None:
    nodes = assembly.network(onnx.load(tiny_job.line(name).int8.path("cpu-int8"))).graph.node
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
    assert {node.op_type for node in nodes} >= ({"Gelu"} if name == "pace" else {"Abs", "Sub", "Sigmoid"})


def test_gelu_is_one_kernel_in_int8_too() -> None:
    made = tiny_job.line("pace").int8
    kernels = onnx_file.kernels(made.path("cpu-int8"))
    assert kernels["Gelu"] == onnx_file.kernels(made.path("float32"))["Gelu"] == 5
    assert "Erf" not in kernels
    assert {each.version for each in onnx.load(made.path("cpu-int8")).opset_import if each.domain == ""} == {20}


def test_few_spectra_are_varied_to_calibrate(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    train, valid = ({"all": rows} for rows in (made.job.splits.rows(None)[:63], made.job.splits.rows(None, valid=True)))
    job = replace(made.job, splits=Splits(train, valid, made.job.splits.test), folder=tmp_path)
    assert quantize.run(job, made.float32).facts["sets"]["calibration"]["spectra"] == 64


@pytest.fixture(scope="module")
def brittle(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    """The same function in float, with one channel so loud that eight bits hold nothing of the others."""
    made = tiny_job.line("cnn")
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
    job = tiny_job.line("cnn").job.inside(tmp_path / "part")
    job.folder.mkdir()
    with pytest.raises(BrokenPromise, match=r"cpu int8 loses 0\.\d+ .*more than max_drop 0\.01$") as caught:
        quantize.run(job, brittle, spectra=64, max_float=0)
    assert caught.value.exit_code == 1
    assert "float32" in caught.value.hint
    with pytest.raises(BrokenPromise, match=r"names 0\.\d+ of the validation spectra otherwise"):
        quantize.run(job, brittle, spectra=64, max_drop=1, max_float=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity.Loss, "broken", lambda *_: "")
        with pytest.raises(Mismatch) as refused:
            quantize.run(job, brittle, spectra=64)
    assert refused.value.exit_code == 4
    assert (tmp_path / "cpu-int8-mismatch.npz").is_file(), "outside the folder that is thrown away"
    allowed = quantize.run(job, brittle, spectra=64, min_agreement=0.0, max_drop=1.0)
    assert allowed.variants["cpu-int8"].facts["float_layers"] == [], "what nobody forbids is not mended"
    told = allowed.variants["cpu-int8"].facts["validation"]
    assert told["drop"] == pytest.approx(told["float32"] - told["int8"])
    assert told["drop"] > 0.1


@pytest.mark.parametrize(("flavour", "kept"), [("portable", 1), ("cpu", 2)])
def test_the_layer_that_int8_ruins_stays_in_float(flavour: str, kept: int, brittle: OnnxModel, tmp_path: Path) -> None:
    """In `cpu` together with the one that makes its input, whose output would be rounded else."""
    made = quantize.run(
        tiny_job.line("cnn").job.inside(tmp_path), brittle, spectra=64, flavours=[flavour], max_float=0.7
    )
    name = f"{flavour}-int8"
    told = made.variants[name].facts
    worst = max(told["layers"], key=lambda each: each["divergence"])
    assert worst["agreement"] < 0.9 < min(each["agreement"] for each in told["layers"] if each is not worst)
    assert worst["layer"] in told["float_layers"]
    assert len(told["float_layers"]) == kept == len(told["layers"]) - told["lint"]["layers"]
    assert told["validation"]["drop"] <= 0.01
    model = onnx.load(made.path(name))
    held = {each.name: each.data_type for each in model.graph.initializer}
    weights = {node.name: held.get(node.input[1]) for node in model.graph.node if len(node.input) > 1}
    assert [weights[layer] for layer in told["float_layers"]] == [onnx.TensorProto.FLOAT] * kept


@pytest.fixture(scope="module", params=["cnn", "efficientnet", "pace", "drsn"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[tiny_job.Line, OnnxModel]:
    """A tiny line, and its net in both flavours."""
    made = tiny_job.line(request.param)
    folder = tmp_path_factory.mktemp("both")
    return made, quantize.run(
        made.job.inside(folder), made.float32, spectra=64, flavours=["cpu", "portable"], calibration="minmax"
    )


def test_portable_names_what_float_names_in_a_smaller_file(both: tuple[tiny_job.Line, OnnxModel]) -> None:
    line, made = both
    assert list(made.variants) == ["float32", "default", "cpu-int8", "portable-int8"]
    x = line.job.spectra.x[line.job.splits.test]
    float32, portable = (onnx_file.run(made.path(each), x) for each in ("float32", "portable-int8"))
    assert (float32.argmax(1) == portable.argmax(1)).mean() >= 0.98
    assert np.abs(float32 - portable).max() <= 0.1 * np.abs(float32).max()
    assert made.path("portable-int8").stat().st_size < made.path("cpu-int8").stat().st_size
    for name in ("cpu-int8", "portable-int8"):
        onnx.checker.check_model(onnx.load(made.path(name)), full_check=True)
        assert arithmetic.weigh(made.path(name)) == arithmetic.weigh(made.path("float32"))


def test_both_flavours_hold_the_same_integers_and_scales(both: tuple[tiny_job.Line, OnnxModel]) -> None:
    _, made = both
    integers = []
    for name in ("cpu-int8", "portable-int8"):
        network = assembly.network(onnx.load(made.path(name)))
        held = {each.name: numpy_helper.to_array(each) for each in network.graph.initializer}
        backs = {
            node.output[0]: (held[node.input[0]], held[node.input[1]])
            for node in network.graph.node
            if node.op_type == "DequantizeLinear" and node.input[0] in held
        }
        layers = [node for node in network.graph.node if node.op_type in ("Conv", "Gemm") and node.input[1] in backs]
        integers.append({node.name: backs[node.input[1]] for node in layers})
    cpu, portable = integers
    assert set(cpu) == set(portable)
    same = [np.abs(cpu[name][0].astype(int) - portable[name][0]).max() for name in cpu]
    assert max(same) <= 1, "rounded the same, but for a tie"
    for name in cpu:
        assert np.allclose(cpu[name][1], portable[name][1], rtol=1e-5), name


def test_the_three_sets_have_their_digests(both: tuple[tiny_job.Line, OnnxModel]) -> None:
    line, made = both
    sets = made.facts["sets"]
    assert list(sets) == ["calibration", "validation", "test"]
    assert len({each["digest"] for each in sets.values()}) == 3
    job = line.job
    assert [each["spectra"] for each in sets.values()] == [
        64,
        len(job.splits.rows(None, valid=True)),
        len(job.splits.test),
    ]
    assert sets["test"]["digest"] == storage.digest(job.spectra.x[job.splits.test])
    assert made.variants["cpu-int8"].facts["calibration"]["digest"] == sets["calibration"]["digest"]


def test_auto_takes_the_method_nearest_to_float(tmp_path: Path) -> None:
    told = tiny_job.line("cnn").int8.variants["cpu-int8"].facts["calibration"]
    assert list(told["tried"]) == list(ranges.METHODS)
    assert told["tried"][told["method"]]["divergence"] == min(each["divergence"] for each in told["tried"].values())
    made = tiny_job.line("cnn")
    asked = quantize.run(made.job.inside(tmp_path), made.float32, spectra=64, calibration="entropy")
    assert list(asked.variants["cpu-int8"].facts["calibration"]["tried"]) == ["entropy"]
    assert asked.path("cpu-int8").read_bytes() != made.int8.path("cpu-int8").read_bytes()


def test_a_model_with_broken_weights_is_refused(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    model = onnx.load(made.float32.path("float32"))
    weight = next(each for each in model.graph.initializer if len(each.dims) == 4 and "front" not in each.name)
    values = numpy_helper.to_array(weight).copy()
    values.flat[3] = np.nan
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    with pytest.raises(Mistake, match=r"1 of .* weights of .* are not finite") as caught:
        quantize.run(made.job.inside(tmp_path), saved(made.float32, tmp_path, model), spectra=64)
    assert caught.value.hint


@pytest.mark.parametrize("recurrent", [True, False])
def test_an_operator_that_no_flavour_can_round_is_refused(recurrent: bool, tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    random = np.random.default_rng(0)
    nodes = [helper.make_node("Relu", ["spectrum"], ["logits"], name="only")]
    weights: list[onnx.TensorProto] = []
    if recurrent:
        kernel = random.normal(size=(128, 128, 1)).astype("f")
        nodes = [
            helper.make_node("Unsqueeze", ["spectrum", "last"], ["row"], name="row"),
            helper.make_node("ConvTranspose", ["row3", "kernel"], ["wide"], name="up"),
            helper.make_node("Transpose", ["row"], ["row3"], name="turn", perm=[0, 1, 2]),
            helper.make_node("Squeeze", ["wide", "last"], ["logits"], name="flat"),
        ]
        nodes[1], nodes[2] = nodes[2], nodes[1]
        weights = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array([2]), "last")]
    ends = [
        helper.make_tensor_value_info(each, onnx.TensorProto.FLOAT, ["batch", 128]) for each in ("spectrum", "logits")
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "odd", ends[:1], ends[1:], weights),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    wanted = "no flavour of int8 can hold the 16384 weights of ConvTranspose" if recurrent else "nothing to quantise"
    with pytest.raises(Mistake, match=wanted) as caught:
        quantize.run(made.job.inside(tmp_path), saved(made.float32, tmp_path, model), spectra=64)
    assert "quantize" in caught.value.hint


def saved(made: OnnxModel, folder: Path, model: onnx.ModelProto) -> OnnxModel:
    """The same artifact with another float file."""
    source = folder / "source"
    shutil.copytree(made.folder, source)
    onnx.save(model, source / made.variants["float32"].file)
    return replace(made, folder=source)


def test_the_log_of_the_program_stays_as_it_was() -> None:
    level = logging.getLogger().level
    tiny_job.line("cnn")
    assert logging.getLogger().level == level == logging.WARNING
