"""Risk and coverage counted by hand; a file is asked for its own score and threshold, a checkpoint gets what `calibrate` would give it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_job

from edgespec import contract
from edgespec.artifact import OnnxModel
from edgespec.evaluation import reject_score, scoring, uncertainty
from edgespec.graph import onnx_file
from edgespec.job import Job
from edgespec.steps import calibrate


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = calibrate.run(tiny_job.line("cnn").job.inside(tmp_path_factory.mktemp("made")), tiny_job.line("cnn").float32)
    assert isinstance(made, OnnxModel)
    return made.path("float32")


@pytest.fixture(scope="module")
def job() -> Job:
    return replace(tiny_job.line("cnn").job, unknown=tiny_job.spectra(minerals=("Forsterite", "Grossular", "Epidote")))


def test_risk_is_counted_from_the_surest_answer_on() -> None:
    score, wrong = np.array([0.1, 0.9, 0.5, 0.7]), np.array([True, False, True, False])
    found = uncertainty.risk_coverage(score, wrong)
    by_hand = [0.0, 0.0, 1 / 3, 0.5]  # of the surest 1, 2, 3 and 4
    assert found["coverage"] == [round(0.05 * i, 2) for i in range(1, 21)]
    assert found["risk"] == [round(by_hand[max(-(-i // 5), 1) - 1], 5) for i in range(1, 21)]
    assert found["mean_risk"] == pytest.approx(np.mean(by_hand))
    assert uncertainty.risk_coverage(np.zeros(1), np.array([True]))["risk"] == [1.0] * 20
    tied = uncertainty.risk_coverage(np.zeros(4), np.array([True, False, False, False]))
    assert tied["risk"][0] == 1.0, "equal scores stay in their order"


def test_a_file_is_judged_by_the_score_and_threshold_that_it_ships_with(job: Job, calibrated: Path) -> None:
    found, said = uncertainty.measure(job, calibrated), contract.load(calibrated)
    x, y = job.spectra.x[job.splits.test], job.spectra.y[job.splits.test]
    out = onnx_file.outputs(calibrated, x)
    assert said.threshold is not None
    assert (found["kind"], found["accepts"]) == (said.score, said.accepts)
    assert found["threshold"] == pytest.approx(said.threshold, abs=1e-5)
    assert found["accepted"] == pytest.approx((out["score"][:, 0] >= said.threshold).mean(), abs=1e-5)
    assert found["risk"][-1] == pytest.approx(1 - (out["logits"].argmax(1) == y).mean(), abs=1e-5)
    assert job.unknown is not None
    strange = onnx_file.outputs(calibrated, job.unknown.x)["score"][:, 0]
    assert found["unknown_refused"] == pytest.approx((strange < said.threshold).mean(), abs=1e-5)
    assert found["auroc_unknown"] == pytest.approx(reject_score.auroc(out["score"][:, 0], strange), abs=1e-5)
    away = reject_score.displaced(x, np.random.default_rng([job.seed, 29]))
    displaced = onnx_file.outputs(calibrated, away)["score"][:, 0]
    assert found["auroc_displaced"] == pytest.approx(reject_score.auroc(out["score"][:, 0], displaced), abs=1e-5)


def test_a_checkpoint_has_the_score_and_threshold_that_calibrate_would_give_it(job: Job) -> None:
    loaded = scoring.load(job, tiny_job.line("cnn").checkpoint)
    found = uncertainty.measure(job, loaded)
    score, _ = reject_score.fit(job, loaded.logits, None)
    at, accepts = reject_score.threshold(score, job, loaded.logits, job.splits.rows(None, valid=True), 0.95)
    assert (found["kind"], found["accepts"]) == (score.kind, accepts.plain())
    assert found["threshold"] == pytest.approx(at, abs=1e-5)
    x = job.spectra.x[job.splits.test]
    values = score.of(loaded.logits(x), reject_score.prepared(job, x))
    assert found["accepted"] == pytest.approx((values >= at).mean(), abs=1e-5)
    assert all(round(each, 5) == each for each in found.values() if isinstance(each, float)), "five places"


def test_without_a_threshold_in_its_contract_a_file_accepts_everything(
    job: Job, calibrated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = replace(contract.load(calibrated), threshold=None)
    monkeypatch.setattr(contract, "load", lambda _: said)
    found = uncertainty.measure(job, calibrated)
    assert (found["accepted"], found["unknown_refused"]) == (1.0, 0.0)
