"""The reject score: in the graph what it is outside, fitted without labels, low for what the model does not know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tiny_job
from numpy.typing import NDArray

from edgespec import contract
from edgespec.artifact import OnnxModel
from edgespec.evaluation import reject_score, uncertainty
from edgespec.graph import answer, onnx_file
from edgespec.job import Job
from edgespec.steps import calibrate

Array = NDArray[Any]


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> OnnxModel:
    made = calibrate.run(
        tiny_job.line("cnn").job.inside(tmp_path_factory.mktemp("calibrated")), tiny_job.line("cnn").int8
    )
    assert isinstance(made, OnnxModel)
    return made


def fitted(job: Job, path: Path, kind: str) -> answer.Score:
    return reject_score.fit(job, lambda x: onnx_file.run(path, x), None, (kind,))[0]


@pytest.mark.parametrize("variant", ["float32", "cpu-int8"])
@pytest.mark.parametrize("kind", reject_score.KINDS)
def test_the_graph_answers_what_the_formula_says(kind: str, variant: str, tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    path, x = made.int8.path(variant), made.job.spectra.x[:70]
    score = fitted(made.job, path, kind)
    onnx.save(answer.add(onnx.load(path), score), tmp_path / "m.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "m.onnx"), full_check=True)
    out = onnx_file.outputs(tmp_path / "m.onnx", x)
    logits = onnx_file.run(path, x)
    np.testing.assert_array_equal(out["logits"], logits)
    stated = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(out["probabilities"], stated / stated.sum(1, keepdims=True), atol=1e-6)
    expected = score.of(logits, reject_score.prepared(made.job, x))
    np.testing.assert_allclose(out["score"][:, 0], expected, rtol=1e-4, atol=1e-5)
    assert np.isfinite(onnx_file.outputs(tmp_path / "m.onnx", 0 * x)["score"]).all()


def test_likeness_is_the_cosine_with_the_mean_spectrum_of_a_class_that_is_sure() -> None:
    rng = np.random.default_rng(0)
    means = rng.integers(-127, 128, (16, 3)).astype(np.int8)
    score = answer.Score("likeness", means, 0.01, 64)
    prepared = rng.normal(size=(5, 64)).astype(np.float32)
    sure = np.full((5, 3), -50.0)
    sure[:, 1] = 50
    short = prepared.reshape(5, 16, 4).mean(2)
    by_hand = short @ (means[:, 1] * 0.01) / np.linalg.norm(short, axis=1)
    np.testing.assert_allclose(score.of(sure, prepared), by_hand, rtol=1e-5)


def test_the_calibrated_files_have_three_outputs_and_say_so_in_their_contract(calibrated: OnnxModel) -> None:
    for variant in ("float32", "cpu-int8"):
        path = calibrated.path(variant)
        assert [each.name for each in onnx.load(path).graph.output] == ["logits", "probabilities", "score"]
        said, told = contract.load(path), calibrated.variants[variant]
        assert said.temperature == told.temperature
        assert (said.score, said.threshold) == (told.facts["reject"]["kind"], told.facts["reject"]["threshold"])
        assert said.labels == tiny_job.spectra().labels
        np.testing.assert_allclose(said.values(), tiny_job.AXIS.values())
        rows = tiny_job.line("cnn").job.splits.rows(None, valid=True)
        score = onnx_file.outputs(path, tiny_job.spectra().x[rows])["score"][:, 0]
        assert (score >= (said.threshold or 0)).mean() >= 0.95 - 1 / len(rows)
        assert said.accepts["asked"] == 0.95
        assert said.accepts == told.facts["reject"]["accepts"]
    kinds = {calibrated.variants[name].facts["reject"]["kind"] for name in ("float32", "cpu-int8")}
    assert len(kinds) == 1, "scores of all files mean the same"


def test_calibrating_twice_leaves_one_answer_part(calibrated: OnnxModel, tmp_path: Path) -> None:
    twice = calibrate.run(tiny_job.line("cnn").job.inside(tmp_path), calibrated)
    assert isinstance(twice, OnnxModel)
    for variant in ("float32", "cpu-int8"):
        model = onnx.load(twice.path(variant))
        assert [each.name for each in model.graph.output] == ["logits", "probabilities", "score"]
        names = [each.name for each in model.graph.initializer]
        assert len(names) == len(set(names))


def test_no_label_and_no_test_spectrum_has_a_say(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    path = made.int8.path("float32")
    score, found = reject_score.fit(made.job, lambda x: onnx_file.run(path, x), None)
    spectra = made.job.spectra
    test = np.isin(np.arange(len(spectra)), made.job.splits.test)
    other = replace(
        spectra, y=np.roll(spectra.y, 7), x=np.where(test[:, None], np.float32(3.0), spectra.x).astype(np.float32)
    )
    again, told = reject_score.fit(replace(made.job, spectra=other), lambda x: onnx_file.run(path, x), None)
    assert found == told
    assert np.array_equal(score.means, again.means)


def test_displaced_spectra_have_the_same_bands_elsewhere() -> None:
    x = tiny_job.spectra().x[:20]
    away = reject_score.displaced(x, np.random.default_rng(0))
    assert away.shape == (60, 128)
    assert np.array_equal(away[:20], x[:, ::-1])
    assert np.array_equal(np.sort(away[20:40], 1), np.sort(x, 1))
    assert np.array_equal(away, reject_score.displaced(x, np.random.default_rng(0)))
    with_itself = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(x, away[20:40], strict=True)]
    assert np.median(with_itself) < 0.5


def test_auroc_is_the_chance_that_a_known_one_scores_higher() -> None:
    assert reject_score.auroc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert reject_score.auroc(np.array([0.0]), np.array([1.0, 2.0])) == 0.0
    assert reject_score.auroc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    rng = np.random.default_rng(0)
    known, unknown = rng.normal(1, 1, 300).round(1), rng.normal(0, 1, 200).round(1)
    pairs = (known[:, None] > unknown).mean() + 0.5 * (known[:, None] == unknown).mean()
    assert reject_score.auroc(known, unknown) == pytest.approx(pairs)


def test_risk_falls_where_the_score_knows_which_answers_are_wrong() -> None:
    wrong = np.array([False] * 80 + [True] * 20)
    good = uncertainty.risk_coverage(np.arange(100.0)[::-1], wrong)
    assert good["risk"][-1] == 0.2
    assert good["risk"][:16] == [0.0] * 16
    blind = uncertainty.risk_coverage(np.random.default_rng(0).random(100), wrong)
    assert blind["mean_risk"] > 3 * good["mean_risk"]


def test_what_no_model_knows_is_refused_more_often_than_what_it_knows(calibrated: OnnxModel) -> None:
    job = replace(tiny_job.line("cnn").job, unknown=tiny_job.spectra(minerals=("Forsterite", "Grossular", "Epidote")))
    for made in (calibrated.path("float32"), calibrated.path("cpu-int8"), tiny_job.line("cnn").checkpoint):
        found = uncertainty.measure(job, made)
        assert found["auroc_displaced"] > 0.9
        assert found["auroc_unknown"] > 0.8
        assert found["unknown_refused"] > 0.5 > 1 - found["accepted"]
        assert found["unknown"] == {"data": "minerals", "spectra": 180, "classes": 3}
    assert "auroc_unknown" not in uncertainty.measure(tiny_job.line("cnn").job, calibrated.path("float32"))


@pytest.mark.parametrize("kind", reject_score.KINDS)
def test_a_recipe_can_choose_the_score(kind: Any, tmp_path: Path) -> None:
    made = calibrate.run(tiny_job.line("cnn").job.inside(tmp_path), tiny_job.line("cnn").int8, score=kind)
    assert isinstance(made, OnnxModel)
    for variant in ("float32", "cpu-int8"):
        told = made.variants[variant].facts["reject"]
        assert (told["kind"], list(told["auroc_displaced"])) == (kind, [kind])


def test_fewer_places_make_a_smaller_file_and_a_coarser_score(tmp_path: Path) -> None:
    sizes, scores = {}, {}
    for places in (64, 8):
        folder = tmp_path / str(places)
        folder.mkdir()
        job = tiny_job.line("cnn").job.inside(folder)
        made = calibrate.run(job, tiny_job.line("cnn").int8, score="likeness", places=places)
        assert isinstance(made, OnnxModel)
        path = made.path("cpu-int8")
        means = next(each for each in onnx.load(path).graph.initializer if each.name == "answer/means")
        assert list(means.dims) == [places, 3]
        sizes[places], scores[places] = path.stat().st_size, onnx_file.outputs(path, job.spectra.x[:50])["score"]
    assert 0 < sizes[64] - sizes[8] - 3 * (64 - 8) < 40  # a byte a place and class, and what tells lengths
    assert not np.allclose(scores[64], scores[8], atol=1e-3)


@pytest.mark.parametrize("places", [1, 3, 9, 27, 50, 100, 127, 500])
def test_places_that_do_not_divide_the_axis_are_fewer_in_formula_and_graph_alike(places: int, tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    path, x = made.int8.path("float32"), made.job.spectra.x[:20]
    score = reject_score.fit(made.job, lambda x: onnx_file.run(path, x), None, ("likeness",), places)[0]
    assert 0.5 * min(places, 128) <= len(score.means) <= places
    onnx.save(answer.add(onnx.load(path), score), tmp_path / "m.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "m.onnx"), full_check=True)
    expected = score.of(onnx_file.run(path, x), reject_score.prepared(made.job, x))
    np.testing.assert_allclose(onnx_file.outputs(tmp_path / "m.onnx", x)["score"][:, 0], expected, rtol=1e-4, atol=1e-5)


def test_the_mean_spectrum_of_a_class_weighs_each_spectrum_by_its_probability_not_its_size() -> None:
    rng = np.random.default_rng(0)
    x, logits = rng.random((30, 24)), rng.normal(size=(30, 3)) * 3
    expected = np.zeros((12, 3))
    for row, said in zip(x, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), strict=True):
        short = row.reshape(12, 2).mean(1)
        expected[:, said.argmax()] += said.max() * short / np.linalg.norm(short)
    expected /= np.linalg.norm(expected, axis=0)
    for size in (1.0, np.where(np.arange(30) == 4, 1e3, 1.0)[:, None]):
        means, scale = reject_score._means(logits, (x * size).astype(np.float32), 12)
        np.testing.assert_allclose(means * scale, expected, atol=0.51 * scale + 1e-6)


def test_stretched_spectra_keep_their_middle_and_are_stretched_by_at_most_a_sixth() -> None:
    points = 200
    away = reject_score.displaced(np.tile(np.arange(points, dtype=np.float32), (50, 1)), np.random.default_rng(0))[100:]
    inner = away[:, points // 2 - 20 : points // 2 + 20]
    assert (np.abs(inner[:, 20] - points / 2) <= 0.08 * points + 0.01).all()
    slopes = np.diff(inner, axis=1)
    assert slopes.min() > 0.84
    assert slopes.max() < 1.16
    assert np.ptp(slopes[:, 0]) > 0.2


def test_the_threshold_counts_samples_where_they_are_known_and_spectra_where_not() -> None:
    made = tiny_job.line("cnn")
    path, rows = made.int8.path("float32"), made.job.splits.rows(None, valid=True)
    score = fitted(made.job, path, "likeness")
    assert made.job.spectra.group is not None
    bare = replace(made.job, spectra=replace(made.job.spectra, group=None))
    for job, samples in ((made.job, len(set(made.job.spectra.group[rows]))), (bare, len(rows))):
        _, accepts = reject_score.threshold(score, job, lambda x: onnx_file.run(path, x), rows, 0.95)
        assert accepts.samples == samples
