"""A baseline: what is taken from a run, kept as it was taken, and refused where it is anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
from report_example import measured, report

from benchmarks.robustness import planted
from benchmarks.tools import resealed
from edgespec import report as reports
from edgespec import storage
from edgespec.artifact import OnnxModel, Variant
from edgespec.errors import Missing, Mistake
from edgespec.evaluation import robustness
from edgespec.graph import onnx_file
from edgespec.pipeline.run import Run
from edgespec.runs.gate import baseline, chance
from edgespec.runs.gate.side import File, Latency, Score, Side

FILE = File(40_000, "d", 9_000, 1_000_000, (0, 1), 5.0, (0.5, 1.0), {"ece": Score(0.1, 0.01)}, {"axis": "150 to 1172"})
FAST = Latency("float32", {"cpu": "A"}, "quick", 1.0, (0.9, 1.1), 1.2, (1.1, 1.3), 5.0, 100.0, None, 0.1, 0.5)
SIDE = Side(
    "here",
    "r",
    "1",
    "d",
    ("a", "b"),
    (0, 1),
    (0, 1),
    {"float32": FILE},
    ("float32",),
    {"valgrind": "3"},
    {"local": (FAST,)},
)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    baseline.write(SIDE, tmp_path / "tiny.json")
    return tmp_path / "tiny.json"


def test_a_baseline_is_read_as_it_was_written(kept: Path) -> None:
    assert baseline.read(kept) == replace(SIDE, where="tiny.json")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda plain: {**plain, "data": "other"}, "its seal is another"),
        (lambda plain: {key: each for key, each in plain.items() if key != reports.SEAL}, "its seal is another"),
        (lambda plain: resealed.sealed({**plain, "format": 1}), "is a baseline of format 1, this edgespec reads 2"),
        (lambda plain: resealed.sealed({key: each for key, each in plain.items() if key != "format"}), "it has no 'format'"),
        (lambda plain: [plain], "it has no 'format'"),
        (lambda plain: resealed.sealed({**plain, "shipped": ["gone"]}), "it ships a file that it does not have"),
        (lambda plain: resealed.sealed({**plain, "true": [0, "b"]}), "is damaged: true.1: "),
    ],
)  # fmt: skip
def test_what_is_no_baseline_any_more_is_refused(kept: Path, how: Callable[[Any], Any], said: str) -> None:
    plain = json.loads(kept.read_text())
    plain.pop(reports.SEAL)
    kept.write_text(json.dumps(how(resealed.sealed(plain))))
    with pytest.raises(Mistake, match=said):
        baseline.read(kept)


def test_a_baseline_that_is_missing_a_folder_or_too_large_is_told(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Missing, match="there is no baseline"):
        baseline.read(kept.with_name("other.json"))
    with pytest.raises(Mistake, match="cannot be read"):
        baseline.read(kept.parent)
    monkeypatch.setattr(baseline, "LARGEST", kept.stat().st_size)
    baseline.read(kept)
    monkeypatch.setattr(baseline, "LARGEST", kept.stat().st_size - 1)
    with pytest.raises(Mistake, match="it has more than"):
        baseline.read(kept)


def test_what_ships_are_the_candidates_that_the_report_names_else_the_first_that_is_able() -> None:
    files = {name: Variant(f"{name}.onnx", role) for name, role in (
        ("default", "reference"), ("float32", "candidate"), ("cpu-int8", "candidate"))}  # fmt: skip
    model = OnnxModel(Path(), "cnn", 128, 3, files)
    assert baseline.shipped(model, report()) == ["cpu-int8"]
    other = report()
    other.advice["local"]["variant"] = "default"
    assert baseline.shipped(model, other) == ["float32"], "what is only compared is never shipped"


@pytest.fixture
def run(undisturbed: Path, tmp_path: Path) -> Path:
    """A run whose report says that two of its files and an emulated one were measured on two targets."""
    folder = planted.copy(undisturbed, tmp_path / "run")
    busy = {"cpu": "A CPU", "cores": 2, "other_cores": 1.5, "flags": ["avx2"], "driver": "", "gpu": None}
    files = [measured("default", 9.0), measured("float32", 2.0, host=busy, energy_mj=3.0, mode="standard"),
             measured("cpu-int8", 3.0, source="emulated")]  # fmt: skip
    resealed.report(
        folder, bench={"local": {"format": 2, "measurements": files}, "other": {"format": 2, "measurements": files}}
    )
    planted.row(folder, "reject", auroc_unknown=0.97, unknown={"data": "others", "spectra": 500, "classes": 20})
    return folder


def test_what_a_run_answers_weighs_and_measured_is_taken(run: Path) -> None:
    opened = Run(run)
    side, made, job = baseline.of_run(opened), opened.model, opened.job
    x, y = opened.test
    assert (side.recipe, side.shipped, side.counted) == ("tiny", ("float32",), {})
    assert set(side.files) == {name for name, each in made.variants.items() if each.role == "candidate"}
    assert side.names() == [job.spectra.labels[i] for i in y]
    assert job.spectra.group is not None
    group = job.spectra.group[job.splits.test]
    assert [side.sample[i] == side.sample[0] for i in range(len(y))] == [bool(each == group[0]) for each in group]
    assert len(set(side.sample)) == len(np.unique(group)) < len(y)
    for name, file in side.files.items():
        path, told = made.path(name), next(each for each in opened.report.last() if each.variant == name)
        assert (file.bytes, file.digest, file.instructions) == (path.stat().st_size, storage.file_digest(path), None)
        assert (file.params, file.macs) == (told.params, told.macs)
        assert [side.labels[i] for i in file.named] == [job.spectra.labels[i] for i in onnx_file.run(path, x).argmax(1)]
        np.testing.assert_allclose(file.robust, robustness.right(job, path), atol=6e-4)
        assert set(file.contract) >= {"axis", "labels", "preprocess", "outputs"}
        assert file.contract["outputs"] == "logits, probabilities, score"
        assert "temperature" not in file.contract, "a figure, judged by its own promise"


def test_latencies_are_those_of_files_that_the_run_may_ship_measured_for_real(run: Path) -> None:
    latency = baseline.of_run(Run(run)).latency
    assert list(latency) == ["local", "other"]
    (found,) = latency["local"]
    assert found == Latency(
        "float32", {"cpu": "A CPU", "cores": 2, "runtime": "onnxruntime", "runtime_version": "1.31", "threads": 1},
        "standard", 2.0, (2.0, 2.2), 2.4, (2.0, 2.6), 23.0, 60_000_000, 3.0, 0.01, 1.5,
    )  # fmt: skip


def test_figures_come_with_their_standard_errors(run: Path) -> None:
    opened = Run(run)
    n, told = len(opened.test[1]), next(each for each in opened.report.last() if each.variant == "float32")
    found = baseline.of_run(opened).files["float32"].scores
    share = told.reject["accepted"]
    assert found["accepted"] == Score(share, pytest.approx((share * (1 - share) / n) ** 0.5))
    assert found["ece"] == Score(
        told.scores["ece"], pytest.approx((told.scores["ece_high"] - told.scores["ece_low"]) / 3.92)
    )
    assert found["unknown_auroc"] == Score(0.97, pytest.approx(chance.auroc_error(0.97, n, 500)))
    planted.row(run, "reject", accepted=None, auroc_unknown=None)  # as where `calibrate` was forgotten
    assert set(baseline.of_run(Run(run)).files["float32"].scores) == {"ece"}
    planted.row(run, "scores", ece=None)
    assert baseline.of_run(Run(run)).files["float32"].scores == {}


def test_the_same_spectra_have_the_same_key_whatever_their_axis_or_names(tmp_path: Path) -> None:
    job = tiny_job.job(tmp_path)
    seen, side = job.spectra, baseline._identity(job)
    assert side == baseline._identity(replace(job, spectra=replace(seen, x=seen.x + 1))), "known by their samples"
    assert side != baseline._identity(replace(job, seed=1)), "embedded spectra are drawn by the seed"
    real = replace(job, spectra=replace(seen, source="local"))
    assert baseline._identity(real) == baseline._identity(replace(real, seed=1))
    bare = replace(job, spectra=replace(seen, group=None))
    assert baseline._identity(bare) != baseline._identity(replace(bare, spectra=replace(bare.spectra, x=seen.x + 1)))


def test_a_device_is_known_by_what_makes_latencies_differ() -> None:
    host = {"cpu": "A", "cores": 4, "governor": "", "power_mode": [], "driver": None, "load1": 0.3, "flags": ["avx2"]}
    seen = {"host": host, "runtime": "tensorrt", "runtime_version": "10.3", "threads": 2}
    assert baseline.device(seen) == {
        "cpu": "A",
        "cores": 4,
        "runtime": "tensorrt",
        "runtime_version": "10.3",
        "threads": 2,
    }
