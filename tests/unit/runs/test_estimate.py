"""Estimates: what is counted on a graph, what a fit makes of it, what is refused, and that no gate takes it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgespec.cli import estimate as command
from edgespec.compression.quantization import int8, ranges
from edgespec.errors import Missing, Mistake
from edgespec.graph import exporter
from edgespec.report import Report
from edgespec.runs import estimate, estimate_features, estimate_models
from edgespec.runs.estimate import Calibration, Fit
from edgespec.runs.estimate_features import COUNTS
from edgespec.runs.estimate_models import Chain, Micro
from edgespec.runs.gate import verdicts as gate_verdicts
from edgespec.runs.gate.verdicts import Gate
from edgespec.steps import halve
from edgespec.targets import card as cards

LOCAL = cards.load("local")
SMALL = (Micro("a", Chain("standard", 8, 2, 8, 3)), Micro("b", Chain("separable", 16, 2, 4, 5)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two micro-models, each in float32 and int8."""
    return estimate_models.write(tmp_path_factory.mktemp("micro"), SMALL)[0]


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own calibrations are read or replaced."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "settings"


def test_work_is_counted_by_its_kind(files: dict[str, Path]) -> None:
    plain = estimate_features.of(files["a"])
    stem, head = 64 * 8 * 7, 8 * 16 * 16
    assert (plain.standard, plain.depthwise, plain.dense) == (2 * 64 * 8 * 8 * 3, stem, head)
    assert (plain.layers, plain.kernels, plain.slow) == (4, 1, 0)  # the pooling; ReLUs are fused, shapes cost nothing
    assert plain.pooled == 64 * 8
    assert plain.macs == plain.standard + plain.depthwise + plain.dense
    assert plain.kind == "float32"
    separable = estimate_features.of(files["b"])
    assert separable.standard == 0
    assert separable.depthwise == 128 * 16 * 7 + 2 * 128 * 16 * 5
    assert separable.dense == 2 * 128 * 16 * 16 + 16 * 16 * 16
    assert separable.slow == 2 * 128 * 16
    assert separable.kernels == 1 + 2 * 2  # pooling; GELU and the sum of each residual


def test_int8_moves_fewer_bytes_and_has_the_same_work(files: dict[str, Path]) -> None:
    plain, rounded = estimate_features.of(files["a"]), estimate_features.of(files["a int8"])
    assert rounded.kind == "cpu-int8"
    assert (rounded.standard, rounded.depthwise, rounded.dense) == (plain.standard, plain.depthwise, plain.dense)
    assert rounded.pooled == plain.pooled  # ONNX Runtime renames what it moves: shapes are found all the same
    assert rounded.bytes < 0.5 * plain.bytes


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no model")
    for path in (tmp_path / "x.onnx", tmp_path / "absent.onnx"):
        with pytest.raises(Mistake, match="can't be counted"):
            estimate_features.of(path)


def test_a_fit_finds_what_made_the_times_and_nothing_below_zero() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([np.ones(20), rng.uniform(1, 50, 20), rng.uniform(1e3, 1e7, 20)])
    true = np.array([2000.0, 900.0, 0.02])
    assert estimate.solve(rows, rows @ true) == pytest.approx(true, rel=1e-6)
    assert np.abs(estimate.leave_one_out(rows, rows @ true)).max() < 1e-6
    falling = estimate.solve(rows, rows @ [2000.0, 900.0, 0.0] + 1e4 - rows[:, 2] * 1e-3)
    assert (falling >= 0).all()


def test_leaving_one_out_shows_what_the_others_can_not_tell() -> None:
    rows = np.column_stack([np.ones(6), [1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 1e6]])
    times = rows @ [1000.0, 500.0, 0.05]
    errors = estimate.leave_one_out(rows, times)
    assert np.abs(errors[:5]).max() < 1e-6
    assert errors[5] == pytest.approx((1000 + 3000) / (1000 + 3000 + 50000) - 1)


def held(**changes: object) -> Calibration:
    """A calibration whose float files take 1 us a layer and 1 ns a byte."""
    coefficients = dict.fromkeys(COUNTS, 0.0) | {"layers": 1000.0, "bytes": 1.0}
    fit = Fit(coefficients, 0.1, 0.2, 18, dict.fromkeys(COUNTS, 1e9) | {"kernels": 0.0})
    made = Calibration("local", "onnxruntime", "1.31", 1, {}, "2026-11-26", 0.01, {"float32": fit}, {})
    return replace(made, **changes)  # type: ignore[arg-type]


