"""An ONNX file as a torch module for one spectrum: what ours answer, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_bundle
import tiny_job
import torch
from onnx import TensorProto, helper, numpy_helper

from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.graph.litert import network


def test_a_whole_file_answers_as_in_onnx_runtime_under_the_names_of_its_outputs() -> None:
    path = tiny_bundle.model()
    graph = network.read(path)
    assert (graph.inputs, graph.outputs) == (["spectrum"], ["logits", "probabilities", "score"])
    job = tiny_job.line("cnn").job
    for row in job.spectra.x[job.splits.test[:5]]:
        wanted = onnx_file.outputs(path, row[None])
        found = graph(spectrum=torch.from_numpy(row[None]))
        for name, each in wanted.items():
            assert np.abs(found[name].numpy() - each).max() <= 1e-5 * np.abs(each).max()


def test_shapes_that_a_free_batch_computes_are_constant_for_one_spectrum(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["batch"], axis=0),
        helper.make_node("Concat", ["batch", "rest"], ["wanted"], axis=0),
        helper.make_node("Reshape", ["x", "wanted"], ["y"]),
    ]
    weights = [numpy_helper.from_array(np.array(each), name) for name, each in (("first", [0]), ("rest", [2, 3]))]
    graph = helper.make_graph(nodes, "shapes", [value("x", ["n", 6])], [value("y", None)], weights)
    found = network.read(saved(tmp_path, graph))
    assert found(x=torch.arange(6.0)[None])["y"].shape == (1, 2, 3)


def test_a_rounded_file_a_damaged_one_and_one_of_two_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="QuantizeLinear is not translated"):
        network.read(tiny_bundle.model("cpu-int8"))
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(Mistake, match=r"junk\.onnx cannot be read as a network"):
        network.read(tmp_path / "junk.onnx")
    two = helper.make_graph(
        [helper.make_node("Add", ["x", "z"], ["y"])],
        "two",
        [value("x", [1, 6]), value("z", [1, 6])],
        [value("y", None)],
    )
    with pytest.raises(Mistake, match=r"not one tensor\(float\)"):
        network.read(saved(tmp_path, two))
    unknown = helper.make_graph(
        [helper.make_node("Cos", ["x"], ["y"])], "cos", [value("x", [1, 6])], [value("y", None)]
    )
    with pytest.raises(Mistake, match="operator Cos is not translated for LiteRT"):
        network.read(saved(tmp_path, unknown))


def value(name: str, shape: list[int | str] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def saved(folder: Path, graph: onnx.GraphProto) -> Path:
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), folder / "model.onnx"
    )
    return folder / "model.onnx"
