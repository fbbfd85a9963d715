"""What a file weighs: parameters and multiply-accumulates of a layer of each kind, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec.graph import arithmetic


def saved(path: Path, node: onnx.NodeProto, shape: list[int], out: list[int], **weights: tuple[int, ...]) -> Path:
    held = [numpy_helper.from_array(np.ones(size, np.float32), name) for name, size in weights.items()]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    answer = helper.make_tensor_value_info("y", TensorProto.FLOAT, out)
    model = helper.make_model(
        helper.make_graph([node], "g", [given], [answer], held), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 9
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("node", "shape", "out", "weights", "wanted"),
    [
        (
            helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1),
            [1, 7],
            [1, 3],
            {"w": (3, 7), "b": (3,)},
            (24, 21),
        ),
        (helper.make_node("MatMul", ["x", "w"], ["y"]), [1, 5, 7], [1, 5, 3], {"w": (7, 3)}, (21, 105)),
        (helper.make_node("Conv", ["x", "w"], ["y"]), [1, 2, 1, 10], [1, 4, 1, 8], {"w": (4, 2, 1, 3)}, (24, 192)),
        (helper.make_node("Relu", ["x"], ["y"]), [1, 7], [1, 7], {}, (0, 0)),
    ],
)
def test_a_layer(
    tmp_path: Path,
    node: onnx.NodeProto,
    shape: list[int],
    out: list[int],
    weights: dict[str, tuple[int, ...]],
    wanted: tuple[int, int],
) -> None:
    assert arithmetic.weigh(saved(tmp_path / "m.onnx", node, shape, out, **weights)) == wanted
