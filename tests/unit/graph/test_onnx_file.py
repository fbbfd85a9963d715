"""What every ONNX file must stand: its form, the right answers at every batch size, the kernels that it claims."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn

from edgespec import models
from edgespec.errors import Mismatch, Mistake
from edgespec.graph import arithmetic, exporter, onnx_file
from edgespec.recipe import Call
from edgespec.training import batches

BOTH = pytest.mark.parametrize("name", ["cnn", "efficientnet"])
Array = NDArray[Any]


def inputs(n: int = 70) -> Array:
    job = tiny_job.line("cnn").job
    return job.spectra.x[np.resize(job.splits.rows(None), n)]


def torch_answers(name: str, x: Array) -> Array:
    made = tiny_job.line(name)
    seen = batches.through(made.job.front(), torch.from_numpy(x))
    return batches.logits(models.load(made.checkpoint), seen).numpy()


def planted(path: Path, out: Path, change: Any) -> Path:
    """A copy of a file with something changed."""
    model = onnx.load(path)
    change(model)
    onnx.save(model, out)
    return out


def scale_weight(name: str, factor: float) -> Any:
    def change(model: onnx.ModelProto) -> None:
        layer = next(each for each in model.graph.node if each.name == name)
        found = next(each for each in model.graph.initializer if each.name == layer.input[1])
        found.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(found) * np.float32(factor), found.name))

    return change


@BOTH
def test_the_file_is_of_the_one_form(name: str) -> None:
    model = onnx.load(tiny_job.line(name).float32.path("float32"))
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
    weights = {each.name: each.dims for each in model.graph.initializer}
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    assert convs
    assert all(len(weights[node.input[1]]) == 4 and weights[node.input[1]][2] == 1 for node in convs)
    assert not [each for each in model.graph.initializer if each.external_data]
    assert not {"BatchNormalization", "Dropout"} & {node.op_type for node in model.graph.node}
    (spectrum,), (logits,) = model.graph.input, model.graph.output
    shapes = [[d.dim_value or "batch" for d in each.type.tensor_type.shape.dim] for each in (spectrum, logits)]
    assert shapes == [["batch", 128], ["batch", 3]]
    assert (spectrum.name, logits.name) == ("spectrum", "logits")
    assert sorted(path.name for path in tiny_job.line(name).float32.folder.iterdir()) == ["default.onnx", "model.onnx"]


@BOTH
@pytest.mark.parametrize("batch", [1, 2, 65, 100])
def test_it_answers_as_torch_does_at_every_batch_size(name: str, batch: int) -> None:
    x = inputs(130)
    found = onnx_file.run(tiny_job.line(name).float32.path("float32"), x, batch)
    np.testing.assert_allclose(found, torch_answers(name, x), rtol=1e-3, atol=1e-4)


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    plain = onnx.load(tiny_job.line("cnn").float32.path("default"))
    with pytest.raises(Mismatch, match=r"one-dimensional: \['"):
        exporter._check_form(plain, tmp_path / "model.onnx")
    good = onnx.load(tiny_job.line("cnn").float32.path("float32"))
    exporter._check_form(good, tmp_path / "model.onnx")
    good.opset_import[0].version = 17
    with pytest.raises(Mismatch, match="is opset 17"):
        exporter._check_form(good, tmp_path / "model.onnx")


@BOTH
def test_parity_finds_a_wrong_file_and_leaves_the_evidence(name: str, tmp_path: Path) -> None:
    good, x = tiny_job.line(name).float32.path("float32"), inputs()
    source, evidence = torch_answers(name, x), tmp_path / "mismatch.npz"
    found = onnx_file.parity(good, x, source, least=1.0, most=1e-3, evidence=evidence)
    assert (found.n, found.agreement) == (70, 1.0)
    assert found.relative < 1e-3
    assert not evidence.exists()
    wrong = planted(good, tmp_path / "wrong.onnx", scale_weight("head", -1))
    with pytest.raises(Mismatch, match=r"wrong\.onnx and its source disagree on \d+ of 70 spectra") as caught:
        onnx_file.parity(wrong, x, source, least=1.0, most=1e-3, evidence=evidence)
    assert caught.value.exit_code == 4
    assert str(evidence) in caught.value.hint
    with np.load(evidence) as kept:
        answers = onnx_file.run(wrong, x)
        np.testing.assert_allclose(kept["answers"][-1], answers, atol=1e-5)
        assert np.array_equal(kept["x"], x)
        assert np.array_equal(kept["source"], source)
        assert set(kept["disagree"]) <= set(np.flatnonzero(answers.argmax(1) != source.argmax(1)))
        assert len(kept["disagree"])


def test_parity_finds_what_changes_no_label(tmp_path: Path) -> None:
    x = inputs()
    wrong = planted(tiny_job.line("cnn").float32.path("float32"), tmp_path / "w.onnx", scale_weight("head", 1.02))
    with pytest.raises(Mismatch, match="largest difference"):
        onnx_file.parity(wrong, x, torch_answers("cnn", x), least=0.9, most=1e-3, evidence=tmp_path / "e.npz")


def by_batch(path: Path, limit: int) -> Path:
    """Write a file that is wrong in batches larger than `limit` only."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], end=1),
        helper.make_node("Greater", ["shape", "limit"], ["large"]),
        helper.make_node("Cast", ["large"], ["wrong"], to=TensorProto.FLOAT),
        helper.make_node("Gemm", ["x", "w"], ["right"]),
        helper.make_node("Add", ["right", "wrong"], ["y"]),
    ]
    weight = numpy_helper.from_array(np.eye(128, 3, dtype=np.float32), "w")
    parts = [weight, numpy_helper.from_array(np.array([limit], np.int64), "limit")]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", size]) for n, size in (("x", 128), ("y", 3))]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], parts)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.mark.parametrize(("limit", "wrong"), [(64, True), (1, True), (100, False)])
