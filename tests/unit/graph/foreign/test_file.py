"""A foreign file is read whole or refused: damaged bytes, external data, control flow, local functions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec.errors import Mistake
from edgespec.graph.foreign import file

GIVEN = ("x", TensorProto.FLOAT, ["n", 4])
ANSWER = [("y", TensorProto.FLOAT, ["n", 4])]


def doubled(path: Path, **more: Any) -> Path:
    """y = x * weight"""
    nodes = [helper.make_node("Mul", ["x", "weight"], ["y"])]
    return foreign_models.graph(path, nodes, {"weight": np.arange(4, dtype=np.float32)}, GIVEN, ANSWER, **more)


def external(path: Path, location: str, **told: int) -> Path:
    """The same, its weight said to be in another file."""

    def change(model: onnx.ModelProto) -> None:
        weight = model.graph.initializer[0]
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in {"location": location, **told}.items():
            weight.external_data.add(key=key, value=str(value))

    return foreign_models.changed(doubled(path), change)


def with_function(path: Path, calls: str) -> Path:
    """y = double(x), a local function whose one operator is `calls`."""

    def change(model: onnx.ModelProto) -> None:
        domain = "" if calls == "Add" else "own"
        body = helper.make_node(calls, ["a", "a"] if calls == "Add" else ["a"], ["b"], domain=domain)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
        model.functions.append(helper.make_function("own", "Double", ["a"], ["b"], [body], opsets))
        model.graph.node[0].CopyFrom(helper.make_node("Double", ["x"], ["y"], domain="own"))
        model.opset_import.append(helper.make_opsetid("own", 1))

    return foreign_models.changed(doubled(path), change)


def test_a_file_comes_whole(tmp_path: Path) -> None:
    assert [node.op_type for node in file.read(doubled(tmp_path / "a.onnx")).graph.node] == ["Mul"]


NO_MODELS = {
    "nothing": b"",
    "zeros": b"\x00" * 64,
    "text": b"no model at all",
    "chance": os.urandom(4096),
    "tags": b"\x08\x08" * 9,
}


@pytest.mark.parametrize("content", NO_MODELS.values(), ids=NO_MODELS)
def test_bytes_that_are_no_model_are_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(Mistake, match=r"a\.onnx is not an ONNX file, or a damaged one") as caught:
        file.read(tmp_path / "a.onnx")
    assert "\n" not in caught.value.message


def test_every_cut_of_a_file_is_refused_or_read(tmp_path: Path) -> None:
    whole = doubled(tmp_path / "a.onnx").read_bytes()
    hints = []
    for end in range(0, len(whole) - 1, 7):
        (tmp_path / "b.onnx").write_bytes(whole[:end])
        try:
            file.read(tmp_path / "b.onnx")
        except Mistake as problem:
            hints.append(problem.hint)
    assert hints
    assert all(hints)


def test_a_file_that_is_absent_or_too_large_is_told_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="there is no model file"):
        file.read(tmp_path / "none.onnx")
    with (tmp_path / "big.onnx").open("wb") as big:
        big.truncate(2**31)  # a hole: it takes no room on the disk
    with pytest.raises(Mistake, match=r"has 2\.1 GB: an ONNX file holds at most"):
        file.read(tmp_path / "big.onnx")


def test_external_data_beside_the_file_are_read_into_it(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"\0" * 8 + np.arange(4, dtype=np.float32).tobytes())
    model = file.read(external(tmp_path / "a.onnx", "w.bin", offset=8, length=16))
    assert numpy_helper.to_array(model.graph.initializer[0]).tolist() == [0, 1, 2, 3]
    assert model.graph.initializer[0].data_location == TensorProto.DEFAULT


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "", "a/../../secret.bin", "link.bin"])
def test_external_data_outside_the_folder_are_never_opened(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\0" * 16)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(Mistake, match=r"the data of weight are said to be in .*, outside the model's folder"):
        file.read(external(folder / "a.onnx", location))


@pytest.mark.parametrize(
    "told", [{}, {"offset": 4}, {"length": 12}, {"offset": -4}, {"length": 10**15}, {"offset": "x"}]
)
def test_external_data_of_another_size_are_refused(told: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"\0" * 18)
    with pytest.raises(Mistake, match="the data of weight do not fit: the tensor has 16 bytes"):
        file.read(external(tmp_path / "a.onnx", "w.bin", **told))
    with pytest.raises(Mistake, match="the data of weight are not there"):
        file.read(external(tmp_path / "a.onnx", "absent.bin"))


def test_a_local_function_is_written_out_and_one_that_calls_itself_refused(tmp_path: Path) -> None:
    model = file.read(with_function(tmp_path / "a.onnx", "Add"))
    assert [node.op_type for node in model.graph.node] == ["Add"]
    assert not model.functions
    with pytest.raises(Mistake, match="function 'Double' calls itself"):
        file.read(with_function(tmp_path / "a.onnx", "Double"))


def test_control_flow_and_sparse_weights_are_refused(tmp_path: Path) -> None:
    def loop(model: onnx.ModelProto) -> None:
        inner = helper.make_graph([helper.make_node("Identity", ["c"], ["d"])], "g", [], [])
        model.graph.node[0].CopyFrom(helper.make_node("Loop", ["x", "x", "x"], ["y"], name="again", body=inner))

    with pytest.raises(Mistake, match=r"operator Loop \(again\) holds a graph of its own"):
        file.read(foreign_models.changed(doubled(tmp_path / "a.onnx"), loop))
    with pytest.raises(Mistake, match="sparse weights"):
        file.read(
            foreign_models.changed(doubled(tmp_path / "a.onnx"), lambda model: model.graph.sparse_initializer.add())
        )
