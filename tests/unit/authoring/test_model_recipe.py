"""A recipe for a model file: its points, its labels where it says them, and a word on what was taken for granted."""

from __future__ import annotations

from pathlib import Path

import foreign_models as fm
import pytest
import tiny_job
from command import edgespec

from edgespec import contract, recipe, yaml12
from edgespec.authoring import model_recipe, survey
from edgespec.authoring.survey import Survey
from edgespec.errors import Mistake
from edgespec.recipe import Call, plan, schema
from edgespec.targets import card as cards

DATA = "{minerals: {minerals: [Albite, Beryl, Diopside], samples: 20, spectra: 3, drift: 0.1}}"


@pytest.fixture(scope="module")
def found() -> Survey:
    call = Call("minerals", {"minerals": fm.LABELS, "samples": 20, "spectra": 3, "drift": 0.1})
    return survey.survey(schema.Binder(str).call("datasets", call.plain(), (), ""))


def drafted(found: Survey, path: Path, *, said: bool = False) -> tuple[str, plan.Plan]:
    model = model_recipe.look(path)
    text = model_recipe.draft(
        model_recipe.fitted(found, model), model, [cards.load("local")], path.with_suffix(".yaml"), said=said
    )
    path.with_suffix(".yaml").write_text(text)
    return text, plan.plan(recipe.load(path.with_suffix(".yaml")))


def test_a_file_without_labels_gets_those_of_the_data_and_a_question(found: Survey, tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "job", preprocess=())
    text, made = drafted(found, fm.linear(job, tmp_path / "m.onnx"))
    assert [step.name for step in made.steps] == ["adopt", "quantize", "calibrate"]
    assert made.steps[0].keys["labels"] == fm.LABELS
    assert made.data.axis.points == 128
    assert "is this its own order?" in text
    assert "the ENDS are those of the data: are they the model's?" in text
    assert "preprocess: recipe into adopt" in " ".join(text.replace("#", " ").split())
    assert "the points are the model's" in drafted(found, tmp_path / "m.onnx", said=True)[0]


def test_a_pipeline_of_scikit_learn_says_its_labels_and_is_not_quantised(found: Survey, tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "job", preprocess=())
    text, made = drafted(found, fm.sklearn(job, tmp_path / "m.onnx", "svm"))
    assert [step.name for step in made.steps] == ["adopt", "calibrate"]
    assert made.steps[0].keys["labels"] is None
    assert "no int8" in text
    lacking = yaml12.read("{minerals: {minerals: [Albite, Beryl, Dravite], samples: 20, spectra: 3}}", "a", {})
    other = survey.survey(schema.Binder(str).call("datasets", lacking, (), ""))
    with pytest.raises(Mistake, match="only the model has Diopside; only the data have Dravite"):
        model_recipe.fitted(other, model_recipe.look(tmp_path / "m.onnx"))


def test_a_contract_decides_the_axis(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "job", preprocess=())
    path = fm.changed(fm.linear(job, tmp_path / "m.onnx"), lambda model: contract.stamp(model, job.contract()))
    model = model_recipe.look(path)
    assert model_recipe.ends(model, None) == model_recipe.ends(model, (150.0, 1172.0)) == (150.0, 1172.0)
    with pytest.raises(Mistake, match="was made for 150 to 1172 cm-1"):
        model_recipe.ends(model, (200.0, 1172.0))
    assert model.int8
    assert model.known.where == "the contract"


def test_the_command_writes_it_and_refuses_what_adopt_would(tmp_path: Path) -> None:
    fm.linear(tiny_job.job(tmp_path / "job", preprocess=()), tmp_path / "my net.onnx")
    done = edgespec(tmp_path, "new", "--model", "my net.onnx", "--data", DATA, "--axis", "150:1172")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "edgespec compress my_net.yaml\n"
    assert plan.plan(recipe.load(tmp_path / "my_net.yaml")).steps[0].keys["onnx"] == "my net.onnx"
    assert "is there already" in edgespec(tmp_path, "new", "--model", "my net.onnx", "--data", DATA).stderr
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    done = edgespec(tmp_path, "new", "--model", "bad.onnx", "--data", DATA)
    assert (done.returncode, done.stdout) == (2, "")
    assert "bad.onnx is not an ONNX file" in done.stderr
    assert "--data: not said" in edgespec(tmp_path, "new", "--model", "my net.onnx").stderr
