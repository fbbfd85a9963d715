"""Real models in a real subprocess: the right one is slower, and what came back is what is scored."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgespec import plugins, storage
from edgespec.bench import measure
from edgespec.bench import measurement as stats
from edgespec.bench.measurement import Measurement
from edgespec.errors import Mismatch, Missing, Mistake, Unreachable
from edgespec.targets import card as cards

LOCAL = cards.load("local")


def net(path: Path, widths: list[int], *, seed: int = 0, scale: float = 1.0) -> Path:
    """Write a net of Gemm and Relu."""
    rng = np.random.default_rng(seed)
    nodes, weights, last = [], [], "x"
    for i, (before, after) in enumerate(itertools.pairwise(widths)):
        weight = rng.normal(0, before**-0.5, (before, after)).astype(np.float32) * np.float32(scale)
        weights.append(numpy_helper.from_array(weight, f"w{i}"))
        nodes += [helper.make_node("Gemm", [last, f"w{i}"], [f"h{i}"]), helper.make_node("Relu", [f"h{i}"], [f"r{i}"])]
        last = f"r{i}"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", widths[0]])
    y = helper.make_tensor_value_info(f"h{len(widths) - 2}", TensorProto.FLOAT, ["n", widths[-1]])
    graph = helper.make_graph(nodes[:-1], "g", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def answers(path: Path, x: Any) -> Any:
    """What the net says, by numpy."""
    weights = [numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer]
    for i, weight in enumerate(weights):
        x = x @ weight if i == len(weights) - 1 else np.maximum(x @ weight, 0)
    return x


@pytest.fixture(autouse=True)
def _short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "WARMUP_MAX_S", 0.4)


def test_a_planted_slow_model_is_found_slower_and_all_are_scored_on_what_they_answered(tmp_path: Path) -> None:
    models = {
        "float32": net(tmp_path / "a.onnx", [64, 512, 512, 5]),
        "cpu-int8": net(tmp_path / "b.onnx", [64, 5]),
        "portable-int8": net(tmp_path / "c.onnx", [64, 1024, 1024, 1024, 5]),
    }
    x = np.random.default_rng(1).normal(size=(40, 64)).astype(np.float32)
    truth = {name: answers(path, x).argmax(axis=1) for name, path in models.items()}
    lines: list[str] = []
    float_of = {"cpu-int8": "float32", "portable-int8": "float32"}
    out = tmp_path / "bench"
    found = measure.measure(
        models,
        x,
        truth["float32"],
        LOCAL,
        out,
        reference="float32",
        float_of=float_of,
        seconds=0.1,
        progress=lines.append,
    )
    float32, fast, slow = found
    assert [each.variant for each in found] == list(models)
    assert fast.p50_ms < float32.p50_ms < slow.p50_ms
    assert fast.ratio_interval[1] < 1 < slow.ratio_interval[0]
    assert (float32.ratio, float32.ratio_interval) == (1.0, (1.0, 1.0))
    assert any("portable-int8 answers" in line and "slower than float32" in line for line in slow.warnings)
    assert not any("slower than" in line for line in fast.warnings)
    for each in found:
        expected = float((truth[each.variant] == truth["float32"]).mean())
        assert each.accuracy == each.agreement == pytest.approx(expected)
        assert each.p50_interval_ms[0] <= each.p50_ms <= each.p50_interval_ms[1]
        assert each.size_bytes == models[each.variant].stat().st_size
        assert each.digest == storage.file_digest(models[each.variant])
        assert each.provider == "CPUExecutionProvider"
        assert each.model_memory_bytes < each.peak_memory_bytes
        assert each.n >= 700
        assert each.p99_ms is not None
        assert each.p90_ms is not None
        assert each.p50_ms <= each.p90_ms <= each.p99_ms
        assert each.host["runtime_version"] == each.runtime_version
    assert float32.accuracy == 1.0
    assert fast.accuracy < 1.0
    assert len(lines) == 5
    assert sorted(path.name for path in out.iterdir()) == ["local.json", "local.samples.npz"]
    assert stats.from_record(json.loads((out / "local.json").read_text()), "local.json") == found
    samples = np.load(out / "local.samples.npz")
    assert {name for name in samples if name.endswith(".ns")} == {f"{name}.ns" for name in (*models, "float32 again")}
    assert {samples[f"{each.variant}.ns"].size for each in found} == {each.n for each in found}
    assert np.median(samples["cpu-int8.ns"]) / fast.calls_per_sample / 1e6 == pytest.approx(fast.p50_ms, rel=1e-3)


def one(tmp_path: Path, path: Path, *, points: int = 16) -> list[Measurement]:
    x = np.ones((6, points), np.float32)
    return measure.measure(
        {"float32": path}, x, np.zeros(6, int), LOCAL, tmp_path / "out", reference="float32", float_of={}, seconds=0.01
    )


def test_accuracy_is_of_the_labels_given(tmp_path: Path) -> None:
    path, x = net(tmp_path / "a.onnx", [16, 3]), np.random.default_rng(0).normal(size=(20, 16)).astype(np.float32)
    y = answers(path, x).argmax(axis=1)
    y[:5] = (y[:5] + 1) % 3
    found = measure.measure(
        {"float32": path}, x, y, LOCAL, tmp_path / "out", reference="float32", float_of={}, seconds=0.01
    )
    assert found[0].accuracy == 0.75
    assert (found[0].agreement, found[0].scored) == (1.0, 20)


def test_a_model_that_answers_no_numbers_is_a_mismatch_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="float32 answers 6 of 6 spectra with scores that are no numbers"):
        one(tmp_path, net(tmp_path / "a.onnx", [16, 3], scale=float("inf")))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failure_leaves_the_last_measurement_as_it_was(tmp_path: Path) -> None:
    one(tmp_path, net(tmp_path / "a.onnx", [16, 3]))
    kept = (tmp_path / "out" / "local.json").read_bytes()
    with pytest.raises(Mistake, match="spectra of 16 points, these have 17"):
        one(tmp_path, tmp_path / "a.onnx", points=17)
    assert (tmp_path / "out" / "local.json").read_bytes() == kept
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_what_cannot_be_measured_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path, x, y = net(tmp_path / "a.onnx", [16, 3]), np.ones((2, 16), np.float32), np.zeros(2, int)
    with pytest.raises(Mistake, match="'floot32'"):
        measure.measure({"float32": path}, x, y, LOCAL, tmp_path, reference="floot32", float_of={})
    with pytest.raises(Mistake, match="3 labels"):
        measure.measure({"a": path}, x, np.zeros(3, int), LOCAL, tmp_path, reference="a", float_of={})
    with pytest.raises(Mistake, match="cannot be scored"):
        measure.measure({"a": path}, x[:0], y[:0], LOCAL, tmp_path, reference="a", float_of={})
    with pytest.raises(Missing, match=r"gone\.onnx"):
        measure.measure({"a": tmp_path / "gone.onnx"}, x, y, LOCAL, tmp_path, reference="a", float_of={})
    (tmp_path / "rubbish.onnx").write_bytes(b"rubbish")
    with pytest.raises(Mistake, match="'float32' cannot be loaded"):
        one(tmp_path, tmp_path / "rubbish.onnx")


def test_a_runner_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = net(tmp_path / "a.onnx", [16, 3])
    (tmp_path / "runner.py").write_text("import os; os.abort()")
    monkeypatch.setattr(plugins, "shipped", lambda *parts: tmp_path / parts[-1])
    with pytest.raises(Unreachable, match="SIGABRT"):
        one(tmp_path, path)
    assert list((tmp_path / "out").iterdir()) == []


def test_measured_spectra_go_in_and_come_back_as_labels(tmp_path: Path) -> None:
    data = os.environ.get("EDGESPEC_DATA")
    if not data or not Path(data, "pace_cov", "test_x.npy").is_file():
        pytest.skip("EDGESPEC_DATA names no folder with pace_cov/test_x.npy")
    x = np.load(Path(data, "pace_cov", "test_x.npy"))
    x = x.reshape(len(x), -1).astype(np.float32)
    path = net(tmp_path / "a.onnx", [x.shape[1], 16, 3])
    scores = answers(path, x.astype(np.float64))
    found = measure.measure(
        {"a": path}, x, scores.argmax(axis=1), LOCAL, tmp_path / "out", reference="a", float_of={}, seconds=0.05
    )
    ties = float((np.diff(np.sort(scores, axis=1)[:, -2:]) < 1e-5 * np.abs(scores).max()).mean())
    assert found[0].scored == len(x) > 50
    assert found[0].accuracy >= 1 - ties
