"""A model file with no data beside it: what it takes, what its numbers are called, and that our form answers the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import foreign_models as fm
import numpy as np
import pytest
import tiny_job
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgespec.errors import Mistake
from edgespec.graph import onnx_file
from edgespec.graph.foreign import alone
from edgespec.job import Job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path / "job", preprocess=())


def spectra(points: int) -> NDArray[Any]:
    return np.random.default_rng(0).uniform(size=(65, points)).astype(np.float32)


def test_each_number_is_a_class_where_nobody_names_them(job: Job, tmp_path: Path) -> None:
    found = alone.read(fm.torch_net(job, tmp_path / "m.onnx"), spectra)
    assert found.names == ("0", "1", "2")
    assert found.difference < 1e-5
    x = spectra(128)
    plain, fast = (
        onnx_file.ask(onnx_file.session(each.SerializeToString()), x, 1) for each in (found.plain, found.fast)
    )
    np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-5)
    assert [each.name for each in (*found.fast.graph.input, *found.fast.graph.output)] == ["spectrum", "logits"]


def test_the_file_names_them_where_it_can(job: Job, tmp_path: Path) -> None:
    assert alone.read(fm.sklearn(job, tmp_path / "m.onnx", "forest"), spectra).names == tuple(fm.LABELS)


def test_what_only_a_recipe_can_say_is_told(tmp_path: Path) -> None:
    nodes = [helper.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)]
    path = fm.graph(
        tmp_path / "m.onnx", nodes, {}, ("x", TensorProto.FLOAT, ["n", 8]), [("y", TensorProto.INT64, ["n"])]
    )
    with pytest.raises(Mistake, match="answers labels alone"):
        alone.read(path, spectra)
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    path = fm.graph(
        tmp_path / "m.onnx",
        nodes,
        {},
        ("x", TensorProto.FLOAT, ["n", "points"]),
        [("y", TensorProto.FLOAT, ["n", "points"])],
    )
    with pytest.raises(Mistake, match="takes any number of points"):
        alone.read(path, spectra)