def test_parity_finds_a_file_that_is_wrong_in_larger_batches(limit: int, wrong: bool, tmp_path: Path) -> None:
    x = inputs(130)
    path, evidence = by_batch(tmp_path / "m.onnx", limit), tmp_path / "e.npz"
    if wrong:
        with pytest.raises(Mismatch, match="between batch sizes 1"):
            onnx_file.parity(path, x, x[:, :3], least=1.0, most=1e-3, evidence=evidence)
    else:
        assert onnx_file.parity(path, x, x[:, :3], least=1.0, most=1e-3, evidence=evidence).batches == 0


def test_answers_that_are_no_numbers_and_too_few_spectra_are_refused(tmp_path: Path) -> None:
    good, x = tiny_job.line("cnn").float32.path("float32"), inputs()
    broken = planted(good, tmp_path / "nan.onnx", scale_weight("head", float("nan")))
    with pytest.raises(Mismatch):
        onnx_file.parity(broken, x, torch_answers("cnn", x), least=0.0, most=np.inf, evidence=tmp_path / "e.npz")
    with pytest.raises(Mistake, match="63 spectra are too few"):
        onnx_file.parity(good, x[:63], torch_answers("cnn", x[:63]), least=1, most=1, evidence=tmp_path / "e.npz")


@BOTH
def test_int8_is_run_in_int8_and_a_convolution_left_in_float_is_noticed(name: str, tmp_path: Path) -> None:
    path, source = tiny_job.line(name).int8.path("cpu-int8"), tiny_job.line(name).float32.path("float32")
    nodes = list(onnx.load(source).graph.node)
    convs = [node.name for node in nodes if node.op_type == "Conv"]
    tail = [node.name for node in nodes[[node.name for node in nodes].index(convs[-1]) :]]
    assert onnx_file.check_kernels(path)["QLinearConv"] == len(convs)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        rest = iter([{"spectrum": row[None]} for row in inputs()])

        def get_next(self) -> Any:
            return next(self.rest, None)

    half = tmp_path / "half.onnx"
    quantize_static(
        str(source), str(half), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=tail,
    )  # fmt: skip
    assert onnx_file.check_kernels(half)["QLinearConv"] == len(convs) - 1, "it claims no more"

    model = onnx.load(path)
    makers = {output: node for node in model.graph.node for output in node.output}
    last = [node for node in model.graph.node if node.op_type == "Conv"][-1]
    last.input[0] = makers[makers[last.input[0]].input[0]].input[0]
    onnx.save(model, half)
    with pytest.raises(Mismatch, match=rf"[12] of {len(convs)} convolutions are not run in int8"):
        onnx_file.check_kernels(half)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the fast layout is of x86")
