"""Files of other programs end to end: each answers as it did, in one piece with our ends, or is refused with a reason."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import foreign_models as fm
import numpy as np
import onnx
import onnxruntime
import pytest
import tiny_job
from onnx import TensorProto, helper
from scipy.special import softmax

from edgespec.artifact import OnnxModel
from edgespec.errors import Mismatch, Mistake
from edgespec.evaluation import scoring
from edgespec.graph import onnx_file
from edgespec.graph.foreign import adoption, surgery
from edgespec.graph.foreign.adoption import Told
from edgespec.job import Job


def job(folder: Path, **more: Any) -> Job:
    return tiny_job.job(folder / "1-adopt", preprocess=(), **more)


def adopted(given: Job, path: Path, **told: Any) -> OnnxModel:
    return adoption.adopt(given, Told(path, **{"labels": fm.LABELS, **told}))


def kinds(made: OnnxModel, variant: str = "float32") -> list[str]:
    return [node.op_type for node in onnx.load(made.path(variant)).graph.node]


def original(path: Path, x: Any, *, add: tuple[int, ...]) -> Any:
    """What the file itself says, asked spectrum by spectrum."""
    opened = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = opened.get_inputs()[0].name
    return np.concatenate([opened.run(None, {name: np.expand_dims(x[i : i + 1], add)})[0] for i in range(len(x))])


def check(given: Job, made: OnnxModel, wanted: Any) -> None:
    """Test spectra, which the step never saw, get the file's own probabilities."""
    logits = onnx_file.run(made.path("float32"), given.spectra.x[given.splits.test])
    np.testing.assert_allclose(softmax(logits, axis=1), wanted, atol=1e-5)
    assert scoring.score(given, made.path("float32"))[0].accuracy > 0.9
    assert made.variants["float32"].facts["original"] < 1e-5
    assert (made.folder / adoption.COPY).is_file()


@pytest.mark.parametrize("opset", [11, 17])
def test_a_torch_network_is_laid_out_on_planes(opset: int, tmp_path: Path) -> None:
    given = job(tmp_path)
    path = fm.torch_net(given, tmp_path / "net.onnx", opset=opset)
    made = adopted(given, path)
    check(given, made, original(path, given.spectra.x[given.splits.test], add=(1,)))
    assert kinds(made)[-1] == "Gemm", "the softmax is gone, the temperature folds into the last layer"
    assert onnx.load(made.path("float32")).opset_import[0].version == 18
    assert (made.folder / adoption.COPY).read_bytes() == path.read_bytes()
    assert made.facts["adopted"]["producer"].startswith("pytorch")


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_is_freed_and_that_is_said(batch: int, tmp_path: Path) -> None:
    given = job(tmp_path)
    made = adopted(given, fm.torch_net(given, tmp_path / "net.onnx", batch=batch))
    assert any(f"its batch of {batch} was freed" in note for note in made.facts["notes"])
    assert len(onnx_file.run(made.path("float32"), given.spectra.x, 65)) == len(given.spectra)


def test_a_keras_network_loses_its_transposes(tmp_path: Path) -> None:
    given = job(tmp_path)
    path = fm.keras(given, tmp_path / "keras.onnx")
    made = adopted(given, path)
    check(given, made, original(path, given.spectra.x[given.splits.test], add=(2,)))
    before, after = kinds(made, "default").count("Transpose"), kinds(made).count("Transpose")
    assert (before, after) == (6, 2), "one at each end of the convolutions is left"


@pytest.mark.parametrize("shape", fm.SHAPES)
def test_every_shape_of_a_spectrum_is_taken(shape: str, tmp_path: Path) -> None:
    given = job(tmp_path)
    path = fm.linear(given, tmp_path / "m.onnx", shape)
    x = given.spectra.x[given.splits.test]
    check(given, adopted(given, path), softmax(original(path, x, add=fm.SHAPES[shape]), axis=1))


def test_a_network_in_double_answers_in_float(tmp_path: Path) -> None:
    given = job(tmp_path)
    made = adopted(given, fm.linear(given, tmp_path / "m.onnx", kind=TensorProto.DOUBLE, opset=21))
    assert onnx_file.run(made.path("float32"), given.spectra.x[:2]).dtype == np.float32
    assert onnx.load(made.path("float32")).opset_import[0].version == 21


