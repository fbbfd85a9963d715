"""The whole line: what a run leaves, what a second run keeps, and that no kill and no damage changes the answer."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
from command import edgespec
from killed import killed_at

from edgespec import artifact, recipe, report
from edgespec.artifact import Checkpoint, OnnxModel
from edgespec.data.perturbations import PERTURBATIONS
from edgespec.pipeline import up_to_date
from edgespec.report import Report, terminal

Compress = Callable[..., Report]
Write = Callable[[Path, dict[str, Any]], Path]
FOLDERS = ["1-train", "2-distill", "3-to_onnx", "4-quantize", "5-calibrate"]
MODELS = ("*.safetensors", "*.onnx")


def model_files(folder: Path) -> dict[str, bytes]:
    found = [path for pattern in MODELS for path in folder.rglob(pattern)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(found)}


def scores(folder: Path) -> list[tuple[Any, ...]]:
    """What the table says, times left out."""
    return [
        (r.step, r.name, r.variant, r.scores, r.robustness, r.agreement, r.drop, r.bytes, r.file)
        for r in report.read(folder).rows
    ]


def stamps(folder: Path) -> dict[str, int]:
    """When each artifact was sealed."""
    return {name: (folder / name / "artifact.json").stat().st_mtime_ns for name in FOLDERS}


def test_a_run_leaves_a_table_with_every_row_that_keeps_it_honest(undisturbed: Path) -> None:
    found = report.read(undisturbed)
    kinds = [(row.step, row.kind, row.variant or row.name) for row in found.rows]
    assert [each for each in kinds if each[1] != "baseline"] == [
        (1, "step", "train"),
        (2, "step", "distill"),
        (2, "control", "control"),
        (2, "control", "control library"),
        (2, "control", "control library+labels"),
        (3, "variant", "float32"),
        (4, "variant", "cpu-int8"),
        (5, "variant", "float32"),
        (5, "variant", "cpu-int8"),
    ]
    baselines = [(row.name, row.on, row.labels) for row in found.rows if row.kind == "baseline"]
    assert ("shrinkage LDA", "library", "all") in baselines
    assert ("logistic regression", "site", "1 per class") in baselines
    assert ("shrinkage LDA", "site", "1 per class") not in baselines
    assert len([each for each in baselines if each[0] == "1-NN cosine"]) == 2
    assert found.finished
    assert [step["folder"] for step in found.steps] == FOLDERS
    assert found.data["source"] == "embedded"
    assert any("embedded" in note for note in found.notes)


def test_its_figures_belong_together(undisturbed: Path) -> None:
    found = report.read(undisturbed)
    rows = {(row.step, row.variant or row.name): row for row in found.rows}
    teacher, student, float32, int8 = rows[1, "train"], rows[2, "distill"], rows[3, "float32"], rows[5, "cpu-int8"]
    assert teacher.accuracy > 0.7
    assert float32.accuracy == student.accuracy == rows[5, "float32"].accuracy, "calibration changes no label"
    assert rows[4, "cpu-int8"].accuracy == int8.accuracy
    assert int8.drop == pytest.approx(teacher.accuracy - int8.accuracy, abs=1e-4)
    assert student.macs == float32.macs == int8.macs
    assert int8.temperature not in (None, 1.0)
    for row in found.rows:
        assert 0 <= row.scores["low"] <= row.accuracy <= row.scores["high"] <= 1
        assert not row.file or (undisturbed / row.file).stat().st_size == row.bytes


def test_whatever_may_be_shipped_was_judged_on_perturbed_spectra_and_what_is_only_compared_with_was_not(
    undisturbed: Path,
) -> None:
    found = report.read(undisturbed)
    for row in found.rows:
        assert bool(row.robustness) == (row.kind in ("baseline", "step", "variant")), row.name
    simple = [row for row in found.rows if row.kind == "baseline"]
    assert {row.name for row in simple} == {"1-NN cosine", "shrinkage LDA", "logistic regression", "PLS-DA", "SVM"}
    assert all(list(row.robustness["accuracy"]) == list(PERTURBATIONS) for row in simple)
    assert any(note.startswith("under perturbations ") for note in found.notes)
    rows = {(row.step, row.variant or row.name): row.robustness for row in found.rows if row.step and row.robustness}
    assert len(rows) == 6
    assert all(list(each["accuracy"]) == list(PERTURBATIONS) for each in rows.values())
    assert rows[2, "distill"]["accuracy"] == rows[3, "float32"]["accuracy"] == rows[5, "float32"]["accuracy"]
    last = {key: value for key, value in rows[5, "cpu-int8"].items() if key != "coverage"}
    assert last == rows[4, "cpu-int8"], "calibration changes no label"
    assert set(rows[5, "cpu-int8"]["coverage"]) == set(PERTURBATIONS)
    assert all(rows[5, "cpu-int8"]["coverage"][name] >= share for name, share in last["accuracy"].items())
    assert rows[1, "train"]["drop"] is None
    assert [name for name, each in rows.items() if each["drop_float"] is not None] == [(4, "cpu-int8"), (5, "cpu-int8")]
    assert "robust drop" in terminal.show(found)


def test_every_artifact_is_sealed_with_what_made_it(undisturbed: Path) -> None:
    for number, name in enumerate(FOLDERS, start=1):
        made, record = artifact.read(undisturbed / name)
        assert isinstance(made, Checkpoint if number < 3 else OnnxModel)
        assert (record["number"], record["step"]) == (number, name[2:])
        assert {"keys", "digest", "parent", "code", "seed", "seconds", "data"} <= set(record)
    assert (undisturbed / "recipe.yaml").is_file()
    assert json.loads((undisturbed / "environment.json").read_text())["versions"]["torch"]
    assert not list(undisturbed.rglob("*.part"))


def test_a_second_run_changes_nothing_and_is_recognised_without_running(run_copy: Path, compress: Compress) -> None:
    written = recipe.load(run_copy.parent / "tiny.yaml")
    looked = up_to_date.look(written, run_copy, None)
    assert looked is not None
    assert looked.finished == report.read(run_copy).finished
    before, sealed, table = model_files(run_copy), stamps(run_copy), scores(run_copy)
    again = compress(run_copy.parent / "tiny.yaml", run_copy)
    assert all(step["kept"] for step in again.steps)
    assert (model_files(run_copy), stamps(run_copy), scores(run_copy)) == (before, sealed, table)
    for changed in (recipe.load(written.path, ["seed=1"]), recipe.load(written.path, ["data.load.minerals.drift=0.2"])):
        assert up_to_date.look(changed, run_copy, None) is None
    assert up_to_date.look(written, run_copy, "2") is None
    (run_copy / "2-distill" / "control" / "model.safetensors").unlink()
    assert up_to_date.look(written, run_copy, None) is None


@pytest.mark.parametrize(
    ("change", "kept"),
    [("steps.5.calibrate.on=site", 4), ("steps.4.quantize.spectra=70", 3), ("steps.2.distill.temperature=3", 1)],
)
def test_one_changed_key_redoes_only_from_its_step_on(
    change: str, kept: int, run_copy: Path, compress: Compress
) -> None:
    before, sealed = model_files(run_copy), stamps(run_copy)
    again = compress(run_copy.parent / "tiny.yaml", run_copy, change)
    assert [step["kept"] for step in again.steps] == [True] * kept + [False] * (5 - kept)
    after, resealed = model_files(run_copy), stamps(run_copy)
    for name in FOLDERS[:kept]:
        assert resealed[name] == sealed[name]
        assert all(after[file] == raw for file, raw in before.items() if file.startswith(name))
    assert all(resealed[name] > sealed[name] for name in FOLDERS[kept:])
    assert (
        len(again.rows)
        == len(report.read(run_copy).rows)
        == len({(r.step, r.name, r.variant, r.on) for r in again.rows})
    )


def test_damage_in_the_middle_is_made_anew_with_the_same_result(run_copy: Path, compress: Compress) -> None:
    before, table = model_files(run_copy), scores(run_copy)
    weights = run_copy / "2-distill" / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    (run_copy / "4-quantize" / "artifact.json").write_text('{"artifact": ')
    (run_copy / "report.json").write_text("[1, 2")
    assert up_to_date.look(recipe.load(run_copy.parent / "tiny.yaml"), run_copy, None) is None
    again = compress(run_copy.parent / "tiny.yaml", run_copy)
    assert [step["kept"] for step in again.steps] == [True, False, True, False, True]
    assert (model_files(run_copy), scores(run_copy)) == (before, table)


def test_until_stops_and_the_rest_follows_later(tmp_path: Path, undisturbed: Path, compress: Compress) -> None:
    path, folder = undisturbed.parent / "tiny.yaml", tmp_path / "run"
    half = compress(path, folder, stop="distill")
    assert [step["folder"] for step in half.steps] == FOLDERS[:2]
    assert not (folder / "3-to_onnx").exists()
    assert up_to_date.look(recipe.load(path), folder, "distill") is not None
    assert up_to_date.look(recipe.load(path), folder, None) is None
    weights = {name: raw for name, raw in model_files(undisturbed).items() if name.endswith(".safetensors")}
    assert {name: raw for name, raw in model_files(folder).items() if name.endswith(".safetensors")} == weights
    whole = compress(path, folder)
    assert [step["kept"] for step in whole.steps] == [True, True, False, False, False]
    assert scores(folder) == scores(undisturbed)


def test_another_seed_gives_other_weights(tmp_path: Path, undisturbed: Path, compress: Compress) -> None:
    compress(undisturbed.parent / "tiny.yaml", tmp_path / "run", "seed=1", stop="1")
    name = "1-train/model.safetensors"
    assert (tmp_path / "run" / name).read_bytes() != (undisturbed / name).read_bytes()


def test_killed_anywhere_and_started_again_it_ends_with_the_same_answer(tmp_path: Path, undisturbed: Path) -> None:
    folder, chance = tmp_path / "run", random.Random(0)
    command = ["compress", str(undisturbed.parent / "tiny.yaml"), "--out", str(folder)]
    for name, times in (
        ("1-train.state", 3),
        ("1-train.state", 5),
        ("2-distill.part", 1),
        ("2-distill.state", 4),
        ("3-to_onnx.part", 1),
        ("4-quantize.part", 1),
    ):
        killed_at(name, command, times, chance.uniform(0.001, 0.01))
        assert not (folder / "report.md").exists()
    ended_well = edgespec(tmp_path, *command)
    assert ended_well.returncode == 0, ended_well.stderr
    found = model_files(folder)
    assert found.pop("bundles/local/model.onnx") == found["5-calibrate/model.onnx"], (
        "the recipe's target got its bundle"
    )
    assert found == model_files(undisturbed)
    assert scores(folder) == scores(undisturbed)
    assert not [*folder.rglob("*.part"), *folder.rglob("*.state")]
    assert "goes on in epoch" in (folder / "log.txt").read_text()
    assert "embedded" in (folder / "report.md").read_text()
    again = edgespec(tmp_path, *command)
    assert "nothing has changed" in again.stderr


SHORT = {"epochs": 8, "batch": 32, "lr": 0.01}
SMALL = {"train": {"model": {"cnn": {"widths": [8]}}, "fit": SHORT}}
INT8 = {"quantize": {"spectra": 64, "max_drop": 0.5, "min_agreement": 0.5}}


def made(tree: dict[str, Any], folder: Path, write_recipe: Write, compress: Compress) -> tuple[Report, OnnxModel]:
    folder.mkdir(exist_ok=True)
    found = compress(write_recipe(folder / "r.yaml", tree), folder / "run")
    last, _ = artifact.read(folder / "run" / found.steps[-1]["folder"])
    assert isinstance(last, OnnxModel)
    return found, last


def test_a_line_of_two_steps(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Write, compress: Compress
) -> None:
    tree = {**tiny_tree, "steps": [SMALL, "to_onnx"]}
    found, model = made(tree, tmp_path, write_recipe, compress)
    assert [row.kind for row in found.rows] == ["baseline"] * 5 + ["step", "variant"]
    assert found.rows[-1].accuracy == found.rows[-2].accuracy > 0.5
    assert list(model.variants) == ["float32", "default"]


def test_neither_preparation_nor_variation_is_needed(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Write, compress: Compress
) -> None:
    tree = {**tiny_tree, "steps": [SMALL, "to_onnx", INT8]}
    tree["data"]["preprocess"] = []
    del tree["data"]["augment"]
    found, _ = made(tree, tmp_path, write_recipe, compress)
    assert found.last()[0].accuracy > 0.4


def test_arrays_without_samples_run_and_the_report_says_so(
    tmp_path: Path, tiny_tree: dict[str, Any], write_recipe: Write, compress: Compress
) -> None:
    given = tiny_job.spectra()
    np.savez(tmp_path / "mine.npz", x=given.x, y=given.y, w=given.axis)
    tree = {**tiny_tree, "steps": [SMALL, "to_onnx"]}
    tree["data"]["load"] = {"arrays": {"npz": "mine.npz", "root": str(tmp_path), "x": "x", "y": "y", "wavenumber": "w"}}
    tree["data"]["split"] = {"test": 0.3, "valid": 0.2}
    found, _ = made(tree, tmp_path, write_recipe, compress)
    assert found.data["source"] == "measured"
    assert found.data["samples"] is None
    assert any("no physical samples are known" in note for note in found.data["notes"])
    assert all(row.scores["low"] < row.accuracy for row in found.rows)
