"""A foreign graph becomes a network of ours: cut before its softmax, raised to opset 18, with our ends around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scipy.special import softmax

from edgespec.errors import Mistake
from edgespec.graph import assembly, onnx_file
from edgespec.graph.foreign import ends, surgery
from edgespec.graph.foreign.ends import Output

PATH = Path("m.onnx")
X = np.random.default_rng(0).uniform(size=(7, 3)).astype(np.float32)
SHIFT = np.array([0.5, 0.1, 0.2], np.float32)


def model(
    tmp_path: Path, *chain: tuple[str, dict[str, Any]], opset: int = 18, kind: int = TensorProto.FLOAT, columns: int = 3
) -> onnx.ModelProto:
    """scores = x + SHIFT, then the chain; the last tensor is `y`."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes = [helper.make_node("Add", ["x", "shift"], ["t0"])]
    if columns == 1:
        nodes = [helper.make_node("MatMul", ["x", "shift"], ["t0"])]
    nodes += [helper.make_node(name, [f"t{i}"], [f"t{i + 1}"], **keys) for i, (name, keys) in enumerate(chain)]
    nodes[-1].output[0] = "y"
    weights = {"shift": (SHIFT[:, None] if columns == 1 else SHIFT).astype(dtype)}
    given, answer = ("x", kind, ["n", 3]), [("y", kind, ["n", columns])]
    return onnx.load(foreign_models.graph(tmp_path / "m.onnx", nodes, weights, given, answer, opset=opset))


def adapted(
    given: onnx.ModelProto, output: Output, columns: Any = (0, 1, 2), classes: Any = "abc"
) -> tuple[onnx.ModelProto, NDArray[Any]]:
    cut = surgery.cut(given, output)
    cut = surgery.Cut(surgery.raised(cut.model, PATH), cut.tensor, cut.kind, cut.plain)
    made = surgery.network(cut, ends.of_input(given, PATH), 3, columns, list(classes))
    onnx.checker.check_model(made, full_check=True)
    assert [each.name for each in (*made.graph.input, *made.graph.output)] == [assembly.PREPARED, assembly.LOGITS]
    return made, onnx_file.ask(onnx_file.session(made.SerializeToString()), X)


def kinds(made: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in made.graph.node]


def test_logits_come_through(tmp_path: Path) -> None:
    made, logits = adapted(model(tmp_path), Output("y", "logits", 3, flat=True))
    np.testing.assert_allclose(logits, X + SHIFT, rtol=1e-6)
    assert kinds(made) == ["Identity", "Add", "Identity"]
    assert len({node.name for node in made.graph.node}) == 3


@pytest.mark.parametrize("opset", [9, 13, 18, 21])
def test_a_softmax_that_ends_it_goes_whatever_the_opset(opset: int, tmp_path: Path) -> None:
    chain = [("Softmax", {"axis": 1 if opset < 13 else -1}), ("Identity", {})]
    made, logits = adapted(model(tmp_path, *chain, opset=opset), Output("y", "probabilities", 3, flat=True))
    np.testing.assert_allclose(logits, X + SHIFT, rtol=1e-6)
    assert {each.version for each in made.opset_import} == {max(opset, 18)}


def test_other_probabilities_get_their_logarithm(tmp_path: Path) -> None:
    chain = [("Softmax", {"axis": -1}), ("Clip", {})]
    made, logits = adapted(model(tmp_path, *chain), Output("y", "probabilities", 3, flat=True))
    np.testing.assert_allclose(softmax(logits, axis=1), softmax(X + SHIFT, axis=1), atol=1e-6)
    assert kinds(made)[-2:] == ["Max", "Log"]


def test_one_number_becomes_two_classes(tmp_path: Path) -> None:
    score = X @ SHIFT
    for chain, kind in (
        ([("Sigmoid", {})], "probabilities"),
        ([("Sigmoid", {}), ("Clip", {})], "probabilities"),
        ([], "logits"),
    ):
        given = model(tmp_path, *chain, columns=1)
        _, logits = adapted(given, Output("y", kind, 1, flat=True), (0, 1), "ab")
        np.testing.assert_allclose(softmax(logits, axis=1)[:, 1], 1 / (1 + np.exp(-score)), atol=1e-6)


def test_other_types_and_shapes_become_ours_and_columns_ours_in_order(tmp_path: Path) -> None:
    given = model(tmp_path, kind=TensorProto.DOUBLE)
    _, logits = adapted(given, Output("y", "logits", 3), (2, 0, 1))
    np.testing.assert_allclose(logits, (X + SHIFT)[:, [2, 0, 1]], rtol=1e-6)
    assert logits.dtype == np.float32
    plane = model(tmp_path, ("Flatten", {}))
    plane.graph.node[-1].CopyFrom(helper.make_node("Unsqueeze", ["t0", "at"], ["y"]))
    plane.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 3]), "at"))
    plane.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1, 3, 1]))
    _, logits = adapted(plane, Output("y", "logits", 3))
    np.testing.assert_allclose(logits, X + SHIFT, rtol=1e-6)


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("version", [1, 2])
def test_labels_alone_become_scores(words: bool, version: int, tmp_path: Path) -> None:
    given = model(tmp_path, ("ArgMax", {"axis": 1, "keepdims": 0}))
    given.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    if words:
        given.graph.node[-1].output[0] = "number"
        given.graph.node.append(
            helper.make_node("ArrayFeatureExtractor", ["names", "number"], ["y"], domain="ai.onnx.ml")
        )
        given.graph.initializer.append(helper.make_tensor("names", TensorProto.STRING, [3], [b"a", b"b", b"c"]))
        given.opset_import.append(helper.make_opsetid("ai.onnx.ml", version))
        given.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    _, logits = adapted(given, Output("y", "labels", 0), (1, 2, 0), "abc" if words else "012")
    named = (X + SHIFT).argmax(1)
    assert np.array_equal(logits, surgery.SCORE * (named[:, None] == [1, 2, 0]))


def test_a_zipmap_and_what_only_other_outputs_need_fall_away(tmp_path: Path) -> None:
    given = model(tmp_path, ("Softmax", {"axis": -1}))
    given.graph.node.append(
        helper.make_node("ZipMap", ["y"], ["maps"], domain="ai.onnx.ml", classlabels_strings=["a", "b", "c"])
    )
    given.graph.node.append(helper.make_node("ArgMax", ["y"], ["label"]))
    given.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    made, logits = adapted(given, Output("maps", "probabilities", 3, maps=True, flat=True))
    np.testing.assert_allclose(logits, X + SHIFT, rtol=1e-6)
    assert kinds(made) == ["Identity", "Add", "Identity"]
    assert [each.domain for each in made.opset_import] == [""]


def test_an_opset_that_cannot_be_raised_is_told(tmp_path: Path) -> None:
    given = model(tmp_path, ("Upsample", {"mode": "nearest", "scales": [1.0, 1.0]}), opset=9)
    given.graph.node[-1].CopyFrom(helper.make_node("Nonsense", ["t0"], ["y"]))
    with pytest.raises(Mistake, match="is of opset 9 and cannot be brought to 18"):
        surgery.raised(given, PATH)