@functools.cache
def fitted(name: str) -> tuple[Job, Path]:
    folder = Path(tempfile.mkdtemp(prefix="edgespec-sklearn-"))
    given = job(folder)
    return given, fm.sklearn(given, folder / f"{name}.onnx", name)


@pytest.mark.parametrize("name", ["pls_da", "pca_lda", "svm", "svm_scores", "forest"])
def test_scikit_learn_answers_as_the_file_does(name: str, tmp_path: Path) -> None:
    made_by, path = fitted(name)
    given = made_by.inside(job(tmp_path).folder)
    made = adopted(given, path, labels=fm.LABELS if name in ("pls_da", "svm_scores") else None)
    x = given.spectra.x[given.splits.test]
    opened = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = [opened.run(None, {opened.get_inputs()[0].name: x[i : i + 1]}) for i in range(len(x))]
    logits = onnx_file.run(made.path("float32"), x)
    if name == "pls_da":
        np.testing.assert_allclose(logits, np.concatenate([each[0] for each in answers]), atol=1e-4)
    elif name == "svm_scores":
        maps = [each[1][0] for each in answers]
        np.testing.assert_allclose(logits, [[each[i] for i in range(3)] for each in maps], atol=1e-4)
    else:
        maps = [each[1][0] for each in answers]
        np.testing.assert_allclose(
            softmax(logits, axis=1), [[each[label] for label in fm.LABELS] for each in maps], atol=1e-5
        )
    assert "ZipMap" not in kinds(made)
    operators = made.facts["adopted"]["ai.onnx.ml"]
    assert bool(operators) == (name != "pls_da")
    assert bool(operators) == any("OpenVINO and TensorRT do not run them" in note for note in made.facts["notes"])


def test_labels_in_another_order_are_mapped_to_the_data(tmp_path: Path) -> None:
    given = job(tmp_path)
    path = fm.linear(given, tmp_path / "m.onnx")

    def turn(model: onnx.ModelProto) -> None:
        for each in model.graph.initializer[1:]:
            values = onnx.numpy_helper.to_array(each)[..., [2, 0, 1]]
            each.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(values), each.name))

    made = adopted(given, fm.changed(path, turn), labels=["Diopside", "Albite", "Beryl"])
    assert scoring.score(given, made.path("float32"))[0].accuracy > 0.9
    wrong = adopted(given, path)
    assert scoring.score(given, wrong.path("float32"))[0].accuracy < 0.5, (
        "an order that is said wrongly shows in the scores"
    )


def test_labels_alone_are_scores_without_confidence(tmp_path: Path) -> None:
    given = job(tmp_path)
    path = fm.linear(given, tmp_path / "m.onnx")

    def name(model: onnx.ModelProto) -> None:
        model.graph.node.append(helper.make_node("ArgMax", ["y"], ["label"], axis=1, keepdims=0))
        model.graph.output[0].CopyFrom(helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]))

    made = adopted(given, fm.changed(path, name))
    assert scoring.score(given, made.path("float32"))[0].accuracy > 0.9
    assert set(np.unique(onnx_file.run(made.path("float32"), given.spectra.x))) == {0, surgery.SCORE}
    assert "no confidence" in made.facts["notes"][0]


def test_our_own_file_comes_back_with_the_labels_of_its_contract(tmp_path: Path) -> None:
    own = tiny_job.line("cnn").float32.path("float32")
    given = job(tmp_path)
    made = adopted(given, own, labels=None)
    x = given.spectra.x[given.splits.test]
    np.testing.assert_allclose(onnx_file.run(made.path("float32"), x), onnx_file.run(own, x), atol=1e-3)


def test_answers_that_would_change_end_it_with_the_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = job(tmp_path)
    path = fm.linear(given, tmp_path / "m.onnx")
    true = surgery.network

    def wrong(*arguments: Any) -> onnx.ModelProto:
        made = true(*arguments)
        held = next(each for each in made.graph.initializer if each.name.endswith("bias"))
        moved = onnx.numpy_helper.to_array(held) + np.array([1, 0, 0], np.float32)
        held.CopyFrom(onnx.numpy_helper.from_array(moved, held.name))
        return made

    monkeypatch.setattr(surgery, "network", wrong)
    with pytest.raises(Mismatch, match=r"model\.onnx and the adopted file disagree") as caught:
        adopted(given, path)
    assert caught.value.exit_code == 4
    assert (tmp_path / "float32-mismatch.npz").is_file()


