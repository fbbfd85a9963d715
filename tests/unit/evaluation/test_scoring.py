"""The one judge, held against scikit-learn, Wilson's formula and a plain calibration error."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
import torch
from calibrated import drawn
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, recall_score
from torch import nn

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.evaluation import reject_score, scoring, uncertainty
from edgespec.graph import onnx_file
from edgespec.pipeline import report_rows
from edgespec.recipe import Call
from edgespec.report import Report
from edgespec.steps import calibrate
from edgespec.training import batches

Array = NDArray[Any]


def groups(names: Array) -> Array:
    return names.astype(np.str_)


def test_it_agrees_with_scikit_learn() -> None:
    logits, y = drawn(300)
    y[y == 4] = 2  # a class that is named and never right
    found, named = scoring.judge(logits, y, None), logits.argmax(1)
    here = np.unique(y)
    assert found.n == 300
    assert found.accuracy == pytest.approx(accuracy_score(y, named))
    assert found.sensitivity == pytest.approx(recall_score(y, named, labels=here, average="macro"))
    assert found.macro_f1 == pytest.approx(f1_score(y, named, labels=here, average="macro"))
    specificity = [recall_score(y != label, named != label) for label in here]
    assert found.specificity == pytest.approx(np.mean(specificity))
    assert found.low < found.accuracy < found.high
    assert found.ece_low <= found.ece_high
    assert all(isinstance(value, int | float) for value in found.plain().values())


def test_two_classes_and_one_spectrum_are_enough_for_figures() -> None:
    found = scoring.judge(np.array([[2.0, -1.0]]), np.array([0]), np.array(["a"]))
    assert (found.accuracy, found.sensitivity, found.macro_f1) == (1, 1, 1)
    assert found.low < 0.3
    assert all(math.isfinite(value) for value in found.plain().values())


def test_one_spectrum_of_another_class_is_a_whole_chance_to_be_wrong() -> None:
    found = scoring.judge(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]), None)
    assert found.specificity == pytest.approx((0 + 1) / 2)  # class 0 is named for the one spectrum of class 1


def wilson(right: int, n: float) -> tuple[float, float]:
    z, p = 1.959964, right / n
    centre, half = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return max((centre - half) / (1 + z**2 / n), 0), min((centre + half) / (1 + z**2 / n), 1)


@pytest.mark.parametrize(("right", "n"), [(81, 90), (0, 10), (10, 10), (1, 2), (263, 263)])
def test_without_groups_the_interval_is_wilsons(right: int, n: int) -> None:
    found = scoring.interval(np.arange(n) < right, None)
    assert found == pytest.approx(wilson(right, n), abs=1e-9)
    assert 0 <= found[0] <= right / n + 1e-9
    assert right / n - 1e-9 <= found[1] <= 1


def width(found: tuple[float, float]) -> float:
    return found[1] - found[0]


def test_spectra_of_one_sample_count_less_than_as_many_samples() -> None:
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(60) < 0.8, 5)  # five spectra of a sample are right or wrong together
    plain = scoring.interval(right, None)
    together = scoring.interval(right, groups(np.repeat(np.arange(60), 5)))
    as_if_alone = scoring.interval(right[::5], None)
    assert width(together) > 1.8 * width(plain)
    assert together == pytest.approx(as_if_alone, abs=0.01)
    apart = scoring.interval(rng.permutation(right), groups(np.repeat(np.arange(60), 5)))
    assert width(plain) <= width(apart) < 1.3 * width(plain)
    alone = scoring.interval(right, groups(np.arange(300)))
    assert width(alone) == pytest.approx(width(plain), rel=0.01)


def test_where_all_are_right_each_sample_counts_once() -> None:
    member = groups(np.repeat(np.arange(20), 10))
    assert scoring.interval(np.ones(200, bool), member) == pytest.approx(wilson(20, 20), abs=1e-9)
    assert scoring.interval(np.zeros(200, bool), member) == pytest.approx(wilson(0, 20), abs=1e-9)


def test_one_sample_alone_says_next_to_nothing() -> None:
    right = np.arange(100) < 60
    assert width(scoring.interval(right, groups(np.zeros(100)))) > 0.7


@pytest.mark.parametrize("name", ["cnn", "efficientnet"])
def test_a_checkpoint_and_its_file_score_and_weigh_the_same(name: str) -> None:
    made = tiny_job.line(name)
    torch_scores, _ = scoring.score(made.job, made.checkpoint)
    onnx_scores, logits = scoring.score(made.job, made.float32.path("float32"))
    assert torch_scores.accuracy == onnx_scores.accuracy
    assert torch_scores.ece == pytest.approx(onnx_scores.ece, abs=1e-3)
    assert logits.shape == (len(made.job.splits.test), 3)
    by_torch, by_file = scoring.weight(made.checkpoint), scoring.weight(made.float32, "float32")
    assert by_torch["macs"] == by_file["macs"] == scoring.weight(made.int8, "cpu-int8")["macs"]
    assert by_torch["flops"] == 2 * by_torch["macs"]
    assert by_file["bytes"] == made.float32.path("float32").stat().st_size


def test_multiply_accumulates_are_counted_by_hand(tmp_path: Path) -> None:
    network = models.build(tiny_job.CNN, points=128, classes=3, seed=0)
    saved = models.save(network, "cnn", tmp_path, points=128, classes=3)
    # 128 -> conv stride 2: 64 places x 8 x 5, pooled to 32 -> conv: 32 places x 16 x 8 x 5, pooled to 8 -> linear
    assert scoring.weight(saved)["macs"] == 64 * 8 * 5 + 32 * 16 * 8 * 5 + 3 * 16 * 8
    assert scoring.weight(saved)["params"] == sum(each.numel() for each in network.parameters())


class Counted(nn.Linear):
    """A layer that says itself how many products it takes."""

    def products(self, out: torch.Tensor) -> int:
        return 100 * out.numel()


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.first, self.head = nn.LSTM(1, 3, batch_first=True), Counted(3, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.first(self.lstm(x[:, :, None])[0][:, -1]))
        return found


def test_recurrent_layers_multiply_at_each_point_and_a_layer_may_count_itself() -> None:
    assert scoring.macs(Recurrent(), 10) == 10 * (4 * 3 * 1 + 4 * 3 * 3) + 100 * 3 + 2 * 3


def test_the_test_part_is_what_is_scored(tmp_path: Path) -> None:
    made = tiny_job.line("cnn")
    found, out = scoring.score(made.job, made.checkpoint)
    x, raw = batches.prepared(made.job, made.job.splits.test), made.job.spectra.x[made.job.splits.test]
    np.testing.assert_array_equal(out, batches.logits(models.load(made.checkpoint), x).numpy())
    assert found.accuracy == (out.argmax(1) == made.job.spectra.y[made.job.splits.test]).mean()
    np.testing.assert_allclose(out, onnx_file.run(made.float32.path("float32"), raw), atol=1e-4)
    assert scoring.groups(replace(made.job, spectra=replace(made.job.spectra, group=None))) is None


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The weights and files that were loaded since."""
    found: list[Path] = []
    load, session = models.load, onnx_file.session

    def loaded(checkpoint: Checkpoint) -> Any:
        found.append(checkpoint.weights)
        return load(checkpoint)

    def opened(path: Path | bytes, **more: Any) -> Any:
        found.append(Path(str(path)))
        return session(path, **more)

    monkeypatch.setattr(models, "load", loaded)
    monkeypatch.setattr(onnx_file, "session", opened)
    return found


