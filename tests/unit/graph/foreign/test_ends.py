"""Where the points lie in a foreign input, and which output holds the classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgespec.errors import Mistake
from edgespec.graph.foreign import ends

PATH = Path("m.onnx")
N = 6


def taking(tmp_path: Path, shape: Any, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    return onnx.load(foreign_models.graph(tmp_path / "m.onnx", nodes, {}, ("x", kind, shape), [("y", kind, None)]))


@pytest.mark.parametrize(
    ("shape", "place", "points", "batch"),
    [
        (["n", 128], 1, 128, 0),
        ([1, 128], 1, 128, 1),
        (["n", 1, 128], 2, 128, 0),
        ([8, 128, 1], 1, 128, 8),
        (["n", 1, 1, 128], 3, 128, 0),
        (["n", 1, 128, 1], 2, 128, 0),
        (["n", 128, 1, 1], 1, 128, 0),
        (["n", 1, "length"], 2, 0, 0),
    ],
)
def test_the_points_are_found(shape: Any, place: int, points: int, batch: int, tmp_path: Path) -> None:
    found = ends.of_input(taking(tmp_path, shape), PATH)
    assert (found.place, found.points, found.batch, found.rank) == (place, points, batch, len(shape))
    x = np.arange(2 * 128).reshape(2, 128)
    assert found.shaped(x).shape == tuple([2 if i == 0 else 128 if i == place else 1 for i in range(len(shape))])


@pytest.mark.parametrize(
    "shape", [["n", 3, 224, 224], ["n", 2, 128], ["n", "a", "b"], ["n"], ["n", 1, 1], ["n", 1, 1, 1, 8], None]
)
def test_what_is_no_spectrum_is_told_with_its_shape(shape: Any, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"input x has the shape .* which is not a spectrum") as caught:
        ends.of_input(taking(tmp_path, shape), PATH)
    assert ("an image or several channels" in caught.value.message) == (
        shape is not None and len(shape) > 2 and shape[1] != 1
    )
    assert "(n, 1, points)" in caught.value.hint


def test_several_inputs_other_types_and_sequences_are_told(tmp_path: Path) -> None:
    model = taking(tmp_path, ["n", 128])
    model.graph.input.append(helper.make_tensor_value_info("temperature", TensorProto.FLOAT, ["n", 1]))
    with pytest.raises(Mistake, match=r"has 2 inputs \(x, temperature\)"):
        ends.of_input(model, PATH)
    with pytest.raises(Mistake, match="input x is not a tensor of floats"):
        ends.of_input(taking(tmp_path, ["n", 128], TensorProto.INT64), PATH)
    model.graph.ClearField("input")
    model.graph.input.append(helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["n", 128]))
    with pytest.raises(Mistake, match="input x is not a tensor of floats"):
        ends.of_input(model, PATH)


def test_an_old_file_lists_its_weights_among_its_inputs(tmp_path: Path) -> None:
    model = taking(tmp_path, ["n", 128])
    model.graph.initializer.append(helper.make_tensor("weight", TensorProto.FLOAT, [1], [1.0]))
    model.graph.input.append(helper.make_tensor_value_info("weight", TensorProto.FLOAT, [1]))
    assert ends.of_input(model, PATH).name == "x"


def test_other_points_than_the_axis_name_both_and_the_mend(tmp_path: Path) -> None:
    taken = ends.of_input(taking(tmp_path, ["n", 1, 512]), PATH)
    with pytest.raises(Mistake, match=r"takes 512 points; the recipe's axis gives 128 \(150 to 1172 cm-1\)") as caught:
        ends.check_points(taken, 128, {"low": 150, "high": 1172}, PATH)
    assert "points: 512" in caught.value.hint
    ends.check_points(taken, 512, {}, PATH)


def test_the_original_is_asked_in_its_own_batch(tmp_path: Path) -> None:
    for batch in (1, 4):
        model = taking(tmp_path, [batch, 1, 128])
        original = ends.Original(model, ends.of_input(model, PATH), PATH)
        x = np.random.default_rng(0).normal(size=(6, 128)).astype(np.float32)
        assert np.array_equal(original.ask(x)["y"][:, 0], x)
        with pytest.raises(Mistake, match="cannot run on a spectrum of 64 points"):
            original.ask(x[:, :64])


LOGITS = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
STATED = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
WORDS = np.array(["a"] * N)


@pytest.mark.parametrize(
    ("answers", "name", "kind", "columns"),
    [
        ({"y": LOGITS}, "y", "logits", 3),
        ({"y": STATED, "embedding": np.zeros((N, 64), np.float32)}, "y", "probabilities", 3),
        ({"y": LOGITS[:, :, None, None]}, "y", "logits", 3),
        ({"label": WORDS, "p": [dict(zip("abc", row, strict=True)) for row in STATED]}, "p", "probabilities", 3),
        ({"label": WORDS}, "label", "labels", 0),
        ({"logits": LOGITS, "probabilities": STATED}, "logits", "logits", 3),
    ],
)
def test_the_output_is_found_and_what_it_holds(answers: Any, name: str, kind: str, columns: int) -> None:
    found = ends.of_output(answers, N, 3, None, "auto", PATH)
    assert (found.name, found.kind, found.columns) == (name, kind, columns)


def test_one_number_stands_for_two_classes() -> None:
    found = ends.of_output({"y": STATED[:, :1]}, N, 2, None, "auto", PATH)
    assert (found.kind, found.columns) == ("probabilities", 1)
    assert ends.of_output({"y": LOGITS[:, :1]}, N, 2, None, "auto", PATH).kind == "logits"
    assert ends.of_output({"y": STATED}, N, 3, None, "logits", PATH).kind == "logits", "the recipe has the last word"


def test_what_could_mean_several_things_or_nothing_is_told() -> None:
    with pytest.raises(Mistake, match="several outputs of 3 numbers") as caught:
        ends.of_output({"a": LOGITS, "b": STATED}, N, 3, None, "auto", PATH)
    assert caught.value.hint == "say which: output: a or b"
    assert ends.of_output({"a": LOGITS, "b": STATED}, N, 3, "b", "auto", PATH).name == "b"
    with pytest.raises(Mistake, match="has no output 'c'"):
        ends.of_output({"a": LOGITS}, N, 3, "c", "auto", PATH)
    with pytest.raises(Mistake, match=r"no output holds 4 classes: a \(6, 3\), s \(a sequence\)"):
        ends.of_output({"a": LOGITS, "s": [LOGITS] * N}, N, 4, None, "auto", PATH)
