"""A checkpoint from elsewhere at the start of a line: the same network, refused where it answers another question."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import foreign_models
import numpy as np
import pace_release
import pytest
import tiny_job
import torch
import yaml
from heard import Heard

from edgespec import artifact, imports, models, recipe, storage
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.errors import Mismatch, Mistake, Mistakes
from edgespec.evaluation import scoring
from edgespec.job import Job, Silent
from edgespec.pipeline import compress as pipeline
from edgespec.pipeline import provenance, up_to_date
from edgespec.recipe import Call
from edgespec.recipe.plan import plan
from edgespec.steps import adopt, distill, to_onnx
from edgespec.training import batches

LABELS = ["Albite", "Beryl", "Diopside"]


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The folder of a step of another run."""
    made = tiny_job.line("cnn").checkpoint
    network, shape = models.load(made), {"points": made.points, "classes": made.classes}
    (tmp_path / "runs").mkdir()
    saved = models.save(network, made.model, tmp_path / "runs", **shape, facts=made.facts)
    artifact.seal(saved, {"step": "train", "digest": "d"})
    return tmp_path / "runs"


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """An imported PACE for the tiny data, with its axis and labels."""
    torch.save(pace_release.state(depth=1, patch=8), tmp_path / "weights.pth")
    np.save(tmp_path / "axis.npy", tiny_job.AXIS.values())
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    files = {"axis": tmp_path / "axis.npy", "labels": tmp_path / "labels.txt"}
    imports.bring("pace", tmp_path / "weights.pth", tmp_path / "lab", pool=64, points=None, **files)
    return tmp_path / "lab"


def job(folder: Path, **more: Any) -> Job:
    return replace(tiny_job.job(folder / "1-adopt"), **more)


def facts(folder: Path, **changes: Any) -> None:
    """Give a sealed checkpoint other facts; None takes one away."""
    record = json.loads((folder / "artifact.json").read_text())
    told = record["artifact"]["facts"] | changes
    record["artifact"]["facts"] = {name: value for name, value in told.items() if value is not None}
    storage.write_json(folder / "artifact.json", record)


def test_it_is_the_same_network_with_a_word_about_where_it_came_from(trained: Path, tmp_path: Path) -> None:
    heard = Heard()
    made = adopt.run(job(tmp_path, progress=heard), checkpoint=str(trained))
    source, _ = artifact.read(trained)
    assert isinstance(source, Checkpoint)
    assert made.weights.read_bytes() == source.weights.read_bytes()
    assert made.folder == tmp_path / "1-adopt"
    assert (made.model, made.keys) == (source.model, source.keys)
    assert made.facts["adopted"] == {"folder": str(trained), "step": "train", "digest": "d"}
    assert heard.lines == []
    source_job = tiny_job.line("cnn").job
    assert scoring.score(source_job, made)[0] == scoring.score(source_job, tiny_job.line("cnn").checkpoint)[0]


def test_an_imported_one_can_teach_and_be_exported(imported: Path, tmp_path: Path) -> None:
    heard = Heard()
    given = job(tmp_path, progress=heard, preprocess=())
    made = adopt.run(given, checkpoint=str(imported))
    assert made.facts["labels"] == LABELS
    assert ["preprocess" in line for line in heard.lines] == [True], "what is not known is said"
    exported = to_onnx.run(tiny_job.inside(given, "2-to_onnx"), made)
    assert exported.model == "pace"
    student = distill.run(
        tiny_job.inside(given, "3-distill"), made, student=tiny_job.CNN, control=False, fit=tiny_job.SHORT
    )
    assert student.model == "cnn"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"labels": ["Beryl", "Albite", "Diopside"]}, "class 1 is 'Beryl', the data's is 'Albite'"),
        ({"axis": {"low": 100.0, "high": 1172.0, "points": 128}}, "axis is 100 to 1172 cm-1 in 128 points, the data's is 150"),
        ({"preprocess": [{"rms": {}}]}, r"behind the preprocessing \[rms\], the recipe has \[highpass: \{window: 62\.0\}, signed_sqrt, rms\]"),
    ],
)  # fmt: skip
def test_another_question_is_told(changes: dict[str, Any], match: str, trained: Path, tmp_path: Path) -> None:
    facts(trained, **changes)
    with pytest.raises(Mistake, match=match) as caught:
        adopt.run(job(tmp_path), checkpoint=str(trained))
    assert caught.value.hint
    assert str(trained) in caught.value.message


