"""A run is recognised as finished only while recipe, data, code and every file of it are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_example import report

from edgespec import artifact, datasets, recipe
from edgespec import report as reports
from edgespec.artifact import OnnxModel, Variant
from edgespec.pipeline import up_to_date
from edgespec.recipe import Recipe, plan

LINE = """schema: 1
seed: 0
data:
  load: {arrays: {x: x.npy, y: y.npy, wavenumber: w.npy, root: ROOT}}
  axis: {low: 150, high: 1172, points: 32}
steps: [{train: {model: cnn}}]
"""


@pytest.fixture
def written(tmp_path: Path) -> Recipe:
    """A recipe on arrays, and a folder `run` that says it is finished with exactly that."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.random((12, 32)).astype(np.float32))
    np.save(tmp_path / "y.npy", np.arange(12) % 2)
    np.save(tmp_path / "w.npy", np.linspace(150, 1172, 32))
    (tmp_path / "a.yaml").write_text(LINE.replace("ROOT", str(tmp_path)))
    made = recipe.load(tmp_path / "a.yaml")
    folder = tmp_path / "run" / "1-train"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"12345")
    artifact.seal(OnnxModel(folder, "cnn", 32, 2, {"float32": Variant("model.onnx")}), {"digest": "d"})
    found = report()
    found.steps = [{"number": 1, "name": "train", "folder": "1-train", "seconds": 1.0, "kept": False}]
    call, axis = plan.load_call(made)
    found.finished = up_to_date.fingerprint(made, datasets.load(call, axis=axis, seed=0), None)
    reports.write(found, tmp_path / "run")
    return made


def test_a_finished_run_is_recognised(tmp_path: Path, written: Recipe) -> None:
    found = up_to_date.look(written, tmp_path / "run", None)
    assert found is not None
    assert found.recipe == "hand"


@pytest.mark.parametrize("change", ["seed=1", "steps.1.fit.epochs=2", "data.axis.points=33", "gates.accuracy=0.5"])
def test_a_changed_key_is_noticed(tmp_path: Path, written: Recipe, change: str) -> None:
    assert up_to_date.look(recipe.load(tmp_path / "a.yaml", [change]), tmp_path / "run", None) is None


def test_another_stop_is_noticed(tmp_path: Path, written: Recipe) -> None:
    assert up_to_date.look(written, tmp_path / "run", "1") is None


@pytest.mark.parametrize("name", ["x.npy", "y.npy"])
def test_changed_data_are_noticed(tmp_path: Path, written: Recipe, name: str) -> None:
    values = np.load(tmp_path / name)
    values[3] = 1 - values[3]
    np.save(tmp_path / name, values)
    assert up_to_date.look(written, tmp_path / "run", None) is None


def test_a_damaged_file_is_noticed(tmp_path: Path, written: Recipe) -> None:
    (tmp_path / "run" / "1-train" / "model.onnx").write_bytes(b"12344")
    assert up_to_date.look(written, tmp_path / "run", None) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seed: 0", "seed: -1"),
        ("seed: 0", "seed: many"),
        ("load: {arrays", "load: {arays"),
        ("x: x.npy", "x: nowhere.npy"),
        ("x: x.npy", "x: 3"),
        ("points: 32", "points: 1"),
        ("{arrays: {x: x.npy, y: y.npy, wavenumber: w.npy, root: ROOT}}", "minerals\n  preprocess: 3"),
        ("{low: 150, high: 1172, points: 32}", "4"),
    ],
)
def test_whatever_is_wrong_is_left_to_be_told_when_the_run_is_made_anew(
    tmp_path: Path, written: Recipe, old: str, new: str
) -> None:
    assert old in LINE
    (tmp_path / "b.yaml").write_text(LINE.replace(old, new).replace("ROOT", str(tmp_path)))
    assert up_to_date.look(recipe.load(tmp_path / "b.yaml"), tmp_path / "run", None) is None


@pytest.mark.parametrize("seed", ["-1", "many", "1.5", "true", "null"])
def test_a_seed_that_no_generator_takes_is_left_to_be_told_too(tmp_path: Path, written: Recipe, seed: str) -> None:
    (tmp_path / "b.yaml").write_text(
        f"seed: {seed}\ndata: {{load: {{minerals: {{samples: 3}}}}, axis: {{low: 150, high: 1172, points: 32}}}}\n"
    )
    assert up_to_date.look(recipe.load(tmp_path / "b.yaml"), tmp_path / "run", None) is None


def test_an_unfinished_a_damaged_and_an_empty_folder_are_not_finished(tmp_path: Path, written: Recipe) -> None:
    assert up_to_date.look(written, tmp_path / "empty", None) is None
    found = reports.read(tmp_path / "run")
    found.finished = ""
    reports.write(found, tmp_path / "run")
    assert up_to_date.look(written, tmp_path / "run", None) is None
    (tmp_path / "run" / "report.json").write_text("{")
    assert up_to_date.look(written, tmp_path / "run", None) is None
