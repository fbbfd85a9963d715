"""A batch that was fixed when the model was saved is freed where that is sound, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgespec.graph import onnx_file
from edgespec.graph.foreign import batch

X = np.random.default_rng(0).normal(size=(70, 8)).astype(np.float32)


def fixed(tmp_path: Path, size: Any, *nodes: Any, **weights: Any) -> onnx.ModelProto:
    ends = ("prepared", TensorProto.FLOAT, [size, 8]), [("logits", TensorProto.FLOAT, [size, 8])]
    return onnx.load(foreign_models.graph(tmp_path / "m.onnx", list(nodes), weights, *ends))


def reshaping(*shape: int) -> Any:
    nodes = [helper.make_node("Reshape", ["prepared", "shape"], ["r"]), helper.make_node("Flatten", ["r"], ["logits"])]
    return nodes, np.array(shape, np.int64)


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("rest", [(2, 4), (2, -1)])
def test_a_batch_in_ends_and_reshapes_is_freed(size: int, rest: tuple[int, int], tmp_path: Path) -> None:
    nodes, shape = reshaping(size, *rest)
    found = batch.freed(fixed(tmp_path, size, *nodes, shape=shape), size, X)
    assert found is not None
    answers = onnx_file.ask(onnx_file.session(found.SerializeToString()), X, 65)
    assert np.array_equal(answers, X)


def test_a_free_end_with_a_batch_inside_is_freed_too(tmp_path: Path) -> None:
    nodes, shape = reshaping(1, 2, 4)
    assert batch.freed(fixed(tmp_path, "n", *nodes, shape=shape), 0, X) is not None
    constant = helper.make_node("Constant", [], ["shape"], value=onnx.numpy_helper.from_array(shape))
    assert batch.freed(fixed(tmp_path, 1, constant, *nodes), 1, X) is not None


def test_answers_that_depend_on_the_batch_are_not_freed(tmp_path: Path) -> None:
    centred = [
        helper.make_node("ReduceMean", ["prepared", "axes"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["prepared", "mean"], ["logits"]),
    ]
    assert batch.freed(fixed(tmp_path, 1, *centred, axes=np.array([0])), 1, X) is None
    mixed, shape = reshaping(8, 1)
    assert batch.freed(fixed(tmp_path, 1, *mixed, shape=shape), 1, X) is None
