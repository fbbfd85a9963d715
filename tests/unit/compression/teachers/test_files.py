"""Files as teachers: an ONNX with a contract gets raw spectra on its own axis, another what the student sees; runs are asked too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_bundle
import tiny_job
import torch
from onnx import TensorProto, helper, numpy_helper

from edgespec import contract
from edgespec.compression.teachers import files, questions
from edgespec.errors import Mistake
from edgespec.job import Job
from edgespec.training import batches


@pytest.fixture(scope="module")
def line() -> tiny_job.Line:
    return tiny_job.line("cnn")


@pytest.fixture
def job(line: tiny_job.Line) -> Job:
    return line.job


def linear(path: Path, points: int, classes: int, *, softmax: bool = False, value: float = 0.0) -> Path:
    weight = np.random.default_rng(3).normal(size=(points, classes)).astype(np.float32) + value
    nodes = [helper.make_node("MatMul", ["x", "w"], ["z"])]
    nodes += [helper.make_node("Softmax", ["z"], ["p"], axis=1)] if softmax else []
    out = helper.make_tensor_value_info("p" if softmax else "z", TensorProto.FLOAT, ["n", classes])
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", points])
    graph = helper.make_graph(nodes, "g", [given], [out], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


def test_logits_and_probabilities_are_told_apart(job: Job, tmp_path: Path) -> None:
    asked = questions.make(job, "library", 1, "prepared")
    raw = questions.make(job, "library", 1, "raw").ask
    one, two = (
        files.of_onnx(job, linear(tmp_path / f"{s}.onnx", 128, 3, softmax=s), asked, raw) for s in (False, True)
    )
    np.testing.assert_allclose(one.sum(1), 1)
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_file_with_a_contract_is_asked_on_its_own_axis(line: tiny_job.Line, tmp_path: Path) -> None:
    job = line.job
    asked = questions.make(job, "library", 1, "prepared")
    raw = questions.make(job, "library", 1, "raw").ask
    said = contract.load(tiny_bundle.model())
    labels = tuple(job.spectra.labels)
    assert set(said.labels) == set(labels)
    found = files.of_onnx(job, Path(tiny_bundle.model()), asked, raw)
    n = len(asked.rows)
    right = (found[:n].argmax(1) == job.spectra.y[asked.rows]).mean()
    assert right > 0.6
    swapped = onnx.load(tiny_bundle.model())
    contract.stamp(swapped, contract.of_plain({**said.plain(), "labels": [*said.labels[:-1], "Gold"]}, "here"))
    onnx.save(swapped, tmp_path / "other.onnx")
    with pytest.raises(Mistake, match=r"other\.onnx names other classes than the data: .*Gold"):
        files.of_onnx(job, tmp_path / "other.onnx", asked, raw)


def test_a_step_of_another_run_answers_as_it_does_itself(line: tiny_job.Line) -> None:
    job = line.job
    raw = questions.make(job, "library", 1, "raw").ask
    from edgespec import models

    wanted = torch.softmax(
        batches.logits(models.load(line.checkpoint), batches.through(job.front(), torch.from_numpy(raw))), 1
    )
    folder = line.checkpoint.folder
    if not (folder / "artifact.json").is_file():
        from edgespec import artifact

        artifact.seal(line.checkpoint, {"step": "train", "digest": "0"})
    np.testing.assert_allclose(files.of_checkpoint(job, folder, raw), wanted.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: linear(path, 100, 3), "cannot be asked about 128 points"),
        (lambda path: linear(path, 128, 5), "answers 5 classes, the data have 3"),
        (lambda path: linear(path, 128, 3, value=float("nan")), "has no finite answer to row 0"),
        (lambda path: path.write_bytes(b"\x08\x09rubbish") and path, "is not an ONNX file|cannot be asked"),
        (lambda path: path.with_name("none.onnx"), "there is no file"),
    ],
)
def test_what_is_no_teacher_of_these_classes_is_told(job: Job, tmp_path: Path, make: object, said: str) -> None:
    asked = questions.make(job, "library", 1, "prepared")
    path = make(tmp_path / "a.onnx")  # type: ignore[operator]
    with pytest.raises(Mistake, match=said) as caught:
        files.of_onnx(job, path, asked, asked.ask)
    assert caught.value.hint