def test_another_number_of_classes_or_points_is_told(trained: Path, tmp_path: Path) -> None:
    two = tiny_job.spectra(minerals=("Albite", "Beryl"))
    with pytest.raises(Mistake, match="names 3 classes on 128 points, the data have 2 on 128") as caught:
        adopt.run(tiny_job.job(tmp_path / "a", found=two), checkpoint=str(trained))
    assert "classes: Albite, Beryl" in caught.value.hint
    with pytest.raises(Mistake, match="names 3 classes on 128 points, the data have 3 on"):
        adopt.run(job(tmp_path, preprocess=(Call("crop", {"low": 200.0, "high": 900.0}),)), checkpoint=str(trained))


def test_what_is_not_known_is_taken_on_trust_and_said(trained: Path, tmp_path: Path) -> None:
    facts(trained, labels=None, axis=None, preprocess=None)
    heard = Heard()
    adopt.run(job(tmp_path, progress=heard), checkpoint=str(trained))
    assert [line.rpartition(" ")[2] == "trust" for line in heard.lines] == [True] * 3


def test_a_folder_that_is_no_whole_checkpoint_is_refused(trained: Path, tmp_path: Path) -> None:
    given = job(tmp_path)
    with pytest.raises(Mistake, match="holds no finished artifact") as caught:
        adopt.run(given, checkpoint=str(tmp_path / "nowhere"))
    assert "edgespec import" in caught.value.hint
    weights = trained / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"harm")
    with pytest.raises(Mismatch, match=r"model\.safetensors is damaged"):
        adopt.run(given, checkpoint=str(trained))
    shutil.copytree(tiny_job.line("cnn").float32.folder, trained, dirs_exist_ok=True)
    artifact.seal(replace(tiny_job.line("cnn").float32, folder=trained), {"step": "to_onnx"})
    with pytest.raises(Mistake, match="holds ONNX files"):
        adopt.run(given, checkpoint=str(trained))


def test_a_run_keeps_what_it_adopted_until_the_folder_changes(imported: Path, tmp_path: Path) -> None:
    tree = {
        "schema": 1,
        "data": {
            "load": {"minerals": {"samples": 20, "spectra": 3, "minerals": LABELS, "drift": 0.1}},
            "axis": {"low": tiny_job.AXIS.low, "high": tiny_job.AXIS.high, "points": tiny_job.AXIS.points},
            "split": {"parts": "given", "valid": 0.3},
        },
        "steps": [{"adopt": {"checkpoint": str(imported)}}],
    }
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(tree))
    written = recipe.load(tmp_path / "a.yaml")

    def compress() -> Any:
        return pipeline.compress(written, tmp_path / "run", stop=None, progress=Silent()).report

    def whole() -> bool:
        return up_to_date.look(written, tmp_path / "run", None) is not None

    first = compress()
    assert [row.name for row in first.rows if row.kind == "step"] == ["adopt"]
    assert any(row.kind == "baseline" for row in first.rows), "a linear model of the data at hand stands beside it"
    assert whole()
    assert compress().steps[0]["kept"]
    torch.save(pace_release.state(depth=1, patch=8, seed=1), tmp_path / "weights.pth")
    files = {"axis": tmp_path / "axis.npy", "labels": tmp_path / "labels.txt"}
    imports.bring("pace", tmp_path / "weights.pth", imported, pool=64, points=None, **files)
    assert not whole(), "other weights are another run"
    again = compress()
    assert not again.steps[0]["kept"]
    assert again.steps[0]["digest"] != first.steps[0]["digest"]
    assert whole()