def test_a_row_loads_its_model_once_whatever_it_tells_of_it(tmp_path: Path, loads: list[Path]) -> None:
    made, report = tiny_job.line("cnn"), Report("hand", 0, {"source": "measured"})
    beside = models.save(
        models.build(tiny_job.CNN, points=128, classes=3, seed=5), "cnn", tmp_path, points=128, classes=3
    )
    step = replace(made.checkpoint, controls={"control": beside})
    calibrated = calibrate.run(tiny_job.inside(made.job, "4-calibrate"), made.int8)
    loads.clear()
    rows = report_rows.after(made.job, step, 2, Call("distill"), 1.0, None, report)
    assert [row.kind for row in rows] == ["step", "control"]
    assert rows[0].reject["kind"] in reject_score.KINDS
    assert loads == [made.checkpoint.weights, beside.weights]
    loads.clear()
    rows = report_rows.after(made.job, calibrated, 4, Call("calibrate"), 1.0, made.int8, report)
    assert [row.variant for row in rows] == ["float32", "cpu-int8"]
    assert all(row.reject and row.robustness["accuracy"] for row in rows)
    assert loads == [calibrated.path("float32"), calibrated.path("cpu-int8")]


def test_a_model_that_is_loaded_is_asked_about_the_test_part_once(
    monkeypatch: pytest.MonkeyPatch, loads: list[Path]
) -> None:
    made, asked = tiny_job.line("cnn"), list[int]()
    plain = scoring.LoadedModel.outputs

    def outputs(model: scoring.LoadedModel, x: Array) -> dict[str, Array]:
        asked.append(len(x))
        return plain(model, x)

    monkeypatch.setattr(scoring.LoadedModel, "outputs", outputs)
    loads.clear()
    for artifact in (made.checkpoint, made.float32.path("float32")):
        model = scoring.load(made.job, artifact)
        assert scoring.load(made.job, model) is model
        scored, logits = scoring.score(made.job, model)
        assert asked == [len(made.job.splits.test)]
        uncertainty.measure(made.job, model)
        assert asked.count(len(made.job.splits.test)) == 1
        assert scoring.score(made.job, artifact)[0] == scored
        np.testing.assert_array_equal(scoring.answers(made.job, model, made.job.splits.test), logits)
        asked.clear()
    assert len(loads) == 4, "each once, and once more where the artifact itself was asked for again"