def keep(made: Calibration) -> Path:
    path = estimate.place(made.target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": estimate.FORMAT, **asdict(made)}))
    return path


def test_an_estimate_is_the_sum_of_what_is_counted_with_its_range(files: dict[str, Path], settings: Path) -> None:
    path = keep(held())
    assert path.is_relative_to(settings)
    (found,), _ = estimate.estimate({"a": files["a"]}, LOCAL)
    counted = estimate_features.of(files["a"])
    assert found.p50_ms == pytest.approx((counted.layers * 1000 + counted.bytes) / 1e6)
    assert (found.low_ms, found.high_ms) == pytest.approx((found.p50_ms / 1.2, found.p50_ms / 0.8))
    assert found.source == "estimated"
    assert found.beyond == ("kernels",)
    assert "18 micro-models, 2026-11-26, onnxruntime 1.31" in found.basis


def test_one_kind_is_never_estimated_from_another(files: dict[str, Path], tmp_path: Path) -> None:
    keep(held())
    whole = onnx.load(files["a"])
    half = exporter.slimmed(halve.halved(whole))
    onnx.save(half, tmp_path / "half.onnx")
    network = int8.ready(whole)
    spectra = np.random.default_rng(0).normal(size=(8, 512)).astype(np.float32)
    ends = ranges.cut(ranges.observe(network, spectra), "minmax")
    onnx.save(int8.make("portable", network, ends, bits=7), tmp_path / "portable.onnx")
    asked = {
        "a": files["a"],
        "half": tmp_path / "half.onnx",
        "portable": tmp_path / "portable.onnx",
        "int8": files["a int8"],
    }
    found, refused = estimate.estimate(asked, LOCAL)
    assert [each.file for each in found] == ["a"]
    told = {name: each.message for name, each in refused.items()}
    assert told["half"] == "half is float16: only float32 were measured on local"
    assert "portable is portable-int8" in told["portable"]
    assert "int8 is cpu-int8" in told["int8"]
    with pytest.raises(Mistake, match="is cpu-int8"):
        command.command("local", files["a int8"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"runtime": "openvino"}, "fitted with openvino on 1 threads, local has onnxruntime on 1"),
        ({"threads": 4}, "on 4 threads"),
    ],
)
def test_a_calibration_of_another_runtime_is_refused(changes: dict[str, object], message: str) -> None:
    keep(held(**changes))
    with pytest.raises(Mistake, match=message) as caught:
        estimate.load(LOCAL)
    assert caught.value.hint == "edgespec estimate --fit --target local"


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"format": 0}', '{"format": 1}', '{"format": 1, "fits": {"float32": {}}}']
)
def test_a_damaged_calibration_is_refused(content: str) -> None:
    keep(held()).write_text(content)
    with pytest.raises(Mistake, match="not a calibration of this version"):
        estimate.load(LOCAL)


def test_without_a_fit_and_without_peaks_the_command_that_fits_is_told(files: dict[str, Path]) -> None:
    with pytest.raises(Missing, match="nothing was measured on target 'local'") as caught:
        estimate.estimate({"a": files["a"]}, LOCAL)
    assert "edgespec estimate --fit --target local" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", ["rpi4", "rpi5"])
def test_without_a_fit_a_cards_peaks_bound_it_from_below(name: str, files: dict[str, Path]) -> None:
    card = cards.load(name)
    (plain, rounded), _ = estimate.estimate({"a": files["a"], "a int8": files["a int8"]}, card)
    least_us = max(
        2 * estimate_features.of(files["a"]).macs / card.gflops / 1e3, files["a"].stat().st_size / card.gbytes_s / 1e3
    )
    assert plain.p50_ms is None
    assert (plain.low_ms, plain.high_ms) == pytest.approx((2 * least_us / 1e3, 10 * least_us / 1e3))
    assert "lower bound" in plain.basis
    assert rounded.low_ms <= plain.low_ms


def test_an_estimate_satisfies_no_gate() -> None:
    measurement = {"variant": "float32", "p90_ms": 0.5, "source": "measured"}
    result = Report.__new__(Report)
    result.bench = {"rpi5": {"measurements": [measurement]}}
    result.advice = {"rpi5": {"variant": "float32"}}
    promise = [Gate("latency_p90", 1e-3, "rpi5")]
    assert [each.verdict for each in gate_verdicts.check(promise, result)] == ["pass"]
    for source in ("estimated", "emulated", "deferred"):
        measurement["source"] = source
        (verdict,) = gate_verdicts.check(promise, result)
        assert (verdict.verdict, verdict.measured) == ("unmeasured", None)


def test_a_fit_is_measured_kept_and_read(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    spectra = np.random.default_rng(0).normal(size=(8, 512)).astype(np.float32)
    monkeypatch.setattr(estimate_models, "write", lambda folder, chosen: (files, spectra))
    made = estimate.fit(LOCAL, seconds=0.05, progress=lambda line: None, chosen=SMALL)
    assert estimate.load(LOCAL) == made
    assert set(made.fits) == {"float32", "cpu-int8"}
    assert set(made.measured) == set(files)
    assert all(each["n"] > 0 for each in made.measured.values())
    (found,), _ = estimate.estimate({"b": files["b"]}, LOCAL)
    assert found.p50_ms == pytest.approx(made.measured["b"]["p50_ms"], rel=0.3)
    command.command("local", files["b"])
    told = capsys.readouterr().out
    assert "estimated" in told
    assert "error of float32 estimates" in told
    assert "no gate takes it" in told


def test_the_command_tells_a_bound_as_one(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    command.command("rpi5", files["a"])
    told = capsys.readouterr().out
    assert "lower bound" in told
    command.command("rpi5", files["a"], to_json=True)
    assert json.loads(capsys.readouterr().out)["estimates"][0]["source"] == "estimated"
    with pytest.raises(Mistake, match="takes no file"):
        command.command("rpi5", files["a"], fit=True)


def test_an_emulator_can_not_be_fitted() -> None:
    with pytest.raises(Mistake, match="emulated"):
        estimate.fit(cards.load("arm64_emulated"), seconds=0.1, progress=lambda line: None, chosen=SMALL[:1])
