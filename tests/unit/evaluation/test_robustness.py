"""Robustness: every model on the same perturbed spectra, what compression lost of it, and a fragile file that a gate finds out."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
from onnx import helper, numpy_helper
from report_example import row

from edgespec import plugins
from edgespec.artifact import OnnxModel
from edgespec.data.perturbations import PERTURBATIONS, perturbed
from edgespec.evaluation import robustness
from edgespec.graph import assembly, onnx_file
from edgespec.pipeline import provenance, report_rows
from edgespec.recipe import Call
from edgespec.report import Report, Row, promises
from edgespec.runs.gate import verdicts as gate_verdicts
from edgespec.runs.gate.verdicts import Gate


def test_a_file_is_judged_on_each_perturbation_of_all_test_spectra() -> None:
    made = tiny_job.line("cnn")
    path, rows_ = made.float32.path("float32"), made.job.splits.test
    x, y = made.job.spectra.x[rows_], made.job.spectra.y[rows_]
    found = robustness.measure(made.job, path)
    assert list(found["accuracy"]) == list(PERTURBATIONS)
    for name, accuracy in found["accuracy"].items():
        out = onnx_file.run(path, perturbed(name, x, made.job.spectra.axis, made.job.seed))
        assert accuracy == pytest.approx((out.argmax(1) == y).mean(), abs=1e-5)
    assert found["mean"] == pytest.approx(np.mean(list(found["accuracy"].values())), abs=1e-5)
    clean = (onnx_file.run(path, x).argmax(1) == y).mean()
    assert found["accuracy"]["scale x1000"] == pytest.approx(clean, abs=1e-5), "its preprocessing divides by the size"
    assert min(found["accuracy"].values()) < clean, "a perturbation that harms nothing shows nothing"


def test_a_checkpoint_and_its_file_are_as_robust() -> None:
    made = tiny_job.line("cnn")
    assert robustness.measure(made.job, made.checkpoint) == robustness.measure(made.job, made.float32.path("float32"))


def test_spectra_are_perturbed_once_for_all_models_and_anew_for_each_where_they_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, asked = tiny_job.line("cnn"), []
    job, path = replace(made.job, seed=77), made.float32.path("float32")

    def counted(name: str, *more: Any) -> Any:
        asked.append(name)
        return perturbed(name, *more)

    monkeypatch.setattr(robustness, "perturbed", counted)
    first = robustness.measure(job, path)
    assert robustness.measure(job, path) == first
    assert asked == list(PERTURBATIONS)
    monkeypatch.setattr(robustness, "KEPT_BYTES", 0)
    assert robustness.measure(job, path) == first
    assert asked == 2 * list(PERTURBATIONS)
    other = robustness.measure(replace(job, splits=replace(job.splits, test=job.splits.rows(None))), path)
    assert other != first, "other spectra are not mistaken for these"


def perturbed_row(clean: float, **accuracy: float) -> Row:
    return row(1, "x", "step", clean, robustness={"accuracy": accuracy, "mean": 0.5})


def test_the_drop_is_what_was_lost_beyond_clean_accuracy_where_that_is_most() -> None:
    teacher = perturbed_row(0.95, drift=0.90, shift=0.85)
    fragile = perturbed_row(0.94, drift=0.60, shift=0.86)
    assert robustness.drop(fragile, teacher) == {"drop": pytest.approx(0.29), "at": "drift"}
    assert robustness.drop(perturbed_row(0.80, drift=0.75, shift=0.70), teacher)["drop"] == pytest.approx(0)
    sturdy = robustness.drop(perturbed_row(0.90, drift=0.90, shift=0.90), teacher)
    assert sturdy == {"drop": pytest.approx(-0.05), "at": "drift"}, (
        "more robust than the reference is less than nothing"
    )
    nothing = {"drop": None, "at": None}
    assert robustness.drop(fragile, None) == nothing
    assert robustness.drop(fragile, row(1, "x", "step", 0.9)) == nothing
    assert robustness.drop(row(1, "x", "step", 0.9), teacher) == nothing
    assert robustness.drop(fragile, perturbed_row(0.95, drift=0.9)) == nothing, (
        "other perturbations say nothing of these"
    )


def saturating(int8: OnnxModel, most: float, folder: Path) -> OnnxModel:
    """The same int8 file with the range of its input fixed at `most`, as if it were calibrated on undisturbed spectra only."""
    shutil.copytree(int8.folder, folder)
    model = onnx.load(int8.path("cpu-int8"))
    for node in model.graph.node:
        node.input[:] = ["front/within" if name == assembly.SPECTRUM else name for name in node.input]
    limits = [
        numpy_helper.from_array(np.float32(value), f"front/{name}")
        for name, value in (("least", -most), ("most", most))
    ]
    model.graph.initializer.extend(limits)
    node = helper.make_node(
        "Clip", [assembly.SPECTRUM, "front/least", "front/most"], ["front/within"], name="front/range"
    )
    model.graph.node.insert(0, node)
    onnx.save(model, folder / int8.variants["cpu-int8"].file)
    return replace(int8, folder=folder)


def line(int8: OnnxModel) -> Report:
    """The report of teacher, float file and that int8 file, as a run makes it."""
    made = tiny_job.line("cnn")
    found = Report("planted", 0, {"source": "embedded"})
    for number, (name, artifact, before) in enumerate(
        [
            ("train", made.checkpoint, None),
            ("to_onnx", made.float32, made.checkpoint),
            ("quantize", int8, made.float32),
        ],
        1,
    ):
        found.rows += report_rows.after(made.job, artifact, number, Call(name), 1.0, before, found)
    return found


def verdicts(found: Report) -> dict[str, str]:
    judged = gate_verdicts.check(
        [Gate("accuracy", 0.75), Gate("robust_accuracy", 0.7), Gate("robust_accuracy_drop", 0.1)], found
    )
    return {each.metric: each.verdict for each in judged}


def test_an_int8_file_that_only_bears_undisturbed_spectra_keeps_accuracy_and_breaks_the_promise(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    honest = line(made.int8)
    assert verdicts(honest) == dict.fromkeys(("accuracy", "robust_accuracy", "robust_accuracy_drop"), "pass")

    found = line(saturating(made.int8, float(np.abs(made.job.spectra.x).max()), tmp_path / "fragile"))
    fragile, sound = found.last()[-1], honest.last()[-1]
    assert fragile.accuracy == sound.accuracy, "undisturbed spectra do not show it"
    assert fragile.robustness["accuracy"]["drift 5"] < sound.robustness["accuracy"]["drift 5"] - 0.2
    assert verdicts(found) == {"accuracy": "pass", "robust_accuracy": "pass", "robust_accuracy_drop": "fail"}
    assert fragile.robustness["drop"] > 0.2
    assert fragile.robustness["drop_float"] == pytest.approx(fragile.robustness["drop"], abs=0.05)
    assert fragile.robustness["at"] in PERTURBATIONS
    assert promises.broken([Gate("robust_accuracy_drop", 0.1)], found, "cpu-int8"), "so it is not recommended either"


def test_a_row_says_what_was_lost_against_step_1_and_against_its_float_file() -> None:
    teacher, float32, int8 = line(tiny_job.line("cnn").int8).rows
    assert (teacher.robustness["drop"], teacher.robustness["drop_float"]) == (None, None)
    assert float32.robustness["drop"] == 0, "the same network, in another file"
    assert float32.robustness["drop_float"] is None
    for mine, other, key in ((int8, teacher, "drop"), (int8, float32, "drop_float")):
        lost = {
            name: (other.robustness["accuracy"][name] - other.accuracy)
            - (mine.robustness["accuracy"][name] - mine.accuracy)
            for name in PERTURBATIONS
        }
        assert mine.robustness[key] == pytest.approx(max(lost.values()), abs=2e-4)
        assert lost[mine.robustness[key.replace("drop", "at")]] == pytest.approx(max(lost.values()), abs=2e-4)
    assert Row(**json.loads(json.dumps(asdict(int8)))) == int8


def test_a_step_is_made_anew_where_a_perturbation_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "edgespec"
    shutil.copytree(plugins.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "_shipped"))
    monkeypatch.setattr(plugins, "PACKAGE", package)

    def digest() -> str:
        provenance._sources_digest.cache_clear()
        return provenance.code_digest(Call("to_onnx"))

    before = digest()
    for name in ("data/perturbations", "evaluation/robustness", "data/fluorescence"):
        path = package / f"{name}.py"
        path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
        assert digest() != before, name
        before = digest()
    (package / "bench" / "measure.py").write_text("# nothing that a step depends on\n", encoding="utf-8")
    assert digest() == before
    provenance._sources_digest.cache_clear()