def broken(given: Job, path: Path, case: str) -> dict[str, Any]:
    """Write the bad file of a case; give what the recipe says of it."""
    if case == "garbage":
        path.write_bytes(b"PK\x03\x04 not a model")
        return {}
    fm.linear(given, path)
    if case == "two inputs":
        fm.changed(
            path, lambda model: model.graph.input.append(helper.make_tensor_value_info("t", TensorProto.FLOAT, [1]))
        )
    elif case == "nan":
        fm.changed(
            path,
            lambda model: setattr(model.graph.initializer[2], "raw_data", np.full(3, np.nan, np.float32).tobytes()),
        )
    elif case == "custom":
        fm.changed(path, lambda model: setattr(model.graph.node[0], "domain", "lab.ops"))
    elif case == "image":
        taken = ("x", TensorProto.FLOAT, ["n", 3, 8, 8])
        fm.graph(path, [helper.make_node("Flatten", ["x"], ["y"])], {}, taken, [("y", TensorProto.FLOAT, None)])
    elif case == "points":
        taken = ("x", TensorProto.FLOAT, ["n", 512])
        fm.graph(path, [helper.make_node("Flatten", ["x"], ["y"])], {}, taken, [("y", TensorProto.FLOAT, None)])
    elif case == "batch":
        nodes = [
            helper.make_node("ReduceMean", ["x", "zero"], ["m"], keepdims=1),
            helper.make_node("Sub", ["x", "m"], ["d"]),
            helper.make_node("MatMul", ["d", "w"], ["y"]),
        ]
        weights = {"zero": np.array([0]), "w": np.eye(128, 3, dtype=np.float32)}
        fm.graph(path, nodes, weights, ("x", TensorProto.FLOAT, [1, 128]), [("y", TensorProto.FLOAT, [1, 3])])
    return {"labels": {"labels": ["Albite", "Beryl", "Quartz"], "unnamed": None}.get(case, fm.LABELS)}


@pytest.mark.parametrize(
    ("case", "match"),
    [
        ("garbage", "is not an ONNX file, or a damaged one"),
        ("two inputs", r"has 2 inputs \(x, t\)"),
        ("nan", "3 of 3 weights of bias are not finite"),
        ("custom", "operator Reshape is of the domain 'lab.ops'"),
        ("image", r"shape \(free, 3, 8, 8\), which is not a spectrum: an image"),
        ("points", "takes 512 points; the recipe's axis gives 128"),
        ("batch", "is made for a batch of 1, and its answers change"),
        ("labels", "only the model has Quartz; only the data have Diopside"),
        ("unnamed", "does not say which class each of its numbers stands for"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_adopted_is_one_sentence_with_a_mend(case: str, match: str, tmp_path: Path) -> None:
    given, path = job(tmp_path), tmp_path / "m.onnx"
    told = broken(given, path, case)
    with pytest.raises(Mistake, match=match) as caught:
        adopted(given, path, **told)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert list(given.folder.iterdir()) == [], "nothing half-made is left"


def test_whatever_is_damaged_in_a_file_is_one_sentence(tmp_path: Path) -> None:
    """Bytes are changed, dropped and put in at random places; over 1200 more were tried by hand, also in the graph itself."""
    given, path, rng = job(tmp_path), tmp_path / "m.onnx", np.random.default_rng(0)
    whole, told = fm.keras(given, path).read_bytes(), []
    for _ in range(40):
        raw = bytearray(whole)
        place = int(rng.integers(len(raw)))
        change = [bytes([rng.integers(256)]), b"", rng.bytes(4), raw[:6]][rng.integers(4)]
        raw[place : place + int(rng.integers(1, 20))] = change
        path.write_bytes(raw)
        try:
            adopted(given, path)
        except (Mistake, Mismatch) as problem:
            told.append(problem.message)
    assert len(told) > 20
    assert not [each for each in told if "\n" in each or not each.isprintable()]
