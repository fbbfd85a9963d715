"""Distillation: the loss is Hinton's, labels that may not be seen are not seen, and the controls stand beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from scipy.special import log_softmax

from edgespec import models, training
from edgespec.artifact import Checkpoint
from edgespec.errors import Mistake
from edgespec.job import Fit, Job
from edgespec.recipe import Call
from edgespec.steps import distill, train

STUDENT = Call("cnn", {"widths": [4], "kernel": 5, "positions": 8})
LONG = Fit(epochs=20, batch=16, lr=1e-2)
OUT = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)) * 3
SOFT = torch.randn(6, 5, generator=torch.Generator().manual_seed(1)) * 3
Y = torch.tensor([0, 4, 2, 2, 1, 3])


def by_hand(temperature: float, alpha: float, y: torch.Tensor) -> float:
    """Hinton, Vinyals, Dean 2015, in numpy."""
    out, soft = OUT.double().numpy(), SOFT.double().numpy()
    student, teacher = log_softmax(out / temperature, axis=1), log_softmax(soft / temperature, axis=1)
    taught = temperature**2 * (np.exp(teacher) * (teacher - student)).sum(axis=1).mean()
    known = np.flatnonzero(y.numpy() >= 0)
    hard = -log_softmax(out, axis=1)[known, y.numpy()[known]].mean() if len(known) else 0.0
    return float(alpha * taught + (1 - alpha) * hard)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_loss_is_the_formula(temperature: float, alpha: float) -> None:
    hidden = Y.clone()
    hidden[[1, 4, 5]] = distill.UNKNOWN
    for y in (Y, hidden):
        found = float(distill.kd_loss(OUT, SOFT, y, temperature, alpha))
        assert found == pytest.approx(by_hand(temperature, alpha, y), rel=1e-5)


def test_at_alpha_one_labels_do_not_matter_and_at_alpha_zero_the_teacher_does_not() -> None:
    assert torch.equal(distill.kd_loss(OUT, SOFT, Y, 2.0, 1.0), distill.kd_loss(OUT, SOFT, Y.flip(0), 2.0, 1.0))
    assert torch.equal(distill.kd_loss(OUT, SOFT, Y, 2.0, 0.0), distill.kd_loss(OUT, -SOFT, Y, 2.0, 0.0))
    plain = torch.nn.functional.cross_entropy(OUT, Y)
    torch.testing.assert_close(distill.kd_loss(OUT, SOFT, Y, 2.0, 0.0), plain)


def test_a_batch_without_a_known_label_is_no_nan() -> None:
    nothing = torch.full_like(Y, distill.UNKNOWN)
    for alpha in (0.0, 0.5, 1.0):
        found = float(distill.kd_loss(OUT, SOFT, nothing, 2.0, alpha))
        assert found == pytest.approx(by_hand(2.0, alpha, nothing), rel=1e-5)


def test_a_student_that_answers_as_the_teacher_has_nothing_to_learn() -> None:
    assert float(distill.kd_loss(SOFT, SOFT, Y, 3.0, 1.0)) == pytest.approx(0, abs=1e-6)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    job = tiny.job(tmp_path_factory.mktemp("teacher"))
    return train.run(job, model=tiny.CNN, on="library", fit=Fit(epochs=10, batch=32, lr=1e-2))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return tiny.job(tmp_path)


def taught(job: Job, teacher: Checkpoint, **keys: Any) -> Checkpoint:
    given: dict[str, Any] = {"student": STUDENT, "views": 2, "fit": Fit(epochs=6, batch=16, lr=1e-2), **keys}
    return distill.run(job, teacher, **given)


def test_the_student_learns_from_the_teacher_alone(job: Job, teacher: Checkpoint) -> None:
    made = taught(job, teacher, on="site", alpha=1.0, labels="1 per class", control=False, fit=LONG)
    x = training.prepared(job, job.splits.test)
    named = training.logits(models.load(teacher), x).argmax(1)
    same = (training.logits(models.load(made), x).argmax(1) == named).float().mean()
    assert same > 0.7
    assert made.facts["labels_used"] == 0
    assert made.facts["spectra_used"] == len(job.splits.rows("site"))
    assert made.controls == {}


@pytest.mark.parametrize(
    ("on", "names"),
    [(None, ["control"]), ("site", ["control", "control-library", "control-library+labels"])],
)
def test_controls_stand_beside_it(job: Job, teacher: Checkpoint, on: str | None, names: list[str]) -> None:
    made = taught(job, teacher, on=on, labels="2 per class", fit=Fit(epochs=2, batch=16))
    assert list(made.controls) == names
    steps = {each.facts["history"]["steps"] for each in (made, *made.controls.values())}
    assert len(steps) == 1, "a control trains for as many steps"
    assert made.facts["labels_used"] == made.controls["control"].facts["labels_used"] == 6
    for name, control in made.controls.items():
        assert control.folder == job.folder / name
        assert control.keys == made.keys
        assert control.weights.read_bytes() != made.weights.read_bytes()
        assert training.logits(models.load(control), torch.zeros(1, 128)).shape == (1, 3)
    if on:
        library = len(job.splits.rows("library"))
        used = [made.controls[name].facts["labels_used"] for name in names[1:]]
        assert used == [library, library + 6]


def test_the_control_never_sees_the_teacher(job: Job, teacher: Checkpoint, tmp_path: Path) -> None:
    other = models.save(
        models.build(tiny.CNN, points=128, classes=3, seed=9), "cnn", tmp_path / "other", points=128, classes=3
    )
    first, second = (taught(tiny.job(tmp_path / name), by) for name, by in (("a", teacher), ("b", other)))
    assert first.weights.read_bytes() != second.weights.read_bytes()
    assert first.controls["control"].weights.read_bytes() == second.controls["control"].weights.read_bytes()


def test_hidden_labels_change_nothing(job: Job, teacher: Checkpoint, tmp_path: Path) -> None:
    known = training.labelled(job, job.splits.rows("site"), 1)
    hidden = np.setdiff1d(job.splits.rows("site"), known)
    wrong = job.spectra.y.copy()
    wrong[hidden] = np.roll(wrong[hidden], 1)
    lied = replace(job, spectra=replace(job.spectra, y=wrong), folder=tmp_path / "lied")
    bank, lies = (distill._taught(each, teacher, job.splits.rows("site"), known, 1) for each in (job, lied))
    assert torch.equal(bank[0][2], lies[0][2])
    assert int((bank[0][2] >= 0).sum()) == 3


def test_a_teacher_of_other_classes_or_another_axis_is_a_mistake(job: Job, tmp_path: Path) -> None:
    for points, classes in ((128, 2), (128, 5), (64, 3)):
        network = models.build(tiny.CNN, points=points, classes=classes, seed=0)
        other = models.save(network, "cnn", tmp_path / f"{points}-{classes}", points=points, classes=classes)
        with pytest.raises(Mistake, match=f"the teacher names {classes} classes on {points} points") as caught:
            taught(job, other)
        assert caught.value.hint
