"""The float file in an older opset: every network, every reject score, the same answers; nothing in it that TensorRT 8 does not read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_job

from edgespec import contract
from edgespec.errors import Mismatch, Mistake
from edgespec.graph import answer, compatibility, jetpack, names, onnx_file
from edgespec.graph.c import source
from edgespec.report import Report
from edgespec.steps import calibrate
from edgespec.targets import card as cards

OPSET = 17


@pytest.mark.parametrize(
    ("name", "score"), [("cnn", "energy"), ("pace", "likeness"), ("drsn", "likeness"), ("efficientnet", "confidence")]
)
def test_it_answers_as_the_file_of_the_run(name: str, score: str, tmp_path: Path) -> None:
    line = tiny_job.line(name)
    made = calibrate.run(line.job.inside(tmp_path), line.float32, score=score)  # type: ignore[arg-type]
    path, source = tmp_path / "older.onnx", made.path("float32")
    found = compatibility.written(path, made, line.checkpoint, line.job, OPSET, tmp_path / "evidence.npz")  # type: ignore[arg-type]
    assert found.agreement == 1.0
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert jetpack.lint(model, "5.1") == []
    assert {node.op_type for node in model.graph.node} & {"QuantizeLinear", "DequantizeLinear"} == set()
    assert contract.load(path) == contract.load(source)
    x = line.job.spectra.x[line.job.splits.test]
    then, now = onnx_file.outputs(source, x), onnx_file.outputs(path, x)
    assert list(now) == list(then) == ["logits", "probabilities", "score"]
    for each in then:
        np.testing.assert_allclose(now[each], then[each], rtol=1e-3, atol=1e-4)


def test_another_network_than_the_file_was_made_of_is_found_out(tmp_path: Path) -> None:
    line = tiny_job.line("cnn")
    made = calibrate.run(line.job.inside(tmp_path), line.float32)
    other = replace(line.checkpoint, facts={**line.checkpoint.facts, "temperature": 5.0})
    with pytest.raises(Mismatch, match="disagree"):
        compatibility.written(tmp_path / "a.onnx", made, other, line.job, OPSET, tmp_path / "e.npz")  # type: ignore[arg-type]


@pytest.mark.parametrize("score", ["likeness", "energy", "confidence"])
def test_a_score_is_read_back_as_it_was_put_in(score: str, tmp_path: Path) -> None:
    line = tiny_job.line("cnn")
    made = calibrate.run(line.job.inside(tmp_path), line.float32, score=score)  # type: ignore[arg-type]
    model = onnx.load(made.path("float32"))
    held = answer.read(model, score)
    assert names.shortened(answer.add(model, held)).graph == model.graph
    with pytest.raises(Mismatch, match="holds no reject score 'likeness'"):
        answer.read(onnx.load(line.float32.path("float32")), "likeness")


def test_litert_takes_the_float_files_and_says_why_not_the_others(tmp_path: Path) -> None:
    line = tiny_job.line("cnn")
    files = {
        "default": line.float32.path("float32"),
        "float32": line.float32.path("float32"),
        "cpu-int8": line.int8.path("cpu-int8"),
    }
    card = cards.load("litert")
    suited = compatibility.choose(files, "default", card, line.int8, line.job, Report("", 0, {}), tmp_path)
    assert (list(suited.files), suited.reference) == (["default", "float32"], "default")
    assert list(suited.left_out) == ["cpu-int8"]
    assert "it is in int8" in suited.left_out["cpu-int8"]


def test_what_is_timed_in_c_is_code_beside_the_file_that_it_is_compared_with(tmp_path: Path) -> None:
    line = tiny_job.line("cnn")
    files = {"float32": line.float32.path("float32"), "cpu-int8": line.int8.path("cpu-int8")}
    assert compatibility.as_run(files, cards.load("local"), tmp_path) == files
    sent = compatibility.as_run(files, cards.load("c_x86"), tmp_path)
    assert {name: path.suffix for name, path in sent.items()} == {"float32": ".c", "cpu-int8": ".c"}
    for name, path in sent.items():
        assert "int model_run(" in path.read_text(encoding="utf-8")
        assert path.with_suffix(".onnx").read_bytes() == files[name].read_bytes()


def test_a_candidate_without_a_contract_is_timed_in_c_and_never_shipped(tmp_path: Path) -> None:
    model = onnx.load(tiny_job.line("cnn").float32.path("float32"))
    del model.metadata_props[:]
    path = tmp_path / "candidate.onnx"
    path.write_bytes(model.SerializeToString())
    (made,) = compatibility.as_run({"candidate": path}, cards.load("c_x86"), tmp_path / "sent").values()
    assert "#define MODEL_CLASSES 3" in made.read_text(encoding="utf-8")
    with pytest.raises(Mistake, match="has no contract"):
        source.source(path)


def test_a_file_that_has_no_c_is_refused_with_its_operator(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Hardmax", ["spectrum"], ["logits"])
    ends = [onnx.helper.make_tensor_value_info(name, 1, [1, 8]) for name in ("spectrum", "logits")]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "one", ends[:1], ends[1:]), opset_imports=[onnx.helper.make_opsetid("", 18)]
    )
    model.ir_version = 10
    onnx.save(model, path := tmp_path / "one.onnx")
    with pytest.raises(Mistake, match="Hardmax"):
        compatibility.as_run({"one": path}, cards.load("c_x86"), tmp_path)