@pytest.mark.parametrize("widths", [[6], [18, 16], [20, 5, 32]])
def test_any_widths_reach_the_fast_layout_and_weigh_what_torch_says(widths: list[int], tmp_path: Path) -> None:
    network = models.build(Call("cnn", {"widths": widths}), points=128, classes=3, seed=0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d):
            nn.init.constant_(layer.bias, 0.1)
    exporter.export(network, tmp_path / "m.onnx", front=tiny_job.line("cnn").job.front())
    assert onnx_file.check_kernels(tmp_path / "m.onnx").get("nchwc.Conv", 0) > 0
    params, _ = arithmetic.weigh(tmp_path / "m.onnx")
    assert params == sum(each.numel() for each in network.parameters()) - sum(widths)


@BOTH
def test_parameters_are_torchs_but_for_the_folded_normalisations(name: str) -> None:
    network = models.load(tiny_job.line(name).checkpoint)
    folded = sum(layer.num_features for layer in network.modules() if isinstance(layer, nn.BatchNorm1d))
    wanted = sum(each.numel() for each in network.parameters()) - folded
    assert arithmetic.weigh(tiny_job.line(name).float32.path("float32"))[0] == wanted
    assert arithmetic.weigh(tiny_job.line(name).int8.path("cpu-int8"))[0] == wanted


@BOTH
@pytest.mark.parametrize("variant", ["float32", "cpu-int8"])
@pytest.mark.parametrize("temperature", [0.05, 0.37, 3.0, 20.0])
def test_a_folded_temperature_divides_the_logits_and_changes_no_label(
    name: str, variant: str, temperature: float, tmp_path: Path
) -> None:
    source, path, x = tiny_job.line(name).int8.path(variant), tmp_path / "m.onnx", inputs()
    path.write_bytes(source.read_bytes())
    before = onnx_file.run(path, x)
    onnx_file.fold_temperature(path, temperature)
    after = onnx_file.run(path, x)
    np.testing.assert_allclose(after * temperature, before, rtol=1e-4, atol=1e-5 * np.abs(before).max())
    assert np.array_equal(after.argmax(1), before.argmax(1))
    np.testing.assert_allclose(onnx_file.run(path, x, optimise=False) * temperature, before, atol=0.05)
    assert abs(path.stat().st_size - source.stat().st_size) < 64, "it costs nothing"


def test_where_no_linear_layer_ends_a_graph_one_multiplication_stands_behind_it(tmp_path: Path) -> None:
    """MatMul and Add, as Keras writes a layer: the weights alone must not be divided, and a second temperature adds no operator."""
    nodes = [
        helper.make_node("MatMul", ["spectrum", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("spectrum", "logits")]
    weights = {"weight": np.eye(3, dtype=np.float32) * 2, "bias": np.array([1, 2, 3], np.float32)}
    constants = [numpy_helper.from_array(each, name) for name, each in weights.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    before = onnx_file.run(path, x)
    onnx_file.fold_temperature(path, 2.0)
    np.testing.assert_allclose(onnx_file.run(path, x), before / 2, rtol=1e-6)
    onnx_file.fold_temperature(path, 4.0)
    np.testing.assert_allclose(onnx_file.run(path, x), before / 8, rtol=1e-6)
    assert [node.op_type for node in onnx.load(path).graph.node] == ["MatMul", "Add", "Mul"]


@BOTH
def test_a_slimmed_file_gives_the_same_answers(name: str, tmp_path: Path) -> None:
    fat = shape_inference.infer_shapes(onnx.load(tiny_job.line(name).float32.path("float32")))
    for node in fat.graph.node:
        node.doc_string = "a trace of many lines " * 20
        node.metadata_props.add(key="trace", value="more of it " * 20)
    fat.metadata_props.add(key="made", value="somewhere")
    onnx.save(fat, tmp_path / "fat.onnx")
    onnx.save(exporter.slimmed(fat), tmp_path / "slim.onnx")
    slim, whole = (onnx_file.run(tmp_path / f"{each}.onnx", inputs()) for each in ("slim", "fat"))
    np.testing.assert_allclose(slim, whole, rtol=1e-5, atol=1e-5)
    assert (tmp_path / "slim.onnx").stat().st_size < (tmp_path / "fat.onnx").stat().st_size
    assert fat.graph.node[0].doc_string, "the file that was given stays as it is"
