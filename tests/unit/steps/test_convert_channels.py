"""Converting channels: what fits is taken over, the rest is learnt from the original, and a network from scratch stands beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_example
import tiny_job
import torch
from safetensors.torch import load_file, save_file

from edgespec import models
from edgespec.artifact import Checkpoint
from edgespec.errors import Mistake
from edgespec.job import Fit, Job
from edgespec.pipeline import report_rows
from edgespec.recipe import Call
from edgespec.report import Report
from edgespec.steps import convert_channels, train
from edgespec.training import batches

DRSN = Call("drsn", {"widths": [8, 16], "depths": [2, 2], "positions": 8})
STILL = Fit(epochs=1, batch=32, lr=1e-9)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return train.run(
        tiny_job.job(tmp_path_factory.mktemp("original")), model=DRSN, fit=Fit(epochs=12, batch=32, lr=1e-2)
    )


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path / "converted")


def converted(job: Job, original: Checkpoint, how: str, **keys: Any) -> Checkpoint:
    given: dict[str, Any] = {"how": how, "views": 2, "control": False, "fit": STILL, **keys}
    return convert_channels.run(job, original, **given)


def saved(name: str, folder: Path, classes: int = 3) -> Checkpoint:
    calls = {"cnn": tiny_job.CNN, "efficientnet": tiny_job.EFFICIENT, "drsn": DRSN}
    network = models.build(calls[name], points=128, classes=classes, seed=0)
    return models.save(network, name, folder, points=128, classes=classes)


def test_folding_takes_over_every_block_and_begins_the_first_convolution_anew(job: Job, original: Checkpoint) -> None:
    made = converted(job, original, "fold", factor=4)
    before, after = load_file(original.weights), load_file(made.weights)
    assert made.keys == {**original.keys, "fold": 4, "stride": 1}, "the original's stride 2 would leave 4 places of 8"
    assert after["stem.weight"].shape == (8, 1, 12)
    learnt = [key for key in before if key.startswith("body") and not key.endswith(("mean", "var", "tracked"))]
    assert len(learnt) > 20
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in learnt)
    whole = sum(each.numel() for each in after.values())
    assert made.facts["taken_over"] == pytest.approx(1 - after["stem.weight"].numel() / whole, abs=1e-4)
    assert made.facts["macs"]["after"] < 0.7 * made.facts["macs"]["before"]
    assert [report_rows.describe(each) for each in (original, made)] == ["drsn 8-16 x 4", "drsn 8-16 x 4 fold 4"]


@pytest.mark.parametrize(("factor", "stride", "expected"), [(2, None, 2), (4, None, 1), (4, 3, 3)])
def test_the_stride_leaves_enough_places_unless_it_is_said(
    job: Job, original: Checkpoint, factor: int, stride: int | None, expected: int
) -> None:
    assert converted(job, original, "fold", factor=factor, stride=stride).keys["stride"] == expected


def test_the_original_s_stride_stays_where_it_leaves_enough_places(job: Job, tmp_path: Path) -> None:
    network = models.build(Call("drsn", {**DRSN.keys, "positions": 2}), points=128, classes=3, seed=0)
    wide = models.save(network, "drsn", tmp_path, points=128, classes=3)
    assert converted(job, wide, "fold", factor=4).keys["stride"] == 2


def test_folded_twice_is_folded_by_the_product(job: Job, original: Checkpoint) -> None:
    once = converted(job, original, "fold", factor=2)
    assert converted(tiny_job.inside(job, "twice"), once, "fold", factor=3).keys["fold"] == 6


def test_narrowed_it_says_which_channels_are_left_and_what_is_saved(job: Job, original: Checkpoint) -> None:
    made = converted(job, original, "narrow", share=0.5)
    assert made.keys["widths"] == [4, 8]
    assert [len(made.facts["kept"][f"stage {s}"]) for s in (1, 2)] == [4, 8]
    written = load_file(original.weights)["stem.weight"][made.facts["kept"]["stage 1"]]
    assert torch.allclose(load_file(made.weights)["stem.weight"], written, atol=1e-6)
    assert made.facts["macs"]["after"] < 0.4 * made.facts["macs"]["before"]


@pytest.mark.parametrize("how", ["fold", "narrow"])
def test_it_learns_again_what_the_original_answered(job: Job, original: Checkpoint, how: str) -> None:
    made = converted(job, original, how, factor=2, alpha=1.0, fit=Fit(epochs=12, batch=16, lr=1e-2))
    x = batches.prepared(job, job.splits.test)
    named = batches.logits(models.load(original), x).argmax(1)
    assert (batches.logits(models.load(made), x).argmax(1) == named).float().mean() > 0.85
    assert made.facts["labels_used"] == 0


def test_only_the_first_blocks_stay(job: Job, original: Checkpoint) -> None:
    made = converted(job, original, "narrow", share=1.0, depths=[2, 1])
    assert made.keys["depths"] == [2, 1]
    before, after = load_file(original.weights), load_file(made.weights)
    assert "body.1.1.conv.weight" not in after
    for key in ("body.0.1.conv.weight", "body.1.0.conv2.weight", "head.weight"):
        assert torch.allclose(before[key], after[key], atol=1e-6)


def test_the_control_is_the_same_network_and_never_saw_the_original(
    job: Job, original: Checkpoint, tmp_path: Path
) -> None:
    short = Fit(epochs=2, batch=32, lr=1e-2)
    other = saved("drsn", tmp_path / "other")
    mine, theirs = (
        converted(tiny_job.job(tmp_path / name), by, "fold", control=True, fit=short)
        for name, by in (("a", original), ("b", other))
    )
    assert mine.weights.read_bytes() != theirs.weights.read_bytes()
    assert mine.controls["control"].weights.read_bytes() == theirs.controls["control"].weights.read_bytes()
    assert mine.controls["control"].keys == mine.keys
    steps = [each.facts["history"]["steps"] for each in (mine, mine.controls["control"])]
    assert steps[0] == steps[1], "it trains for as long"


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("cnn", {"how": "fold"}, "cnn can't be folded, only drsn can"),
        ("efficientnet", {"how": "narrow"}, "efficientnet can't be narrowed, only cnn, drsn, pace can"),
        ("efficientnet", {"how": "fold"}, "efficientnet can't be folded"),
        ("drsn", {"how": "fold", "factor": 128}, "128 points folded by 128 leave nothing"),
        ("drsn", {"how": "narrow", "depths": [2]}, r"drsn has stages of \[2, 2\] blocks"),
        ("drsn", {"how": "fold", "depths": [2, 3]}, r"drsn has stages of \[2, 2\] blocks"),
        ("cnn", {"how": "narrow", "depths": [1]}, "cnn has no stages of blocks"),
    ],
)
def test_what_can_t_be_converted_is_told_with_what_can(
    job: Job, tmp_path: Path, name: str, keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        converted(job, saved(name, tmp_path / name), **keys)
    assert caught.value.hint


def test_weights_that_are_no_numbers_are_told_by_the_training(job: Job, original: Checkpoint, tmp_path: Path) -> None:
    weights = load_file(original.weights)
    weights["body.0.0.conv.weight"][0, 0, 0] = float("nan")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(Mistake, match="the loss of narrow drsn is no longer a number in epoch 1"):
        converted(job, replace(original, folder=tmp_path), "narrow")


def test_an_original_of_other_classes_is_refused(job: Job, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="names 5 classes"):
        converted(job, saved("drsn", tmp_path / "five", classes=5), "fold")


@pytest.mark.parametrize(
    ("control", "words"), [(0.80, "conversion: +0.100 against"), (0.90, "train the small network")]
)
def test_the_report_says_what_the_original_was_good_for(control: float, words: str) -> None:
    mine = report_example.row(2, "convert_channels", "step", 0.90)
    beside = report_example.row(2, "control", "control", control)
    other = report_example.row(3, "control", "control", 0.1)
    report = Report("hand", 0, {"source": "measured"}, rows=[mine, beside, other])
    assert words in " ".join(report_rows.remarks(report))
