"""The training loop from outside: seeded to the byte, the best epoch kept, stopped when asked, honest about failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_job
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgespec import models
from edgespec.errors import Mistake
from edgespec.job import Fit, Job
from edgespec.recipe import Call
from edgespec.steps import train
from edgespec.training import batches, loop


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny_job.job(tmp_path)


def fitted(job: Job, fit: Fit, *, judge: batches.Judge | None = None, **more: Any) -> tuple[nn.Module, dict[str, Any]]:
    """A tiny net after training, and its history."""
    network = models.build(tiny_job.CNN, points=128, classes=3, seed=job.seed)
    rows = job.splits.rows(None)
    given: dict[str, Any] = {
        "epoch_of": lambda epoch: (batches.prepared(job, rows), batches.labels(job, rows)),
        "loss": functional.cross_entropy,
        **more,
    }
    return network, loop.fit(network, job, fit, judge=judge, what="test", **given)


def saying(*scores: float) -> batches.Judge:
    """A judge that says these, one after the other."""
    said: Iterator[float] = iter(scores)
    return lambda model: next(said)


@pytest.mark.parametrize("model", [tiny_job.CNN, tiny_job.EFFICIENT], ids=lambda call: call.name)
def test_one_seed_gives_the_same_bytes_and_another_seed_others(model: Call, tmp_path: Path) -> None:
    fit = Fit(epochs=2, batch=32)
    bytes_of = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        made = train.run(tiny_job.job(tmp_path / name, seed=seed), model=model, fit=fit)
        bytes_of.append(made.weights.read_bytes())
        torch.rand(3)  # what others draw from torch's own generator does not matter
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]


def test_it_learns(job: Job) -> None:
    made = train.run(job, model=tiny_job.CNN, fit=Fit(epochs=10, batch=32, lr=1e-2))
    right = batches.accuracy(job, job.splits.test)(models.load(made))
    assert right > 0.85
    losses = [each["loss"] for each in made.facts["history"]["epochs"]]
    assert losses[-1] < 0.5 * losses[0]


def test_the_best_epoch_is_kept_and_of_equals_the_later(job: Job) -> None:
    seen: list[Tensor] = []

    def judge(model: nn.Module) -> float:
        seen.append(model.state_dict()["head.weight"].clone())
        return [0.2, 0.9, 0.9, 0.5][len(seen) - 1]

    network, history = fitted(job, Fit(epochs=4, batch=32), judge=judge)
    assert history["best_epoch"] == 3
    assert torch.equal(network.state_dict()["head.weight"], seen[2])
    assert not torch.equal(seen[2], seen[3])
    assert not network.training


def test_with_no_validation_spectra_the_last_epoch_counts(job: Job) -> None:
    none = {name: rows[:0] for name, rows in job.splits.valid.items()}
    made = train.run(
        replace(job, splits=replace(job.splits, valid=none)), model=tiny_job.CNN, fit=Fit(epochs=3, batch=32)
    )
    history = made.facts["history"]
    assert history["best_epoch"] == 3
    assert [epoch["valid"] for epoch in history["epochs"]] == [None] * 3


@pytest.mark.parametrize(
    ("judged", "scores", "best"),
    [
        (None, (0.9, 0.89, 0.88), 1),
        (20, (0.9, 0.85, 0.7), 2),  # one standard error is 0.075: 18 of 20, one of each kind added
        (2000, (0.9, 0.85, 0.7), 1),
        (20, (1.0, 0.97, 0.9), 2),
        (20, (0.5, 0.9, 0.7), 2),
    ],
)
def test_a_later_epoch_that_luck_may_have_put_behind_is_preferred(
    job: Job, judged: int | None, scores: tuple[float, ...], best: int
) -> None:
    _, history = fitted(job, Fit(epochs=3, batch=64), judge=saying(*scores), judged=judged)
    assert history["best_epoch"] == best


def test_samples_are_counted_once(job: Job) -> None:
    rows = job.splits.test
    assert batches.samples(job, rows) == len(rows) // 3
    assert batches.samples(replace(job, spectra=replace(job.spectra, group=None)), rows) == len(rows)


def test_without_a_judge_the_last_epoch_counts(job: Job) -> None:
    _, history = fitted(job, Fit(epochs=3, batch=32))
    assert history["best_epoch"] == 3
    assert [each["valid"] for each in history["epochs"]] == [None] * 3
    assert history["steps"] == 3 * (len(job.splits.rows(None)) // 32)


@pytest.mark.parametrize(
    ("patience", "scores", "epochs"),
    [
        (2, (0.5, 0.4, 0.3, 0.9), 3),
        (2, (1.0, 1.0, 1.0, 1.0), 3),
        (2, (0.1, 0.1, 0.2, 0.2, 0.2, 0.9), 5),
        (2, (0.1, 0.2, 0.3, 0.4), 4),
        (0, (0.5, 0.4, 0.3, 0.2), 4),
    ],
)
def test_patience_counts_epochs_without_a_better_result(
    job: Job, patience: int, scores: tuple[float, ...], epochs: int
) -> None:
    _, history = fitted(job, Fit(epochs=len(scores), batch=64, patience=patience), judge=saying(*scores))
    assert len(history["epochs"]) == epochs


def test_a_loss_that_is_no_number_is_a_mistake_with_the_learning_rate(job: Job) -> None:
    with pytest.raises(Mistake, match=r"no longer a number in epoch 1") as caught:
        fitted(job, Fit(epochs=2, batch=32), loss=lambda out, y: out.sum() * torch.nan)
    assert "fit.lr than 0.003" in caught.value.hint


def test_weights_that_burst_in_the_very_last_step_are_noticed_too(job: Job) -> None:
    with pytest.raises(Mistake, match="no longer a number"):
        fitted(job, Fit(epochs=1, batch=10_000, lr=1e30))


def test_fewer_spectra_than_a_batch_still_train(job: Job) -> None:
    few = job.splits.rows(None)[::30]
    before = models.build(tiny_job.CNN, points=128, classes=3, seed=0).state_dict()["head.weight"].clone()
    x, y = batches.prepared(job, few), batches.labels(job, few)
    network, history = fitted(job, Fit(epochs=2, batch=64), epoch_of=lambda epoch: (x, y))
    assert history["steps"] == 2
    assert not torch.equal(network.state_dict()["head.weight"], before)


def test_few_labels_are_drawn_evenly_from_different_samples_first(job: Job) -> None:
    assert job.spectra.group is not None
    rows = job.splits.rows("library")
    samples = {label: len(set(job.spectra.group[rows][job.spectra.y[rows] == label])) for label in range(3)}
    for count in (1, 2, 4, min(samples.values()) + 2):
        drawn = batches.labelled(job, rows, count)
        assert set(drawn) <= set(rows)
        assert len(set(drawn)) == len(drawn) == 3 * count
        for label in range(3):
            mine = drawn[job.spectra.y[drawn] == label]
            assert len(mine) == count
            assert len(set(job.spectra.group[mine])) == min(count, samples[label])
    assert np.array_equal(batches.labelled(job, rows, 2), batches.labelled(job, rows, 2))
    assert not np.array_equal(batches.labelled(job, rows, 2), batches.labelled(replace(job, seed=1), rows, 2))
    assert np.array_equal(batches.labelled(job, rows, None), rows)
    assert np.array_equal(batches.labelled(job, rows, 10_000), rows)
    ungrouped = replace(job, spectra=replace(job.spectra, group=None))
    assert len(batches.labelled(ungrouped, rows, 3)) == 9


def test_variation_is_seeded_and_absent_without_augmentation(job: Job) -> None:
    rows = np.resize(job.splits.rows(None), 1100)  # more than one chunk
    first, again, other = (batches.varied(job, rows, seed) for seed in (1, 1, 2))
    assert first.shape == (1100, 128)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert not torch.allclose(first, batches.prepared(job, rows))
    assert torch.equal(batches.varied(replace(job, augment=None), rows, 1), batches.prepared(job, rows))
    raw = batches.prepared(replace(job, preprocess=()), rows)
    assert np.array_equal(raw.numpy(), job.spectra.x[rows])


def test_asking_for_logits_changes_no_model_and_needs_no_whole_batch(job: Job) -> None:
    network, _ = fitted(job, Fit(epochs=1, batch=32))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    x = batches.prepared(job, np.resize(job.splits.rows(None), 1100))
    network.train()
    out = batches.logits(network, x)
    torch.testing.assert_close(out[-5:], batches.logits(network, x[-5:]))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not out.requires_grad


def test_smoothed_labels_leave_a_less_certain_model(tmp_path: Path) -> None:
    fit = Fit(epochs=8, batch=32, lr=1e-2)
    sure = []
    for name, smoothing in (("hard", 0.0), ("soft", 0.3)):
        job = tiny_job.job(tmp_path / name)
        made = train.run(job, model=tiny_job.CNN, label_smoothing=smoothing, fit=fit)
        x = batches.prepared(job, job.splits.test)
        sure.append(float(batches.logits(models.load(made), x).softmax(1).amax(1).mean()))
    assert sure[1] < sure[0] - 0.05