def test_the_code_of_the_adopted_model_counts(imported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    step, seen = Call("adopt", {"checkpoint": str(imported)}), []
    monkeypatch.setattr(provenance, "_sources_digest", lambda modules: seen.append(modules) or "digest")
    provenance.code_digest(step)
    provenance.code_digest(Call("adopt", {"checkpoint": str(tmp_path)}))
    assert ["edgespec.models.pace" in modules for modules in seen] == [True, False]


def planned(path: Path, *steps: Any) -> list[str]:
    """What is wrong with a recipe of these steps."""
    tree = {
        "schema": 1,
        "data": {"load": "minerals", "axis": {"low": 150, "high": 1172, "points": 128}},
        "steps": list(steps),
    }
    (path / "a.yaml").write_text(yaml.safe_dump(tree))
    try:
        plan(recipe.load(path / "a.yaml"))
    except Mistakes as problem:
        return [f"{each.message}; {each.hint}" for each in problem.found]
    return []


def test_what_an_onnx_file_gives_is_known_before_anything_runs(tmp_path: Path) -> None:
    assert adopt.gives({"onnx": "a.onnx"}) is OnnxModel
    assert adopt.gives({"checkpoint": "runs/a/1-train"}) is Checkpoint
    assert planned(tmp_path, {"adopt": {"onnx": "a.onnx"}}, "quantize", "halve", "calibrate") == []
    assert planned(tmp_path, {"adopt": {"checkpoint": "a"}}, "to_onnx", "calibrate") == []
    (wrong,) = planned(tmp_path, {"adopt": {"onnx": "a.onnx"}}, {"prune": {"to": {"macs": 0.5}}})
    assert "'prune' works on a Checkpoint, but step 1 'adopt' gives an OnnxModel" in wrong
    assert "an ONNX file is final" in wrong
    assert "takes one of 'checkpoint', 'onnx' and 'weights'" in planned(tmp_path, "adopt")[0]
    assert "takes one of" in planned(tmp_path, {"adopt": {"onnx": "a", "checkpoint": "b"}})[0]
    assert "'labels' belongs to 'onnx'" in planned(tmp_path, {"adopt": {"checkpoint": "b", "labels": ["a", "b"]}})[0]


def test_where_the_preprocessing_is_must_be_clear(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"'preprocess' is inside.*\[highpass: \{window: 62\.0\}") as caught:
        adopt.run(job(tmp_path), onnx="a.onnx")
    assert "preprocess: recipe" in caught.value.hint
    with pytest.raises(Mistake, match=r"data\.preprocess is empty"):
        adopt.run(job(tmp_path, preprocess=()), onnx="a.onnx", preprocess="recipe")


def test_a_run_of_an_onnx_file_follows_the_file(tmp_path: Path) -> None:
    """The file and its external data make the step; the run keeps a copy."""
    step = Call("adopt", {"onnx": str(tmp_path / "m.onnx")})
    assert provenance.outside(step) == ""
    foreign_models.linear(tiny_job.job(tmp_path / "j", preprocess=()), tmp_path / "m.onnx")
    first = provenance.outside(step)
    assert first
    (tmp_path / "w.bin").write_bytes(b"1")
    assert provenance.outside(step) == first, "a file that the model does not name"
    with (tmp_path / "m.onnx").open("ab") as file:
        file.write(b"location w.bin")
    second = provenance.outside(step)
    (tmp_path / "w.bin").write_bytes(b"2")
    assert len({first, second, provenance.outside(step)}) == 3


def test_weights_alone_become_the_network_that_the_recipe_names(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "job")
    source = models.build(tiny_job.CNN, points=128, classes=3, seed=7)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    made = adopt.run(job, weights=str(tmp_path / "w.pth"), model=tiny_job.CNN)
    assert isinstance(made, Checkpoint)
    x = batches.prepared(job, job.splits.test)
    torch.testing.assert_close(batches.logits(models.load(made), x), batches.logits(source, x))
    assert made.facts["adopted"]["file"].endswith("w.pth")


def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path / "job")
    other = models.build(Call("cnn", {"widths": [4]}), points=128, classes=3, seed=7)
    torch.save(other.state_dict(), tmp_path / "w.pth")
    with pytest.raises(Mistake, match=r"w\.pth: not the weights of this cnn: .*(is missing|instead of)"):
        adopt.run(job, weights=str(tmp_path / "w.pth"), model=tiny_job.CNN)
    torch.save(other, tmp_path / "code.pth")
    with pytest.raises(Mistake, match="nothing of it was run"):
        adopt.run(job, weights=str(tmp_path / "code.pth"), model=tiny_job.CNN)
    with pytest.raises(Mistake, match="'weights' and 'model' go together"):
        adopt.run(job, weights=str(tmp_path / "w.pth"))
