"""Classifiers of other programs from a recipe to a bundle that answers: torch, Keras, scikit-learn; and what cannot come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import foreign_models as fm
import numpy as np
import onnx
import pytest
import tiny_job
import tiny_run
from command import edgespec

PREPROCESS: list[Any] = ["rms"]
QUANTIZE = {"quantize": {"spectra": 64, "max_drop": 0.3, "min_agreement": 0.5}}


def recipe(folder: Path, *steps: Any, preprocess: Any = ()) -> None:
    data = {**tiny_run.TINY["data"], "preprocess": list(preprocess)}
    tree = {
        **tiny_run.TINY,
        "data": data,
        "steps": list(steps),
        "targets": [],
        "gates": {"accuracy": 0.8, "size": "128 kB"},
    }
    tiny_run.write(folder / "a.yaml", tree)


def job(folder: Path, preprocess: Any = ()) -> Any:
    from edgespec.recipe import Call

    return tiny_job.job(folder / "job", preprocess=tuple(Call(each) for each in preprocess))


def report(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "runs" / "a" / "report.json").read_text())
    return told


def compressed(folder: Path) -> dict[str, Any]:
    done = edgespec(folder, "compress", "a.yaml")
    assert done.returncode == 0, done.stderr
    return report(folder)


def shipped(folder: Path) -> None:
    """Export, check and ask the bundle; the run no longer needs the file that it adopted."""
    for path in folder.glob("*.onnx"):
        path.unlink()
    for command in (["gate"], ["export", "runs/a"], ["verify", "runs/a/bundle"]):
        done = edgespec(folder, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    spectra = tiny_job.spectra()
    lines = [f"{axis},{value}" for axis, value in zip(spectra.axis, spectra.x[0], strict=True)]
    (folder / "s.csv").write_text("Raman shift (cm-1),intensity\n" + "\n".join(lines) + "\n")
    done = edgespec(folder, "predict", "runs/a/bundle", "s.csv", "--json")
    assert done.returncode == 0, done.stderr
    assert spectra.labels[spectra.y[0]] in done.stdout


def test_a_torch_network_behind_our_preprocessing_goes_all_the_way(tmp_path: Path) -> None:
    fm.torch_net(job(tmp_path, PREPROCESS), tmp_path / "net.onnx")
    step = {"adopt": {"onnx": "net.onnx", "labels": fm.LABELS, "preprocess": "recipe"}}
    recipe(tmp_path, step, QUANTIZE, "halve", "calibrate", preprocess=PREPROCESS)
    told = compressed(tmp_path)
    rows = {row["variant"]: row for row in told["rows"] if row["kind"] == "variant"}
    assert set(rows) == {"float32", "cpu-int8", "fp16"}
    assert all(row["scores"]["accuracy"] > 0.8 and row["reject"] and row["robustness"] for row in rows.values())
    assert rows["float32"]["params"] == 1811
    assert any("is taken as probabilities" in note for note in told["notes"])
    assert "1-adopt: kept" in edgespec(tmp_path, "compress", "a.yaml", "--set", "gates.accuracy=0.7").stderr
    shipped(tmp_path)


def test_a_keras_network_takes_raw_spectra(tmp_path: Path) -> None:
    fm.keras(job(tmp_path), tmp_path / "keras.onnx")
    recipe(tmp_path, {"adopt": {"onnx": "keras.onnx", "labels": fm.LABELS}}, QUANTIZE, "calibrate")
    told = compressed(tmp_path)
    assert {row["variant"] for row in told["rows"] if row["kind"] == "variant"} == {"float32", "cpu-int8"}
    shipped(tmp_path)


@pytest.mark.parametrize("name", ["pls_da", "svm"])
def test_scikit_learn_goes_all_the_way(name: str, tmp_path: Path) -> None:
    fm.sklearn(job(tmp_path), tmp_path / "m.onnx", name)
    recipe(tmp_path, {"adopt": {"onnx": "m.onnx", **({"labels": fm.LABELS} if name == "pls_da" else {})}}, "calibrate")
    told = compressed(tmp_path)
    assert told["rows"][-1]["params"] > 300
    shipped(tmp_path)


@pytest.mark.parametrize("step", ["quantize", "halve"])
def test_a_step_that_ai_onnx_ml_does_not_allow_says_so(step: str, tmp_path: Path) -> None:
    fm.sklearn(job(tmp_path), tmp_path / "m.onnx", "svm")
    recipe(tmp_path, {"adopt": {"onnx": "m.onnx"}}, step, "calibrate")
    done = edgespec(tmp_path, "compress", "a.yaml")
    assert done.returncode == 2
    assert "the model is made of operators of ai.onnx.ml (Scaler, SVMClassifier" in done.stderr
    assert f"leave the step '{step}' out" in done.stderr
    assert [row["name"] for row in report(tmp_path)["rows"] if row["kind"] == "variant"] == ["adopt"], "nothing is lost"


def test_a_file_that_cannot_come_in_ends_it_with_one_sentence(tmp_path: Path) -> None:
    path = fm.linear(job(tmp_path), tmp_path / "m.onnx")
    fm.changed(
        path,
        lambda model: model.graph.initializer[1].CopyFrom(
            onnx.numpy_helper.from_array(np.full((128, 3), np.nan, np.float32), "weight")
        ),
    )
    recipe(tmp_path, {"adopt": {"onnx": "m.onnx", "labels": fm.LABELS}}, "calibrate")
    done = edgespec(tmp_path, "compress", "a.yaml")
    assert done.returncode == 2
    assert "error: m.onnx: 384 of 384 weights of weight are not finite numbers\nhint:" in done.stderr
    assert not (tmp_path / "runs" / "a" / "1-adopt").exists()
