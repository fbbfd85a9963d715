"""verify, matrix and bench of a model file without a run: what can be said with no labels, and nothing more."""

from __future__ import annotations

import json
from pathlib import Path

import foreign_models as fm
import numpy as np
import pytest
import tiny_job
from command import edgespec

from edgespec import contract
from edgespec.errors import Mistake
from edgespec.runs import model_file


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return fm.linear(tiny_job.job(tmp_path / "job", preprocess=()), tmp_path / "m.onnx", "(n, 1, points)")


def test_the_spectra_are_the_same_each_time_and_differ_from_each_other() -> None:
    x = model_file.spectra(128)
    assert x.shape == (model_file.SPECTRA, 128)
    assert np.array_equal(x, model_file.spectra(128))
    assert len(np.unique(x, axis=0)) == len(x)


def test_verify_says_what_the_file_takes_and_that_it_answers_the_same(net: Path) -> None:
    done = edgespec(net.parent, "verify", "m.onnx", "--wide")
    assert done.returncode == 0, done.stderr
    for told in (
        "x: a spectrum of 128 points",
        "y: logits of 3 classes",
        "none: a recipe must say its axis and labels",
    ):
        assert told in done.stdout
    assert "how right the model is is not known" in done.stdout
    told = json.loads(edgespec(net.parent, "verify", "m.onnx", "--json").stdout)
    assert told["ok"]
    assert {"same in our form", "alone as in batches", "optimised as not"} <= {each["check"] for each in told["checks"]}


def test_verify_compares_a_contract_with_the_graph(net: Path, tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "job", preprocess=())
    fm.changed(net, lambda model: contract.stamp(model, job.contract()))
    assert "3 labels, 150 to 1172 cm-1" in edgespec(tmp_path, "verify", "m.onnx", "--wide").stdout
    said = {**job.contract().plain(), "axis": {"start": 150.0, "step": 1.0, "points": 64}}
    fm.changed(net, lambda model: contract.stamp(model, contract.of_plain(said, "m.onnx")))
    done = edgespec(tmp_path, "verify", "m.onnx", "--wide")
    assert done.returncode == 4
    assert "the contract tells of 64 points and 3 labels, the graph takes 128" in done.stdout


def test_a_damaged_file_is_one_sentence_in_each_command(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"damaged")
    for command in ("verify", "matrix", "bench"):
        done = edgespec(tmp_path, command, "m.onnx")
        assert (done.returncode, done.stdout) == (2, "")
        assert "error: m.onnx is not an ONNX file, or a damaged one" in done.stderr


def test_matrix_and_bench_tell_no_accuracy(net: Path) -> None:
    done = edgespec(net.parent, "matrix", "m.onnx", "--seconds", "0.1", "--json")
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert {(each["variant"], each["verdict"]) for each in cells if each["runtime"] == "onnxruntime"} == {
        ("default", "agrees"),
        ("float32", "agrees"),
    }
    assert {each["accuracy"] for each in cells} == {None}
    done = edgespec(net.parent, "bench", "m.onnx", "--seconds", "0.1", "--json")
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)["bench"]["local"]["measurements"]
    assert [each["variant"] for each in measured] == ["default", "float32"]
    assert all(each["p50_ms"] > 0 and each["accuracy"] is None for each in measured)
    assert sorted(path.name for path in net.parent.iterdir()) == ["job", "m.onnx"], "nothing is left"


def test_options_that_need_a_run_are_refused(net: Path) -> None:
    with pytest.raises(Mistake, match=r"--soak needs a run: .*m\.onnx is a model file"):
        model_file.refuse(net, host="", variant=None, soak="10m")
    done = edgespec(net.parent, "matrix", "m.onnx", "--target", "rpi5")
    assert done.returncode == 2
    assert "--target needs a run" in done.stderr
