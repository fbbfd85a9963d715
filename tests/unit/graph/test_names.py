"""Kept files bear short names and no trace of where they were made, and answer the same to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_job
from onnx import TensorProto, helper, numpy_helper

from edgespec.artifact import OnnxModel
from edgespec.graph import answer, assembly, names, onnx_file
from edgespec.steps import calibrate


def named() -> onnx.ModelProto:
    """A network as torch's exporter leaves it: long names, a stack trace, attributes that say the default."""
    weights = [
        numpy_helper.from_array(np.random.default_rng(0).normal(size=(2, 1, 1, 3)).astype("f"), "body.0.weight"),
        numpy_helper.from_array(np.random.default_rng(1).normal(size=(3, 16)).astype("f"), "head.weight"),
        numpy_helper.from_array(np.array([1, 2]), "val_7"),
        numpy_helper.from_array(np.array([-1, 16]), "val_8"),
    ]
    plain = {"dilations": [1, 1], "group": 1, "strides": [1, 1], "auto_pad": "NOTSET"}
    nodes = [
        helper.make_node("Unsqueeze", ["spectrum", "val_7"], ["unsqueeze_1"], name="node_Unsqueeze_1"),
        helper.make_node(
            "Conv", ["unsqueeze_1", "body.0.weight"], ["conv2d"], name="node_Conv_2", pads=[0, 1, 0, 1], **plain
        ),
        helper.make_node("Reshape", ["conv2d", "val_8"], ["view"], name="node_view"),
        helper.make_node("Gemm", ["view", "head.weight"], ["logits"], name="my_head", transB=1, alpha=1.0, beta=1.0),
    ]
    trace = nodes[1].metadata_props.add()
    trace.key, trace.value = "pkg.torch.onnx.stack_trace", 'File "/somebody/own/network.py", line 3'
    nodes[2].doc_string = "/somebody/own/network.py"
    ends = [
        helper.make_tensor_value_info("spectrum", TensorProto.FLOAT, ["batch", 8]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3]),
    ]
    graph = helper.make_graph(nodes, "main_graph", ends[:1], ends[1:], weights)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("org.pytorch.aten", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def test_a_layer_is_called_as_in_its_model_and_a_name_of_ones_own_stays() -> None:
    short = names.shortened(named())
    onnx.checker.check_model(short, full_check=True)
    assert [node.name for node in short.graph.node] == ["0", "body.0", "1", "my_head"]
    said = {node.op_type: {each.name for each in node.attribute} for node in short.graph.node}
    assert said["Conv"] == {"pads"}
    assert said["Gemm"] == {"transB"}, "only what says something else than the default"
    assert [each.domain for each in short.opset_import] == [""]
    assert b"somebody" not in short.SerializeToString()
    x = np.random.default_rng(2).normal(size=(5, 8)).astype("f")
    before, after = (onnx_file.ask(onnx_file.session(each.SerializeToString()), x) for each in (named(), short))
    assert np.array_equal(before, after)


def test_shortening_what_is_short_changes_nothing() -> None:
    once = names.shortened(named())
    assert names.shortened(once).SerializeToString() == once.SerializeToString()


def test_two_layers_of_one_name_get_two() -> None:
    model = named()
    for node in model.graph.node:
        node.name = "twice"
    found = [node.name for node in names.shortened(model).graph.node]
    assert len(set(found)) == len(found)
    assert "twice" in found


@pytest.mark.parametrize("variant", ["float32", "cpu-int8"])
@pytest.mark.parametrize("name", ["cnn", "pace"])
def test_a_file_of_a_run_still_comes_apart_and_is_shorter(name: str, variant: str, tmp_path: Path) -> None:
    line = tiny_job.line(name)
    made = calibrate.run(line.job.inside(tmp_path), line.int8, score="likeness")
    assert isinstance(made, OnnxModel)
    model, x = onnx.load(made.path(variant)), line.job.spectra.x[:70]
    texts = sum(len(each) for node in model.graph.node for each in (node.name, *node.input, *node.output))
    assert texts < 24 * len(model.graph.node), "three names a node, some with a prefix"
    assert answer.read(model, "likeness").means.size
    again = assembly.joined(assembly.front(model), assembly.network(model))
    assert np.array_equal(
        onnx_file.ask(onnx_file.session(again.SerializeToString()), x), onnx_file.run(made.path(variant), x)
    )


def test_no_file_of_a_step_tells_where_it_was_made() -> None:
    made = tiny_job.line("cnn").int8
    for variant in made.variants:
        content = made.path(variant).read_bytes()
        assert b".py" not in content, variant
        assert b"stack_trace" not in content, variant
