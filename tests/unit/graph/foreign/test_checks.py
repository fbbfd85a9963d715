"""What a foreign graph must not hold is refused by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from edgespec.errors import Mistake
from edgespec.graph.foreign import checks

PATH = Path("m.onnx")
X = ("x", TensorProto.FLOAT, ["n", 4])
Y = [("y", TensorProto.FLOAT, ["n", 4])]


def model(tmp_path: Path, node: Any = None, opset: int = 18, **weights: Any) -> onnx.ModelProto:
    given = {"weight": np.arange(4, dtype=np.float32), **weights}
    nodes = [node or helper.make_node("Mul", ["x", "weight"], ["y"])]
    return onnx.load(foreign_models.graph(tmp_path / "m.onnx", nodes, given, X, Y, opset=opset))


def test_a_sound_graph_passes(tmp_path: Path) -> None:
    for opset in (9, 18, 24):
        checks.check(model(tmp_path, opset=opset), PATH)
    checks.check(model(tmp_path, weight=np.array(np.inf, np.float32)), PATH)  # a limit, as that of a Clip


@pytest.mark.parametrize(("domain", "hint"), [("my.company", "no library of custom"), ("com.microsoft", "optimises")])
def test_an_operator_of_another_domain_is_named(domain: str, hint: str, tmp_path: Path) -> None:
    made = model(tmp_path, helper.make_node("Wonder", ["x"], ["y"], domain=domain))
    with pytest.raises(
        Mistake, match=f"operator Wonder is of the domain '{domain}'; supported are ai.onnx and ai.onnx.ml"
    ) as caught:
        checks.check(made, PATH)
    assert hint in caught.value.hint


@pytest.mark.parametrize("opset", [7, 8, 25])
def test_an_opset_that_is_too_old_or_too_new_is_told(opset: int, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=f"is of opset {opset}; 9 to 24 are supported"):
        checks.check(model(tmp_path, opset=opset), PATH)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_broken_weights_are_counted_and_named(bad: float, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="1 of 4 weights of weight are not finite numbers"):
        checks.check(model(tmp_path, weight=np.array([1, bad, 2, 3], np.float32)), PATH)
    attributes: dict[str, Any] = {"coefficients": [1.0, bad], "intercepts": [0.0], "classlabels_ints": [0, 1]}
    node = helper.make_node("LinearClassifier", ["x"], ["y", "z"], domain="ai.onnx.ml", name="last", **attributes)
    with pytest.raises(Mistake, match=r"1 of 2 weights of last\.coefficients are not finite"):
        checks.check(model(tmp_path, node), PATH)


def test_weights_of_another_length_than_their_shape_and_unknown_operators_are_told(tmp_path: Path) -> None:
    made = model(tmp_path)
    made.graph.initializer[0].dims[0] = 400
    with pytest.raises(Mistake, match="the weights of weight are damaged"):
        checks.check(made, PATH)
    with pytest.raises(Mistake, match="breaks the rules of ONNX"):
        checks.check(model(tmp_path, helper.make_node("Nonsense", ["x"], ["y"])), PATH)


def test_a_tensor_that_no_memory_holds_is_refused_before_anything_runs(tmp_path: Path) -> None:
    shape = np.array([10**6, 10**6], np.int64)
    with pytest.raises(Mistake, match="too large"):
        checks.check(model(tmp_path, helper.make_node("ConstantOfShape", ["shape"], ["y"]), shape=shape), PATH)


def test_what_onnx_runtime_refuses_is_one_line(tmp_path: Path) -> None:
    made = model(tmp_path)
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.arange(4), "weight"))  # integers times floats
    with pytest.raises(Mistake, match="ONNX Runtime refuses it") as caught:
        checks.opened(made, PATH)
    assert "\n" not in caught.value.message


def test_a_name_that_is_no_text_breaks_the_rules(tmp_path: Path) -> None:
    raw = model(tmp_path).SerializeToString().replace(b"weight", b"weig\xff\xfe", 1)
    try:
        damaged = onnx.ModelProto.FromString(raw)
    except DecodeError:
        return  # a protobuf that reads no such name: `file.read` says that the file is damaged
    with pytest.raises(Mistake):
        checks.check(damaged, PATH)


def test_what_int8_knows_is_seen(tmp_path: Path) -> None:
    assert not checks.has_layers(model(tmp_path))
    layered = model(tmp_path, helper.make_node("MatMul", ["x", "square"], ["y"]), square=np.eye(4, dtype=np.float32))
    assert checks.has_layers(layered)
